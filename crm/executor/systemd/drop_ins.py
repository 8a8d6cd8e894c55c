"""Drop-ins for the units that the cluster has started: at shutdown they are stopped after crmd, which moves them first.

Without one, systemd stops every unit at once when the machine goes down, also those that the cluster is about to move;
and `Restart=` of a service would race with the cluster's own recovery. They lie in /run: after a boot the cluster has
started nothing. Source: systemd.unit(5), systemd.service(5).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

_FILE = "50-crmd.conf"
_UNIT = """# Written by crmd while the cluster runs this unit.
[Unit]
Description=Cluster controlled {unit}
Before=crmd.service
"""
_SERVICE = """
[Service]
Restart=no
"""


class DropIns:
    """Those of one node. `reload` has systemd read them; calls that come together share one."""

    def __init__(self, folder: Path, reload: Callable[[], Awaitable[None]]) -> None:
        self._folder = folder
        self._reload = reload
        self._reloading: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    async def put(self, unit: str) -> None:
        """Raises OSError, and what `reload` raises."""
        text = _UNIT.format(unit=unit) + (_SERVICE if unit.endswith(".service") else "")
        path = self._path(unit)
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)
        await self._read_anew()

    async def take(self, unit: str) -> None:
        """Take one away, if it is there. Raises OSError, and what `reload` raises."""
        path = self._path(unit)
        if not path.is_file():
            return
        path.unlink()
        if not any(path.parent.iterdir()):
            path.parent.rmdir()
        await self._read_anew()

    def units(self) -> list[str]:
        """The units that have one."""
        return sorted(path.parent.name.removesuffix(".d") for path in self._folder.glob(f"*.d/{_FILE}"))

    def _path(self, unit: str) -> Path:
        return self._folder / f"{unit}.d" / _FILE

    async def _read_anew(self) -> None:
        """One reload that begins after this moment: a wave of starts must not become a storm of reloads."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._after(self._reloading))
            # Whoever waits is told how it went; perhaps nobody waits any more.
            self._next.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.shield(self._next)

    async def _after(self, former: asyncio.Task[None] | None) -> None:
        if former is not None:
            await asyncio.wait({former})
        self._reloading, self._next = self._next, None
        await self._reload()

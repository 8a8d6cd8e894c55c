"""Stop orders: for each resource of this node, the complete command that stops it. Written by the executor for the
keeper, which knows no agents.

One file for each, readable for nobody else (parameters may be passwords), in a folder that is emptied at boot. What is
unmanaged, or in maintenance, is spared: the names stand in a file beside them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

_SPARED = ".spared"
_LONGEST = 160


@dataclass(frozen=True, slots=True)
class StopOrder:
    """How a resource is stopped.

    began_ns, started_ns  when its start began and was done (CLOCK_BOOTTIME): what was begun later may need it
    marks                 variables (`NAME=value`) that its processes have in their environment, if they have any, or
                          the control group that they are in (see `in_control_group`)
    promotable, promoted  its role
    """

    resource: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    began_ns: int
    started_ns: int
    marks: tuple[str, ...] = ()
    promotable: bool = False
    promoted: bool = False

    @property
    def stands_demoted(self) -> bool:
        """Whether it may run on where no-quorum-policy is demote."""
        return self.promotable and not self.promoted


def in_control_group(name: str) -> str:
    """The mark of processes in a control group of that name, or in one below; no variable begins like that."""
    return f"/{name}"


class StopOrderFolder:
    """The stop orders in a folder. Raises OSError if it cannot be made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.log = folder / ".log"
        """What agents have said that were run for these orders."""
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        with suppress(OSError):
            self.log.touch(mode=0o600)  # while there is room

    def put(self, order: StopOrder) -> None:
        """From now on the resource is stopped like that. Raises OSError."""
        self._write(_name(order.resource), asdict(order))

    def drop(self, resource: str) -> None:
        """It does not run any more."""
        with suppress(OSError):
            (self._folder / _name(resource)).unlink()

    def spare(self, resources: Iterable[str]) -> None:
        """Leave those alone, and no others. Raises OSError."""
        self._write(_SPARED, sorted(resources))

    def spared(self) -> frozenset[str]:
        """What is left alone."""
        return frozenset(_read(self._folder / _SPARED) or ())

    def all(self) -> list[StopOrder]:
        """What is to be stopped; what cannot be read is left out."""
        spared = self.spared()
        found = (_order(_read(file)) for file in sorted(self._folder.iterdir()) if not file.name.startswith("."))
        return [order for order in found if order is not None and order.resource not in spared]

    def _write(self, name: str, value: object) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = self._folder / f".{name}.new"
        beside.touch(mode=0o600)
        beside.write_text(json.dumps(value), encoding="utf-8")
        beside.replace(self._folder / name)


def _name(resource: str) -> str:
    """A file name for it: what is too long for one is known by its digest."""
    name = quote(resource, safe="")
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST // 2]}%{sha256(resource.encode()).hexdigest()}"


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _order(told: Any) -> StopOrder | None:
    try:
        return StopOrder(**{**told, "arguments": tuple(told["arguments"]), "marks": tuple(told["marks"])})
    except (TypeError, KeyError):
        return None

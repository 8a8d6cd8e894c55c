"""The connection to systemd's manager on the message bus: made when it is needed first, made anew when it was lost.

The library is imported with the first use: most nodes have no resource of this class. Interface: the manual page
org.freedesktop.systemd1(5).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dbus_fast.aio import MessageBus
    from dbus_fast.message import Message

NAME, ROOT = "org.freedesktop.systemd1", "/org/freedesktop/systemd1"
_MANAGER, _UNIT = f"{NAME}.Manager", f"{NAME}.Unit"
_BUS, _BUS_PATH = "org.freedesktop.DBus", "/org/freedesktop/DBus"
_PROPERTIES = f"{_BUS}.Properties"
_JOB_ENDS = f"type='signal',interface='{_MANAGER}',member='JobRemoved'"
_MOST_UNCLAIMED = 1000
_LOOK_AGAIN_S = 2.0
"""How long a job's end is waited for before somebody looks whether its signal was lost."""


class BusLostError(Exception):
    """There is no bus, or no longer; the text says why."""


class RefusedError(Exception):
    """Systemd's answer is an error; `name` is the last part of its name (NoSuchUnit, UnitMasked …)."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class Manager:
    """Systemd's manager. `address`: of the bus; empty: the system's. Everything raises BusLostError, RefusedError."""

    def __init__(self, address: str = "") -> None:
        self._address = address
        self._bus: MessageBus | None = None
        self._lost: asyncio.Future[None] | None = None
        self._connecting = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None
        self._unclaimed: OrderedDict[str, str] = OrderedDict()
        """Results of jobs whose starting call is not answered yet: a signal may come before the reply."""
        self._waiting: dict[str, asyncio.Future[str]] = {}

    async def state(self, unit: str) -> tuple[str, str]:
        """LoadState and ActiveState of a unit, whether it exists or not."""
        path = await self._load(unit)
        return str(await self._property(path, "LoadState")), str(await self._property(path, "ActiveState"))

    async def about(self, unit: str) -> tuple[str, str]:
        """Description of a unit, and the state of its file (`enabled`, `static` …)."""
        path = await self._load(unit)
        return str(await self._property(path, "Description")), str(await self._property(path, "UnitFileState"))

    async def begin(self, verb: str, unit: str) -> str:
        """Begin a job (`StartUnit`, `StopUnit`), in place of conflicting ones; its path."""
        return str(await self._call(_MANAGER, verb, "ss", unit, "replace"))

    async def end_of(self, job: str, unit: str) -> str:
        """The result of a job (`done`, `failed`, `canceled` …) when it has ended; empty if nobody told and it is gone.

        Raises BusLostError when the connection breaks meanwhile: the job goes on.
        """
        while True:
            if job in self._unclaimed:
                return self._unclaimed.pop(job)
            ended = self._waiting.setdefault(job, asyncio.get_running_loop().create_future())
            try:
                await asyncio.wait({ended}, timeout=_LOOK_AGAIN_S)
                if ended.done():
                    return ended.result()
            finally:
                if self._waiting.get(job) is ended:
                    del self._waiting[job]
            if not await self._has_job(unit) and job not in self._unclaimed:
                return ""

    async def cancel(self, job: str) -> None:
        """End a job that took too long; that it is over already is no matter."""
        with contextlib.suppress(RefusedError, BusLostError, TimeoutError):
            async with asyncio.timeout(_LOOK_AGAIN_S):
                await self._call(f"{NAME}.Job", "Cancel", path=job)

    async def reload(self) -> None:
        """Have systemd read its files anew."""
        await self._call(_MANAGER, "Reload")

    async def names(self) -> list[str]:
        """All units that there are: those with files (templates included), and those that are loaded."""
        files = await self._call(_MANAGER, "ListUnitFiles")
        loaded = await self._call(_MANAGER, "ListUnits")
        return sorted({str(entry[0]).rpartition("/")[2] for entry in (*files, *loaded)})

    async def close(self) -> None:
        """Let go of the bus."""
        if self._bus is not None and self._watching is not None:
            self._bus.disconnect()
            await self._watching
            self._bus = None

    async def _load(self, unit: str) -> str:
        return str(await self._call(_MANAGER, "LoadUnit", "s", unit))

    async def _property(self, path: str, name: str) -> Any:
        return (await self._call(_PROPERTIES, "Get", "ss", _UNIT, name, path=path)).value

    async def _has_job(self, unit: str) -> bool:
        number, _ = await self._property(await self._load(unit), "Job")
        return bool(number)

    async def _call(self, interface: str, member: str, signature: str = "", *body: object, path: str = ROOT) -> Any:
        await self._connect()
        return await self._ask(NAME, path, interface, member, signature, *body)

    async def _ask(self, to: str, path: str, interface: str, member: str, signature: str = "", *body: object) -> Any:
        from dbus_fast import Message, MessageType

        assert self._bus is not None and self._lost is not None
        message = Message(destination=to, path=path, interface=interface, member=member, signature=signature,
                          body=list(body))
        call = asyncio.ensure_future(self._bus.call(message))
        either: set[asyncio.Future[Any]] = {call, self._lost}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not call.done():
                call.cancel()
        if not call.done() or call.cancelled() or call.exception() is not None:
            raise BusLostError("the connection to the message bus was lost")
        reply = call.result()
        assert reply is not None, "every call is answered"
        if reply.message_type is MessageType.ERROR:
            name = str(reply.error_name).rpartition(".")[2]
            raise RefusedError(name, str(reply.body[0]) if reply.body else name)
        return reply.body[0] if len(reply.body) == 1 else reply.body

    async def _connect(self) -> None:
        async with self._connecting:
            if self._bus is not None and self._lost is not None and not self._lost.done():
                return
            bus = await self._open()
            self._bus, self._lost = bus, asyncio.get_running_loop().create_future()
            self._watching = asyncio.get_running_loop().create_task(self._watch(bus, self._lost))
            bus.add_message_handler(self._heard)
            # Both are lost with the connection, and so are the signals that came meanwhile.
            await self._ask(_BUS, _BUS_PATH, _BUS, "AddMatch", "s", _JOB_ENDS)
            await self._ask(NAME, ROOT, _MANAGER, "Subscribe")

    async def _open(self) -> MessageBus:
        try:
            from dbus_fast import BusType
            from dbus_fast.aio import MessageBus

            bus = MessageBus(self._address or None, BusType.SYSTEM)
            return await bus.connect()
        except ImportError:
            raise BusLostError("the Python package dbus-fast is not installed") from None
        except Exception as error:  # the library has many ways to say that nobody is there
            raise BusLostError(f"the message bus cannot be reached: {error}") from None

    async def _watch(self, bus: MessageBus, lost: asyncio.Future[None]) -> None:
        with contextlib.suppress(Exception):
            await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
        if not lost.done():
            lost.set_result(None)
        for job, ended in list(self._waiting.items()):
            del self._waiting[job]
            if not ended.done():
                ended.set_exception(BusLostError("the connection to the message bus was lost"))

    def _heard(self, message: Message) -> None:
        if message.member != "JobRemoved" or message.interface != _MANAGER:
            return
        _, job, _, result = message.body
        ended = self._waiting.pop(job, None)
        if ended is not None and not ended.done():
            ended.set_result(result)
            return
        self._unclaimed[job] = result
        while len(self._unclaimed) > _MOST_UNCLAIMED:
            self._unclaimed.popitem(last=False)

"""The shell of the corosync layer: the event loop, flow control, reconnecting. Decides nothing.

When corosync dies, this node is alone and without quorum at once, which stops what must not run on without it; when
corosync is there again, the node joins again. So it is when corosync lives but is silent: what this node multicasts
must come back to it. Until that has lasted as long as corosync may take to form a ring, the view is only in doubt.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import assert_never

from crm.messaging.corosync import cluster_map
from crm.messaging.corosync.connection import (
    CorosyncConnection,
    CorosyncMembership,
    Delivered,
    Disconnected,
    Happening,
    NodeListChanged,
    Quorum,
    Ring,
    ShutdownRefused,
)
from crm.messaging.corosync.echo import Echo
from crm.messaging.corosync.frames import (
    EVERYBODY,
    Announcement,
    Beat,
    Chunk,
    Dismissal,
    ForeignVersionError,
    MessageAssembly,
    Process,
    chunks,
    parse,
)
from crm.messaging.corosync.group import GroupOutput, ProcessGroup
from crm.messaging.detection_times import DetectionTimes
from crm.messaging.layer import (
    LayerError,
    LayerEvent,
    LayerSettings,
    Received,
    ViewConfirmed,
    ViewDoubted,
    check_size,
)
from crm.messaging.layer_tasks import LayerTasks

log = logging.getLogger(__name__)

_JOIN_LIMIT_S = 10.0
_BUSY_FIRST_S, _BUSY_LAST_S = 0.0005, 0.02
_RECONNECT_FIRST_S, _RECONNECT_LAST_S = 0.1, 2.0
_LEAVE_LIMIT_S = 1.0
_STUCK_S = 5.0
_MOST_AWAITED = 20


class CorosyncLayer:
    """One node's membership in the process group of its cluster."""

    @staticmethod
    def complete(settings: LayerSettings) -> LayerSettings:
        """Take node list, names and kind of quorum from corosync. Raises LayerError where the settings disagree."""
        return cluster_map.complete(settings)

    def __init__(self, settings: LayerSettings) -> None:
        self.settings = settings
        self._group = ProcessGroup(settings, int(time.time()))
        self._connection: CorosyncConnection | None = None
        self._events: asyncio.Queue[LayerEvent | None] = asyncio.Queue()
        self._assemblies: dict[Process, MessageAssembly] = {}
        self._heard: dict[Process, float] = {}
        self._silence = DetectionTimes()
        self._control: asyncio.Queue[bytes] = asyncio.Queue()
        self._sending = asyncio.Lock()
        self._tasks = LayerTasks()
        self._left = False
        self._in_group: asyncio.Future[None] | None = None
        self._beaten = asyncio.Event()
        self._out_of_group = asyncio.Event()
        self._echo = Echo()
        self._returned = asyncio.Event()
        self._ring_limit_s = 0.0
        self._doubted = self._silent = False

    async def join(self) -> None:
        """Connect and join. Raises LayerError."""
        if self.settings.nodes:
            self.settings.check()
        self.settings = await asyncio.to_thread(cluster_map.complete, self.settings)
        self.settings.check()
        self._group = ProcessGroup(self.settings, int(time.time()))
        self._tasks.spawn(self._send_control())
        await self._connect()
        self._tasks.spawn(self._beat())
        self._tasks.spawn(self._listen_to_itself())

    async def send(self, to: str, message: bytes) -> None:
        """Send to one member of the view; to oneself it is delivered like any other."""
        check_size(message, self.settings.max_message_bytes)
        if to == self.settings.name:
            self._events.put_nowait(Received(to, message))
        elif (node_id := self._group.node_id(to)) is not None:
            await self._send_chunks(node_id, message)

    async def broadcast(self, message: bytes) -> None:
        """Send to all other members of the view."""
        check_size(message, self.settings.max_message_bytes)
        await self._send_chunks(EVERYBODY, message)

    async def events(self) -> AsyncIterator[LayerEvent]:
        """What happens, in order, until `leave`."""
        while (event := await self._events.get()) is not None:
            yield event

    def look(self) -> None:
        """Have two frames come back, one after the other: the second needs a token that has passed the others since."""
        self._tasks.spawn(self._confirm())

    async def leave(self) -> None:
        """Leave the group; the others see it at once."""
        self._left = True
        self._tasks.cancel()
        await self._tasks.ended()
        if self._connection is not None:
            self._connection.leave()
            try:
                async with asyncio.timeout(_LEAVE_LIMIT_S):
                    await self._out_of_group.wait()
            except TimeoutError:
                log.warning("corosync did not confirm that this node left the group")
            self._disconnect()
        self._events.put_nowait(None)

    # Connecting

    async def _connect(self) -> None:
        connection = CorosyncConnection(f"crmd:{self.settings.cluster}", len(self.settings.nodes))
        await asyncio.to_thread(connection.open)
        self._ring_limit_s = await asyncio.to_thread(cluster_map.ring_limit_s)
        loop = asyncio.get_running_loop()
        self._connection = connection
        self._in_group = loop.create_future()
        for descriptor, name in connection.descriptors.items():
            loop.add_reader(descriptor, self._readable, connection, name)
        try:
            async with asyncio.timeout(_JOIN_LIMIT_S):
                await self._in_group
        except (TimeoutError, LayerError) as error:
            self._disconnect()
            if isinstance(error, LayerError):
                raise
            raise LayerError("corosync-silent", f"corosync did not let this node into the process group within "
                             f"{_JOIN_LIMIT_S:g} s", "see corosync-cfgtool -s and corosync's log") from None

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            for descriptor in connection.descriptors:
                asyncio.get_running_loop().remove_reader(descriptor)
            connection.close()
        self._echo.forget()
        self._returned.set()
        self._doubted = self._silent = False

    async def _reconnect(self) -> None:
        pause_s = _RECONNECT_FIRST_S
        while True:
            await asyncio.sleep(pause_s)
            try:
                await self._connect()
            except LayerError as error:
                log.debug("corosync is not there yet: %s", error)
                pause_s = min(2 * pause_s, _RECONNECT_LAST_S)
                continue
            log.info("connected to corosync again")
            return

    def _lost(self, error: Disconnected) -> None:
        if self._connection is None:
            return
        log.error("corosync is gone (%s): this node has no quorum until it is back", error)
        waiting = self._in_group is not None and not self._in_group.done()
        self._disconnect()
        self._assemblies.clear()
        if waiting and self._in_group is not None:
            self._in_group.set_exception(LayerError("no-corosync", f"corosync is gone: {error}", "see its log"))
            return
        if not self._left:
            self._be_alone()
            self._tasks.spawn(self._reconnect())

    def _join_again(self, why: str) -> None:
        """The others went on without us: join anew, as one who was away."""
        assert self._connection is not None
        log.error("%s: this node joins again", why)
        self._connection.leave()
        self._disconnect()
        self._assemblies.clear()
        self._be_alone()
        self._tasks.spawn(self._reconnect())

    def _be_alone(self) -> None:
        """Without corosync there is no quorum, and nobody who could confirm that."""
        self._perform(self._group.disconnected())
        self._events.put_nowait(ViewConfirmed(time.monotonic()))

    # What corosync says

    def _readable(self, connection: CorosyncConnection, name: str) -> None:
        try:
            for happening in connection.dispatch(name):
                if self._connection is connection:
                    self._happened(happening)
        except Disconnected as error:
            if self._connection is connection:
                self._lost(error)

    def _happened(self, happening: Happening) -> None:
        match happening:
            case Delivered(sender, data):
                self._delivered(sender, data)
            case CorosyncMembership(members, killed):
                self._membership(members, killed)
            case Ring(sequence, nodes):
                self._perform(self._group.ring_changed(sequence, nodes))
            case Quorum(sequence, quorate, disks):
                self._perform(self._group.quorum_changed(sequence, quorate, disks))
            case NodeListChanged(key):
                self._node_list_changed(key)
            case ShutdownRefused():
                log.warning("somebody asked corosync to stop; refused, because crmd runs on it (stop crmd first)")
            case _:
                assert_never(happening)

    def _membership(self, members: tuple[Process, ...], killed: tuple[Process, ...]) -> None:
        assert self._connection is not None and self._in_group is not None
        me = self._connection.process
        if me not in members:
            self._out_of_group.set()
            return
        twins = [process for node, process in members if node == me[0] and process != me[1]]
        if not self._in_group.done():
            if twins:
                self._in_group.set_exception(LayerError(
                    "name-in-use", f"another crmd of this node is in the cluster already (process {twins[0]})",
                    "end it first"))
                return
            self._in_group.set_result(None)
        self._assemblies = {process: self._assemblies.get(process) or MessageAssembly(self.settings.max_message_bytes)
                            for process in members}
        self._heard = dict.fromkeys(members, time.monotonic())
        self._perform(self._group.membership(members, killed))

    def _delivered(self, sender: Process, data: bytes) -> None:
        if self._connection is not None and sender == self._connection.process:
            self._echo.returned(time.monotonic())
            self._returned.set()
            if self._silent:
                self._join_again("corosync was silent and is not any more")
                return
        try:
            frame = parse(data)
        except ForeignVersionError as error:
            self._perform(self._group.foreign(sender, error.version))
            return
        except ValueError as error:
            log.warning("ignored what process %d of corosync node %d multicast: %s", sender[1], sender[0], error)
            return
        self._heard[sender] = time.monotonic()
        self._silence.heard(str(sender[0]), self._heard[sender])
        match frame:
            case Beat():
                self._beaten.set()
            case Announcement():
                self._perform(self._group.announced(sender, frame))
            case Dismissal() if self._connection is not None and frame.process == self._connection.process:
                if self._group.is_current(frame):
                    self._join_again("this daemon was stuck, and the others have gone on without it")
            case Dismissal():
                self._perform(self._group.dismissed(frame))
            case Chunk():
                self._chunk(sender, frame)
            case _:
                assert_never(frame)

    def _chunk(self, sender: Process, chunk: Chunk) -> None:
        if self._connection is None or sender == self._connection.process or sender not in self._assemblies:
            return
        if chunk.to not in (EVERYBODY, self._connection.process[0]):
            return
        message = self._assemblies[sender].add(chunk)
        name = self._group.sender(sender, chunk.view)
        if message is not None and name is not None:
            self._events.put_nowait(Received(name, message))

    def _node_list_changed(self, key: str) -> None:
        if key.endswith((".name", ".nodeid")):
            log.warning("corosync's node list has changed (%s): crmd takes it up at its next start", key)

    def _perform(self, output: GroupOutput) -> None:
        for frame in output.announce:
            self._control.put_nowait(frame.frame())
        for process in output.hold:
            log.info("the daemon of corosync node %d was killed; it is given %d ms to come back", process[0],
                     self.settings.restart_limit_ms)
            later = self.settings.restart_limit_ms / 1000
            asyncio.get_running_loop().call_later(later, self._overdue, process)
        if output.complaint:
            log.warning("%s", output.complaint)
        if output.view is not None:
            view = output.view
            log.info("view %d: %s%s", view.number, ", ".join(view.names), "" if view.quorate else " (no quorum)")
            lost_s = self._silence.of_lost([member.id for member in view.members], time.monotonic())
            self._events.put_nowait(replace(view, silent_s=lost_s))

    async def _beat(self) -> None:
        """Say that this process runs, notice whose does not; but never because it was us who did not look or hear.

        Who hears another's beat adds its own: corosync then has to pass its token round once, not once for each.
        """
        beat_s = self.settings.failure_limit_ms / 2000
        last = time.monotonic()
        while True:
            await asyncio.sleep(beat_s / 2)
            self._beaten.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(beat_s / 2):
                    await self._beaten.wait()
            now = time.monotonic()
            if now - last > 2 * beat_s or self._echo.silent_s(now) > beat_s:
                self._heard = dict.fromkeys(self._heard, now)
            last = now
            if self._echo.awaited < _MOST_AWAITED:
                # A silent corosync would get a heap of beats, and deliver them all when it wakes.
                self._control.put_nowait(Beat().frame())
            own = self._connection.process if self._connection is not None else None
            for process, heard in self._heard.items():
                if now - heard > _STUCK_S and process != own:
                    log.warning("the daemon of corosync node %d has said nothing for %.1f s", process[0], now - heard)
                    self._perform(self._group.stuck(process))

    async def _listen_to_itself(self) -> None:
        """Doubt the view when nothing comes back; leave it after more than corosync needs to form a new ring."""
        failure_s = self.settings.failure_limit_ms / 1000
        while True:
            await asyncio.sleep(failure_s / 8)
            silent_s = self._echo.silent_s(time.monotonic())
            if silent_s > failure_s / 2 and not self._doubted:
                self._doubted = True
                self._events.put_nowait(ViewDoubted(time.monotonic()))
                self._tasks.spawn(self._confirm())
            if silent_s > self._ring_limit_s + failure_s and not self._silent:
                log.error("corosync has been silent for %.1f s: this node has no quorum until it answers", silent_s)
                self._silent = True
                self._be_alone()

    async def _confirm(self) -> None:
        """What was sent from now on came back twice over the same connection: the view is the others', too."""
        connection, since_s = self._connection, time.monotonic()
        for _ in range(2 if connection is not None else 0):
            await self._multicast(Beat().frame())
            mine = self._echo.sent_count
            while connection is self._connection and self._echo.returned_count < mine:
                self._returned.clear()
                await self._returned.wait()
        if connection is self._connection:
            self._doubted = False
            self._events.put_nowait(ViewConfirmed(since_s))

    def _overdue(self, process: Process) -> None:
        if not self._left:
            self._perform(self._group.overdue(process))

    # Sending

    async def _send_chunks(self, to: int, message: bytes) -> None:
        # One message at a time: its chunks are put together in the order in which they come.
        async with self._sending:
            for chunk in chunks(self._group.number, to, message):
                await self._multicast(chunk.frame())

    async def _send_control(self) -> None:
        while True:
            await self._multicast(await self._control.get())

    async def _multicast(self, frame: bytes) -> None:
        """Corosync says when it wants no more; what is sent while it is gone reaches nobody."""
        connection, pause_s = self._connection, _BUSY_FIRST_S
        try:
            while connection is not None and connection is self._connection:
                if connection.multicast(frame):
                    self._echo.sent(time.monotonic())
                    return
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _BUSY_LAST_S)
        except Disconnected as error:
            self._lost(error)

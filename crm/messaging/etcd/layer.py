"""The shell of the etcd layer: the lease, the watch, the views.

A life with etcd: grant a lease, register a record under it, read all records, follow their changes, renew the lease.
When the lease could not be renewed for three quarters of its time, this node is alone and without quorum, a quarter
before the others may take it as lost: that is the time to stop what must not run twice. Losing etcd for less changes
nothing. Time is the monotonic clock's, so steps of the wall clock do not matter.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import replace

from crm.messaging.embedded.link import PeerIdentity
from crm.messaging.etcd.client import Entry, EtcdClient, EtcdRefused, Unavailable, refused, within
from crm.messaging.etcd.membership import MemberRecord, Stranger, era_of, number_of, parse, view_of
from crm.messaging.etcd.mesh import Mesh
from crm.messaging.layer import (
    EtcdAccess,
    LayerError,
    LayerEvent,
    LayerMember,
    LayerSettings,
    LayerViewChanged,
    NodeAddress,
    Received,
    ViewConfirmed,
    check_size,
)
from crm.messaging.layer_tasks import LayerTasks

log = logging.getLogger(__name__)

_JOIN_LIMIT_S = 10.0
_RENEWALS_PER_LEASE = 5
_ANSWERS_PER_LEASE = 8
_TRUSTED_SHARE = 0.75
_PAUSE_S = 0.1
_FAREWELL_S = 0.05
"""So that the others hear that a node leaves before etcd tells them that it has left."""
_MAX_HELD = 10_000


class EtcdLayer:
    """One node's membership, kept in etcd."""

    def __init__(self, settings: LayerSettings) -> None:
        self.settings = settings
        self._access = settings.etcd or EtcdAccess(())
        self._folder = f"{self._access.prefix.rstrip('/')}/{settings.cluster}/members/"
        self._key = self._folder + settings.name
        self._mesh = Mesh(settings, self)
        self._client: EtcdClient | None = None
        self._joined_at = int(time.time())
        self._lease = self._own_revision = self._serial = 0
        self._era = self._seen_revision = 0
        self._registered = False
        """Whether our record is in etcd under our lease, as far as we know."""
        self._valid_until = 0.0
        self._looking_since_s: float | None = None
        self._unreachable: set[str] = set()
        self._records: dict[str, MemberRecord] = {}
        self._strangers: dict[str, str] = {}
        self._etcd_id = ""
        self._view = LayerViewChanged(0, (), False)
        self._seen_all = False
        self._held: list[tuple[int, PeerIdentity, bytes]] = []
        self._events: asyncio.Queue[LayerEvent | None] = asyncio.Queue()
        self._writing = asyncio.Lock()
        self._tasks = LayerTasks()

    async def join(self) -> None:
        """Listen, register, and install a first view. Raises LayerError."""
        self.settings.check()
        if len(self.settings.key) < 16:
            raise LayerError("key-too-short", "the shared key has fewer than 16 bytes",
                             "make one with: openssl rand -hex 32")
        if self._access.lease_s < 2:
            raise LayerError("lease-too-short", f"etcd.lease_s = {self._access.lease_s} leaves no time to "
                             "renew a lease", "use at least 2; etcd itself may grant no less than its election takes")
        self._client = EtcdClient(self._access, self._access.lease_s / _ANSWERS_PER_LEASE)
        try:
            self._etcd_id = (await within(_JOIN_LIMIT_S, self._client, self._folder)).cluster_id
            await self._mesh.listen()
            await self._register(first=True)
        except (Unavailable, EtcdRefused, LayerError) as error:
            await self._mesh.close()
            await self._client.close()
            if isinstance(error, LayerError):
                raise
            if isinstance(error, EtcdRefused):
                raise refused(error) from None
            raise LayerError("no-etcd", f"etcd cannot be reached ({error})", "check etcd.endpoints") from None
        self._tasks.spawn(self._renew())
        self._tasks.spawn(self._follow())

    async def send(self, to: str, message: bytes) -> None:
        """Send to one member of the view; to oneself it is delivered like any other."""
        check_size(message, self.settings.max_message_bytes)
        if to == self.settings.name:
            self._events.put_nowait(Received(to, message))
        elif to in self._view.names:
            self._mesh.send(to, self._view.number, message)

    async def broadcast(self, message: bytes) -> None:
        """Send to all other members of the view."""
        for name in self._view.names:
            if name != self.settings.name:
                await self.send(name, message)

    async def events(self) -> AsyncIterator[LayerEvent]:
        """What happens, in order, until `leave`."""
        while (event := await self._events.get()) is not None:
            yield event

    def look(self) -> None:
        """Renew the lease and read all records anew: what etcd says now is what the others go by."""
        assert self._client is not None
        self._looking_since_s = time.monotonic()
        self._client.end_watch()

    async def leave(self) -> None:
        """Give the lease back; the others see it at once."""
        self._tasks.cancel()
        await self._tasks.ended()
        self._mesh.take_leave()
        await asyncio.sleep(_FAREWELL_S)
        if self._client is not None:
            try:
                if self._lease:
                    await self._client.revoke(self._lease)
            except (Unavailable, EtcdRefused, LayerError) as error:
                log.warning("the lease could not be given back, it will run out: %s", error)
            await self._client.close()
        await self._mesh.close()
        self._view = LayerViewChanged(self._view.number, (), False)
        self._events.put_nowait(None)

    # What the mesh tells (MeshOwner)

    def heard(self, number: int, sender: PeerIdentity, message: bytes) -> None:
        """A message of a peer; what belongs to a view that is still on its way from etcd waits for it."""
        if number > self._view.number:
            self._held.append((number, sender, message))
            if len(self._held) > _MAX_HELD:
                self._held.clear()
                self.broken(sender.name)
        elif any((member.name, member.incarnation) == (sender.name, sender.incarnation)
                 for member in self._view.members):
            self._events.put_nowait(Received(sender.name, message))

    def broken(self, name: str) -> None:
        """Messages may be lost between two living members: a new view, of the same members, says so to all."""
        log.info("the connection to %s broke although both live: all agree on a new view", name)
        self._serial += 1
        self._tasks.spawn(self._write_record())

    def dead(self, name: str, incarnation: str) -> None:
        """Nobody listens at a member's address any more: its lease need not run out first."""
        record = self._records.get(name)
        if record is not None and record.incarnation == incarnation:
            log.warning("lost %s: its connection closed and nobody listens there any more", name)
            self._tasks.spawn(self._end_lease(record.lease))

    def unreachable(self, name: str, is_so: bool) -> None:
        """There is no connection to a member for too long, or there is one again."""
        if is_so != (name in self._unreachable):
            if is_so:
                log.warning("%s cannot be reached directly, although etcd has it", name)
            (self._unreachable.add if is_so else self._unreachable.discard)(name)
            self._tasks.spawn(self._write_record())

    # The lease

    async def _register(self, first: bool = False) -> None:
        """A fresh lease and this node's record under it. Raises Unavailable, Refused, LayerError."""
        assert self._client is not None
        async with self._writing:
            self._registered = False
            asked_at = time.monotonic()
            self._lease = await self._client.grant(self._access.lease_s)
            self._unreachable.clear()
            await self._put_first_record(asked_at + 3 * self._access.lease_s if first else None)
            self._own_revision = await self._revision()
            asked_at = time.monotonic()
            if await self._client.keep_alive(self._lease):
                self._registered = True
                self._trust_from(asked_at)

    async def _put_first_record(self, give_up_at: float | None) -> None:
        """Write our record as soon as the name is free: the lease of an earlier life may have to run out first."""
        assert self._client is not None
        while True:
            found = await self._client.get(self._key)
            if found is None or self._is_ours(found):
                revision = found.revision if found else 0
                if await self._client.put(self._key, self._record().text(self.settings.key), self._lease, revision):
                    return
            elif give_up_at is not None and time.monotonic() > give_up_at:
                raise LayerError("name-in-use", f"a living node named {self.settings.name} is in the cluster already, "
                                 "at another address", "give each node a name of its own")
            await self._client.keep_alive(self._lease)
            await asyncio.sleep(_PAUSE_S)

    async def _revision(self) -> int:
        """At which our record was written last, 0 if there is none."""
        assert self._client is not None
        found = await self._client.get(self._key)
        return found.revision if found else 0

    def _is_ours(self, entry: Entry) -> bool:
        """Whether a record is an earlier one of this very address, which only one process can listen at."""
        record = parse(self.settings.name, entry.value or "", self.settings)
        me = self.settings.node(self.settings.name)
        return isinstance(record, MemberRecord) and me is not None and (record.host, record.port) == (me.host, me.port)

    def _record(self) -> MemberRecord:
        me = self.settings.node(self.settings.name) or NodeAddress(self.settings.name, self.settings.name)
        return MemberRecord(me.name, me.id, self.settings.incarnation, self._joined_at, me.host, me.port, self._lease,
                            tuple(sorted(self._unreachable)), self._serial, era=self._era)

    def _trust_from(self, asked_at: float) -> None:
        self._valid_until = asked_at + self._access.lease_s * _TRUSTED_SHARE

    async def _renew(self) -> None:
        """Keep the lease alive; know when it may be gone."""
        assert self._client is not None
        period_s = self._access.lease_s / _RENEWALS_PER_LEASE
        while True:
            asked_at = time.monotonic()
            try:
                if not self._registered:
                    await self._register()
                async with asyncio.timeout(max(0.05, self._valid_until - asked_at) if self._view.quorate else None):
                    seconds = await self._client.keep_alive(self._lease)
                if not seconds:
                    self._registered = False
                    self._be_alone("its lease has run out")
                    continue
                self._trust_from(asked_at)
                self._come_back()
            except (Unavailable, EtcdRefused, LayerError, TimeoutError) as error:
                if time.monotonic() >= self._valid_until:
                    self._be_alone(f"etcd cannot be reached: {error or 'no answer in time'}")
                log.debug("the lease was not renewed: %s", error)
                await asyncio.sleep(_PAUSE_S)
                continue
            await asyncio.sleep(max(0.0, period_s - (time.monotonic() - asked_at)))

    async def _end_lease(self, lease: int) -> None:
        assert self._client is not None
        try:
            await self._client.revoke(lease)
        except (Unavailable, EtcdRefused, LayerError) as error:
            log.warning("the lease of a dead member could not be ended, it will run out: %s", error)

    async def _write_record(self) -> None:
        """Tell what has changed about this node; a lease or a record that is gone is the renewal's business."""
        assert self._client is not None
        async with self._writing:
            try:
                text = self._record().text(self.settings.key)
                written = await self._client.put(self._key, text, self._lease, self._own_revision)
                self._own_revision = await self._revision()
                if not written:
                    # Not the record that we thought: an earlier write whose answer was lost, or none at all.
                    self._registered = False
            except (Unavailable, EtcdRefused, LayerError) as error:
                log.warning("etcd did not take this node's record: %s", error)

    # The views

    async def _follow(self) -> None:
        """Read all records, follow their changes, and begin again whenever that ends (compaction, another endpoint)."""
        assert self._client is not None
        while True:
            try:
                looking_since_s = self._looking_since_s
                if looking_since_s is not None:
                    await self._check_lease()
                snapshot = await self._client.snapshot(self._folder)
                if snapshot.cluster_id != self._etcd_id:
                    self._be_alone("etcd is another one than before; start crmd again on every node if that is meant")
                    await asyncio.sleep(self._access.lease_s)
                    continue
                self._records = {}
                self._take(snapshot.entries, snapshot.revision)
                if looking_since_s is not None:
                    self._confirm(looking_since_s)
                if self._looking_since_s is not None:
                    continue
                async for entries in self._client.watch(self._folder, snapshot.revision + 1):
                    self._take(entries, max(entry.revision for entry in entries))
            except (Unavailable, EtcdRefused, LayerError) as error:
                log.debug("the members cannot be followed: %s", error)
            await asyncio.sleep(_PAUSE_S)

    async def _check_lease(self) -> None:
        """After a sleep the clock may not know how long it was: only etcd knows whether our lease lives."""
        assert self._client is not None
        asked_at = time.monotonic()
        if await self._client.keep_alive(self._lease):
            self._trust_from(asked_at)
        else:
            self._registered = False
            self._be_alone("its lease has run out")

    def _confirm(self, since_s: float) -> None:
        self._events.put_nowait(ViewConfirmed(since_s))
        if self._looking_since_s == since_s:
            self._looking_since_s = None

    def _take(self, entries: list[Entry] | tuple[Entry, ...], revision: int) -> None:
        for entry in entries:
            name = entry.key.removeprefix(self._folder)
            found = None if entry.value is None else parse(name, entry.value, self.settings)
            if isinstance(found, MemberRecord):
                self._records[name] = found
                self._strangers.pop(name, None)
                if self.settings.name in found.unreachable:
                    self._mesh.renew(name)
            else:
                self._records.pop(name, None)
                self._complain(found)
        self._follow_era(revision)
        own = self._records.get(self.settings.name)
        if own is None or own.incarnation != self.settings.incarnation:
            self._be_alone("its record is gone from etcd")
            if revision > self._own_revision:
                self._registered = False
        elif time.monotonic() < self._valid_until:
            self._seen_all |= self._records.keys() == set(self.settings.names)
            number = number_of(era_of(self._records.values()), revision)
            self._install(view_of(self.settings, self._records, number, self._seen_all))

    def _follow_era(self, revision: int) -> None:
        """Etcd has gone back behind what it has told, or a member knows that it has: numbers begin anew above all."""
        era = max(self._era, era_of(self._records.values()))
        if revision < self._seen_revision and era == self._era:
            log.error("etcd has lost data (revision %d after %d): its revisions count anew", revision,
                      self._seen_revision)
            era += 1
            self._registered, self._own_revision = False, 0
        self._seen_revision = revision
        if era != self._era:
            self._era = era
            self._tasks.spawn(self._write_record())

    def _install(self, view: LayerViewChanged) -> None:
        if view.number <= self._view.number:
            return
        lost_s = [self._mesh.silence_s(name, self._access.lease_s) for name in self._view.names
                  if name not in view.names]
        self._view = view
        log.info("view %d: %s%s", view.number, ", ".join(view.names), "" if view.quorate else " (no quorum)")
        self._events.put_nowait(replace(view, silent_s=max((each for each in lost_s if each is not None),
                                                           default=None)))
        here = {name: record.incarnation for name, record in self._records.items() if name != self.settings.name}
        self._mesh.know(here)
        held, self._held = self._held, []
        for number, sender, message in held:
            self.heard(number, sender, message)

    def _be_alone(self, why: str) -> None:
        """This node can no longer know who is here; nobody's word is needed for that."""
        if self._view.names != (self.settings.name,) or self._view.quorate:
            log.error("no quorum: %s", why)
            me = self._record()
            alone = LayerMember(me.name, me.id, me.joined_at, me.incarnation)
            # Numbers of views from etcd are even: this one is between them.
            self._view = LayerViewChanged(self._view.number + 1, (alone,), False)
            self._events.put_nowait(self._view)
        if self._looking_since_s is not None:
            self._confirm(self._looking_since_s)

    def _come_back(self) -> None:
        """The lease turned out to be alive after this node gave it up: messages may be lost, so all need a new view."""
        if self._view.number % 2 == 1:
            self._serial += 1
            self._tasks.spawn(self._write_record())

    def _complain(self, found: Stranger | None) -> None:
        if found is not None and self._strangers.get(found.name) != found.problem:
            self._strangers[found.name] = found.problem
            log.warning("%s", found.problem)

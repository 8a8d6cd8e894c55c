"""What a node's disk keeps: its vote, and the CIB with the term of its writing. No answer goes out before it is there.

Beside them `receipts.json`: which requests with a key were carried out; written before the CIB, and read with what the
CIB then turns out to have, so that no receipt counts for a change that was lost.

Two files: `votes.json` (term, vote, the term of the CIB, the list of the cluster's nodes) and the CIB's store. The list
is written before the CIB that it came with: one that is too new does no harm. As long as the CIB on disk is not yet the
one of the new term, the vote file says which CIB (by digest) belongs to which former term: whatever is written, fails
to be written or is cut off in between, no CIB ever counts as of a term that it was not written in. A CIB that had to
be taken from a backup counts as the oldest: the other nodes know better.

Writes are grouped: while one write is under way, all that is asked for meanwhile is written by the next.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from crm.cib.document import Document
from crm.cib.errors import CibError
from crm.cib.store import CibStore
from crm.cib.synced_files import replace_synced
from crm.controller.cluster_state import StoreState as Trust
from crm.controller.hard_state import HardState
from crm.controller.membership import node_list as node_lists
from crm.controller.replication.idempotency import AppliedRequest, RequestKey
from crm.model.report import Report, Severity

log = logging.getLogger(__name__)

RETRY_S = 1.0
SLOW_S = 3.0
"""A write that takes longer counts as failing, until it ends."""
_NAME = "votes.json"
RECEIPTS = "receipts.json"
_NONE = "none"


class FolderInUseError(Exception):
    """Another daemon uses this state folder."""


@dataclass(frozen=True, slots=True)
class RecalledState:
    """What the disk held at start."""

    hard_state: HardState
    document: Document | None
    reports: tuple[Report, ...]
    receipts: tuple[AppliedRequest, ...] = ()


class DurableStorage:
    """The disk of one node. `done(token)` is called when everything up to that token is safe.

    `failing(token)` is called when that cannot be written, or takes very long; it is tried on all the same.
    """

    def __init__(self, folder: Path, backups: int, done: Callable[[int], None], failing: Callable[[int], None]) -> None:
        self.folder = folder
        self.problem = ""
        self.store = self._store = CibStore(folder, backups)
        # A thread of its own: whatever else waits, for a name server say, does not hold up what must be kept.
        self._thread = ThreadPoolExecutor(1, "disk")
        self._done = done
        self._failing = failing
        self._lock: IO[str] | None = None
        self._standing = HardState()
        self._document: Document | None = None
        self._receipts: tuple[AppliedRequest, ...] = ()
        self._written_receipts: tuple[AppliedRequest, ...] = ()
        self._token = 0
        self._written: HardState | None = HardState()
        """What the vote file says; None if that is not what this node stands by."""
        self._stored_digest = ""
        """Of the CIB on disk, empty if it must be looked at; that CIB need not be the one that was last asked for."""
        self._stored_as: tuple[int, Trust] = (0, Trust.WHOLE)
        """Of which term the CIB on disk is, and what it can be trusted with."""
        self._receipts_due: tuple[AppliedRequest, ...] = ()
        """What the write that is under way is to bring to disk."""
        self._wake = asyncio.Event()

    def open(self) -> None:
        """Make the folder ours. Raises FolderInUseError, CibError (store-unwritable)."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            self._lock = (self.folder / "lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderInUseError(f"another crmd uses the state folder {self.folder}") from None
        except OSError as error:
            raise CibError("store-unwritable", f"The state folder cannot be used: {error.strerror}", str(self.folder),
                           hint="Check the folder's owner and mode, or set state_folder") from None

    def recall(self) -> RecalledState:
        """What is on disk. Raises CibError when it cannot be read at all."""
        loaded = self._store.load()
        reports = list(loaded.reports)
        hard_state = self._read_votes(loaded.document, reports)
        # What a damaged store has made of the standing is written with the first write of all.
        self._standing, self._written = hard_state, None if hard_state.store is Trust.LOST else hard_state
        self._stored_digest = loaded.document.digest() if loaded.document else _NONE
        self._stored_as = hard_state.cib_term, hard_state.store
        return RecalledState(hard_state, loaded.document, tuple(reports), self._read_receipts())

    def persist(self, token: int, hard_state: HardState, document: Document | None,
                receipts: tuple[AppliedRequest, ...] = ()) -> None:
        """Ask for this to be written."""
        self._token, self._standing, self._receipts = token, hard_state, receipts
        if document is not None:
            self._document = document
        self._wake.set()

    async def work(self) -> None:
        """Write what is asked for, until cancelled; a failure is logged, and tried again."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            token, hard_state, document = self._token, self._standing, self._document
            self._receipts_due = self._receipts
            try:
                await self._write_patiently(token, hard_state, document)
            except (CibError, OSError) as error:
                why = error.strerror if isinstance(error, OSError) else error
                self._complain(f"{self.folder} cannot be written: {why}")
                self._failing(token)
                await asyncio.sleep(RETRY_S)
                self._wake.set()
                continue
            self.problem = ""
            if self._document is document:
                self._document = None
            self._done(token)

    async def _write_patiently(self, token: int, hard_state: HardState, document: Document | None) -> None:
        write = asyncio.ensure_future(
            asyncio.get_running_loop().run_in_executor(self._thread, self._write, hard_state, document))
        done, _ = await asyncio.wait({write}, timeout=SLOW_S)
        if not done:
            self._complain(f"a write to {self.folder} takes longer than {SLOW_S:g} s")
            self._failing(token)
        await write

    def close(self) -> None:
        """Let go of the folder."""
        self._thread.shutdown(wait=False)
        if self._lock is not None:
            self._lock.close()

    def _write(self, hard_state: HardState, document: Document | None) -> None:
        if hard_state != self._written:
            self._write_votes(hard_state, self._former(hard_state, document))
            self._written = hard_state
        if self._receipts_due != self._written_receipts:
            self._write_json(RECEIPTS, [asdict(each) for each in self._receipts_due])
            self._written_receipts = self._receipts_due
        if document is not None:
            self._store.save(document)
            self._stored_digest, self._stored_as = "", (hard_state.cib_term, hard_state.store)

    def _former(self, hard_state: HardState, document: Document | None) -> dict[str, object]:
        """Which CIB, by its digest, still is of which term; none if what is on disk is what the standing speaks of."""
        nothing = {"digest": _NONE, "cib_term": hard_state.cib_term, "store": hard_state.store}
        if (hard_state.cib_term, hard_state.store) == self._stored_as:
            return nothing
        if not self._stored_digest:
            loaded = self._store.load().document
            self._stored_digest = loaded.digest() if loaded else _NONE
        if document is not None and document.without_status().digest() == self._stored_digest:
            return nothing
        cib_term, store = self._stored_as
        return {"digest": self._stored_digest, "cib_term": cib_term, "store": store}

    def _write_votes(self, hard_state: HardState, former: dict[str, object]) -> None:
        content = {"term": hard_state.term, "voted_for": hard_state.voted_for, "cib_term": hard_state.cib_term,
                   "store": hard_state.store, "former": former}
        if hard_state.leases:
            content["leases"] = dict(hard_state.leases)
        if hard_state.nodes is not None:
            content["nodes"] = asdict(hard_state.nodes)
        self._write_json(_NAME, content)

    def _write_json(self, name: str, content: object) -> None:
        replace_synced(self.folder / name, json.dumps(content).encode())

    def _read_receipts(self) -> tuple[AppliedRequest, ...]:
        """Without them a repeated request is done again: that is said, and ends nobody."""
        try:
            told = json.loads((self.folder / RECEIPTS).read_text(encoding="utf-8"))
            return tuple(_receipt(each) for each in told)
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("%s cannot be read (%s): a request that is sent again may be done again",
                        self.folder / RECEIPTS, error)
            return ()

    def _read_votes(self, document: Document | None, reports: list[Report]) -> HardState:
        path = self.folder / _NAME
        if not path.exists():
            return HardState(store=Trust.NEW)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            hard_state = HardState(int(content["term"]), content["voted_for"], int(content["cib_term"]),
                                   Trust(content.get("store", Trust.WHOLE)),
                                   leases=tuple(sorted(dict(content.get("leases", {})).items())))
            if content.get("nodes") is not None:
                hard_state = replace(hard_state, nodes=node_lists.from_data(content["nodes"]))
            former = content["former"]
            if document is not None and document.digest() == former["digest"]:
                hard_state = replace(hard_state, cib_term=min(hard_state.cib_term, int(former["cib_term"])),
                                     store=Trust(former.get("store", Trust.WHOLE)))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CibError("votes-unreadable", f"The record of this node's votes cannot be read: {error}", str(path),
                           hint="A node must not forget its vote. If the other nodes of the cluster are up, move "
                           f"{self.folder} away: this node then starts anew from theirs") from None
        if reports or document is None:
            reports.append(Report(Severity.WARNING, "cib-not-current", str(self.folder),
                                  "This node's CIB may miss changes that were acknowledged; it takes the other nodes'"))
            hard_state = replace(hard_state, cib_term=0, store=Trust.LOST)
        return hard_state

    def _complain(self, problem: str) -> None:
        if problem != self.problem:
            log.error("changes cannot be acknowledged by this node: %s", problem)
        self.problem = problem


def _receipt(told: dict[str, Any]) -> AppliedRequest:
    """Raises ValueError, KeyError, TypeError."""
    admin_epoch, epoch, num_updates = map(int, told["version"])
    return AppliedRequest(RequestKey(**told["key"]), (admin_epoch, epoch, num_updates), int(told["term"]),
                          float(told["at"]),
                          int(told["count"]))

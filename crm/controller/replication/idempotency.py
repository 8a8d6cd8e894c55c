"""What has been done under which key, so that a request that is sent again, at any node, is not done again.

A client that lost the answer cannot know whether its change was made; with a key of its own it may ask again, wherever.
The leader keeps a receipt for each key, and every follower gets it with the very step that it is about: whoever leads
next has the receipt exactly if it has the change. Bounded in number and time; the shell keeps them on disk beside
the CIB that they are about, so that they outlive a restart of all daemons. No decisions but those.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

KEPT = 1000
KEPT_S = 3600.0


@dataclass(frozen=True, slots=True)
class RequestKey:
    """A client's key for one request: `id` stands for user and key, `fingerprint` for all that the request says."""

    id: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asks for something: the user, the program, and the key of the request if there is one."""

    user: str = ""
    client: str = ""
    key: RequestKey | None = None


NOBODY = Requester()


@dataclass(frozen=True, slots=True)
class AppliedRequest:
    """A request was carried out: as of which version and term, when (epoch seconds), and what a cleanup touched."""

    key: RequestKey
    version: tuple[int, int, int]
    term: int
    at: float
    count: int = 0


class AppliedRequests:
    """The receipts of one node, oldest first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, AppliedRequest] = OrderedDict()

    def find(self, key_id: str, now: float) -> AppliedRequest | None:
        """The receipt for a key, if it is kept."""
        found = self._kept.get(key_id)
        return found if found is not None and now - found.at < KEPT_S else None

    def add(self, *receipts: AppliedRequest) -> None:
        """Keep some more."""
        for receipt in receipts:
            self._kept.pop(receipt.key.id, None)
            self._kept[receipt.key.id] = receipt
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def recall(self, receipts: Iterable[AppliedRequest], version: tuple[int, int, int], cib_term: int) -> None:
        """Take those from the disk, but for those of changes that the CIB from the disk does not have."""
        self.add(*(each for each in receipts
                   if (each.term, each.version[:2]) <= (cib_term, version[:2]) and each.version[:2] <= version[:2]))

    def replace(self, receipts: Iterable[AppliedRequest]) -> None:
        """Take another node's in place of one's own, with its CIB."""
        self._kept.clear()
        self.add(*receipts)

    def all(self, now: float) -> tuple[AppliedRequest, ...]:
        """Those that still count."""
        return tuple(each for each in self._kept.values() if now - each.at < KEPT_S)

"""Which views follow from the members' records in etcd. Pure: the same records, the same views at every node.

A record says who a member is, proves the cluster's key, and names the members that it cannot reach although etcd has
them. Members that cannot reach each other are never in one view: by a rule that all nodes compute alike, those come
first who are missed least, and the first group alone may be quorate.

Views are numbered by etcd's revision within an era. When etcd comes back with less than it had (restored, or with empty
data), its revisions begin anew: whoever notices begins another era, and the others take it from its record.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from crm.messaging.layer import LayerMember, LayerSettings, LayerViewChanged

PROTOCOL = 1
_NUMBERS_PER_ERA = 2**40


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """A member's record. `lease` is etcd's, so that others can end it when they have seen the member die.

    era  how often, as the member knows, etcd has lost data since the cluster began
    """

    name: str
    id: str
    incarnation: str
    joined_at: int
    host: str
    port: int
    lease: int
    unreachable: tuple[str, ...] = ()
    serial: int = 0
    protocol: int = PROTOCOL
    era: int = 0

    def text(self, key: bytes) -> str:
        """What is written to etcd."""
        return json.dumps(asdict(self) | {"proof": proof(key, self)})


@dataclass(frozen=True, slots=True)
class Stranger:
    """A record that cannot be a member, and why."""

    name: str
    problem: str


def proof(key: bytes, record: MemberRecord) -> str:
    """That the writer of a record holds the cluster's key."""
    return hmac.new(key, f"{record.name} {record.incarnation} {record.host} {record.port}".encode(),
                    hashlib.sha256).hexdigest()


def parse(name: str, text: str, settings: LayerSettings) -> MemberRecord | Stranger:
    """A record as written by some node, who may be anybody."""
    try:
        fields = json.loads(text)
        given = fields.pop("proof")
        protocol = int(fields["protocol"])
        record = _record(fields)
    except (ValueError, KeyError, TypeError):
        return Stranger(name, f"the record of {name} in etcd is not one of crmd")
    if protocol != PROTOCOL:
        return Stranger(name, f"node {name} speaks protocol version {protocol}, here it is {PROTOCOL}: it takes no "
                        "part until both are of the same release")
    if record.name != name or settings.node(name) is None:
        return Stranger(name, f"node {name} is not in the node list ({', '.join(settings.names)})")
    if not hmac.compare_digest(proof(settings.key, record), str(given)):
        return Stranger(name, f"node {name} does not hold this cluster's key: copy the key file to it")
    return record


def _record(fields: dict[str, Any]) -> MemberRecord:
    return MemberRecord(str(fields["name"]), str(fields["id"]), str(fields["incarnation"]), int(fields["joined_at"]),
                        str(fields["host"]), int(fields["port"]), int(fields["lease"]),
                  tuple(str(one) for one in fields["unreachable"]), int(fields["serial"]), int(fields["protocol"]),
                        int(fields.get("era", 0)))


def groups(records: Iterable[MemberRecord]) -> list[tuple[str, ...]]:
    """Groups in which nobody is unreachable for another; the first is the one that may decide."""
    known = {record.name: record for record in records}
    missed = {name: _missed(name, known) for name in known}
    # Of two without a connection, the one who told of it is the likelier to live.
    told = {name: sum(name in record.unreachable for record in known.values()) for name in known}
    left = sorted(known, key=lambda name: (len(missed[name]), told[name], name))
    found = []
    while left:
        group: list[str] = []
        for name in left:
            if not missed[name] & set(group):
                group.append(name)
        found.append(tuple(sorted(group)))
        left = [name for name in left if name not in group]
    return found


def _missed(name: str, known: Mapping[str, MemberRecord]) -> frozenset[str]:
    """With whom a member has no connection, by its own word or theirs."""
    theirs = {other for other, record in known.items() if name in record.unreachable}
    return frozenset((theirs | set(known[name].unreachable)) & (known.keys() - {name}))


def era_of(records: Iterable[MemberRecord]) -> int:
    """The newest era that a member knows of."""
    return max((record.era for record in records), default=0)


def number_of(era: int, revision: int) -> int:
    """The number of the view that follows from the records at a revision: even, the odd ones are for being alone."""
    return era * _NUMBERS_PER_ERA + 2 * revision


def view_of(settings: LayerSettings, records: Mapping[str, MemberRecord], number: int,
            seen_all: bool) -> LayerViewChanged:
    """This node's view of those records, which must have its own."""
    found = groups(records.values())
    mine = next(group for group in found if settings.name in group)
    members = tuple(LayerMember(name, records[name].id, records[name].joined_at,
                                records[name].incarnation) for name in mine)
    quorate = mine == found[0] and settings.quorum.quorate(mine, settings.names, seen_all)
    return LayerViewChanged(number, members, quorate)

"""Synthetic CIBs of any size: what a cluster of so many nodes and resources would have, running or never started."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

_KEY = "1:1:{rc}:00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Size:
    """`constraints` colocations and as many orders between random pairs; `chain` makes primitives one long chain of
    both instead. With `cold` nothing has run yet.
    """

    nodes: int
    primitives: int = 0
    groups: int = 0
    clones: int = 0
    constraints: int = 0
    chain: bool = False
    cold: bool = False


def make(size: Size) -> str:
    """The CIB as text; the same for the same size."""
    primitives = [f"p{number}" for number in range(size.primitives)]
    groups = {f"g{number}": [f"g{number}-{part}" for part in "abc"] for number in range(size.groups)}
    clones = [f"c{number}" for number in range(size.clones)]
    nodes = [f"node{number}" for number in range(1, size.nodes + 1)]
    resources = [
        *map(_primitive, primitives),
        *(f'<group id="{name}">{"".join(map(_primitive, members))}</group>' for name, members in groups.items()),
        *(f'<clone id="{name}-clone">{_primitive(name)}</clone>' for name in clones),
    ]
    homes = {name: {nodes[place % len(nodes)]} for place, name in enumerate(primitives)}
    for place, members in enumerate(groups.values()):
        homes.update((member, {nodes[place % len(nodes)]}) for member in members)
    homes.update((name, set(nodes)) for name in clones)
    if size.chain:
        homes = {name: {nodes[0]} for name in primitives}
    histories = ("" if size.cold else "".join(_history(name, node in homes[name]) for name in homes) for node in nodes)
    states = map(_state, range(len(nodes)), nodes, histories)
    return (
        '<cib validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="0" have-quorum="1" dc-uuid="1">'
        '<configuration><crm_config><cluster_property_set id="o"><nvpair id="o1" name="stonith-enabled" value="false"/>'
        "</cluster_property_set></crm_config><nodes>"
        + "".join(f'<node id="{number}" uname="{node}"/>' for number, node in enumerate(nodes, 1))
        + f"</nodes><resources>{''.join(resources)}</resources>"
        + f"<constraints>{''.join(_constraints(size, [*primitives, *groups]))}</constraints></configuration>"
        + f"<status>{''.join(states)}</status></cib>"
    )


def _primitive(name: str) -> str:
    return (
        f'<primitive id="{name}" class="ocf" provider="heartbeat" type="Dummy"><operations>'
        f'<op id="{name}-monitor" name="monitor" interval="10s"/></operations></primitive>'
    )


def _constraints(size: Size, names: list[str]) -> Iterator[str]:
    chance = random.Random(1)
    places = range(len(names))
    pairs = [sorted(chance.sample(places, 2)) for _ in range(size.constraints)]
    if size.chain:
        pairs = [[place, place + 1] for place in places[:-1]]
    for number, (first, second) in enumerate(pairs):
        one, other = names[first], names[second]
        yield f'<rsc_colocation id="col{number}" rsc="{other}" with-rsc="{one}" score="INFINITY"/>'
        yield f'<rsc_order id="ord{number}" first="{one}" then="{other}"/>'


def _state(number: int, node: str, history: str) -> str:
    return (
        f'<node_state id="{number + 1}" uname="{node}" in_ccm="true" crmd="online" join="member" expected="member">'
        f'<lrm id="{number + 1}"><lrm_resources>{history}</lrm_resources></lrm></node_state>'
    )


def _history(name: str, runs: bool) -> str:
    task, rc = ("start", 0) if runs else ("monitor", 7)
    key = _KEY.format(rc=rc)
    return (
        f'<lrm_resource id="{name}" class="ocf" provider="heartbeat" type="Dummy"><lrm_rsc_op id="{name}_last_0" '
        f'operation="{task}" operation_key="{name}_{task}_0" interval="0" op-status="0" rc-code="{rc}" call-id="1" '
        f'transition-key="{key}" transition-magic="0:{rc};{key}"/></lrm_resource>'
    )

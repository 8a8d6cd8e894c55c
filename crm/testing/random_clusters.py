"""Clusters of many kinds, one per seed: what a configuration can ask for, drawn in other combinations each time.

Every cluster has a database with what depends on it and two fence devices; beside them some of the features below,
each a function that gives its piece of configuration and what must hold for it. Apart from `crm.testing.scenario`,
whose one cluster stays as it is, so that the seeds of old finds keep their meaning.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from crm.messaging.quorum import QuorumMode, QuorumRule
from crm.testing.invariants import AllowedBreaks, ThrottleChecker
from crm.testing.scenario import device, options_xml, primitive

VERSION = 2
"""Stepped when what seeds mean has changed: a find is told with it."""
_SIZES = (3, 3, 2, 3, 5, 3, 1, 4, 3, 5, 2, 3, 6, 3, 5, 3, 4, 2, 3, 9, 3, 7, 3, 8)
_POLICIES = ("stop", "stop", "stop", "freeze", "demote", "ignore", "fence")


@dataclass(slots=True)
class ClusterDraft:
    """A configuration in the making, and what is expected of it.

    services  ids of what can die or fail    moving  ids of primitives that clients may order about
    """

    chance: random.Random
    nodes: int
    fencing: bool = True
    options: dict[str, str] = field(default_factory=dict)
    resources: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    status: str = ""
    services: list[str] = field(default_factory=list)
    moving: list[str] = field(default_factory=list)
    tickets: list[str] = field(default_factory=list)
    unique: list[str] = field(default_factory=list)
    promoted: list[tuple[str, int]] = field(default_factory=list)
    after: list[tuple[str, str]] = field(default_factory=list)
    beside: list[tuple[str, str]] = field(default_factory=list)

    def single(self, *names: str, meta: str = "") -> str:
        """Primitives of which one instance may run anywhere."""
        self.services += names
        self.moving += names
        self.unique += names
        return "".join(primitive(name, meta=meta) for name in names)


@dataclass(frozen=True, slots=True)
class ClusterSetup:
    """A cluster to hunt on. `moving`: what clients may order about; `tickets`: those that come and go."""

    nodes: int
    cib: str
    rule: QuorumRule
    expect: AllowedBreaks
    services: tuple[str, ...]
    moving: tuple[str, ...]
    tickets: tuple[str, ...]
    node_action_limit: int
    recheck_interval_s: float
    about: str


def setup_of(seed: int) -> ClusterSetup:
    """The cluster of a seed."""
    chance = random.Random(f"variety {VERSION} {seed}")
    draft = ClusterDraft(chance, _SIZES[seed % len(_SIZES)])
    draft.fencing = chance.random() < 0.85
    _options(draft)
    _basis(draft)
    for feature in chance.sample(_FEATURES, chance.randint(1, 4)):
        feature(draft)
    limit = chance.choice((1, 2, 4, 4, 0))
    return ClusterSetup(
        draft.nodes, _cib(draft), _rule(draft), _expectations(draft, limit), tuple(draft.services),
        tuple(draft.moving), tuple(draft.tickets), limit, chance.choice((5.0, 900.0, 900.0)), _about(draft))


def _about(draft: ClusterDraft) -> str:
    """The cluster in a few lines, for the story."""
    options = ", ".join(f"{name}={value}" for name, value in draft.options.items())
    return f"{draft.nodes} nodes; {options}\nservices: {', '.join(draft.services)}"


def _rule(draft: ClusterDraft) -> QuorumRule:
    alone = draft.nodes == 2 and draft.fencing and draft.chance.random() < 0.6
    return QuorumRule(QuorumMode.TWO_NODE if alone else QuorumMode.MAJORITY)


def _options(draft: ClusterDraft) -> None:
    chance = draft.chance
    draft.options |= {"fencing-enabled": str(draft.fencing).lower(), "no-quorum-policy": chance.choice(_POLICIES),
                      "fencing-max-attempts": "1000"}
    rare = {"batch-limit": "2", "migration-limit": "1", "concurrent-fencing": "false", "stonith-action": "off",
            "start-failure-is-fatal": "false", "shutdown-lock": "true", "priority-fencing-delay": "2s",
            "stop-orphan-resources": "false", "node-health-strategy": "only-green"}
    for name in chance.sample(list(rare), chance.randint(0, 3)):
        draft.options[name] = rare[name]
    if "shutdown-lock" in draft.options:
        draft.options["shutdown-lock-limit"] = "20s"


def _expectations(draft: ClusterDraft, node_action_limit: int) -> AllowedBreaks:
    """Without fencing nobody can promise that what is out of sight has stopped; in the end it must be so all the same.

    Where the policy is to ignore the loss of quorum, both parts of a split may change the configuration, and a
    node that boots out of sight (others know it as fenced, and rightly) starts what it likes.
    """
    policy = draft.options["no-quorum-policy"]
    fenced = draft.fencing and policy != "ignore"
    throttle = ThrottleChecker(int(draft.options.get("batch-limit", "0")), node_action_limit,
                               int(draft.options.get("migration-limit", "-1")))
    return AllowedBreaks(
        unique=tuple(draft.unique) if fenced else (),
        promoted=tuple(draft.promoted) if fenced else (),
        after=tuple(draft.after),
        beside=tuple(draft.beside),
        unique_in_peace=tuple(draft.unique),
        throttle=throttle,
        forgotten=True,
        only_with_quorum=policy != "ignore",
    )


def _basis(draft: ClusterDraft) -> None:
    draft.resources += [device("power"), device("spare"), draft.single("db", "app", "web")]
    draft.constraints += [
        '<rsc_order id="app-after-db" first="db" then="app"/>',
        '<rsc_colocation id="web-with-db" rsc="web" with-rsc="db" score="INFINITY"/>',
        '<rsc_order id="web-after-db" first="db" then="web"/>',
    ]
    draft.after += [("db", "app")]
    draft.beside += [("web", "db")]


# Features


def _promotable(draft: ClusterDraft) -> None:
    count = draft.chance.choice((1, 1, 2))
    meta = {"promotable": "true", "promoted-max": str(count), "notify": draft.chance.choice(("true", "false")),
            "interleave": draft.chance.choice(("true", "false"))}
    draft.resources.append(f'<clone id="state-clone">{_meta("state-m", meta)}{primitive("state", "Stateful")}</clone>')
    draft.constraints += [
        f'<rsc_location id="promote-{number}" rsc="state-clone"><rule id="promote-{number}-r" role="Promoted" '
        f'score="{10 * number}"><expression id="promote-{number}-e" attribute="#id" operation="eq" value="{number}"/>'
        f"</rule></rsc_location>" for number in range(1, draft.nodes + 1)]
    draft.services.append("state")
    draft.promoted.append(("state", count))


def _clone(draft: ClusterDraft) -> None:
    meta = {"notify": draft.chance.choice(("true", "false")), "interleave": "true",
            "clone-max": str(draft.chance.randint(1, draft.nodes))}
    draft.resources.append(f'<clone id="all-clone">{_meta("all-m", meta)}{primitive("all")}</clone>')
    draft.services.append("all")


def _unique_clone(draft: ClusterDraft) -> None:
    meta = {"globally-unique": "true", "clone-max": "2", "clone-node-max": "2"}
    draft.resources.append(f'<clone id="many-clone">{_meta("many-m", meta)}{primitive("many")}</clone>')
    draft.services += ["many:0", "many:1"]
    draft.unique += ["many:0", "many:1"]


def _group(draft: ClusterDraft) -> None:
    draft.resources.append(f'<group id="stack">{draft.single("disk", "share", "address")}</group>')
    draft.after += [("disk", "share"), ("share", "address")]
    draft.beside += [("share", "disk"), ("address", "share")]


def _migratable(draft: ClusterDraft) -> None:
    draft.resources.append(draft.single("guest", "roamer", meta=_meta("roam", {"allow-migrate": "true"})))
    draft.constraints.append('<rsc_order id="guest-before-roamer" first="guest" then="roamer" kind="Optional"/>')


def _ticketed(draft: ClusterDraft) -> None:
    policy = draft.chance.choice(("stop", "demote", "fence", "freeze"))
    draft.resources.append(draft.single("leased"))
    draft.constraints.append(f'<rsc_ticket id="needs-ticket" rsc="leased" ticket="leave" loss-policy="{policy}"/>')
    draft.tickets.append("leave")
    draft.status = '<tickets><ticket_state id="leave" granted="true"/></tickets>'


def _containers(draft: ClusterDraft) -> None:
    replicas = draft.chance.choice((1, 2))
    draft.resources.append(f'<bundle id="box"><podman image="box" replicas="{replicas}"/><network/></bundle>')
    names = [f"box-podman-{number}" for number in range(replicas)]
    draft.services += names
    draft.unique += names


def _apart(draft: ClusterDraft) -> None:
    draft.resources.append(draft.single("left", "right"))
    draft.constraints.append('<rsc_colocation id="apart" rsc="left" with-rsc="right" score="-INFINITY"/>')


def _in_turn(draft: ClusterDraft) -> None:
    names = ("one", "two", "three")
    draft.resources.append(draft.single(*names))
    members = "".join(f'<resource_ref id="{name}"/>' for name in names)
    draft.constraints.append(f'<rsc_order id="in-turn" kind="Serialize"><resource_set id="turns" sequential="false">'
                             f"{members}</resource_set></rsc_order>")


def _levels(draft: ClusterDraft) -> None:
    devices = draft.chance.choice(("power,spare", "power", "spare"))
    levels = "".join(f'<fencing-level id="level-{index}" index="{index}" target-pattern=".*" devices="{names}"/>'
                     for index, names in enumerate((devices, "spare"), 1))
    draft.extra.append(f"<fencing-topology>{levels}</fencing-topology>")


def _sticky(draft: ClusterDraft) -> None:
    meta = {"resource-stickiness": "100", "priority": "5"}
    draft.resources.append(draft.single("anchor", meta=_meta("anchor-m", meta)))
    draft.constraints.append('<rsc_location id="anchor-home" rsc="anchor" node="a" score="50"/>')


_FEATURES: tuple[Callable[[ClusterDraft], None], ...] = (
    _promotable, _clone, _unique_clone, _group, _migratable, _ticketed, _containers, _apart, _in_turn,
    _sticky, _levels)


# The whole


def _meta(name: str, values: dict[str, str]) -> str:
    pairs = "".join(f'<nvpair id="{name}-{key}" name="{key}" value="{value}"/>' for key, value in values.items())
    return f'<meta_attributes id="{name}">{pairs}</meta_attributes>'


def _cib(draft: ClusterDraft) -> str:
    return f"""<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0"><configuration>
<crm_config>{options_xml(draft.options)}</crm_config>
<rsc_defaults>{_meta("defaults", {"failure-timeout": "20s", "migration-threshold": "3"})}</rsc_defaults>
<nodes/><resources>{"".join(draft.resources)}</resources><constraints>{"".join(draft.constraints)}</constraints>
{"".join(draft.extra)}</configuration><status>{draft.status}</status></cib>"""

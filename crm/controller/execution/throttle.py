"""How much each node, and the cluster, is given to do at once: less where machines are busy.

Each node measures the load of its machine and tells whoever leads. The rules are Pacemaker's (Pacemaker Explained,
"Cluster Options": `load-threshold`, `node-action-limit`, `batch-limit`, `migration-limit`; the figures are those of its
controller):

- A node's limit is that of its own settings, else `node-action-limit`, else twice its cores.
- Its load is the average of the last minute for each core. Compared with `load-threshold` (80 %; 0: never mind) it is
  noticeable above 1.2 times that, moderate above 1.6, high above 2. A single core counts as 0.6: there a load of 1.0 is
  much already.
- Noticeable load leaves three quarters of the limit, moderate a quarter, high a single action; always at least one.
- High load anywhere limits the whole cluster to half as many actions as there are nodes, if `batch-limit` does not ask
  for fewer.

Where we differ, so that a busy machine is not an idle one: the last limit lets a node that has nothing to do begin one
action all the same (`RunLimits.by_load`); fencing is never held up; and of limits that load has reduced an action uses
up nothing once it has been under way for `LONG_S`, as what takes minutes mostly waits. Actions that a limit holds back
begin as others end, or turn out to be long; nothing here waits or measures.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from crm.cib.document import Document
from crm.cib.queries import cluster_option
from crm.controller.core import Core
from crm.controller.parts import Part
from crm.controller.protocol.messages import NodeLoad
from crm.model.report import Report, Severity
from crm.model.transition import Transition
from crm.model.values import parse_integer
from crm.transition import RunLimits

DEFAULT_THRESHOLD = 0.8
LONG_S = 10.0
_SINGLE_CORE = 0.6


class Level(Enum):
    """How busy a machine is: the word, and from how many times the threshold it holds."""

    HIGH = ("high", 2.0)
    MODERATE = ("moderate", 1.6)
    NOTICEABLE = ("noticeable", 1.2)
    NEGLIGIBLE = ("negligible", 0.0)


def level(load: float, cores: int, threshold: float) -> Level:
    """How busy a machine with that load average (of the last minute) is; `threshold` is a share of its cores."""
    if threshold <= 0:
        return Level.NEGLIGIBLE
    capacity = (cores if cores > 1 else _SINGLE_CORE) * threshold
    return next((found for found in Level if load > capacity * found.value[1]), Level.NEGLIGIBLE)


def reduced(limit: int, busy: Level) -> int:
    """What that load leaves of a node's limit."""
    match busy:
        case Level.HIGH:
            return 1
        case Level.MODERATE:
            return max(1, limit // 4)
        case Level.NOTICEABLE:
            return max(1, limit * 3 // 4)
        case Level.NEGLIGIBLE:
            return max(1, limit)


_MEANING = {Level.HIGH: "one action at a time", Level.MODERATE: "a quarter of the usual number of actions",
            Level.NOTICEABLE: "three quarters of the usual number of actions",
            Level.NEGLIGIBLE: "as many actions as usual"}


class JobThrottle(Part):
    """Both sides: this node's load, and, while it leads, what the others told."""

    def __init__(self, core: Core, node_action_limit: int) -> None:
        self._core = core
        self._own_limit = node_action_limit
        self._own: NodeLoad | None = None
        self._loads: dict[str, NodeLoad] = {}
        self._levels: dict[str, Level] = {}
        """How busy each node is, as people were told: on a leader of all nodes, else of this one."""

    # Every node's side

    def measured(self, load: float, cores: int) -> None:
        """This machine's load was measured."""
        self._own = NodeLoad(load, cores, self._own_limit)
        if not self._core.leading:
            self._judge(self._core.me.name, self._own)
        self.leader_known()

    def leader_known(self) -> None:
        """Tell the leader."""
        if self._core.leadership is not None and self._own is not None:
            self._core.send(self._core.leadership.name, self._own)

    # The leader's side

    def told(self, node: str, load: NodeLoad) -> None:
        """A member tells its load."""
        if self._core.leading:
            self._loads[node] = load
            self._judge(node, load)

    def member_left(self, name: str) -> None:
        """What it told is of no account any more."""
        self._loads.pop(name, None)
        self._levels.pop(name, None)

    def stop_leading(self) -> None:
        """The next leader is told by the nodes themselves."""
        self._loads.clear()
        self._levels.clear()

    def reports(self) -> tuple[Report, ...]:
        """What people should know: which machines are so busy that it slows the cluster down. A leader knows of all."""
        busy = sorted(node for node, found in self._levels.items() if found is Level.HIGH)
        return tuple(Report(Severity.WARNING, "node-busy", node, f"The load of {node} is high: it is given one action "
                            "at a time, and the whole cluster few", "See what keeps its processors busy. What counts "
                            "as high is said by the option load-threshold") for node in busy)

    def limits(self, transition: Transition, long: Mapping[str, int]) -> RunLimits:
        """What may be in flight at this moment. `long`: how many actions of each node have been so for a long time."""
        document = self._core.document
        configured = max(0, parse_integer(cluster_option(document, "node-action-limit")) or 0)
        target = threshold(document)
        levels = {node: level(told.load, told.cores, target) for node, told in self._loads.items()}
        nodes = {}
        for node, told in self._loads.items():
            whole = told.action_limit or configured or 2 * told.cores
            nodes[node] = min(whole, reduced(whole, levels[node]) + long.get(node, 0))
        batch = transition.batch_limit
        if Level.HIGH in levels.values():
            batch = self._batch_under_load(batch, sum(long.values()))
        # Of a node that has told nothing (an older release) only what is configured is known.
        return RunLimits(batch, configured or self._own_limit, transition.migration_limit,
                         by_load=batch != transition.batch_limit, nodes=nodes)

    def _batch_under_load(self, configured: int, long: int) -> int:
        most = max(1, len(self._core.view.members) // 2) + long
        return min(configured, most) if configured > 0 else most

    def _judge(self, node: str, told: NodeLoad) -> None:
        """Find out how busy a node is, and tell people when that has changed."""
        target = threshold(self._core.document)
        busy = level(told.load, told.cores, target)
        before = self._levels.get(node, Level.NEGLIGIBLE)
        self._levels[node] = busy
        if busy is not before and target > 0:
            self._core.log("notice" if Level.HIGH in (busy, before) else "info",
                           f"the load of {node} is {busy.value[0]} ({told.load:.2f} on {told.cores} cores): it is "
                           f"given {_MEANING[busy]}")
        if busy is not before:
            self._core.changed("members")


def threshold(document: Document) -> float:
    """The option `load-threshold` as a share: 0.8 for 80 %."""
    percent = parse_integer(cluster_option(document, "load-threshold"))
    return DEFAULT_THRESHOLD if percent is None else percent / 100

"""Actions that fail again and again are held back: tried anew at once a few times, then after seconds, then minutes.

Pacemaker tries for ever at once what its policies do not forbid: a start whose failure does not count makes hundreds of
transitions a minute. What is held back waits within its transition while everything else goes on; a success, a cleanup
or a change of the configuration ends that. Stops and demotions are never held back: safety waits for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from crm.controller.core import Core, configuration_version
from crm.controller.parts import Part
from crm.model.report import Report, Severity
from crm.model.transition import ActionKind, GraphAction, Synapse

TIMER = "backoff"
_AT_ONCE = 3
"""So many failures in a row are answered at once."""
_FIRST_S, _LONGEST_S = 1.0, 120.0
_NEVER_HELD = ("stop", "demote", "notify", "stonith", "do_shutdown", "cancel")


@dataclass(slots=True)
class _Failing:
    """What fails in a row with a resource on a node. `operation`: which ends the row when it succeeds."""

    operation: tuple[str, int]
    failures: int
    until: float
    reason: str


class Backoff(Part):
    """The leader's memory of what failed in a row, by resource and node."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._failing: dict[tuple[str, str], _Failing] = {}
        self._configuration = configuration_version(core.document.version)

    def succeeded(self, action: GraphAction) -> None:
        """An action was done: if it is the one that failed, its row has ended."""
        failing = self._failing.get(_key(action))
        if failing is not None and failing.operation == _operation(action):
            del self._failing[_key(action)]

    def failed(self, action: GraphAction, reason: str) -> None:
        """An action failed, or was not done."""
        if action.resource is None or action.operation in _NEVER_HELD:
            return
        failing = self._failing.setdefault(_key(action), _Failing(_operation(action), 0, 0.0, ""))
        failing.operation, failing.failures, failing.reason = _operation(action), failing.failures + 1, reason
        pause_s = self._pause_s(failing.failures)
        failing.until = self._core.now + pause_s
        if pause_s:
            self._core.log("warning", f"{action.operation} of {action.resource.id} on {action.node} failed "
                           f"{failing.failures} times in a row ({reason}); the next time in {pause_s:g} s")
            self._core.changed("transition")

    def try_again(self) -> None:
        """Nothing is held back any longer."""
        self.forget()

    def forget(self, resource: str | None = None) -> None:
        """Somebody has looked into it: try at once. None: everything."""
        for key in [key for key in self._failing if resource in (None, key[0])]:
            del self._failing[key]

    def held(self, synapses: Iterable[Synapse]) -> frozenset[int]:
        """Ids of the actions that must wait now."""
        self._forget_after_change()
        waiting = {key for key, failing in self._failing.items() if failing.until > self._core.now}
        if not waiting:
            return frozenset()
        return frozenset(synapse.action.id for synapse in synapses
                         if synapse.action.kind is not ActionKind.PSEUDO and _key(synapse.action) in waiting
                         and synapse.action.operation not in _NEVER_HELD)

    def wake(self) -> None:
        """Have the timer fire when the next of them may go on."""
        moments = [failing.until for failing in self._failing.values() if failing.until > self._core.now]
        if moments:
            self._core.set_timer(TIMER, min(moments) - self._core.now)

    def reports(self) -> tuple[Report, ...]:
        """What waits, why, and what ends that."""
        return tuple(self._report(resource, node, failing) for (resource, node), failing in self._failing.items()
                     if failing.until > self._core.now)

    def _report(self, resource: str, node: str, failing: _Failing) -> Report:
        left_s = failing.until - self._core.now
        message = (f"The {failing.operation[0]} of {resource} on {node} failed {failing.failures} times in a row "
                   f"({failing.reason}); it is tried again in {left_s:.0f} s")
        return Report(Severity.WARNING, "held-back", resource, message,
                      f"Mend the cause, then try at once: crmctl cleanup {resource}")

    def _pause_s(self, failures: int) -> float:
        return 0.0 if failures < _AT_ONCE else min(_LONGEST_S, _FIRST_S * 2.0 ** (failures - _AT_ONCE))

    def _forget_after_change(self) -> None:
        """Whoever changes the configuration wants to see what comes of it."""
        configuration = configuration_version(self._core.document.version)
        if configuration != self._configuration:
            self._configuration = configuration
            self.forget()


def _key(action: GraphAction) -> tuple[str, str]:
    return (action.resource.id if action.resource is not None else "", action.node or "")


def _operation(action: GraphAction) -> tuple[str, int]:
    return (action.operation, action.interval_ms)

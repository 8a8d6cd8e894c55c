"""Simulated executors: operations that take time, in turn for each resource, and what agents do to machines.

What an agent has begun goes on when its daemon dies; a daemon that starts ends what its predecessor has left.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from crm.controller.commands import CancelOperation
from crm.controller.events import OperationEnded
from crm.model.history import ExitCode, OperationStatus
from crm.model.transition import GraphAction
from crm.testing.simulated_node import SimulatedNode

if TYPE_CHECKING:
    from crm.testing.world import World


class SimulatedExecutors:
    """Runs operations on the nodes of a world, and tells their controllers the results."""

    def __init__(self, world: World) -> None:
        self._world = world

    def run(self, node: SimulatedNode, call_id: int, action: GraphAction, key: str) -> None:
        """A controller has something done; `key` is of the transition that wants it."""
        assert action.resource is not None
        world = self._world
        if action.interval_ms > 0:
            node.recurring[call_id] = (action, None)
            self._look_again(node, call_id, world.random.uniform(0.01, 0.05))
            return
        name = action.resource.id
        hangs = (name, action.operation) in node.machine.hanging
        duration = action.timeout_ms / 1000 if hangs else world.random.uniform(0.01, 0.2)
        duration = node.machine.slow.get((name, action.operation), duration)
        begun = max(world.clock, node.lanes.get(name, 0.0))
        node.lanes[name] = begun + duration
        run, incarnation = world.timeline.number(), node.incarnation
        world.checkers.ordered(node, run, action, key)

        def begin() -> None:
            if node.frozen_until > world.clock:  # the daemon does not begin it
                world.timeline.at(node.frozen_until, world.in_daemon(node, begin_late))
            elif node.incarnation == incarnation:
                node.under_way[run] = action
                world.checkers.begins(node, action)

        def begin_late() -> None:
            begin()
            world.later(duration, world.on_machine(node, end))

        def end() -> None:
            world.checkers.over(run)
            if node.under_way.pop(run, None) is None:
                return
            status, rc = self._end(node, action, hangs)
            if node.incarnation == incarnation:
                ended = OperationEnded(call_id, status, rc, started_at=begun + node.skew,
                                       run_ms=round(1000 * (world.clock - begun)))
                if world.keepers is None:
                    world.handle(node, ended)
                else:  # the daemon may be frozen
                    world.in_daemon(node, lambda: world.handle(node, ended))()

        world.later(begun - world.clock, world.on_machine(node, begin))
        world.later(begun + duration - world.clock, world.on_machine(node, end))

    def cancel(self, node: SimulatedNode, command: CancelOperation) -> None:
        """A controller wants recurring operations no more."""
        for call_id, (action, _) in list(node.recurring.items()):
            meant = command.operation is None or (
                (action.operation, action.interval_ms) == (command.operation, command.interval_ms))
            if meant and action.resource and action.resource.id == command.resource:
                del node.recurring[call_id]

    def end_left_over(self, node: SimulatedNode) -> None:
        """A daemon that starts ends the operations that the one before it has left (services go on)."""
        left, node.under_way = node.under_way, {}
        for action in left.values():
            if self._world.random.random() < 0.5:
                self._carry_out(node, action)
                self._world.note(f"{node.name}: {action.operation} of the former daemon was done")
            self._world.checkers.ended(node, action, ok=False)
        node.lanes.clear()

    def _end(self, node: SimulatedNode, action: GraphAction, hung: bool) -> tuple[int, int]:
        """What an operation does, and how it ends; one that hung was killed, with its work done or not."""
        assert action.resource is not None
        world = self._world
        done = not hung or world.random.random() < 0.5
        status, rc = self._carry_out(node, action) if done else (OperationStatus.TIMEOUT, 1)
        if hung:
            status, rc = OperationStatus.TIMEOUT, 1
            if done:
                world.checkers.state_unknown(action.resource.id)
        told = "0" if rc == 0 else f"{rc} ({ExitCode(rc).name.lower().replace('_', ' ')})"
        world.note(f"{node.name}: {action.operation} {action.resource.id} = {told}{' after its time' if hung else ''}")
        world.checkers.ended(node, action, ok=(status, rc) == (OperationStatus.DONE, 0))
        if (status, rc) != (OperationStatus.DONE, action.target_rc):
            world.checkers.failed(node, action)
        return status, rc

    def _carry_out(self, node: SimulatedNode, action: GraphAction) -> tuple[int, int]:
        """What an agent does. The sending half of a migration also makes the resource active where it goes."""
        world = self._world
        goes_to = action.attributes.get("CRM_meta_migrate_target", "")
        if action.operation != "migrate_to":
            return node.machine.perform(action)
        target = world.nodes[goes_to]
        assert action.resource is not None
        if not (target.powered and world.network.linked(node.name, goes_to)):
            return OperationStatus.DONE, ExitCode.UNKNOWN_ERROR
        status, rc = node.machine.perform(action)
        if rc == ExitCode.OK:
            target.machine.active.setdefault(action.resource.id, False)
        return status, rc

    def _look_again(self, node: SimulatedNode, call_id: int, after_s: float) -> None:
        self._world.later(after_s, self._world.in_daemon(node, partial(self._look, node, call_id)))

    def _look(self, node: SimulatedNode, call_id: int) -> None:
        """A recurring operation: reports its first result and every change."""
        if call_id not in node.recurring:
            return
        world = self._world
        action, last = node.recurring[call_id]
        result = node.machine.perform(action)
        node.recurring[call_id] = (action, result)
        if result != last:
            if result != (OperationStatus.DONE, action.target_rc):
                world.checkers.failed(node, action)
            world.handle(node, OperationEnded(call_id, *result, started_at=world.clock + node.skew, run_ms=5))
        self._look_again(node, call_id, action.interval_ms / 1000)

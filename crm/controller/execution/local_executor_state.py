"""What this node's executor has done: takes actions from the leader, keeps the records, and reports results.

The node is the authority on its own history: it tells all of it whenever it joins a leader, and each result as it
comes. After a restart of the daemon it is empty, whatever still runs: probes find that out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from crm.cib.status_updates import ResourceUpdate
from crm.controller.commands import CancelOperation, RunOperation, Terminate
from crm.controller.core import Core
from crm.controller.events import AgentDescribed, AgentTraits, OperationEnded
from crm.controller.execution.alerts import AlertedOperation, AlertSender
from crm.controller.execution.operation_digests import name_list, operation_digest
from crm.controller.protocol.keys import TransitionKey, operation_key
from crm.controller.protocol.messages import (
    ActionInFlight,
    ActionRefused,
    ActionResult,
    CleanHistory,
    Execute,
    JoinConfirm,
    OwnAttribute,
)
from crm.model.history import ExitCode, OperationStatus
from crm.model.text import fit_line, last_lines
from crm.model.transition import AgentReference, GraphAction

_CHANGES_NOTHING = ("monitor", "notify")
_COUNTED = ("start", "stop", "promote", "demote")
"""Failures of these and of recurring operations are counted."""
_MIGRATIONS = ("migrate_to", "migrate_from")
_ACTIVE = (ExitCode.OK, ExitCode.RUNNING_PROMOTED)
_OUTPUT_LINES, _LONGEST_OUTPUT, _LONGEST_REASON = 10, 1000, 200
"""How much of what an agent printed is kept with its failure, in the CIB and so on every node."""
_NEVER_A_FAILURE = (OperationStatus.CANCELLED, OperationStatus.PENDING)


@dataclass(slots=True)
class _Call:
    """An operation that was handed to the executor; a recurring one stays until it is cancelled."""

    action: GraphAction
    key: str
    reported: bool = False


@dataclass(slots=True)
class _Resource:
    agent: AgentReference
    entries: dict[str, dict[str, str]] = field(default_factory=dict)
    failures: dict[str, ActionResult] = field(default_factory=dict)
    """The last result of each operation that failed, until something is done about it or it succeeds."""

    def record(self) -> ResourceUpdate:
        entries = {entry: dict(attributes) for entry, attributes in self.entries.items()}
        return ResourceUpdate(self.agent.id, self.agent.standard, self.agent.type, self.agent.provider, entries)


class LocalExecutorState:
    """The executor's side of the controller."""

    def __init__(self, core: Core, alerts: AlertSender,
                 own_attributes: Callable[[], tuple[OwnAttribute, ...]]) -> None:
        self._core = core
        self._resources: dict[str, _Resource] = {}
        self._calls: dict[int, _Call] = {}
        self._traits: dict[tuple[str, str | None, str], AgentTraits] = {}
        self._last_call = 0
        self._alerts = alerts
        self._own_attributes = own_attributes

    def records(self) -> tuple[ResourceUpdate, ...]:
        """All that is known, for a leader."""
        return tuple(resource.record() for resource in self._resources.values())

    def under_way(self) -> tuple[str, ...]:
        """Transition keys of operations that have no result yet."""
        return tuple(call.key for call in self._calls.values() if not call.reported)

    def joining(self, term: int, welcome_serial: int) -> JoinConfirm:
        """What a leader is told on joining it; `welcome_serial` is that of its welcome."""
        orders = tuple(ActionInFlight(call.key, call.action) for call in self._calls.values() if not call.reported
                       and call.action.interval_ms == 0 and call.action.operation not in _CHANGES_NOTHING)
        changing = tuple(order.key for order in orders)
        failures = tuple(failure for resource in self._resources.values() for failure in resource.failures.values())
        return JoinConfirm(term, self._core.view.number, self._core.me.incarnation, self.records(), self.under_way(),
                           changing, self._core.now, self._own_attributes(), welcome_serial, failures, orders,
                           self._core.caught_up)

    def execute(self, sender: str, message: Execute) -> None:
        """A leader's order; refused when it is not our leader's."""
        core = self._core
        held = core.leadership
        if held is None or held.name != sender or (held.term, held.caretaker) != (message.term, message.caretaker):
            core.send(sender, ActionRefused(message.key, f"{core.me.name} follows {core.dc or 'nobody'}, "
                                            f"term {core.hard_state.term}"))
            return
        if message.action.resource is None and message.action.operation != "do_shutdown":
            core.send(sender, ActionRefused(message.key, "the order names no resource"))
            return
        match message.action.operation:
            case "cancel":
                self._cancel(message)
            case "delete" | "lrm_delete":
                self._delete(message)
            case "do_shutdown":
                core.emit(Terminate("the cluster has let this node go", let_go=True))
            case _:
                self._run(message.action, message.key)

    def described(self, event: AgentDescribed) -> None:
        """An agent's metadata is known now."""
        agent = event.agent
        self._traits[agent.standard, agent.provider, agent.type] = event.traits

    def forget(self, message: CleanHistory) -> None:
        """A leader has had something cleaned up."""
        if message.resource is None:
            self._resources.clear()
        elif not message.entries:
            self._resources.pop(message.resource, None)
        elif message.resource in self._resources:
            for entry in message.entries:
                self._resources[message.resource].entries.pop(entry, None)

    def ended(self, event: OperationEnded) -> None:
        """The executor has a result."""
        call = self._calls.get(event.call_id)
        if call is None:
            return
        if call.action.interval_ms == 0 or event.status == OperationStatus.CANCELLED:
            del self._calls[event.call_id]
        if event.status == OperationStatus.CANCELLED:
            return
        call.reported = True
        self._report(call, event)

    def _run(self, action: GraphAction, key: str) -> None:
        core = self._core
        assert action.resource is not None, f"action {action.key} has no resource"
        if action.interval_ms == 0 and action.operation not in _CHANGES_NOTHING:
            self._drop_recurring(action.resource.id)
        self._last_call += 1
        self._calls[self._last_call] = _Call(action, key)
        core.emit(RunOperation(self._last_call, action, key))

    def _drop_recurring(self, resource: str) -> None:
        """What watches a state must not watch while the state is being changed."""
        recurring = [number for number, call in self._calls.items()
                     if call.action.interval_ms > 0 and call.action.resource and call.action.resource.id == resource]
        if recurring:
            self._core.emit(CancelOperation(resource))
        for number in recurring:
            del self._calls[number]

    def _cancel(self, message: Execute) -> None:
        action = message.action
        assert action.resource is not None
        operation = action.attributes.get("CRM_meta_operation", "monitor")
        interval_ms = action.interval_ms
        resource = action.resource.id
        for number, call in list(self._calls.items()):
            same = (call.action.operation, call.action.interval_ms) == (operation, interval_ms)
            if same and call.action.resource and call.action.resource.id == resource:
                del self._calls[number]
        self._core.emit(CancelOperation(resource, operation, interval_ms))
        entry = operation_key(resource, operation, interval_ms)
        if resource in self._resources:
            self._resources[resource].entries.pop(entry, None)
            self._resources[resource].failures.pop(entry, None)
        self._confirm(message, forgotten=(entry,))

    def _delete(self, message: Execute) -> None:
        assert message.action.resource is not None
        self._drop_recurring(message.action.resource.id)
        self._resources.pop(message.action.resource.id, None)
        self._confirm(message, gone=True)

    def _confirm(self, message: Execute, forgotten: tuple[str, ...] = (), gone: bool = False) -> None:
        """Answer for what needs no agent."""
        agent = message.action.resource
        assert agent is not None
        record = ResourceUpdate(agent.id, agent.standard, agent.type, agent.provider)
        self._send(ActionResult(message.key, message.action.operation, 0, message.action.target_rc,
                                OperationStatus.DONE,
                                record, None, forgotten, gone, "", self._core.now))

    def _report(self, call: _Call, event: OperationEnded) -> None:
        action = call.action
        agent = event.agent or action.resource
        assert agent is not None
        failed = _failed(call, event)
        broken = failed and not _has_found_it(action, event)
        if broken:
            event = _with_reason(event)
            self._log_failure(agent, action, event)
        key = TransitionKey.parse(call.key)
        self._alerts.operation(AlertedOperation(agent.id, action.operation, action.interval_ms, event.status, event.rc,
                                                key.target_rc if key else action.target_rc, event.run_ms,
                                                event.exit_reason))
        resource = self._resources.setdefault(agent.id, _Resource(agent))
        resource.agent = agent
        attributes = self._attributes(call, event)
        if broken and event.output:
            attributes["agent-output"] = last_lines(event.output, _OUTPUT_LINES, _LONGEST_OUTPUT)
        entries = dict.fromkeys(self._entry_ids(call, event), attributes)
        forgotten = self._ended_by_stop(resource, action, event)
        resource.entries.update(entries)
        record = ResourceUpdate(agent.id, agent.standard, agent.type, agent.provider, entries)
        result = ActionResult(call.key, action.operation, action.interval_ms, event.rc, event.status, record,
                        action.attributes.get("CRM_meta_on_fail"), forgotten, False, event.exit_reason, self._core.now)
        self._keep_failure(resource, result, failed)
        self._send(result)

    def _log_failure(self, agent: AgentReference, action: GraphAction, event: OperationEnded) -> None:
        """In this node's log, with what the agent said: here is where its cause will be looked for."""
        core = self._core
        core.log("warning", f"{action.operation} of {agent.id} failed here: rc {event.rc}"
                 + (f" ({event.exit_reason})" if event.exit_reason else ""))
        for line in last_lines(event.output, _OUTPUT_LINES, _LONGEST_OUTPUT).splitlines():
            core.log("warning", f"{agent.id}: {line}")

    def _keep_failure(self, resource: _Resource, result: ActionResult, failed: bool) -> None:
        """A leader may die before it has heard of a failure: the next one is told of those that still stand."""
        counts = result.interval_ms > 0 or result.operation in _COUNTED
        if counts and result.interval_ms == 0:
            resource.failures.clear()
        key = operation_key(result.record.id, result.operation, result.interval_ms)
        resource.failures.pop(key, None)
        if counts and failed:
            resource.failures[key] = result

    def _send(self, result: ActionResult) -> None:
        """To the leader; without one the records wait until we join the next."""
        if self._core.leadership is not None:
            self._core.send(self._core.leadership.name, result)

    def _ended_by_stop(self, resource: _Resource, action: GraphAction, event: OperationEnded) -> tuple[str, ...]:
        """After a stop, results of recurring operations and of migrations say nothing any more.

        An old arrival would be taken for that of the next migration, which may never have come.
        """
        if action.operation != "stop" or event.rc != ExitCode.OK:
            return ()
        over = tuple(entry for entry, attributes in resource.entries.items()
                     if (attributes.get("interval", "0") != "0" or attributes.get("operation") in _MIGRATIONS)
                     and not entry.endswith("_last_failure_0"))
        for entry in over:
            del resource.entries[entry]
        return over

    def _entry_ids(self, call: _Call, event: OperationEnded) -> tuple[str, ...]:
        action = call.action
        assert action.resource is not None
        name = action.resource.id
        if action.operation == "notify":
            kind = action.attributes.get("CRM_meta_notify_type", "pre")
            about = action.attributes.get("CRM_meta_notify_operation", "start")
            return (f"{name}_{kind}_notify_{about}_0",)
        last = f"{name}_last_0"
        if _failed(call, event):
            return (f"{name}_last_failure_0", last) if action.interval_ms == 0 else (
                f"{name}_last_failure_0", operation_key(name, action.operation, action.interval_ms))
        if action.interval_ms > 0 or action.operation in ("migrate_to", "migrate_from"):
            return (operation_key(name, action.operation, action.interval_ms),)
        return (last,)

    def _attributes(self, call: _Call, event: OperationEnded) -> dict[str, str]:
        action, core = call.action, self._core
        assert action.resource is not None
        given = action.attributes if event.parameters is None else event.parameters
        status, rc = event.status, event.rc
        if action.operation == "notify":
            status, rc = OperationStatus.DONE, ExitCode.OK
        operation = _recorded_operation(action, rc)
        ended_at = event.started_at + event.run_ms / 1000
        attributes = {
            "operation_key": operation_key(action.resource.id, operation, action.interval_ms),
            "operation": operation,
            "crm-debug-origin": "executor",
            "crm_feature_set": core.release.feature_set,
            "transition-key": call.key,
            "transition-magic": f"{int(status)}:{int(rc)};{call.key}",
            "exit-reason": event.exit_reason,
            "on_node": core.me.name,
            "call-id": str(event.call_id),
            "rc-code": str(int(rc)),
            "op-status": str(int(status)),
            "interval": str(action.interval_ms),
            "last-rc-change": str(int(ended_at)),
            "exec-time": str(event.run_ms),
            "queue-time": str(event.queue_ms),
            "op-digest": operation_digest(given, action.interval_ms),
        }
        if action.interval_ms == 0:
            attributes["last-run"] = str(int(event.started_at))
        for end in ("source", "target"):
            if action.operation in _MIGRATIONS:
                attributes[f"migrate_{end}"] = action.attributes.get(f"CRM_meta_migrate_{end}", "")
        return attributes | self._reload_attributes(action, event.agent or action.resource, given)

    def _reload_attributes(self, action: GraphAction, agent: AgentReference,
                           given: Mapping[str, str]) -> dict[str, str]:
        """Digests that tell later whether a change of parameters needs a restart, and which must not be shown."""
        traits = self._traits.get((agent.standard, agent.provider, agent.type))
        if traits is None or action.operation not in ("start", "reload", "reload-agent", "monitor"):
            return {}
        attributes: dict[str, str] = {}
        if traits.can_reload and action.interval_ms == 0:
            attributes["op-force-restart"] = name_list(traits.parameters - traits.reloadable)
            attributes["op-restart-digest"] = operation_digest(given, 0, without=traits.reloadable)
        if traits.private:
            attributes["op-secure-params"] = name_list(traits.private)
            attributes["op-secure-digest"] = operation_digest(given, 0, without=traits.private)
        return attributes


def _failed(call: _Call, event: OperationEnded) -> bool:
    if event.status in _NEVER_A_FAILURE:
        return False
    key = TransitionKey.parse(call.key)
    target = key.target_rc if key else call.action.target_rc
    return event.status != OperationStatus.DONE or event.rc != target


def _has_found_it(action: GraphAction, event: OperationEnded) -> bool:
    """Whether it is a probe that found its resource active: not what was expected, and yet nothing is broken."""
    probe = action.operation == "monitor" and action.interval_ms == 0
    return probe and event.status == OperationStatus.DONE and event.rc in _ACTIVE


def _with_reason(event: OperationEnded) -> OperationEnded:
    """A failure that the agent gave no reason for is explained by the last thing that it said."""
    if event.exit_reason or not event.output:
        return event
    return replace(event, exit_reason=fit_line(last_lines(event.output, 1, _LONGEST_OUTPUT), _LONGEST_REASON))


def _recorded_operation(action: GraphAction, rc: int) -> str:
    """A reload counts as a start when it worked, as a monitor when it did not."""
    if action.operation in ("reload", "reload-agent"):
        return "start" if rc == ExitCode.OK else "monitor"
    return action.operation

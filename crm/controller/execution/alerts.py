"""Alerts: which agents are told of an event, and what they are told. They are run by the executor (`SendAlert`).

Each event is told once: what an agent of a resource has done by the node where that happened, all else by the leader.
(Pacemaker has every node tell of nodes and fencing; people then write agents that drop all but one.)
Source: Pacemaker Explained, "Alerts"; names of the environment variables from Pacemaker Administration, "Alert Agents".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crm.cib.queries import has_alerts
from crm.controller.commands import SendAlert
from crm.controller.core import Core, configuration_version
from crm.controller.fencing.fencing_history import FencingRecord
from crm.controller.parts import MemberJoined, Part
from crm.model.attributes import AttributeSet
from crm.model.cib import Alert
from crm.model.history import ExitCode, OperationStatus
from crm.model.values import parse_bool, parse_interval_ms
from crm.policy_engine.picture.rules import RuleInput, apply_sets

_SELECTED_BY_DEFAULT = ("nodes", "fencing", "resources")
_KIND_OF = {"nodes": "node", "fencing": "fencing", "resources": "resource", "attributes": "attribute"}
_DEFAULT_TIMEOUT_MS = 30_000
_DEFAULT_FORMAT = "%H:%M:%S.%6N"


@dataclass(frozen=True, slots=True)
class AlertedOperation:
    """What an alert says of a resource operation that has ended."""

    resource: str
    operation: str
    interval_ms: int
    status: int
    rc: int
    target_rc: int
    run_ms: int
    exit_reason: str = ""


class AlertSender(Part):
    """One node's alerts. `tell` methods may be called for every event: without alerts they cost next to nothing."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._read_at: tuple[int, int] | None = None
        self._alerts: tuple[Alert, ...] = ()

    def member_joined(self, joined: MemberJoined) -> None:
        """A node has come."""
        if joined.new:
            self._tell_of_node(joined.name, "member")

    def member_left(self, name: str) -> None:
        """A node has gone."""
        self._tell_of_node(name, "lost")

    def _tell_of_node(self, name: str, how: str) -> None:
        self._tell("nodes", {"node": name, "nodeid": self._core.me.config.id_of(name), "desc": how})

    def fencing(self, record: FencingRecord) -> None:
        """A fencing has ended."""
        if record.state == "pending":
            return
        ended = "OK" if record.state == "success" else f"failed ({record.reason})"
        by = record.executor or record.device or "nobody"
        self._tell("fencing", {
            "node": record.target, "nodeid": self._core.me.config.id_of(record.target), "task": record.action,
            "desc": f"Operation {record.action} of {record.target} by {by} for {record.origin}: {ended}",
            "rc": "0" if record.state == "success" else "1"})

    def operation(self, told: AlertedOperation) -> None:
        """An operation of this node has ended; a probe that found what was expected is not worth a word."""
        expected = told.status == OperationStatus.DONE and told.rc == told.target_rc
        if told.operation == "meta-data" or (told.operation == "monitor" and told.interval_ms == 0 and expected):
            return
        self._tell("resources", {
            "node": self._core.me.name, "nodeid": self._core.me.id, "rsc": told.resource, "task": told.operation,
            "interval": str(told.interval_ms), "desc": _described(told), "status": str(int(told.status)),
            "rc": str(int(told.rc)), "target_rc": str(told.target_rc), "exec_time": str(told.run_ms)})

    def attribute(self, node: str, name: str, value: str | None) -> None:
        """A transient attribute was written."""
        self._tell("attributes", {"node": node, "nodeid": self._core.me.config.id_of(node), "attribute_name": name,
                                  "attribute_value": value or ""})

    def _tell(self, what: str, told: Mapping[str, str]) -> None:
        for alert in self._configured():
            selected = alert.select or _SELECTED_BY_DEFAULT
            wanted = what != "attributes" or not alert.attributes or told["attribute_name"] in alert.attributes
            if what in selected and wanted:
                self._send(alert, {"kind": _KIND_OF[what], **told})

    def _configured(self) -> tuple[Alert, ...]:
        document = self._core.document
        version = configuration_version(document.version)
        if version != self._read_at:
            self._read_at = version
            self._alerts = document.model().alerts if has_alerts(document) else ()
        return self._alerts

    def _send(self, alert: Alert, told: Mapping[str, str]) -> None:
        meta, parameters = self._values(alert.meta), self._values(alert.parameters)
        if parse_bool(meta.get("enabled", "true")) is False:
            return
        if not alert.recipients:
            self._emit(alert, "", meta, parameters, told)
        for recipient in alert.recipients:
            own = meta | self._values(recipient.meta)
            if parse_bool(own.get("enabled", "true")) is not False:
                self._emit(alert, recipient.value, own, parameters | self._values(recipient.parameters), told)

    def _emit(self, alert: Alert, recipient: str, meta: Mapping[str, str], parameters: Mapping[str, str],
              told: Mapping[str, str]) -> None:
        environment = {f"CRM_alert_{name}": value for name, value in {**told, "recipient": recipient}.items()}
        self._core.emit(SendAlert(alert.path, {**parameters, **environment},
                                  parse_interval_ms(meta.get("timeout")) or _DEFAULT_TIMEOUT_MS,
                                  meta.get("timestamp-format", _DEFAULT_FORMAT), self._core.now))

    def _values(self, sets: tuple[AttributeSet, ...]) -> dict[str, str]:
        found: dict[str, str] = {}
        apply_sets(sets, RuleInput(int(self._core.now)), found, lambda _moment: None)
        return found


def _described(told: AlertedOperation) -> str:
    """The outcome in a word or two."""
    if told.status == OperationStatus.TIMEOUT:
        return f"Timed out{f': {told.exit_reason}' if told.exit_reason else ''}"
    if told.status == OperationStatus.CANCELLED:
        return "Cancelled"
    word = ExitCode(told.rc).name.lower().replace("_", " ") if told.rc in set(ExitCode) else f"exit code {told.rc}"
    return f"{word}{f' ({told.exit_reason})' if told.exit_reason else ''}"

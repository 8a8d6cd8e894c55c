"""The settings of an operation: what is configured for it, with defaults, rules and corrections applied.

Source: Pacemaker Explained, "Operation Properties", "Setting Global Defaults for Operations". A probe without a time
limit of its own takes that of the most frequent monitor.
"""

from __future__ import annotations

from collections.abc import Iterator

from crm.model.dates import parse_moment
from crm.model.report import Report, Severity
from crm.model.resources import Operation, Primitive
from crm.model.values import parse_bool, parse_time_ms
from crm.policy_engine.picture.cluster import Cluster, Node, Resource
from crm.policy_engine.picture.parameters import parameters_of
from crm.policy_engine.picture.rules import RuleInput, apply_sets

DEFAULT_TIMEOUT_MS = 20_000
LONGEST_MS = 2**31 - 1
PROMOTED_WORDS = ("promoted", "master")


def configured_operations(resource: Resource) -> tuple[Operation, ...]:
    """The operations configured for a primitive, in order; none for anything else."""
    definition = resource.definition
    return definition.operations if isinstance(definition, Primitive) else ()


def is_enabled(operation: Operation) -> bool:
    """Whether the operation is not switched off."""
    return parse_bool(operation.attributes.get("enabled")) is not False


def find_operation(
    resource: Resource, name: str, interval_ms: int = 0, include_disabled: bool = True
) -> Operation | None:
    """The configured operation of this name and interval; `migrate` stands for either half of a migration."""
    found = _find_exactly(resource, name, interval_ms, include_disabled)
    if found is None and name in ("migrate_to", "migrate_from"):
        found = _find_exactly(resource, "migrate", 0, include_disabled)
    return found


def _find_exactly(resource: Resource, name: str, interval_ms: int, include_disabled: bool) -> Operation | None:
    for operation in configured_operations(resource):
        if operation.name == name and operation.interval_ms == interval_ms:
            if include_disabled or is_enabled(operation):
                return operation
    return None


def is_probe(name: str, interval_ms: int) -> bool:
    """Whether an operation only asks for the present state."""
    return name == "monitor" and interval_ms == 0


def operation_meta(
    cluster: Cluster, resource: Resource, node: Node | None, name: str, interval_ms: int, operation: Operation | None
) -> dict[str, str]:
    """The meta attributes of an operation, `timeout` and `interval` among them in milliseconds. The caller's to change.

    Attributes of the `op` element itself win over its meta sets only where those are silent; `op_defaults` come last.
    """
    given = RuleInput(
        cluster.now,
        standard=resource.standard or None,
        provider=resource.provider,
        type=resource.type or None,
        operation=name,
        interval_ms=interval_ms,
    )
    meta: dict[str, str] = {}
    if operation is not None:
        apply_sets(operation.meta, given, meta, cluster.advance_recheck)
        meta.update(operation.attributes)
    if is_probe(name, interval_ms) and "timeout" not in meta:
        frequent = _most_frequent_monitor(resource)
        if frequent is not None and "timeout" in frequent.attributes:
            meta["timeout"] = frequent.attributes["timeout"]
    apply_sets(cluster.cib.operation_defaults, given, meta, cluster.advance_recheck)
    meta.pop("id", None)
    meta.pop("interval", None)
    if interval_ms > 0:
        meta["interval"] = str(interval_ms)
    _apply_fencing_timeout(cluster, resource, node, name, interval_ms, meta)
    meta["timeout"] = str(_timeout_ms(meta.get("timeout")))
    _correct_on_fail(cluster, resource, name, operation, meta)
    _apply_start_delay(cluster, operation, interval_ms, meta)
    return meta


def _most_frequent_monitor(resource: Resource) -> Operation | None:
    monitors = [
        operation
        for operation in configured_operations(resource)
        if operation.name == "monitor" and operation.interval_ms > 0 and is_enabled(operation)
    ]
    return min(monitors, key=lambda operation: operation.interval_ms, default=None)


def _apply_fencing_timeout(
    cluster: Cluster, resource: Resource, node: Node | None, name: str, interval_ms: int, meta: dict[str, str]
) -> None:
    if resource.standard == "stonith" and (name == "start" or is_probe(name, interval_ms)):
        special = parameters_of(cluster, resource, node).get("pcmk_monitor_timeout")
        if special is not None:
            meta["timeout"] = special


def _timeout_ms(text: str | None) -> int:
    value = parse_time_ms(text)
    if value is None or value <= 0:
        return DEFAULT_TIMEOUT_MS
    return min(value, LONGEST_MS)


def _apply_start_delay(
    cluster: Cluster, operation: Operation | None, interval_ms: int, meta: dict[str, str]
) -> None:
    if "start-delay" in meta:
        delay = parse_time_ms(meta["start-delay"]) or 0
        meta["start-delay"] = str(min(max(delay, 0), LONGEST_MS))
    elif "interval-origin" in meta and interval_ms >= 1000:
        delay_ms = _until_next_interval(cluster, operation, interval_ms, meta["interval-origin"])
        if delay_ms is not None:
            meta["start-delay"] = str(delay_ms)


def _until_next_interval(
    cluster: Cluster, operation: Operation | None, interval_ms: int, origin_text: str
) -> int | None:
    """Milliseconds until the interval next comes round, counted from its origin."""
    origin = parse_moment(origin_text)
    if origin is None:
        where = operation.id if operation is not None else "operation"
        message = f"The interval-origin {origin_text!r} of the operation {where} is no date and is ignored."
        cluster.reports.append(Report(Severity.ERROR, "invalid-date", where, message))
        return None
    interval = (interval_ms + 500) // 1000
    since = cluster.now - origin
    remainder = abs(since) % interval * (1 if since >= 0 else -1)
    return ((0 if remainder <= 0 else interval) - remainder) * 1000


def _correct_on_fail(
    cluster: Cluster, resource: Resource, name: str, operation: Operation | None, meta: dict[str, str]
) -> None:
    """Take back an `on-fail` that its operation does not allow; a demote inherits that of the promoted monitor."""
    value = meta.get("on-fail")
    if name == "stop" and value is not None and value.lower() in ("standby", "demote", "stop"):
        _report_on_fail(cluster, resource, name, value)
        del meta["on-fail"]
    elif name == "demote" and value is None:
        for inherited in _promoted_on_fail(resource):
            meta["on-fail"] = inherited
    elif name == "lrm_delete":
        meta["on-fail"] = "ignore"
    elif value is not None and value.lower() == "demote" and not _may_demote_on_fail(operation):
        _report_on_fail(cluster, resource, name, value)
        del meta["on-fail"]


def _promoted_on_fail(resource: Resource) -> Iterator[str]:
    for operation in configured_operations(resource):
        value = operation.attributes.get("on-fail")
        if (
            value is not None
            and operation.name == "monitor"
            and operation.attributes.get("role", "").lower() in PROMOTED_WORDS
            and operation.interval_ms > 0
            and is_enabled(operation)
            and value.lower() != "demote"
        ):
            yield value


def _may_demote_on_fail(operation: Operation | None) -> bool:
    if operation is None:
        return False
    if operation.name == "promote":
        return True
    role = operation.attributes.get("role", "").lower()
    return operation.name == "monitor" and operation.interval_ms > 0 and role in PROMOTED_WORDS


def _report_on_fail(cluster: Cluster, resource: Resource, name: str, value: str) -> None:
    message = f"on-fail={value} is not allowed for {name} of {resource.id}; the default is used."
    cluster.reports.append(Report(Severity.ERROR, "invalid-on-fail", resource.id, message))

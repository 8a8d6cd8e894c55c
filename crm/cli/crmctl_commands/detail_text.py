"""The text of `crmctl status NAME`: all that is known about one resource or node. Pure: values in, lines out."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from crm.cli.crmctl_commands.clock_text import clock
from crm.cli.pacemaker.state_words import state_word

Value = Mapping[str, Any]
_WIDTH = 110
_PENDING = -1
_STATES = {1: "cancelled", 2: "timed out", 3: "not supported", 4: "error", 5: "error", 6: "error", 7: "not installed"}
_CODES = {0: "ok", 1: "error", 2: "invalid parameter", 3: "unimplemented", 4: "insufficient privileges",
          5: "not installed", 6: "not configured", 7: "not running", 8: "running, promoted", 9: "failed, promoted"}
_TOLD_BELOW = ("fail-count-", "last-failure-")


def resource_lines(status: Value) -> Iterator[str]:
    """The lines for a resource, from the answer of `/v1/resources/NAME/status`."""
    resource, explanation = status["resource"], status["explanation"]
    yield _headline(resource, status)
    for instance in explanation["instances"] if explanation else ():
        about = "" if instance["id"] == resource["id"] else f"{instance['id']} "
        yield from _wrapped(f"{about}{instance['headline']}", "  ")
        for reason in instance["why"][:4]:
            yield from _wrapped(reason.strip(), "    ")
    yield from _section("Configured", _configured(status["configured"]))
    yield from _section("Nodes", _nodes(explanation, status))
    yield from _shared(status)


def node_lines(status: Value) -> Iterator[str]:
    """The lines for a node, from the answer of `/v1/nodes/NAME/status`."""
    node = status["node"]
    dc = ", it is the DC" if node["is_dc"] else ""
    yield f"{node['name']} (node, id {node['id']}) is {node['state']}{dc}"
    running = [f"{each['resource']}{_role(each['role'])}" for each in status["running"]]
    yield from _section("Runs", running or ["nothing"])
    yield from _section("Attributes", [f"{name}={value}" for name, value in node["attributes"].items()
                                       if not name.startswith(_TOLD_BELOW)])
    yield from _shared(status)


def _shared(status: Value) -> Iterator[str]:
    """What resources and nodes have in common."""
    yield from _section("Under way", [_operation(each) for each in status["pending"]])
    yield from _section("Failures", _failures(status["failures"]))
    counts = (f"{each['resource']} {_what(each)} on {each['node']}: {each['count']}" for each in status["fail_counts"])
    yield from _section("Fail counts", counts)
    yield from _section("Constraints", _constraints(status["constraints"]))
    told = sorted((each for each in status["operations"] if each["status"] != _PENDING),
                  key=lambda each: (each["at"] or 0, each["call"] or 0))
    yield from _section("Last results", [_operation(each) for each in told])
    yield from _section("What to do", status["next_steps"])


def _headline(resource: Value, status: Value) -> str:
    kind = resource["agent"] or resource["kind"]
    where = f" on {', '.join(resource['nodes'])}" if resource["nodes"] else ""
    promoted = f", promoted on {', '.join(status['promoted'])}" if status["promoted"] else ""
    marks = [word for word in ("failed", "blocked") if resource[word]]
    marks += [] if resource["managed"] else ["unmanaged"]
    note = f" [{', '.join(marks)}]" if marks else ""
    within = f", in {' in '.join(status['within'])}" if status["within"] else ""
    return f"{resource['id']} ({kind}{within}) is {state_word(resource).lower()}{where}{promoted}{note}"


def _configured(primitives: Sequence[Value]) -> Iterator[str]:
    for each in primitives:
        template = f" (template {each['template']})" if each["template"] else ""
        yield f"{each['id']}: {each['agent'] or 'no agent'}{template}"
        yield from (f"  {name}={value}" for name, value in each["parameters"].items())
        yield from (f"  meta {name}={value}" for name, value in each["meta"].items())
        for operation in each["operations"]:
            repeated = f" every {operation['interval']}" if operation["interval"] not in ("0", "0s") else ""
            role = f" as {operation['role'].lower()}" if operation["role"] else ""
            limit = f", at most {operation['timeout']}" if operation["timeout"] else ""
            yield f"  {operation['name']}{repeated}{role}{limit}"


def _nodes(explanation: Value | None, status: Value) -> Iterator[str]:
    """Each node's score, and what speaks for and against it."""
    if explanation is None:
        return
    nodes = explanation["nodes"] or _of_the_running(explanation["instances"])
    width = max((len(each["node"]) for each in nodes), default=0)
    for each in nodes:
        here = "runs here" if each["node"] in status["resource"]["nodes"] else "-"
        role = " (promoted)" if each["node"] in status["promoted"] else ""
        yield f"{each['node']:<{width}}  {here + role:<20}  score {each['score']:<10}  {each['verdict']}"


def _of_the_running(instances: Sequence[Value]) -> Sequence[Value]:
    """Of several instances, the nodes as the first one sees them that runs, else the first."""
    running = [each for each in instances if each["on"]] or list(instances)
    return running[0]["nodes"] if running else ()


def _failures(failures: Sequence[Value]) -> Iterator[str]:
    for each in failures:
        reason = each["reason"] or f"exit code {each['rc']}"
        at = f" at {clock(each['at'])}" if each["at"] else ""
        yield f"{each['operation']} of {each['resource']} on {each['node']}{at}: {reason}"
        yield from (f"  {line}" for line in str(each.get("output") or "").splitlines())


def _constraints(constraints: Sequence[Value]) -> Iterator[str]:
    for each in constraints:
        mark = " (left by a move or ban)" if each["temporary"] else ""
        yield f"{each['id']}{mark}: {each['effect']}"


def _operation(each: Value) -> str:
    at = f"{clock(each['at'])}  " if each["at"] else ""
    if each["status"] == _PENDING:
        return f"{at}{_what(each)} of {each['resource']} on {each['node']}"
    took = f" after {each['took_ms'] / 1000:g} s" if each["took_ms"] is not None else ""
    reason = f": {each['reason']}" if each["reason"] else ""
    return f"{at}{_what(each)} of {each['resource']} on {each['node']}: {_result(each)}{took}{reason}"


def _result(each: Value) -> str:
    if each["status"] in _STATES:
        return _STATES[each["status"]]
    return _CODES.get(each["rc"], f"exit code {each['rc']}")


def _what(each: Value) -> str:
    if each["operation"] == "monitor" and not each["interval_ms"]:
        return "probe"
    repeated = f" every {each['interval_ms'] / 1000:g} s" if each["interval_ms"] else ""
    return f"{each['operation']}{repeated}"


def _role(role: str) -> str:
    return "" if role == "Started" else f" ({role.lower()})"


def _section(heading: str, lines: Iterable[str]) -> Iterator[str]:
    """A section, if there is anything in it."""
    told = list(lines)
    if told:
        yield ""
        yield heading
        for line in told:
            yield from _wrapped(line, "  ")


def _wrapped(text: str, indent: str) -> list[str]:
    own = indent + " " * (len(text) - len(text.lstrip()))
    if len(own) + len(text) <= _WIDTH:
        return [own + text.lstrip()]
    return textwrap.wrap(text.strip(), _WIDTH, initial_indent=own, subsequent_indent=own + "    ",
                         break_long_words=False, break_on_hyphens=False)

"""The text of `crmctl status`: what people need first, from the API's answer. Pure: values in, lines out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crm.cli.connection import in_sentences
from crm.cli.crmctl_commands.clock_text import clock
from crm.cli.pacemaker.state_words import state_word

Value = Mapping[str, Any]
_LAST_WORDS = 3
_LONG_WAIT_S = 5


def overview(cluster: Value, waiting: Sequence[Value] = ()) -> Iterator[str]:
    """The lines of the status, from the answers of `/v1/cluster` and `/v1/operations/waiting`."""
    yield headline(cluster)
    yield ""
    yield "Nodes"
    yield from _nodes(cluster["nodes"])
    yield ""
    yield "Resources"
    yield from resources(cluster["resources"]) if cluster["resources"] else ("  none yet",)
    yield from _failures(cluster["failures"])
    yield from _waiting(waiting)
    yield from _reports(cluster["reports"])


def headline(cluster: Value) -> str:
    """One line: how many are here, who leads, what is going on."""
    nodes = cluster["nodes"]
    online = sum(1 for node in nodes if node["online"])
    quorum = "quorate" if cluster["quorate"] else "WITHOUT QUORUM"
    leader = f"DC {cluster['dc']} (term {cluster['term']})" if cluster["dc"] else "no DC"
    parts = [f"{online} of {len(nodes)} nodes online", quorum, leader, f"CIB {cluster['version']}"]
    progress = cluster.get("transition")
    if progress and progress.get("total"):
        parts.append(f"{progress.get('done', 0)} of {progress['total']} actions done")
    return ", ".join(parts)


def _nodes(nodes: Sequence[Value]) -> Iterator[str]:
    width = max((len(node["name"]) for node in nodes), default=0)
    for node in nodes:
        mark = " (DC)" if node["is_dc"] else ""
        yield f"  {node['name']:<{width}}  {node['state'] + mark:<14}  {' '.join(node['resources'])}".rstrip()


def resources(entries: Sequence[Value], depth: int = 1) -> Iterator[str]:
    """A resource a line, its parts indented beneath it."""
    for entry in entries:
        if entry["children"] and entry["kind"] == "clone":
            yield _line(entry, depth, where=", ".join(entry["nodes"]))
            yield from _roles(entry, depth + 1)
            yield from resources([child for child in entry["children"] if child["children"]], depth + 1)
        elif entry["children"]:
            yield _line(entry, depth, where=", ".join(entry["nodes"]))
            yield from resources(entry["children"], depth + 1)
        else:
            yield _line(entry, depth, where=", ".join(entry["nodes"]))


def _roles(clone: Value, depth: int) -> Iterator[str]:
    """Who is promoted, of a promotable clone: its instances have one of two roles."""
    roles: dict[str, list[str]] = {"Promoted": [], "Unpromoted": []}
    for each in _walk(clone):
        if not each["children"] and each["role"] in roles:
            roles[each["role"]] += [node for node in each["nodes"] if node not in roles[each["role"]]]
    if any(roles.values()):
        promoted, others = ", ".join(roles["Promoted"]), ", ".join(roles["Unpromoted"])
        yield f"{'  ' * depth:<26}{'Promoted':<12}{promoted or 'nobody'}"
        if others:
            yield f"{'  ' * depth:<26}{'Unpromoted':<12}{others}"


def _walk(entry: Value) -> Iterator[Value]:
    yield entry
    for child in entry["children"]:
        yield from _walk(child)


def _line(entry: Value, depth: int, where: str) -> str:
    name = "  " * depth + entry["id"]
    marks = [word for word in ("failed", "blocked") if entry[word]] + ([] if entry["managed"] else ["unmanaged"])
    what = entry["agent"] or entry["kind"]
    note = f"  [{', '.join(marks)}]" if marks else ""
    return f"{name:<26}{state_word(entry):<12}{where or '-':<20}{what}{note}".rstrip()


def _failures(failures: Sequence[Value]) -> Iterator[str]:
    if not failures:
        return
    yield ""
    yield "Failures"
    for failure in failures:
        since = f" at {clock(failure['at'])}" if failure["at"] else ""
        reason = f": {failure['reason']}" if failure["reason"] else f" (exit code {failure['rc']})"
        yield f"  {failure['resource']} {failure['operation']} on {failure['node']}{since}{reason}"
        yield from _last_words(failure)
        yield f"    {failure['next_step']}"


def _last_words(failure: Value) -> Iterator[str]:
    """What the agent said last, where that is more than the reason."""
    said = [line for line in str(failure.get("output", "")).splitlines() if failure["reason"] not in line]
    yield from (f"    | {line}" for line in said[-_LAST_WORDS:])


def _waiting(waiting: Sequence[Value]) -> Iterator[str]:
    """What has waited for long, by node and cause: the longest of each, and how many more there are."""
    together: dict[tuple[str, str], list[Value]] = {}
    for each in waiting:
        if each["since_s"] >= _LONG_WAIT_S:
            together.setdefault((each["node"], each["reason"]), []).append(each)
    if not together:
        return
    yield ""
    yield "Waiting"
    for (node, reason), held in together.items():
        longest, more = held[0], len(held) - 1
        others = f" (and {more} more)" if more else ""
        yield (f"  {longest['operation']} of {longest['resource']} on {node}{others} for {longest['since_s']:.0f} s: "
               f"{reason}")


def _reports(reports: Sequence[Value]) -> Iterator[str]:
    told = [report for report in reports if report["severity"] != "notice"]
    if not told:
        return
    yield ""
    yield "Look at this"
    for report in told:
        yield f"  {report['where']}: {in_sentences(report['message'], report['hint'])}"

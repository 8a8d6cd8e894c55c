"""Explanations laid out for a terminal: what becomes of it, why, node by node, role, actions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

from crm.policy_engine.explain.answers import (
    ActionAnswer,
    Explanation,
    Influence,
    InstanceAnswer,
    NodeAnswer,
    RoleAnswer,
)

_WIDTH = 110


def explanation_lines(answer: Explanation, details: bool = False) -> list[str]:
    """The whole answer; of several instances only what becomes of them and why, unless `details` are wanted."""
    several = len(answer.instances) > 1
    lines = []
    for instance in answer.instances:
        brief = several and not details
        if brief and answer.nodes and instance.what == "Stopped":
            lines += [f"{instance.id} does not run, and is not started", ""]
        else:
            lines += [*_instance(instance, brief), ""]
    if answer.nodes:
        lines += ["Nodes, as the whole sees them", *_nodes(answer.nodes), ""]
    if answer.notes:
        lines += ["Remarks", *(line for note in answer.notes for line in _wrapped(note, "  ")), ""]
    if several and not details:
        lines.append(f"More about one of them: crmctl explain {answer.instances[0].id}; about all: --details")
    return lines if several and not details else lines[:-1]


def _instance(instance: InstanceAnswer, brief: bool) -> Iterator[str]:
    yield f"{instance.id} ({instance.agent}) {instance.headline}"
    for reason in instance.why:
        yield from _wrapped(reason, "  ")
    if instance.promotion is not None and brief:
        yield from _wrapped(_promotion_line(instance.promotion), "  ")
    if brief:
        return
    yield from ["", "Nodes, best first"]
    yield from _nodes(instance.nodes)
    if instance.promotion is not None:
        yield from ["", "Role", *_wrapped(_promotion_line(instance.promotion), "  ")]
        yield from _influences(instance.promotion.influences)
    if instance.actions:
        yield from ["", "Actions"]
        for action in instance.actions:
            yield from _action(action)


def _promotion_line(promotion: RoleAnswer) -> str:
    return f"{'promoted' if promotion.promoted else 'not promoted'}: {promotion.verdict}"


def _nodes(nodes: Sequence[NodeAnswer]) -> Iterator[str]:
    name_width = max((len(each.node) for each in nodes), default=0)
    score_width = max((len(each.score) for each in nodes), default=0)
    for each in nodes:
        mark = "→" if each.chosen else " "
        head = f"{mark} {each.node:{name_width}}  {each.score:>{score_width}}  "
        yield from _wrapped(each.verdict, head, " " * len(head))
        yield from _influences(
            [one for one in each.influences if one.text not in each.verdict or len(each.influences) > 1]
        )


def _influences(influences: Sequence[Influence]) -> Iterator[str]:
    width = max((len(each.change) for each in influences), default=0)
    for each in influences:
        head = f"      {each.change:>{width}}  "
        yield from _wrapped(each.text, head, " " * len(head))


def _action(action: ActionAnswer) -> Iterator[str]:
    where = f" on {action.node}" if action.node else ""
    when = f"step {action.step}" if action.step else "cannot be done"
    yield f"  {action.task}{where} ({when})"
    for reason in action.because:
        yield from _wrapped(reason, "      ← ", "        ")


def _wrapped(text: str, first: str, rest: str | None = None) -> list[str]:
    indent = " " * (len(text) - len(text.lstrip()))
    rest = (rest if rest is not None else first) + indent
    body = text.lstrip()
    return wrap(
        body,
        _WIDTH,
        initial_indent=first + indent,
        subsequent_indent=rest + "  ",
        break_on_hyphens=False,
        break_long_words=False,
    ) or [first.rstrip()]

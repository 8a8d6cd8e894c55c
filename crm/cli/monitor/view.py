"""Which sections of a cluster's state are wanted, and how they are to look. Standard library only, for a quick start.

`crm_mon` makes a `MonitorView` of its command line and sends it as a query; the daemon reads that back into the same
View.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum


class MonitorSection(StrEnum):
    """The parts of the display, by the names of `--include` and `--exclude`, in the order in which they appear."""

    STACK = "stack"
    DC = "dc"
    TIMES = "times"
    COUNTS = "counts"
    OPTIONS = "options"
    MAINTENANCE = "maint-mode"
    NODES = "nodes"
    RESOURCES = "resources"
    ATTRIBUTES = "attributes"
    OPERATIONS = "operations"
    FAIL_COUNTS = "failcounts"
    FAILURES = "failures"
    FENCING_FAILED = "fencing-failed"
    FENCING_PENDING = "fencing-pending"
    FENCING_SUCCEEDED = "fencing-succeeded"
    TICKETS = "tickets"
    BANS = "bans"
    ADVICE = "advice"
    """Ours: what the cluster's reports say should be looked at."""


SUMMARY = frozenset({MonitorSection.STACK, MonitorSection.DC, MonitorSection.TIMES, MonitorSection.COUNTS,
                     MonitorSection.MAINTENANCE})
FENCING = frozenset({MonitorSection.FENCING_FAILED, MonitorSection.FENCING_PENDING, MonitorSection.FENCING_SUCCEEDED})
ALL = frozenset(MonitorSection)
DEFAULT = SUMMARY | {MonitorSection.NODES, MonitorSection.RESOURCES, MonitorSection.FAILURES,
                     MonitorSection.FENCING_FAILED,
                     MonitorSection.FENCING_PENDING, MonitorSection.ADVICE}
_GROUPS = {"summary": SUMMARY, "fencing": FENCING, "all": ALL, "none": frozenset[MonitorSection](), "default": DEFAULT}
FORMATS = ("text", "xml", "html", "simple")


class ViewError(ValueError):
    """What was asked for does not exist; the message names what does."""


@dataclass(frozen=True, slots=True)
class MonitorView:
    """What to show.

    inactive      also what does not run                     by_node   resources under their nodes
    brief         resources counted by agent                 details   node ids, every clone instance, implied resources
    timing        operations with their times                whole_history  every fencing, not only the last of its kind
    node, resource  only what has to do with these: a name, or a tag's
    bans          only constraints whose id starts with this
    """

    format: str = "text"
    sections: frozenset[MonitorSection] = DEFAULT
    inactive: bool = False
    by_node: bool = False
    brief: bool = False
    details: bool = False
    timing: bool = False
    whole_history: bool = False
    node: str = ""
    resource: str = ""
    bans: str = ""

    def has(self, *sections: MonitorSection) -> bool:
        """Whether any of them is wanted."""
        return not self.sections.isdisjoint(sections)

    def query(self) -> dict[str, str]:
        """As the query of a request; only what differs from the default."""
        values = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                values[field.name] = _as_text(value)
        return values

    @classmethod
    def of_query(cls, query: Mapping[str, str]) -> MonitorView:
        """Read such a query. Raises ViewError."""
        given: dict[str, object] = {}
        defaults = {field.name: field.default for field in fields(cls)}
        for name, text in query.items():
            if name not in defaults:
                raise ViewError(f"{name} is not part of a view: {', '.join(defaults)}")
            given[name] = _as_value(name, text, defaults[name])
        return cls(**given)  # type: ignore[arg-type]


def _as_text(value: object) -> str:
    match value:
        case frozenset():
            return ",".join(section for section in MonitorSection if section in value)
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


def _as_value(name: str, text: str, default: object) -> object:
    if name == "format" and text not in FORMATS:
        raise ViewError(f"{text} is not a format: {', '.join(FORMATS)}")
    if isinstance(default, frozenset):
        return chosen(frozenset(), [f"+{text}"]) if text else frozenset()
    if isinstance(default, bool):
        if text not in ("true", "false"):
            raise ViewError(f"{name} is true or false, not {text}")
        return text == "true"
    return text


def chosen(
    sections: frozenset[MonitorSection], choices: Iterable[str], default: frozenset[MonitorSection] = DEFAULT
) -> frozenset[MonitorSection]:
    """Sections after choices in order: `+LIST` adds, `-LIST` takes away; lists have commas. Raises ViewError.

    As with Pacemaker's tool, `all`, `none` and `default` replace what came before, and excluding `all` leaves nothing.
    """
    for choice in choices:
        adding = choice[0] == "+"
        for word in choice[1:].split(","):
            group = _named(word)
            if word in ("all", "none", "default"):
                inverse = {"all": frozenset[MonitorSection](), "none": ALL, "default": default}
                sections = (default if word == "default" else group) if adding else inverse[word]
            else:
                sections = sections | group if adding else sections - group
    return sections


def _named(word: str) -> frozenset[MonitorSection]:
    name = word.partition(":")[0].strip()
    if name in _GROUPS:
        return _GROUPS[name]
    try:
        return frozenset({MonitorSection(name)})
    except ValueError:
        names = sorted([*_GROUPS, *MonitorSection])
        raise ViewError(f"{name or 'nothing'} is not a section: {', '.join(names)}") from None

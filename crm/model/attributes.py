"""Sets of name-value pairs as a CIB has them: instance, meta and utilization attributes, cluster properties.

Which set applies, and which wins, is decided by `crm.policy_engine.picture.rules`; here they are only told.
"""

from __future__ import annotations

from dataclasses import dataclass

from crm.model.rules import Invalid, Rule
from crm.model.score import Score


@dataclass(frozen=True, slots=True)
class NameValue:
    """One pair (`nvpair`), an `id-ref` already followed."""

    name: str
    value: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class AttributeSet:
    """A block of pairs; the block with the higher `score` wins, and it counts only while its `rule` holds."""

    id: str
    pairs: tuple[NameValue, ...] = ()
    score: Score = 0
    rule: Rule | Invalid | None = None

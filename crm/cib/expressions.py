"""XPath expressions as texts: names put into them safely, and how much work an expression may ask for.

A name from outside never becomes part of an expression by formatting alone: `literal` quotes it. An expression from
outside is *plain* if its evaluation takes one pass over the tree; anything else is evaluated elsewhere
(`crm.api.queries.bounded_xpath`), because nobody can say how long it takes.
"""

from __future__ import annotations

import re

from crm.cib.errors import CibError

LONGEST = 4096
DEEPEST = 16

_STRING = r"""(?:'[^']*'|"[^"]*")"""
_NAME = r"(?:\*|[A-Za-z_][\w.-]*)"
_COMPARISON = rf"@[A-Za-z_][\w.-]*\s*(?:=\s*{_STRING})?"
_PREDICATE = rf"\[\s*(?:\d{{1,9}}|{_COMPARISON}(?:\s+(?:and|or)\s+{_COMPARISON})*)\s*\]"
_STEP = re.compile(rf"(//?)({_NAME})((?:{_PREDICATE})*)")
_HAS_ID = re.compile(rf"\[\s*@id\s*=\s*{_STRING}\s*\]")
_STRINGS = re.compile(_STRING)


def literal(text: str) -> str:
    """The text as an XPath string; XPath has no escapes, so one with both kinds of quotation marks is put together."""
    if "'" not in text:
        return f"'{text}'"
    if '"' not in text:
        return f'"{text}"'
    parts = ", \"'\", ".join(f"'{part}'" for part in text.split("'"))
    return f"concat({parts})"


def check(expression: str) -> None:
    """Raise CibError (bad-xpath) if an expression is too long or nested too deeply to be looked at."""
    if len(expression) > LONGEST:
        raise CibError("bad-xpath", f"The XPath has {len(expression)} characters; at most {LONGEST} are accepted",
                       hint="Narrow it down, or read the CIB and select there")
    depth = deepest = 0
    for character in _STRINGS.sub("", expression):
        depth += (character in "[(") - (character in "])")
        deepest = max(deepest, depth)
    if deepest > DEEPEST:
        raise CibError("bad-xpath", f"The XPath is nested {deepest} levels deep; at most {DEEPEST} are accepted",
                       hint="Narrow it down, or read the CIB and select there")


def is_plain(expression: str) -> bool:
    """Whether one pass over the tree answers it: names, attributes and positions; a search at any depth comes once,
    and once more beneath each element that is named by its id.
    """
    end, may_search = 0, True
    for step in _STEP.finditer(expression):
        if step.start() != end or (step[1] == "//" and not may_search):
            return False
        end = step.end()
        may_search = bool(_HAS_ID.search(step[3])) or (may_search and step[1] != "//")
    return end == len(expression) > 0

"""Digests of an operation's parameters, as recorded in the history: they tell later whether parameters have changed.

The text that is digested is `" " + <parameters …/> + "\\n"` with attributes sorted by name. Meta attributes do not
count, except that a recurring operation's time limit does. Source: observation of Pacemaker (`facts.md`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from xml.sax.saxutils import quoteattr

_LEFT_OUT = frozenset({"id", "crm_feature_set", "op-digest", "on_node", "on_node_uuid", "pcmk_external_ip"})
_META = "CRM_meta_"
_TIMEOUT = "CRM_meta_timeout"


def operation_digest(parameters: Mapping[str, str], interval_ms: int, without: Collection[str] = ()) -> str:
    """The digest of what an operation was given; `without`: names that do not count (reloadable or private ones)."""
    counted = {name: value for name, value in parameters.items()
               if name not in _LEFT_OUT and not name.startswith(_META) and name not in without}
    if interval_ms > 0 and _TIMEOUT in parameters:
        counted[_TIMEOUT] = parameters[_TIMEOUT]
    text = "".join(f" {name}={_quoted(value)}" for name, value in sorted(counted.items()))
    return hashlib.md5(f" <parameters{text}/>\n".encode(), usedforsecurity=False).hexdigest()


def _quoted(value: str) -> str:
    return '"' + quoteattr(value, {'"': "&quot;"})[1:-1] + '"'


def name_list(names: Collection[str]) -> str:
    """Names as `op-force-restart` and `op-secure-params` hold them: space padded."""
    return "".join(f" {name} " for name in sorted(names)).replace("  ", " ")

"""The digest of an operation's parameters: how an executor's history tells whether a resource's configuration changed.

MD5 of `<parameters .../>` with sorted attributes, a space before and a newline after it. Attributes that the cluster
itself adds do not count; a recurring operation's time limit does. MD5 is the field's format, not a matter of security.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

_NOT_COUNTED = frozenset({"id", "crm_feature_set", "op-digest", "on_node", "on_node_uuid", "pcmk_external_ip"})
_ESCAPES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;"}


def digest(parameters: Mapping[str, str]) -> str:
    """The MD5, in hexadecimal, of parameters as an XML element with sorted attributes."""
    attributes = "".join(f' {name}="{_escape(value)}"' for name, value in sorted(parameters.items()))
    return hashlib.md5(f" <parameters{attributes}/>\n".encode(), usedforsecurity=False).hexdigest()


def _escape(value: str) -> str:
    if value.isalnum():
        return value
    return "".join(_ESCAPES.get(char) or (f"&#x{ord(char):02X};" if _is_control(char) else char) for char in value)


def _is_control(char: str) -> bool:
    return char < " " or char == "\x7f"


def countable(parameters: Mapping[str, str]) -> dict[str, str]:
    """The parameters without what the cluster adds."""
    return {
        name: value
        for name, value in parameters.items()
        if not name.startswith("CRM_meta_") and name not in _NOT_COUNTED
    }


def digest_of_action(attributes: Mapping[str, str], interval_ms: int) -> str:
    """The digest of what an executor was given for an operation, meta attributes (`CRM_meta_...`) included."""
    values = countable(attributes)
    if interval_ms and "CRM_meta_timeout" in attributes:
        values["CRM_meta_timeout"] = attributes["CRM_meta_timeout"]
    return digest(values)

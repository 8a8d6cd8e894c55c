"""What a fence device's parameters say about one target: whether it can fence it, by which name, after which delay.

Pure, and knows nothing of clusters. Source: Pacemaker Explained, "Special Meta-Attributes and Instance Attributes for
Fencing Resources" and "Default Check Type"; separators and escapes as documented there for `pcmk_host_map`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from crm.model.values import interval_ms, parse_integer
from crm.policy_engine.picture.fence_devices import FenceDevice

_SEPARATORS = re.compile(r"[\s;,]+")
# A pair ends at an unescaped semicolon or blank; commas belong to the port, of which there may be several.
_PAIR = re.compile(r"(?P<name>(?:\\.|[^:=;\s\\])+)[:=](?P<port>(?:\\.|[^;\s\\])+)")
_ESCAPE = re.compile(r"\\(.)")


class Claim(Enum):
    """Whether a device can fence a target: known from its parameters, or to be asked of the device."""

    YES = "yes"
    NO = "no"
    ASK_LIST = "ask for its list"
    ASK_STATUS = "ask for the target's status"
    ASK_ANY = "ask for its list, or if it has none for the status, or if it has none either believe it"


@dataclass(frozen=True, slots=True)
class Delay:
    """What is waited for before an action: `fixed_ms`, and by chance up to `spread_ms` more."""

    fixed_ms: int = 0
    spread_ms: int = 0


def claim(device: FenceDevice, target: str) -> Claim:
    """Whether the device can fence the target."""
    static = "pcmk_host_list" in device.parameters or "pcmk_host_map" in device.parameters
    check = device.parameters.get("pcmk_host_check", "static-list" if static else "any").lower()
    match check:
        case "static-list":
            return Claim.YES if _is_listed(device, target) else Claim.NO
        case "dynamic-list":
            return Claim.ASK_LIST
        case "status":
            return Claim.ASK_STATUS
        case "none":
            return Claim.YES
    return Claim.ASK_ANY


def port_of(device: FenceDevice, target: str) -> str:
    """The name by which the device knows the target."""
    return host_map(device.parameters.get("pcmk_host_map", "")).get(target.lower(), target)


def listed_in(output: str, port: str) -> bool:
    """Whether a device's answer to `list` names a target: names stand between commas, semicolons and blanks."""
    return port.lower() in {name.lower() for name in _SEPARATORS.split(output)}


def host_map(text: str) -> dict[str, str]:
    """The pairs of a `pcmk_host_map`, by node name in lower case."""
    return {_unescaped(found["name"]).lower(): _unescaped(found["port"]) for found in _PAIR.finditer(text)}


def delay_of(device: FenceDevice, target: str, requested_s: int) -> Delay:
    """The delay before a target is fenced: what was requested, the device's base, and chance up to its maximum.

    The base may be given per target (`node1:1s;node2:5s`). The sum of base and chance stays within the maximum.
    """
    base_text = device.parameters.get("pcmk_delay_base", "0")
    by_target = host_map(base_text)
    base_ms = interval_ms(by_target.get(target.lower(), "0") if by_target else base_text)
    maximum_ms = interval_ms(device.parameters.get("pcmk_delay_max", "0"))
    spread_ms = max(0, maximum_ms - base_ms)
    return Delay(requested_s * 1000 + (min(base_ms, maximum_ms) if maximum_ms else base_ms), spread_ms)


def timeout_ms(device: FenceDevice, action: str, default_ms: int) -> int:
    """The time limit of an action of the device."""
    return interval_ms(device.parameters.get(f"pcmk_{action}_timeout")) or default_ms


def action_limit(device: FenceDevice) -> int | None:
    """How many actions the device takes at once; None for any number."""
    limit = parse_integer(device.parameters.get("pcmk_action_limit", "1"))
    if limit is None or limit == 0:
        return 1
    return None if limit < 0 else limit


def _is_listed(device: FenceDevice, target: str) -> bool:
    listed = _SEPARATORS.split(device.parameters.get("pcmk_host_list", ""))
    if target.lower() in {name.lower() for name in listed}:
        return True
    return target.lower() in host_map(device.parameters.get("pcmk_host_map", ""))


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(r"\1", text)

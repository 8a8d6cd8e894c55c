"""The course of fencing one target: which device does what next, and when that has succeeded or failed.

A generator without I/O: it yields a `FencingStep`, is sent the `FencingOutcome`, and returns whether the target is
fenced. Rules (Pacemaker Explained, "Fencing Topologies"): levels are tried in order; all devices of a level must
succeed; a reboot by several devices is off by all of them, then on by all of them, and once all are off the target is
fenced, whether or not it comes on again.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from crm.controller.fencing.targets import Claim, claim, listed_in, port_of
from crm.policy_engine.picture.fence_devices import FenceDevice


class FencingVerb(StrEnum):
    """What a device is asked to do."""

    REBOOT = "reboot"
    OFF = "off"
    ON = "on"
    LIST = "list"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class FencingStep:
    """One thing for one device to do. `delayed`: with the delays that the device and the request ask for.

    `first`: the very first use of a device, the only one that a requested delay applies to. `conclusive`: its success
    alone means that the target is fenced.
    """

    device: FenceDevice
    verb: FencingVerb
    target: str
    delayed: bool = False
    first: bool = False
    conclusive: bool = False


@dataclass(frozen=True, slots=True)
class FencingOutcome:
    """How a step went. `unsupported`: the agent does not know that action."""

    ok: bool
    output: str = ""
    reason: str = ""
    unsupported: bool = False


@dataclass(slots=True)
class Notes:
    """What a course has found out, for those who read the history."""

    reasons: list[str] = field(default_factory=list)
    device: str = ""


Course: TypeAlias = Generator[FencingStep, FencingOutcome, bool]
Level: TypeAlias = tuple[FenceDevice, ...]


def fence(target: str, action: FencingVerb, levels: Sequence[Level], notes: Notes) -> Course:
    """Fence `target`; `levels` in the order in which they are to be tried."""
    first = True
    for level in levels:
        if not (yield from _all_can_fence(level, target, notes)):
            continue
        if (yield from _try_level(level, target, action, notes, first)):
            return True
        first = False
    return False


def unfence(target: str, devices: Sequence[FenceDevice], notes: Notes) -> Course:
    """Unfence `target` by every device that unfences and can reach it; all of them must succeed."""
    for device in devices:
        if (yield from _can_fence(device, target, notes)):
            outcome = yield FencingStep(device, FencingVerb.ON, target)
            if not outcome.ok:
                notes.reasons.append(f"{device.id}: {outcome.reason}")
                return False
            notes.device = device.id
    return bool(notes.device)


def examine(target: str, devices: Sequence[FenceDevice], notes: Notes) -> Course:
    """Ask every device how the target is, and do nothing to it: whether it could be fenced if it had to."""
    good = 0
    for device in devices:
        outcome = yield FencingStep(device, FencingVerb.STATUS, target)
        good += outcome.ok
        said = "answers" if outcome.ok else "cannot be asked" if outcome.unsupported else outcome.reason
        notes.reasons.append(f"{device.id}: {said}")
    return good > 0


def _try_level(level: Level, target: str, action: FencingVerb, notes: Notes, first: bool) -> Course:
    if len(level) == 1:
        return (yield from _act(level[0], target, action, notes, first, conclusive=True))
    each = FencingVerb.OFF if action is FencingVerb.REBOOT else action
    for device in level:
        if not (yield from _act(device, target, each, notes, first)):
            return False
        first = False
    if action is FencingVerb.REBOOT:
        for device in level:
            # The target is off, which is what fencing is for: a failure now is a pity, not a danger.
            yield from _act(device, target, FencingVerb.ON, notes, first=False)
    return True


def _act(device: FenceDevice, target: str, verb: FencingVerb, notes: Notes, first: bool,
         conclusive: bool = False) -> Course:
    outcome = yield FencingStep(device, verb, target, delayed=verb is not FencingVerb.ON, first=first,
                                conclusive=conclusive)
    if outcome.ok:
        notes.device = device.id
    else:
        notes.reasons.append(f"{device.id}: {outcome.reason or 'failed'}")
    return outcome.ok


def _all_can_fence(level: Level, target: str, notes: Notes) -> Course:
    for device in level:
        if not (yield from _can_fence(device, target, notes)):
            return False
    return True


def _can_fence(device: FenceDevice, target: str, notes: Notes) -> Course:
    """What the parameters do not tell is asked of the device itself."""
    wanted = claim(device, target)
    if wanted in (Claim.ASK_LIST, Claim.ASK_ANY):
        outcome = yield FencingStep(device, FencingVerb.LIST, target)
        if not (outcome.unsupported and wanted is Claim.ASK_ANY):
            found = outcome.ok and listed_in(outcome.output, port_of(device, target))
            if not found:
                notes.reasons.append(f"{device.id}: {outcome.reason or 'does not list it'}")
            return found
        wanted = Claim.ASK_STATUS
        outcome = yield FencingStep(device, FencingVerb.STATUS, target)
        return outcome.ok or outcome.unsupported
    if wanted is Claim.ASK_STATUS:
        outcome = yield FencingStep(device, FencingVerb.STATUS, target)
        if not outcome.ok:
            notes.reasons.append(f"{device.id}: {outcome.reason or 'does not know it'}")
        return outcome.ok
    return wanted is Claim.YES

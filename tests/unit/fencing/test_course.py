"""The course of a fencing: which device does what next, and when that is enough."""

from __future__ import annotations

from crm.controller.fencing.course import FencingOutcome, FencingStep, FencingVerb, Notes, examine, fence, unfence
from crm.policy_engine.picture.fence_devices import FenceDevice

OK, FAILED, UNKNOWN = FencingOutcome(True), FencingOutcome(False, reason="no"), FencingOutcome(False, unsupported=True)


def device(name: str, **parameters: str) -> FenceDevice:
    return FenceDevice(name, "fence_it", parameters or {"pcmk_host_check": "none"}, ("a", "b"))


ONE, TWO, THREE = device("one"), device("two"), device("three")


def play(course, outcomes: dict[str, FencingOutcome]) -> tuple[bool, list[str]]:  # type: ignore[no-untyped-def]
    """Run a course with the outcome of each `device verb` (fine if it is not named); what was done, in order."""
    done: list[str] = []
    outcome = None
    while True:
        try:
            step: FencingStep = next(course) if outcome is None else course.send(outcome)
        except StopIteration as end:
            return bool(end.value), done
        done.append(f"{step.device.id} {step.verb}")
        outcome = outcomes.get(done[-1], OK)


def test_the_next_level_is_tried_when_one_fails() -> None:
    course = fence("t", FencingVerb.REBOOT, [(ONE,), (TWO,), (THREE,)], Notes())
    assert play(course, {"one reboot": FAILED}) == (True, ["one reboot", "two reboot"])


def test_without_success_the_reasons_are_told() -> None:
    notes = Notes()
    course = fence("t", FencingVerb.OFF, [(ONE,), (TWO,)], notes)
    assert play(course, {"one off": FAILED, "two off": FAILED})[0] is False
    assert notes.reasons == ["one: no", "two: no"]


def test_a_reboot_by_two_devices_is_off_by_both_then_on_by_both() -> None:
    course = fence("t", FencingVerb.REBOOT, [(ONE, TWO)], Notes())
    assert play(course, {}) == (True, ["one off", "two off", "one on", "two on"])


def test_a_target_that_does_not_come_on_again_is_fenced_all_the_same() -> None:
    course = fence("t", FencingVerb.REBOOT, [(ONE, TWO)], Notes())
    assert play(course, {"one on": FAILED})[0] is True


def test_all_devices_of_a_level_must_succeed() -> None:
    course = fence("t", FencingVerb.OFF, [(ONE, TWO), (THREE,)], Notes())
    assert play(course, {"two off": FAILED}) == (True, ["one off", "two off", "three off"])


def test_only_the_very_first_device_bears_the_requested_delay() -> None:
    course = fence("t", FencingVerb.REBOOT, [(ONE, TWO)], Notes())
    steps = [next(course)]
    try:
        while True:
            steps.append(course.send(OK))
    except StopIteration:
        pass
    assert [step.first for step in steps] == [True, False, False, False]
    assert [step.delayed for step in steps] == [True, True, False, False]
    assert not any(step.conclusive for step in steps), "half a level proves nothing"


def test_a_device_without_a_list_is_asked_for_it_then_for_the_status() -> None:
    asked = device("asked", ip="x")
    course = fence("t", FencingVerb.OFF, [(asked,)], Notes())
    assert play(course, {"asked list": UNKNOWN}) == (True, ["asked list", "asked status", "asked off"])
    course = fence("t", FencingVerb.OFF, [(asked,)], Notes())
    assert play(course, {"asked list": FencingOutcome(True, "u,v\nw")}) == (False, ["asked list"])
    course = fence("t", FencingVerb.OFF, [(asked,)], Notes())
    assert play(course, {"asked list": FencingOutcome(True, "1,T")}) == (True, ["asked list", "asked off"])


def test_unfencing_needs_every_device_that_reaches_the_target() -> None:
    assert play(unfence("t", [ONE, TWO], Notes()), {}) == (True, ["one on", "two on"])
    assert play(unfence("t", [ONE, TWO], Notes()), {"one on": FAILED}) == (False, ["one on"])
    assert play(unfence("t", [], Notes()), {}) == (False, [])


def test_an_examination_does_nothing_to_the_target() -> None:
    notes = Notes()
    assert play(examine("t", [ONE, TWO], notes), {"two status": FAILED}) == (True, ["one status", "two status"])
    assert notes.reasons == ["one: answers", "two: no"]

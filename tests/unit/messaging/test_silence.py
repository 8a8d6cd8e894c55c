"""How long a lost member had been silent, as layers tell it."""

from __future__ import annotations

from crm.messaging.detection_times import DetectionTimes


def test_the_longest_silence_of_those_who_are_lost() -> None:
    silence = DetectionTimes()
    assert silence.of_lost(["a", "b", "c"], 0.0) is None
    for member, at in (("a", 1.0), ("b", 2.0), ("c", 4.0)):
        silence.heard(member, at)
    assert silence.of_lost(["a"], 5.0) == 3.0
    assert silence.of_lost(["a", "b"], 9.0) is None, "who comes is not lost"
    assert silence.of_lost(["a"], 10.0) is None, "nobody heard of it since it came back"

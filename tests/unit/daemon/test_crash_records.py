"""What a daemon writes down of its own mistakes, and what the next one makes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crm.daemon.crash_records import KEPT, LONGEST_TEXT, CrashRecords


class Daemons:
    """One after the other in a folder, at a time of the test's choice."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = 1_000_000.0
        self.ended = 0

    def start(self, restarted: bool = True) -> CrashRecords:
        return CrashRecords(self.folder, restarted, self._end, lambda: self.now)

    def _end(self) -> None:
        self.ended += 1

    def fail(self, after_s: float = 1.0, text: str = "evil") -> None:
        self.now += after_s
        self.start().made("Planned", ValueError(text), (0, 7))


@pytest.fixture
def daemons(tmp_path: Path) -> Daemons:
    return Daemons(tmp_path)


def test_the_third_mistake_within_ten_minutes_leads_to_safe_mode(daemons: Daemons) -> None:
    daemons.fail()
    daemons.fail()
    assert daemons.start().cause() is None
    daemons.fail()
    cause = daemons.start().cause()
    assert cause is not None
    assert (cause.text, cause.configuration) == ("ValueError: evil (while handling Planned)", (0, 7))
    assert daemons.ended == 3


def test_mistakes_far_apart_do_not(daemons: Daemons) -> None:
    for _ in range(5):
        daemons.fail(301)
    assert daemons.start().cause() is None


def test_a_start_by_hand_forgets_them(daemons: Daemons) -> None:
    for _ in range(3):
        daemons.fail()
    assert daemons.start(restarted=False).cause() is None
    assert daemons.start().cause() is None


def test_what_is_kept_is_bounded_and_has_no_traceback(daemons: Daemons) -> None:
    for _ in range(KEPT + 5):
        daemons.fail(0.1, "x\ny" * LONGEST_TEXT)
    kept = json.loads((daemons.folder / "mistakes.json").read_text())
    assert len(kept) == KEPT
    assert all(len(each["text"]) <= LONGEST_TEXT and "\n" not in each["text"] for each in kept)


@pytest.mark.parametrize("content", ["", "{", "[1]", '[{"at": "x"}]', "null", '{"a": 1}'])
def test_a_damaged_file_counts_for_nothing(daemons: Daemons, content: str) -> None:
    (daemons.folder / "mistakes.json").write_text(content)
    assert daemons.start().all == ()


def test_a_daemon_ends_even_if_its_disk_takes_nothing(tmp_path: Path) -> None:
    daemons = Daemons(tmp_path / "gone")
    daemons.fail()
    assert daemons.ended == 1

"""What a daemon knows of the one before it that was just killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm.daemon.known_absences import FILE, KnownAbsences


def test_a_daemon_that_follows_a_killed_one_knows_whom_that_did_without(tmp_path: Path) -> None:
    KnownAbsences(tmp_path).note(["n1"])
    assert KnownAbsences(tmp_path).recall(restarted=True) == {"n1"}
    assert KnownAbsences(tmp_path).recall(restarted=False) == frozenset(), "that is a start like any other"


def test_whoever_is_back_is_waited_for_again(tmp_path: Path) -> None:
    before = KnownAbsences(tmp_path)
    before.note(["n1"])
    before.note([])
    assert KnownAbsences(tmp_path).recall(restarted=True) == frozenset()


@pytest.mark.parametrize("content", [b"", b"{", b"7", b"\xff", b"null"])
def test_what_cannot_be_read_says_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert KnownAbsences(tmp_path).recall(restarted=True) == frozenset()


def test_a_folder_that_takes_nothing_ends_nobody(tmp_path: Path) -> None:
    KnownAbsences(tmp_path / "none").note(["n1"])

"""How many nodes may decide."""

from __future__ import annotations

import pytest

from crm.messaging.quorum import QuorumMode, QuorumRule


@pytest.mark.parametrize(("nodes", "disks_needed"), [("a", 1), ("ab", 2), ("abc", 2), ("abcd", 3), ("abcde", 3)])
def test_more_than_half_decide(nodes: str, disks_needed: int) -> None:
    rule = QuorumRule()
    assert rule.disks_needed(nodes) == disks_needed
    assert rule.quorate(nodes[:disks_needed], nodes, True) and not rule.quorate(nodes[:disks_needed - 1], nodes, True)


def test_one_of_two_decides_once_both_have_been_seen() -> None:
    rule = QuorumRule(QuorumMode.TWO_NODE)
    assert rule.quorate("a", "ab", True) and not rule.quorate("a", "ab", False)

"""What comes twice is taken once."""

from __future__ import annotations

from crm.controller.cluster_state import Member
from crm.controller.protocol.message_dedup import MessageNumbers

A1 = Member("a", "1", 0, "a-1")
A2 = Member("a", "1", 9, "a-2")
B1 = Member("b", "2", 0, "b-1")


def test_numbers_grow() -> None:
    numbers = MessageNumbers()
    assert [numbers.next() for _ in range(3)] == [1, 2, 3]


def test_a_message_that_comes_twice_or_is_overtaken_is_no_news() -> None:
    numbers = MessageNumbers()
    assert [numbers.is_news(A1, number) for number in (1, 1, 3, 2, 3, 4)] == [True, False, True, False, False, True]


def test_each_member_and_each_start_counts_by_itself() -> None:
    numbers = MessageNumbers()
    assert numbers.is_news(A1, 5)
    assert numbers.is_news(B1, 1)
    assert numbers.is_news(A2, 1)
    assert not numbers.is_news(A2, 1)


def test_what_has_no_number_is_taken() -> None:
    numbers = MessageNumbers()
    assert numbers.is_news(A1, 0)
    assert numbers.is_news(A1, 0)

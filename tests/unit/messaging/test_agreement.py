"""One node's part in agreeing on views, alone: what it takes for a view, and what it lets go by."""

from __future__ import annotations

from typing import Any

from crm.messaging.embedded.agreement import Agreement, AgreementOutput

SESSIONS = {("a", "b"): "ab", ("a", "c"): "ac", ("b", "c"): "bc"}


def linked(name: str) -> Agreement:
    """That node of three that are all linked; the others have told of their links, and nobody has accepted anything."""
    agreement = Agreement(name, f"{name}-1", 0)
    agreement.start(0, 0)
    others = [each for each in "abc" if each != name]
    for other in others:
        agreement.linked(other, f"{other}-1", session(name, other), 0, 0)
    for other in others:
        links = {peer: session(other, peer) for peer in "abc" if peer != other}
        agreement.received(other, {"kind": "reach", "links": links, "highest": 1, "view": [other]}, 0, 0)
    return agreement


def session(one: str, other: str) -> str:
    return SESSIONS[min(one, other), max(one, other)]


def view(kind: str, names: str = "abc", number: int = 7, **sessions: str) -> dict[str, Any]:
    """What is said of a view of those nodes; `sessions`: links that are others than those that are there."""
    edges = [[left, right, sessions.get(left + right, told)] for (left, right), told in SESSIONS.items()
             if left in names and right in names]
    return {"kind": kind, "number": number, "members": [[name, f"{name}-1", 0] for name in names], "edges": edges,
            "highest": number}


def said(output: AgreementOutput, kind: str) -> list[str]:
    """To whom messages of that kind go."""
    return [peer for peer, message in output.messages if message["kind"] == kind]


def accept(agreement: Agreement, sender: str) -> AgreementOutput:
    number = agreement._proposal.view.number if agreement._proposal else 0
    return agreement.received(sender, {"kind": "accept", "number": number, "highest": number}, 1, 0)


def test_a_view_is_installed_when_all_of_its_members_have_accepted() -> None:
    agreement = linked("a")
    assert agreement.view.names == ("a",)
    assert accept(agreement, "b").installed is None
    installed = accept(agreement, "c").installed
    assert installed is not None and installed.names == ("a", "b", "c")


def test_a_view_without_this_node_is_not_installed() -> None:
    agreement = linked("b")
    assert agreement.received("a", view("install", "ac"), 1, 0).installed is None
    assert agreement.received("a", view("install", "abc"), 1, 0).installed is not None


def test_a_view_that_is_over_does_not_come_back() -> None:
    agreement = linked("b")
    agreement.received("a", view("install", number=7), 1, 0)
    assert agreement.received("a", view("install", "ab", number=6), 2, 0).installed is None
    assert agreement.view.names == ("a", "b", "c")


def test_a_proposal_over_links_that_are_not_those_seen_here_is_not_accepted() -> None:
    agreement = linked("b")
    assert said(agreement.received("a", view("propose", bc="former"), 1, 0), "accept") == []
    assert said(agreement.received("a", view("propose", number=8), 2, 0), "accept") == ["a"]


def test_a_proposal_that_nobody_answers_is_made_again() -> None:
    agreement = linked("a")
    assert said(agreement.tick(Agreement.RETRY_MS, 0), "propose") == []
    assert said(agreement.tick(Agreement.RETRY_MS + 1, 0), "propose") == ["b", "c"]


def test_a_view_without_a_member_that_may_come_back_is_not_accepted() -> None:
    """Of three nodes two were started again, one twice; the other is back first, and cannot know who is waited for."""
    agreement = linked("b")
    agreement.received("a", view("install", number=7), 1, 0)
    for other in "ac":
        agreement.doubted(other)
    agreement.linked("c", "c-2", "bc-2", 1, 0)
    agreement.received("c", {"kind": "reach", "links": {"b": "bc-2"}, "highest": 7, "view": ["c"]}, 2, 0)
    agreement.doubted("c")
    agreement.linked("a", "a-2", "ab-2", 2, 0)
    agreement.received("a", {"kind": "reach", "links": {"b": "ab-2"}, "highest": 7, "view": ["a"]}, 3, 0)
    assert said(agreement.received("a", view("propose", "ab", 8, ab="ab-2"), 4, 0), "accept") == []
    assert said(agreement.unlinked("c", 5, 0), "accept") == ["a"]


def test_a_view_without_a_member_that_has_yet_to_link_with_a_restarted_one_is_not_accepted() -> None:
    """a was started again and is linked with b already; c, who was there all the time, may be in a moment."""
    agreement = linked("b")
    agreement.received("a", view("install", number=7), 1, 0)
    agreement.doubted("a")
    agreement.received("c", {"kind": "reach", "links": {"b": "bc"}, "highest": 7, "view": list("abc")}, 2, 0)
    agreement.linked("a", "a-2", "ab-2", 2, 0)
    agreement.received("a", {"kind": "reach", "links": {"b": "ab-2"}, "highest": 7, "view": ["a", "x"]}, 3, 0)
    assert said(agreement.received("a", view("propose", "ab", 8, ab="ab-2"), 4, 0), "accept") == []
    assert said(agreement.tick(2000, 0), "accept") == ["a"], "it was not"

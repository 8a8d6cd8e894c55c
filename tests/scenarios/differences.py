"""Where Pacemaker's `crm_simulate` is known to answer a written case otherwise than the planner, by release.

The planner follows current Pacemaker. All cases were compared with 2.1.5 (Debian 12) and 3.0.2 (built from the sources
of July 2026, commit 0a519a6); what is not named here is answered by both as it is written.
"""

from __future__ import annotations

from dataclasses import dataclass

_OLD_TEXT = "a text was worded otherwise"
_OLD_CHANCE = "how roles weigh on the placing of instances, and so their numbers, changed in 2.1.6"


@dataclass(frozen=True, slots=True)
class Difference:
    """One case, and how the releases begin that answer otherwise."""

    sentence: str
    release: str
    reason: str


KNOWN = (
    Difference(
        "a guest whose name a member of a clone has is none", "", "Pacemaker makes a second resource of that name"
    ),
    Difference("a score from an attribute of a guest's host", "2.", "2.1.5 ends at an assertion of its own"),
    Difference(
        "an opt-in cluster: an unmanaged instance keeps its role where its clone may not be",
        "",
        "Pacemaker's scheduler ends at an assertion of its own, and decides nothing at all",
    ),
    Difference(
        "a container does not go into the guest of another replica, however good that one's host is",
        "2.",
        "2.1.5 lets it: it compares containers, too, by the host of a guest",
    ),
    Difference("a resource with the promoted replica", "2.", "2.1.5 adds promotion scores to those that it shows"),
    Difference(
        "the promoted role with the promoted replica of a bundle",
        "2.",
        "2.1.5 does not look into a bundle for the role",
    ),
    Difference("an unmanaged bundle", "2.", _OLD_TEXT),
    Difference("a cloned group interleaved rather with a clone", "2.", "2.1.5 leaves out that wish of a group"),
    Difference("a promoted instance on a node that is fenced while it is there", "2.", _OLD_TEXT),
    Difference("an expired failed probe where the agent is missing", "2.", _OLD_TEXT),
    Difference("a clone after a bundle, interleaved", "2.", _OLD_TEXT),
    Difference("rkt is not supported any more", "2.", "it still was"),
    Difference(
        "an address of IPv6: the next one is not counted up, and its name has points for colons",
        "2.",
        "2.1.5 has an address (null) for the second replica",
    ),
    Difference(
        "an address of IPv6: the next one is not counted up, and its name has points for colons",
        "3.",
        "3.0.2 leaves colons in names, since they may stand in an XML id; not followed yet",
    ),
    Difference(
        "a clone-node-max above 1 makes a clone globally unique",
        "2.",
        "so since 3.0.0; before, one has to say so",
    ),
    Difference("colocations that cannot be understood are left out", "2.", "2.1.5 takes score 0 for a rule in part"),
    Difference("a later member of a group has its group's preferences", "2.", "2.1.5 does not tell a primary of them"),
    Difference("a resource with a member in the middle", "2.", "2.1.5 counts the dependents of a member once only"),
    Difference("the unpromoted role with a resource", "2.", "2.1.5 does not rank roles by it"),
    Difference("the promoted role rather away from a resource", "2.", _OLD_CHANCE),
    Difference("a group with the promoted instance draws it to where the group likes to be", "2.", _OLD_CHANCE),
    Difference("dependents of dependents weigh less", "2.", "2.1.5 does not weaken further along the chain"),
    Difference("away from what would rather not be there", "2.", "2.1.5 knows no double negative"),
    Difference("a probe that says not installed: not on that node", "2.", _OLD_TEXT),
    Difference("a node may be asked to be fenced by an attribute", "2.", _OLD_TEXT),
    Difference("the coordinator is fenced last", "2.", _OLD_TEXT),
    Difference("a device whose parameters changed unfences anew, and says so", "2.", _OLD_TEXT),
    Difference("a pending node is fenced after node-pending-timeout", "2.", "the option came with 2.1.7"),
    Difference("a pending node is not fenced before that", "2.", "the option came with 2.1.7"),
    Difference("a constraint for what is not there is left out", "2.", "2.1.5 takes a role that is none for any"),
    Difference("maintenance-mode: the cluster looks on", "2.", _OLD_TEXT),
    Difference("a node in maintenance: only what is there is left alone", "2.", _OLD_TEXT),
    Difference("a resource in maintenance", "2.", _OLD_TEXT),
    Difference("what it depends on, if that moves too, forbids a migration", "2.", _OLD_TEXT),
    Difference("an instance is demoted before a migration", "2.", _OLD_TEXT),
    Difference(
        "operations that cannot recur, twice the same, or for a role that is none",
        "2.",
        "2.1.5 goes on with some of them",
    ),
    Difference(
        "a private parameter changed in a history that was sanitized",
        "2.",
        "2.1.5 wants the list of private parameters otherwise",
    ),
    Difference("and in one of an old release", "2.", "2.1.5 wants the list of private parameters otherwise"),
    Difference("entries that are malformed say nothing", "2.", "2.1.5 takes an exit code of 999 for a failure"),
    Difference(
        "a connection that is to stop while its host is lost",
        "2.",
        "2.1.5 fences a remote node after its host",
    ),
    Difference(
        "a remote node whose connection's hosts are not all here, without quorum",
        "2.",
        "2.1.5 fences a remote node after its host",
    ),
    Difference(
        "operation defaults for one type of resource",
        "2.",
        "2.1.5 does not ask rules of op_defaults for the resource",
    ),
    Difference(
        "attributes given by id-ref",
        "3.",
        "3.0.2 says that the reference is to nothing, which is a fault: 2.1.5 finds it",
    ),
    Difference("templates that are not there", "3.", "3.0.2 plans nothing at all then"),
    Difference(
        "a resource that was stopped for a restart comes back to its node",
        "",
        "restarts of this kind are an addition of ours",
    ),
    Difference(
        "a promoted instance that was stopped for a restart gets its role back",
        "",
        "restarts of this kind are an addition of ours",
    ),
    Difference(
        "ticket constraints that cannot be understood are left out",
        "2.",
        "2.1.5 takes a role that is none for any",
    ),
    Difference(
        "a clone that must be with a resource needs room for one instance",
        "2.",
        "2.1.5 does not ask for the room of its dependents",
    ),
    Difference(
        "a cloned group that must be with a resource",
        "2.",
        "2.1.5 does not ask for the room of its dependents",
    ),
)


def known_difference(sentence: str, release: str) -> str | None:
    """Why a release answers a case otherwise; None if it must not."""
    return next((each.reason for each in KNOWN if each.sentence == sentence and release.startswith(each.release)), None)

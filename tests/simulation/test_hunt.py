"""The hunt: seeds on which every promise must hold, and those that once broke one."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from crm.testing.fuzz import FAULTS_PER_SEED, SCENARIOS, FuzzTally, run_seed, tell_seed

pytestmark = pytest.mark.timeout(1200)  # all the seeds are lived through by whichever test comes first
SEEDS = 200
FAULTS = 10

FOUND = {
    "plain": {
        89: "two nodes: the DC went on committing alone after it had lost the other, before that was fenced",
        115: "two nodes: a DC that nobody had confirmed wrote its CIB in its own term, which won after healing",
        32: "a node's clock was ahead: its failure expired by one clock, and was looked at by another",
        147: "the same, with a promotable resource",
        217: "a candidate that had voted for another counted the votes for its own candidacy in that other's term",
        238: "an order crossed the answer to a welcome, was taken as lost, and was carried out all the same",
        339: "the same, with a stop",
        83: "two nodes in one view, messages late: one that came back with an old CIB elected itself by its own vote",
        103: "a node was let go before it had been asked what its former daemon had left running",
        187: "two nodes: one that led alone, not confirmed, went on leading when one that knew more came back",
        247: "a failure that happened while nobody led was never counted, and had expired when somebody did",
        531: "two nodes: one had seen the other but not its CIB, won the fencing, and led with an old one",
        9: "a fail count that had expired was cleared at the next look in a quarter of an hour",
        181: "a caretaker of an older term was not followed, and stood again at once, for ever",
        380: "a fail count without an entry in the history was not looked at when it expired",
        408: "a failure that a part without quorum could do nothing about expired, and was forgotten",
        659: "(the simulation) writes of a daemon that had left stayed in the queue of the next",
        4015: "a node that left after the election and before it could join was not noticed to be lost",
        4016: "a welcome that was late made a node follow one that had given way, which never told it so",
        24100: "a leader that had been frozen found a member as it knew it, but that had stopped things meanwhile",
        5918: "a node joined the same leader twice, and told the same failure twice: it was counted twice",
        508: "a fail count and the failed operation expire at different moments; only the first was waited for",
    },
    "varied": {
        3399: "a migration was given up for its time, and had expired when it was told: nobody looked at its target",
        3341: "the same, noticed only in peace",
        10266: "freeze: a minority recovered what it had just sent to a node that it lost, where it had arrived",
        10568: "a leader that had been frozen heard that a stop was done, went on, and then read what else was stopped",
        1163: "freeze: a node that had booted alone recovered what its agent could not tell; others had started",
        21: "a node that had joined anew was fenced in the end by an attempt on its former start: not taken as fenced",
        580: "a leader's clock was behind its predecessor's, and failures lay ahead of it: they were kept so long",
        357: "a person confirmed that a node was off: its device was free, and nobody told those who waited for it",
        224: "the leader was the source of a migration, and lost before anybody had what it wrote of that",
        119: "a migration was given up half-way, and taken as arrived: one of long ago had arrived there",
        36: "source and leader were lost during a migration, and nobody knew that the target might have the resource",
    },
    "harsh": {
        42119: "freeze: a minority moved something to a node that had booted into it and that others took to be off",
        51008: "a daemon died during a migration and came back before it was missed: nobody asked where that was",
        71757: "a node was lost while it was sent something, and told when it came back that it did not run it",
        51192: "two voters with full disks forgot a term, elected a DC in a lower one, and what it committed was lost",
        40370: "(a traceback) what was written down before a plan was made had it made already",
        1208: "disks failed and were mended: the node that knew least stood again and again, and the others waited",
    },
    "links": {
        3: "a node that had been frozen reached only some when it woke: it kept its old view, quorate (four nodes)",
        19: "the same, at another place",
        51: "the same once more",
        29: "the same with five nodes",
        45: "the same, of a view of three of five",
        340: "what was in the socket on waking was heard before the sleep was added: a loss went unseen as long again",
        800045: "a node that had just come back proposed a view without another one whose daemon the rest waited for",
        1001129: "two nodes that were back linked with a third, and left out a fourth that was to link a moment later",
    },
    "leases": {
        31: "a leader just started knew nothing of a lost node, whose keeper left alone what was in maintenance",
        64: "the same, with a promoted instance",
    },
    "changing": {
        1001043: "a leader that had been frozen used a plan of before, though a caretaker had stopped things meanwhile",
    },
    "reading": {
        900047: "db had failed, its failure expired while devices were stuck, and app started before db was looked at",
        900055: "(the simulation) a store was lost while its node's acknowledgement was on its way to the DC",
    },
}
"""Seeds that broke a promise once, by scenario, and what it was."""

Tallies = dict[tuple[str, int, int], FuzzTally]


@pytest.fixture(scope="module")
def tallies() -> Tallies:
    """What became of each scenario, seed and number of faults: on all cores."""
    wanted = [(name, seed, FAULTS_PER_SEED) for name, seeds in FOUND.items() for seed in seeds]
    wanted += [(name, seed, FAULTS) for name in SCENARIOS for seed in range(SEEDS // len(SCENARIOS))]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(wanted, pool.map(_run, wanted, chunksize=4), strict=True))


def _run(wanted: tuple[str, int, int]) -> FuzzTally:
    name, seed, count = wanted
    return run_seed(seed, count, name)


def test_promises_hold_under_faults(tallies: Tallies) -> None:
    lived = [tally for (_, _, count), tally in tallies.items() if count == FAULTS]
    stories = [found.story for tally in lived for found in tally.found]
    assert not stories, "\n\n".join(stories)
    assert sum(tally.faults.total() for tally in lived) > SEEDS * FAULTS * 0.9


@pytest.mark.parametrize(("name", "seed"), [(name, seed) for name, seeds in FOUND.items() for seed in seeds])
def test_what_was_found_once_is_found_no_more(name: str, seed: int, tallies: Tallies) -> None:
    tally = tallies[name, seed, FAULTS_PER_SEED]
    assert not tally.found, f"{FOUND[name][seed]}\n{tally.found[0].story}"


def test_the_same_seed_tells_the_same_story() -> None:
    for name in SCENARIOS:
        assert tell_seed(5, 15, name) == tell_seed(5, 15, name)

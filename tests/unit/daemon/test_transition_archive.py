"""Transitions on disk: what is kept, what is let go, what survives a cut in power."""

from __future__ import annotations

import asyncio
import bz2
from pathlib import Path

from crm.cib.document import Document
from crm.controller.commands import ActionTiming, TransitionBegun, TransitionEnded
from crm.daemon.transition_archive import TransitionArchive
from crm.model.transition import ActionKind, AgentReference, GraphAction, Synapse, Transition
from tests.unit.api.node import CIB

START = GraphAction(1, ActionKind.RESOURCE, "start", "web_start_0", "one", resource=AgentReference("web", "ocf", "x"))
PSEUDO = GraphAction(2, ActionKind.PSEUDO, "running", "g_running_0")
TRANSITION = Transition(7, (Synapse(1, START), Synapse(2, PSEUDO, (1,))))


def begun(number: int) -> TransitionBegun:
    return TransitionBegun(number, 3, Document.parse(CIB), 1000, TRANSITION)


def test_a_transition_is_kept_with_input_and_times(tmp_path: Path) -> None:
    async def run() -> None:
        archive = TransitionArchive(tmp_path, "one")
        await archive.begun(begun(7))
        (running,) = await archive.all()
        assert (running["outcome"], running["actions"]) == ("running", 1)
        await archive.ended(TransitionEnded(7, "complete", "", 1010.5, (ActionTiming(1, 1001.0, 1009.0, True),)))
        record = await archive.one(1)
        assert record is not None and (record["outcome"], record["ended_at"]) == ("complete", 1010.5)
        assert record["actions"][0] | {"begun_at": 1001.0, "ended_at": 1009.0, "ok": True} == record["actions"][0]
        stored = await archive.packed_input(1)
        assert stored is not None and Document.parse(bz2.decompress(stored)).digest() == Document.parse(CIB).digest()
        assert [each["waits_for"] for each in record["pseudo"]] == [[1]]
        assert await archive.one(2) is None and await archive.packed_input(2) is None
        archive.close()

    asyncio.run(run())


def test_the_oldest_are_let_go_and_numbers_go_on(tmp_path: Path) -> None:
    async def run() -> None:
        for start in (0, 3):
            archive = TransitionArchive(tmp_path, "one", count=2)
            for number in range(start, start + 3):
                await archive.begun(begun(number))
            archive.close()
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "pe-input-5.bz2", "pe-input-6.bz2", "transition-5.json", "transition-6.json"]
        small = TransitionArchive(tmp_path, "one", limit_bytes=1)
        await small.begun(begun(9))
        assert [each["number"] for each in await small.all()] == [7], "the last one always stays"
        small.close()

    asyncio.run(run())


def test_a_damaged_record_is_passed_over_and_a_full_disk_hinders_nobody(tmp_path: Path) -> None:
    async def run() -> None:
        (tmp_path / "transition-1.json").write_text("{half")
        archive = TransitionArchive(tmp_path, "one")
        assert await archive.all() == []
        blocked = TransitionArchive(tmp_path / "transition-1.json" / "x", "one")
        await blocked.begun(begun(1))
        await blocked.ended(TransitionEnded(1, "complete", "", 1.0, ()))
        archive.close()
        blocked.close()

    asyncio.run(run())

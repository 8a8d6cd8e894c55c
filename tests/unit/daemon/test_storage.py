"""What a node's disk keeps, over power cuts at bad moments and damage."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import pytest

from crm.cib.changes import Edit, EditVerb
from crm.cib.document import Document
from crm.cib.errors import CibError
from crm.controller.cluster_state import StoreState
from crm.controller.core import EMPTY_CIB
from crm.controller.hard_state import HardState
from crm.controller.replication.idempotency import AppliedRequest, AppliedRequests, RequestKey
from crm.daemon import storage as disk
from crm.daemon.storage import RECEIPTS, DurableStorage, FolderInUseError


def document(marker: str) -> Document:
    pair = f'<nvpair id="n" name="{marker}" value="1"/>'
    xml = f'<crm_config><cluster_property_set id="s">{pair}</cluster_property_set></crm_config>'
    return Document.parse(EMPTY_CIB).apply(Edit(EditVerb.MODIFY, xml))


def never(token: int) -> None:
    """Nobody listens."""


def write(folder: Path, *states: tuple[HardState, Document | None]) -> list[int]:
    """Have these states written one after the other; the tokens that were confirmed."""
    done: list[int] = []

    async def story() -> None:
        durable = DurableStorage(folder, 5, done.append, never)
        durable.open()
        durable.recall()
        worker = asyncio.create_task(durable.work())
        for token, (hard_state, cib) in enumerate(states, 1):
            durable.persist(token, hard_state, cib)
            async with asyncio.timeout(5):
                while not done or done[-1] < token:
                    await asyncio.sleep(0.001)
        worker.cancel()
        durable.close()

    asyncio.run(story())
    return done


RECEIPT = AppliedRequest(RequestKey("anna's", "f1"), (0, 2, 0), 3, 1700.5, 7)


def _write_receipts(folder: Path) -> None:
    async def story() -> None:
        done: list[int] = []
        durable = DurableStorage(folder, 5, done.append, never)
        durable.open()
        durable.recall()
        worker = asyncio.create_task(durable.work())
        durable.persist(1, HardState(3, None, 3), document("a"), (RECEIPT,))
        async with asyncio.timeout(5):
            while not done:
                await asyncio.sleep(0.001)
        worker.cancel()
        durable.close()

    asyncio.run(story())


def test_receipts_outlive_a_restart(tmp_path: Path) -> None:
    _write_receipts(tmp_path)
    durable = DurableStorage(tmp_path, 5, never, never)
    durable.open()
    assert durable.recall().receipts == (RECEIPT,)
    durable.close()


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"key": {}}]', "\x00"])
def test_damaged_receipts_end_nobody(tmp_path: Path, text: str) -> None:
    _write_receipts(tmp_path)
    (tmp_path / RECEIPTS).write_text(text)
    durable = DurableStorage(tmp_path, 5, never, never)
    durable.open()
    recalled = durable.recall()
    assert (recalled.receipts, recalled.hard_state) == ((), HardState(3, None, 3))
    durable.close()


@pytest.mark.parametrize(("version", "term", "known"), [
    ((0, 2, 0), 3, True), ((0, 2, 9), 3, True), ((0, 5, 0), 4, True), ((0, 1, 9), 3, False), ((0, 5, 0), 2, False)])
def test_a_receipt_counts_only_if_the_cib_on_disk_has_its_change(
    version: tuple[int, int, int], term: int, known: bool
) -> None:
    receipts = AppliedRequests()
    receipts.recall([RECEIPT], version, term)
    assert (receipts.find(RECEIPT.key.id, RECEIPT.at + 1) is not None) is known


def recall(folder: Path) -> tuple[HardState, Document | None]:
    durable = DurableStorage(folder, 5, never, never)
    durable.open()
    try:
        recalled = durable.recall()
        return recalled.hard_state, recalled.document
    finally:
        durable.close()


def test_what_was_confirmed_is_there_afterwards(tmp_path: Path) -> None:
    hard_state = HardState(7, "b", 7, leases=(("1", "7000"), ("2", "none")))
    assert write(tmp_path, (hard_state, document("x"))) == [1]
    remembered, cib = recall(tmp_path)
    assert remembered == hard_state
    assert cib is not None
    assert cib.digest() == document("x").without_status().digest()


def test_a_power_cut_between_votes_and_cib_leaves_the_cib_in_its_former_term(tmp_path: Path) -> None:
    write(tmp_path, (HardState(3, "a", 3), document("x")))
    # The vote file of term 4 is written, the CIB of that term is not.
    write(tmp_path, (HardState(4, "a", 4), None))
    remembered, _ = recall(tmp_path)
    assert (remembered.term, remembered.cib_term) == (4, 3)


def full(_document: Document) -> None:
    raise CibError("store-full", "The CIB cannot be written: No space left on device")


@pytest.mark.parametrize("votes", [1, 3])
def test_a_cib_that_could_not_be_replaced_stays_in_its_term_whatever_is_voted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, votes: int
) -> None:
    """Votes are small and fit on a full disk, the new CIB does not."""
    monkeypatch.setattr(disk, "RETRY_S", 0.01)
    failed: list[int] = []

    async def story() -> None:
        durable = DurableStorage(tmp_path, 5, never, failed.append)
        durable.open()
        durable.recall()
        worker = asyncio.create_task(durable.work())
        durable.persist(1, HardState(5, "me", 5), document("alone"))
        await asyncio.sleep(0.2)
        monkeypatch.setattr(durable.store, "save", full)
        for number in range(votes):
            durable.persist(2 + number, HardState(7 + number, "b", 7), document("common") if number == 0 else None)
            async with asyncio.timeout(5):
                while 2 + number not in failed:
                    await asyncio.sleep(0.001)
        worker.cancel()
        durable.close()

    asyncio.run(story())
    hard_state, cib = recall(tmp_path)
    assert cib is not None and cib.digest() == document("alone").without_status().digest()
    assert (hard_state.term, hard_state.cib_term) == (6 + votes, 5)


def test_a_new_term_for_the_same_cib_is_kept(tmp_path: Path) -> None:
    write(tmp_path, (HardState(5, "me", 5), document("a")), (HardState(7, "me", 7), document("a")))
    assert recall(tmp_path)[0] == HardState(7, "me", 7)


def test_a_term_without_its_cib_is_not_kept(tmp_path: Path) -> None:
    write(tmp_path, (HardState(5, "me", 5), document("a")), (HardState(7, "me", 7), None))
    assert recall(tmp_path)[0] == HardState(7, "me", 5)


def test_a_cib_from_a_backup_counts_as_the_oldest(tmp_path: Path) -> None:
    write(tmp_path, (HardState(3, "a", 3), document("x")), (HardState(3, "a", 3), document("y")))
    (tmp_path / "cib.xml").write_bytes(b"<cib half of it")
    remembered, cib = recall(tmp_path)
    assert cib is not None
    assert (remembered.term, remembered.voted_for, remembered.cib_term) == (3, "a", 0)


def test_a_lost_vote_is_never_guessed(tmp_path: Path) -> None:
    write(tmp_path, (HardState(3, "a", 3), document("x")))
    (tmp_path / "votes.json").write_text("{")
    with pytest.raises(CibError) as caught:
        recall(tmp_path)
    assert caught.value.code == "votes-unreadable"
    assert "must not forget its vote" in caught.value.hint


def test_two_daemons_do_not_share_a_folder(tmp_path: Path) -> None:
    first = DurableStorage(tmp_path, 5, never, never)
    first.open()
    with pytest.raises(FolderInUseError):
        DurableStorage(tmp_path, 5, never, never).open()
    first.close()


def test_a_disk_that_does_not_take_a_change_confirms_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []
    failing: list[int] = []

    async def story() -> None:
        durable = DurableStorage(tmp_path, 5, done.append, failing.append)
        durable.open()
        durable.recall()

        def full(cib: Document) -> None:
            raise CibError("store-full", "No space left on device", str(tmp_path))

        monkeypatch.setattr(durable._store, "save", full)
        worker = asyncio.create_task(durable.work())
        durable.persist(1, HardState(1, "a", 1), document("x"))
        await asyncio.sleep(0.1)
        assert "No space left" in durable.problem and str(tmp_path) in durable.problem
        assert done == []
        assert failing == [1]
        monkeypatch.undo()
        async with asyncio.timeout(5):
            while not done:
                await asyncio.sleep(0.01)
        assert durable.problem == ""
        worker.cancel()
        durable.close()

    asyncio.run(story())
    assert recall(tmp_path)[0] == HardState(1, "a", 1)


def test_a_disk_that_hangs_counts_as_failing_until_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []
    failing: list[int] = []
    goes_on = threading.Event()
    monkeypatch.setattr(disk, "SLOW_S", 0.05)

    async def story() -> None:
        durable = DurableStorage(tmp_path, 5, done.append, failing.append)
        durable.open()
        durable.recall()
        monkeypatch.setattr(durable._store, "save", lambda cib: goes_on.wait(5))
        worker = asyncio.create_task(durable.work())
        durable.persist(1, HardState(1, "a", 1), document("x"))
        async with asyncio.timeout(5):
            while not failing:
                await asyncio.sleep(0.01)
        assert "takes longer" in durable.problem
        assert done == []
        goes_on.set()
        async with asyncio.timeout(5):
            while not done:
                await asyncio.sleep(0.01)
        assert durable.problem == ""
        worker.cancel()
        durable.close()

    asyncio.run(story())
    assert failing == [1]


def test_an_empty_folder_is_a_new_store_and_one_that_was_written_is_whole(tmp_path: Path) -> None:
    assert recall(tmp_path / "new") == (HardState(store=StoreState.NEW), None)
    write(tmp_path / "old", (HardState(3, "a", 3), document("x")))
    assert recall(tmp_path / "old")[0].store is StoreState.WHOLE


@pytest.mark.parametrize("backup", [True, False])
def test_a_damaged_store_is_lost_until_an_elected_dc_has_filled_it(tmp_path: Path, backup: bool) -> None:
    write(tmp_path, (HardState(3, "a", 3), document("x")), (HardState(3, "a", 3), document("y")))
    for file in tmp_path.glob("cib.xml" if backup else "cib*.xml"):
        file.write_bytes(file.read_bytes()[:100])
    hard_state, cib = recall(tmp_path)
    assert hard_state == HardState(3, "a", 0, StoreState.LOST) and (cib is not None) is backup
    write(tmp_path, (HardState(3, "a", 0, StoreState.LOST), document("by a caretaker")))
    assert recall(tmp_path)[0].store is StoreState.LOST, "the file is good again, what it holds is not"
    write(tmp_path, (HardState(4, "b", 4, StoreState.WHOLE), document("whole")))
    assert recall(tmp_path)[0] == HardState(4, "b", 4, StoreState.WHOLE)


def test_a_store_is_not_whole_before_what_makes_it_whole_is_written(tmp_path: Path) -> None:
    """The votes are written first: power is cut before the CIB that they speak of."""
    lost = HardState(3, "a", 3, StoreState.LOST)
    write(tmp_path, (lost, document("by a caretaker")))
    write(tmp_path, (HardState(3, "a", 3, StoreState.WHOLE), None))
    assert recall(tmp_path)[0].store is StoreState.LOST


def test_votes_of_before_know_nothing_of_lost_stores(tmp_path: Path) -> None:
    write(tmp_path, (HardState(3, "a", 3), document("x")))
    votes = json.loads((tmp_path / "votes.json").read_text())
    del votes["store"], votes["former"]["store"]
    (tmp_path / "votes.json").write_text(json.dumps(votes))
    assert recall(tmp_path)[0] == HardState(3, "a", 3, StoreState.WHOLE)

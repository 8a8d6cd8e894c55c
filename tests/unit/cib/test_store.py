"""The store: what was saved is there, whatever happened to the file."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from crm.cib.changes import Edit
from crm.cib.document import Document
from crm.cib.errors import CibError
from crm.cib.store import CibStore


def cib(epoch: int) -> Document:
    text = f"<cib epoch='{epoch}'><configuration><nodes/></configuration><status><node_state id='1'/></status></cib>"
    return Document.parse(text)


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    loaded = CibStore(tmp_path / "none").load()
    assert loaded.document is None and loaded.reports == ()


def test_what_was_saved_is_loaded_without_its_status(tmp_path: Path) -> None:
    CibStore(tmp_path).save(cib(4))
    document = CibStore(tmp_path).load().document
    assert document is not None
    assert document.version == (0, 4, 0)
    assert document.root.find("status") is not None and document.root.find("status/node_state") is None


@pytest.mark.parametrize("damage", [b"", b"<cib", b"garbage\xff", None])
def test_a_damaged_file_is_set_aside_and_the_newest_backup_used(tmp_path: Path, damage: bytes | None) -> None:
    store = CibStore(tmp_path)
    for epoch in (1, 2, 3):
        store.save(cib(epoch))
    good = store.path.read_bytes()
    store.path.write_bytes(good.replace(b"epoch", b"epooh") if damage is None else damage)
    loaded = CibStore(tmp_path).load()
    assert loaded.document is not None and loaded.document.version == (0, 2, 0)
    assert [report.code for report in loaded.reports] == ["cib-damaged", "cib-from-backup"]
    assert Path(loaded.reports[0].where).exists()


def test_damaged_backups_are_passed_over(tmp_path: Path) -> None:
    store = CibStore(tmp_path)
    for epoch in (1, 2, 3):
        store.save(cib(epoch))
    for path in (store.path, tmp_path / "cib-00000002.xml"):
        path.write_bytes(b"")
    loaded = CibStore(tmp_path).load()
    assert loaded.document is not None and loaded.document.version == (0, 1, 0)


def test_only_so_many_backups_are_kept_also_after_a_restart(tmp_path: Path) -> None:
    for epoch in range(1, 8):
        CibStore(tmp_path, backups=3).save(cib(epoch))
    assert len(list(tmp_path.glob("cib-*.xml"))) == 3
    (tmp_path / "cib.xml").write_bytes(b"")
    document = CibStore(tmp_path).load().document
    assert document is not None and document.version == (0, 6, 0)


def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = CibStore(tmp_path)
    store.save(cib(1))

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CibError) as raised:
        store.save(cib(2))
    assert raised.value.code == "store-full" and "No space left" in raised.value.message
    monkeypatch.undo()
    document = CibStore(tmp_path).load().document
    assert document is not None and document.version == (0, 1, 0)
    store.save(cib(3))


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CibError) as raised:
        CibStore(tmp_path / "file" / "store").save(cib(1))
    assert raised.value.code == "store-unwritable"


def test_changes_apply_to_what_was_loaded(tmp_path: Path) -> None:
    CibStore(tmp_path).save(cib(1))
    document = CibStore(tmp_path).load().document
    assert document is not None
    assert document.apply(Edit("create", "<node id='1' uname='a'/>")).version == (0, 2, 0)

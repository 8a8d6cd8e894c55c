"""crm_diff, stonith_admin, crmadmin: the options and outputs that scripts know."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crm.cib.changes import Edit
from crm.cib.document import Document
from crm.cli.connection import SOCKET_VARIABLE
from crm.cli.pacemaker import cibadmin, crm_diff, crmadmin, stonith_admin
from tests.unit.api.node import FakeNode
from tests.unit.cli.serving import serving

Run = Callable[..., str]
DEVICE = ('<primitive id="power" class="stonith" type="fence_demo"><instance_attributes id="p">'
          '<nvpair id="p1" name="pcmk_host_list" value="one two"/></instance_attributes></primitive>')


@pytest.fixture
def node() -> FakeNode:
    return FakeNode()


@pytest.fixture
def run(
    node: FakeNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    monkeypatch.setenv(SOCKET_VARIABLE, str(tmp_path / "s"))

    def command(main: Callable[[list[str]], int], *words: str, code: int = 0) -> str:
        found = main(list(words))
        printed = capsys.readouterr()
        assert found == code, printed.out + printed.err
        return printed.err if code > 1 else printed.out + printed.err

    with serving(node, tmp_path / "s"):
        yield command


@pytest.fixture
def files(node: FakeNode, tmp_path: Path) -> tuple[str, str]:
    """The CIB, and one with a resource more."""
    old, new = tmp_path / "old.xml", tmp_path / "new.xml"
    old.write_bytes(node.document.to_bytes())
    more = '<primitive id="more" class="ocf" provider="crmd" type="Dummy"/>'
    new.write_bytes(node.document.apply(Edit("create", more)).to_bytes())
    return str(old), str(new)


@pytest.mark.parametrize("options", [(), ("--no-version",)])
def test_a_difference_can_be_applied_to_a_file_and_to_the_cluster(
    run: Run, node: FakeNode, files: tuple[str, str], tmp_path: Path, options: tuple[str, ...]
) -> None:
    old, new = files
    patch = tmp_path / "patch.xml"
    patch.write_text(run(crm_diff.main, "--original", old, "--new", new, *options, code=1))
    assert ("<version>" in patch.read_text()) is not bool(options)
    updated = Document.parse(run(crm_diff.main, "-o", old, "-p", str(patch)))
    assert updated.configuration_digest() == Document.parse(Path(new).read_bytes()).configuration_digest()
    run(cibadmin.main, "--patch", "-x", str(patch))
    assert node.document.root.find(".//primitive[@id='more']") is not None


def test_a_patch_without_versions_fits_a_cib_that_has_moved_on(
    run: Run, node: FakeNode, files: tuple[str, str], tmp_path: Path
) -> None:
    patch = {}
    for name, options in (("tied", ()), ("free", ("-u",))):
        patch[name] = tmp_path / name
        patch[name].write_text(run(crm_diff.main, "-o", files[0], "-n", files[1], *options, code=1))
    node.document = node.document.apply(Edit("create", '<node id="3" uname="three"/>'))
    assert "is for version" in run(cibadmin.main, "-P", "-x", str(patch["tied"]), code=103)
    run(cibadmin.main, "-P", "-x", str(patch["free"]))
    assert node.document.root.find(".//primitive[@id='more']") is not None
    assert node.document.root.find(".//node[@uname='three']") is not None


def test_no_difference_and_no_cib(run: Run, files: tuple[str, str]) -> None:
    assert run(crm_diff.main, "-o", files[0], "-n", files[0]) == ""
    assert "cannot be read" in run(crm_diff.main, "-o", files[0], "-n", "/nowhere", code=66)
    assert "crm_diff --original" in run(crm_diff.main, "-o", files[0], "-p", files[1], code=1)
    assert "not well-formed" in run(crm_diff.main, "-O", "<cib", "-n", files[1], code=78)


def test_fencing_by_its_older_name(run: Run, node: FakeNode) -> None:
    assert run(stonith_admin.main, "-L") == "0 fence devices found\n"
    assert "no device can fence" in run(stonith_admin.main, "-l", "one", code=105)
    node.document = node.document.apply(Edit("create", DEVICE))
    assert run(stonith_admin.main, "-L") == "power\n1 fence device found\n"
    assert run(stonith_admin.main, "--list", "two") == "power\n1 fence device found\n"
    assert run(stonith_admin.main, "-s", "power") == "one\ntwo\n"
    assert "there are power" in run(stonith_admin.main, "-s", "pwer", code=105)
    run(stonith_admin.main, "--fence=two")
    run(stonith_admin.main, "-B", "two", "-t", "5")
    run(stonith_admin.main, "-C", "two")
    assert node.fenced == [("two", "off"), ("two", "reboot"), ("two", "confirm")]
    assert "has never been fenced" in run(stonith_admin.main, "-h", "one")
    assert "crmctl resource create" in run(stonith_admin.main, "-R", "x", code=64)
    assert "exactly one" in run(stonith_admin.main, "-L", "-I", code=64)


def test_who_leads_and_who_belongs_to_it(run: Run) -> None:
    assert run(crmadmin.main, "-D") == "Designated Controller is: one\n"
    assert run(crmadmin.main, "-D", "-q") == "one\n"
    assert run(crmadmin.main, "-S", "one") == "Controller on one in state S_IDLE: ok\n"
    assert run(crmadmin.main, "-S", "two") == "Controller on two in state S_NOT_DC: ok\n"
    assert "no node nine" in run(crmadmin.main, "-S", "nine", code=105)
    assert run(crmadmin.main, "-N", "-B") == "export one=1\nexport two=2\n"
    assert run(crmadmin.main, "-P", "-q") == "running\n"

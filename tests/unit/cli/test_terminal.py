"""Nothing that a terminal obeys gets out of a command, whoever has put it into a name, a parameter or a reason."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from crm.cli import terminal
from crm.cli.pacemaker import cibadmin, crm_mon
from crm.model.text import fit

HARMFUL = ["\x1b", "\x80", "\x9b", "\x9f", "\u061c", "\u200e", "\u200f", "\u202a", "\u202e", "\u2066", "\u2069"]
ANY = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
NAME = "web\u202e\x9b2J"
CIB = f"""<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0"><configuration><crm_config/>
<nodes><node id="1" uname="one"/></nodes><resources><primitive id="web" class="ocf" provider="crmd" type="Dummy">
<instance_attributes id="p"><nvpair id="p-state" name="state" value="{NAME}"/></instance_attributes></primitive>
</resources><constraints/></configuration><status><node_state id="1" uname="one" in_ccm="true" crmd="online"
join="member" expected="member"><transient_attributes id="1"><instance_attributes id="s"><nvpair id="s-1" name="{NAME}"
value="{NAME}"/></instance_attributes></transient_attributes></node_state></status></cib>"""


@pytest.mark.parametrize("character", HARMFUL)
def test_what_is_kept_is_fit(character: str) -> None:
    assert not ANY.search(fit(f"a{character}b"))


@pytest.mark.parametrize("script", tomllib.loads(Path("pyproject.toml").read_text())["project"]["scripts"].items())
def test_each_command_prints_through_the_border(script: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    name, place = script
    if name == "crmd":
        return  # A daemon's words are in its log (`crm.daemon.log`).
    module, function = place.split(":")
    entered = []

    @contextlib.contextmanager
    def watched() -> Iterator[None]:
        entered.append(name)
        yield

    monkeypatch.setattr(terminal, "fit_output", watched)
    with contextlib.suppress(SystemExit):
        getattr(importlib.import_module(module), function)(["--help"])
    assert entered == [name]


@pytest.fixture
def cib_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "cib.xml"
    path.write_text(CIB)
    monkeypatch.setenv("CIB_file", str(path))
    return path


def test_a_status_shows_an_escape_in_its_place(cib_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert crm_mon.main(["-1", "-A"]) == 0
    shown = capsys.readouterr().out
    assert "\\u202e" in shown and not ANY.search(shown)


@pytest.mark.parametrize("arguments", [["-1", "--output-as=xml"], ["-1", "--output-as=html"]])
def test_so_does_a_status_in_xml_or_html(cib_file: Path, arguments: list[str],
                                         capsys: pytest.CaptureFixture[str]) -> None:
    assert crm_mon.main([*arguments, "-A"]) == 0
    shown = capsys.readouterr().out
    assert "&#8238;" in shown and not ANY.search(shown)


def test_a_document_says_the_same(cib_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cibadmin.main(["-Q"]) == 0
    shown = capsys.readouterr().out
    assert not ANY.search(shown)
    value = etree.fromstring(shown).find(".//nvpair[@id='p-state']")
    assert value is not None and value.get("value") == NAME


def test_a_command_may_steer_its_terminal() -> None:
    out = io.StringIO()
    stream = terminal.FitStream(out)
    terminal.steer(stream, "\033[K")  # type: ignore[arg-type]
    stream.write("\033[K")
    assert out.getvalue() == "\033[K\\u001b[K"

"""Setting up a cluster: what is written for whom, and that a token is good once, for a while, for one node."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from crm.cli.connection import CommandError
from crm.cli.crmctl import main
from crm.cli.setup.invitation import Invitations, InvitationToken, fetch, parse
from crm.cli.setup.plan import SetupFile, planned
from crm.daemon.settings import load

NODES = ["a=10.0.0.1", "b=10.0.0.2", "c=10.0.0.3"]


@dataclass
class Party:
    """Invitations for b and c that are being served."""

    invitations: Invitations
    tokens: dict[str, str]
    joined: list[str] = field(default_factory=list)


@pytest.fixture
def party() -> Iterator[Party]:
    plan = planned("test", "corosync", NODES)
    invitations = Invitations("127.0.0.1", {name: plan.files(name) for name in "bc"}, seconds=5)
    made = Party(invitations, invitations.tokens)
    serving = threading.Thread(target=lambda: made.invitations.serve(made.joined.append))
    serving.start()
    yield made
    for text in made.tokens.values():
        if len(made.joined) < 2:
            try:
                fetch(parse(text), lambda name, files: None)
            except CommandError:
                continue
    serving.join()


@pytest.mark.parametrize("layer", ["embedded", "corosync", "etcd"])
def test_what_init_writes_is_what_crmd_takes(layer: str, tmp_path: Path) -> None:
    for file in planned("test", layer, NODES).files("b"):
        place = tmp_path / file.name
        place.write_bytes(file.content)
        place.chmod(0o600 if file.secret else 0o644)
    settings = load(tmp_path / "crmd.toml")
    settings.check()
    assert settings.messaging.layer == layer
    assert settings.node_name == "b"


def test_two_nodes_get_the_quorum_of_two() -> None:
    texts = {file.name: file.content.decode(errors="replace") for layer in ("embedded", "corosync")
             for file in planned("test", layer, NODES[:2]).files("a")}
    assert "two_node: 1" in texts["corosync.conf"]
    embedded = planned("test", "embedded", NODES[:2]).files("a")[0].content
    assert b'quorum = "two_node"' in embedded


@pytest.mark.parametrize(("nodes", "said"), [
    (["a"], "does not name a node"),
    (["a=1.2.3.4", "a=1.2.3.5"], "name a is given twice"),
    (["a=1.2.3.4", "b=1.2.3.4"], "address 1.2.3.4 is given twice"),
    (["../a=1.2.3.4"], "does not name a node"),
    (["a=1.2.3.4\nb"], "does not name a node"),
])
def test_mistakes_in_the_list_of_nodes_are_named(nodes: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        planned("test", "embedded", nodes)


def test_each_node_gets_its_own_files_and_the_shared_keys(party: Party) -> None:
    taken: dict[str, dict[str, SetupFile]] = {}
    for text in party.tokens.values():
        fetch(parse(text), lambda name, files: taken.update({name: {file.name: file for file in files}}))
    assert b'name = "b"' in taken["b"]["crmd.toml"].content
    assert b'name = "c"' in taken["c"]["crmd.toml"].content
    assert taken["b"]["authkey"] == taken["c"]["authkey"]
    assert taken["b"]["authkey"].secret


def test_a_token_is_good_once(party: Party) -> None:
    token = parse(party.tokens["b"])
    fetch(token, lambda name, files: None)
    with pytest.raises(CommandError, match="used before"):
        fetch(token, lambda name, files: None)


def test_a_node_whose_disk_was_full_may_come_again(party: Party) -> None:
    def full(_name: str, _files: list[SetupFile]) -> None:
        raise OSError("No space left on device")

    with pytest.raises(CommandError):
        fetch(parse(party.tokens["b"]), full)
    assert fetch(parse(party.tokens["b"]), lambda name, files: None) == "b"


def test_a_wrong_secret_and_a_wrong_host_are_refused(party: Party) -> None:
    token = parse(party.tokens["b"])
    with pytest.raises(CommandError, match="refused"):
        fetch(replace(token, secret=b"x" * len(token.secret)), lambda name, files: None)
    with pytest.raises(CommandError, match="not the node"):
        fetch(replace(token, fingerprint=b"x" * 32), lambda name, files: None)
    assert party.joined == []


def test_the_invitations_end_with_their_time() -> None:
    plan = planned("test", "embedded", NODES)
    invitations = Invitations("127.0.0.1", {"b": plan.files("b")}, seconds=0)
    token = parse(invitations.tokens["b"])
    assert invitations.serve(lambda name: None) == ["b"]
    with pytest.raises(CommandError, match="does not answer"):
        fetch(token, lambda name, files: None)


@pytest.mark.parametrize("text", ["", "crmd1-", "crmd1-AAAA", "hello", "crmd1-" + "A" * 90])
def test_what_is_no_token_is_said_plainly(text: str) -> None:
    with pytest.raises(CommandError, match="no token"):
        parse(text)
    assert InvitationToken("h", 1, b"f" * 32, b"s" * 24) == parse(InvitationToken("h", 1, b"f" * 32, b"s" * 24).text())


def test_files_that_are_there_stay_unless_forced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["cluster", "init", "a=127.0.0.1", "--folder", str(tmp_path)]
    assert main(command) == 0
    key = (tmp_path / "key").read_bytes()
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert main(command) == 1
    assert "set up already" in capsys.readouterr().err
    assert (tmp_path / "key").read_bytes() == key
    assert main([*command, "--force"]) == 0
    assert (tmp_path / "key.before").read_bytes() == key

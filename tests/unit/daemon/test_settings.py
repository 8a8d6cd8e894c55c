"""The settings file: what is taken, what is refused, and how that is said."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from crm.daemon.settings import Settings, SettingsError, describe, load
from crm.messaging import QuorumMode


def write(folder: Path, text: str) -> Path:
    file = folder / "crmd.toml"
    file.write_text(text)
    return file


def test_relative_paths_count_from_the_file(tmp_path: Path) -> None:
    settings = load(write(tmp_path, 'name = "a"\nstate_folder = "state"\n[api]\nsocket = "s"\n'))
    assert settings.state_folder == tmp_path / "state"
    assert settings.api.socket == tmp_path / "s"


def test_nodes_are_numbered_in_their_order(tmp_path: Path) -> None:
    settings = load(write(tmp_path, 'name = "a"\n[[nodes]]\nname = "a"\n[[nodes]]\nname = "b"\nid = "17"\n'))
    assert [(node.name, node.id) for node in settings.node_list] == [("a", "1"), ("b", "17")]


def test_a_node_without_a_list_is_a_cluster_of_its_own() -> None:
    settings = Settings(name="alone")
    assert settings.quorum_mode is QuorumMode.SINGLE_NODE
    settings.check()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('nmae = "a"', "did you mean name?"),
        ("[messaging]\nhartbeat_ms = 5", "did you mean heartbeat_ms?"),
        ("[messaging]\nheartbeat_ms = 'soon'", "messaging.heartbeat_ms"),
        ("name = ", "not valid TOML"),
        ('[[nodes]]\nname = "a"\nid = "1"\n[[nodes]]\nname = "b"\nid = "1"', "same id"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said.replace("?", r"\?")):
        load(write(tmp_path, text))


def test_a_key_that_everybody_can_read_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("0" * 64)
    key.chmod(0o644)
    text = 'name = "a"\nkey_file = "key"\n[[nodes]]\nname = "a"\n[[nodes]]\nname = "b"\n[[nodes]]\nname = "c"\n'
    settings = load(write(tmp_path, text))
    with pytest.raises(SettingsError, match="open to everybody"):
        settings.check()
    key.chmod(0o600)
    settings.check()


def test_what_help_prints_is_a_settings_file(tmp_path: Path) -> None:
    text = "\n".join(describe())
    data = tomllib.loads(text)
    assert data["messaging"]["failure_limit_ms"] == 800
    for name, field in Settings.model_fields.items():
        assert name in data
        assert field.description

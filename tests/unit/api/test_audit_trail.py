"""Reading the audit log over REST: newest first, in pages, from the end of files however long, for root only."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm.api.middleware import audit
from crm.api.queries import audit_trail
from tests.unit.api.test_authentication import Client


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    handler = audit.write_to(tmp_path / "audit.log", 20_000, 3)
    assert handler is not None
    level = audit.audit.level
    audit.audit.setLevel(logging.INFO)
    yield Client("open")
    audit.audit.setLevel(level)
    audit.audit.removeHandler(handler)
    handler.close()


def test_the_newest_comes_first_and_pages_go_on(client: Client) -> None:
    for name in ("one", "two", "nine"):
        client.http.post(f"/v1/nodes/{name}/standby")
    first = client.http.get("/v1/audit?limit=2")
    assert [each["path"].split("/")[3] for each in first.json()] == ["nine", "two"]
    assert (first.json()[0]["status"], first.json()[0]["code"]) == (404, "no-such-node")
    rest = client.http.get(first.links["next"]["url"])
    assert [each["path"].split("/")[3] for each in rest.json()] == ["one"] and "next" not in rest.links
    assert client.http.get("/v1/audit?user=anna").json() == client.http.get("/v1/audit?refused=true").json() == []


def test_rotated_files_are_read_as_well_and_damage_is_passed_over(client: Client, tmp_path: Path) -> None:
    for number in range(120):
        client.http.put("/v1/options/batch-limit", json={"value": str(number)}, headers={"x": "y"})
    files = audit.files()
    assert len(files) > 1
    with files[0].open("a") as file:
        file.write("{half\n")
    found = client.http.get("/v1/audit").json()
    assert len(found) == sum(len(each.read_bytes().splitlines()) for each in files) - 1
    assert len({each["id"] for each in found}) == len(found)
    assert [each["at"] for each in found] == sorted((each["at"] for each in found), reverse=True)


def test_lines_longer_than_a_block_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_trail, "_BLOCK_BYTES", 7)
    path = tmp_path / "log"
    path.write_text("\n".join(json.dumps({"at": "x" * size}) for size in (0, 30, 3)) + "\n")
    lines = [json.loads(line)["at"] for line in audit_trail._last_lines([path, tmp_path / "none"])]
    assert [len(each) for each in lines] == [3, 30, 0]


def test_only_root_reads_it(client: Client) -> None:
    guarded = Client()
    for user, status in (("root", 200), ("nobody", 403)):
        headers = {"Authorization": f"Bearer {guarded.token(user)}"}
        assert guarded.http.get("/v1/audit", headers=headers).status_code == status

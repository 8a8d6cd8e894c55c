"""Nothing that a user asks for is held against what they may not read; no expression holds the event loop."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from crm.api.auth.scopes import Scope
from crm.api.queries import bounded_xpath
from crm.cib.changes import Edit, EditVerb
from crm.cib.document import Document
from crm.cib.errors import CibError
from tests.unit.api.node import CIB
from tests.unit.api.test_authentication import Client

pytestmark = pytest.mark.slow

LISTS = ('<acls><acl_role id="r"><acl_permission id="p" kind="write" xpath="//primitive[@id=\'web\']"/></acl_role>'
         '<acl_target id="bert"><role id="r"/></acl_target></acls>')
ENABLED = '<cluster_property_set id="o"><nvpair id="oa" name="enable-acl" value="true"/></cluster_property_set>'
SECRET = '<instance_attributes id="db-p"><nvpair id="db-pw" name="password" value="hunter2"/></instance_attributes>'


def _client(*, lists: bool = True) -> Client:
    client = Client()
    document = client.node.document.apply(Edit(EditVerb.MODIFY, f'<primitive id="db">{SECRET}</primitive>'))
    document = document.apply(Edit(EditVerb.UPSERT, LISTS))
    client.node.adopt(document.apply(Edit(EditVerb.UPSERT, ENABLED, "crm_config")) if lists else document)
    return client


def _asked(guess: str, verb: str) -> dict[str, Any]:
    pair = f'<nvpair id="db-pw" name="password" value="{guess}"/>'
    by_prefix = f"//primitive[@id='db']//nvpair[@name='password' and starts-with(@value,'{guess[:3]}')]"
    return {
        "by function": {"verb": verb, "xml": pair, "xpath": by_prefix},
        "by value": {"verb": verb, "xml": pair, "xpath": f"//nvpair[@value='{guess}']"},
        "by object": {"verb": verb, "xml": pair},
        "beside": {"verb": verb, "xml": '<primitive id="web" type="X"/>',
                   "xpath": f"//primitive[@id='web' and //nvpair[starts-with(@value,'{guess[:3]}')]]"},
    }


@pytest.mark.parametrize("way", ["by function", "by value", "by object", "beside"])
@pytest.mark.parametrize("verb", ["delete", "modify", "replace", "upsert", "create"])
@pytest.mark.parametrize("lists", [True, False])
def test_no_answer_tells_a_right_guess_from_a_wrong_one(way: str, verb: str, lists: bool) -> None:
    client = _client(lists=lists)
    told = []
    for guess in ("hunter2", "letmein"):
        body = json.dumps(_asked(guess, verb)[way])
        answer = client.http.patch("/v1/cib?dry_run=true", content=body, headers={
            "Authorization": f"Bearer {client.token('bert', Scope.WRITE)}", "Content-Type": "application/json"})
        told.append((answer.status_code, answer.text.replace(guess, "").replace(guess[:3], "")))
    if not lists and way == "by object" and verb in ("modify", "replace", "upsert"):
        told = [(status, "") for status, _ in told]  # Whoever may write it is told what they have written.
    assert told[0] == told[1]


def test_whoever_may_change_nothing_is_refused_before_the_body_is_read() -> None:
    client = _client()
    answer = client.ask("PUT", "/v1/cib", token=client.token("carl", Scope.WRITE), content="<no xml")
    assert (answer.status_code, answer.json()["code"]) == (403, "permission-denied")


def test_what_one_may_write_is_written_beside_what_is_hidden() -> None:
    client = _client()
    answer = client.ask("PATCH", "/v1/cib", token=client.token("bert", Scope.WRITE), json={
        "verb": "modify", "xml": '<primitive id="web" type="Other"/>',
        "xpath": "//primitive[contains(@id,'eb')]"})
    assert answer.status_code == 200, answer.text
    root = client.node.document.root
    assert root.find(".//primitive[@id='web']").get("type") == "Other"
    assert root.find(".//nvpair[@id='db-pw']").get("value") == "hunter2"


def _nested(depth: int) -> str:
    expression = "//*"
    for _ in range(depth):
        expression = f"//*[count({expression})>0]"
    return expression


def test_an_expression_without_end_is_given_up_and_the_loop_goes_on() -> None:
    async def story() -> tuple[float, float]:
        began, longest = time.monotonic(), 0.0
        asked = asyncio.create_task(bounded_xpath.selected(Document.parse(CIB), None, _nested(6)))
        while not asked.done():
            before = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - before)
        with pytest.raises(CibError) as caught:
            await asked
        assert caught.value.code == "bad-xpath"
        return time.monotonic() - began, longest

    took, longest = asyncio.run(story())
    assert took < bounded_xpath.ANSWER_LIMIT_S + 5
    assert longest < 0.5


@pytest.mark.parametrize(("expression", "status"), [
    ("//primitive[contains(@id,'e')]", 200), ("//primitive[", 422), ("//nothing[contains(@id,'e')]", 404),
    ("//*" + "[*" * 40 + "]" * 40, 422)])
def test_other_expressions_are_answered_as_ever(expression: str, status: int) -> None:
    client = _client()
    assert client.http.get("/v1/cib", params={"xpath": expression}, headers={
        "Authorization": f"Bearer {client.token()}"}).status_code == status


def test_edits_are_found_where_those_before_have_left_things() -> None:
    edits = [{"verb": "create", "section": "resources", "xml": '<primitive id="x1" class="ocf" type="Dummy"/>'},
             {"verb": "delete", "xpath": "//primitive[starts-with(@id,'x')]"}]
    client = _client()
    before = client.node.document
    answer = client.ask("PATCH", "/v1/cib", token=client.token(scope=Scope.WRITE), json=edits)
    assert answer.status_code == 200, answer.text
    assert client.node.document.configuration_digest() == before.configuration_digest()

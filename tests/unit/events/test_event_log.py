"""What a step of the CIB tells, and the journal that listeners go on in."""

from __future__ import annotations

import asyncio

from crm.cib.change_events import change_events
from crm.cib.changes import Batch, Edit, EditVerb
from crm.cib.document import Document
from crm.cib.redaction import REDACTED, is_secret_name, redacted_text, without_secrets
from crm.cib.status_updates import (
    HistoryRemoval,
    NodeUpdate,
    OperationUpdate,
    ResourceUpdate,
    RootUpdate,
    StatusUpdate,
    TransientAttributeUpdate,
    apply_updates,
)
from crm.daemon.event_log import EventLog
from tests.unit.api.node import CIB

START = Document.parse(CIB)
STARTED = {"operation": "start", "interval": "0", "rc-code": "0", "op-status": "0", "transition-key": "1:2:0:x"}


def _recorded(*notes: StatusUpdate) -> Document:
    return apply_updates(START, notes)


def test_an_operation_is_told_in_the_words_of_the_field() -> None:
    web = ResourceUpdate("db", "ocf", "Dummy", "crmd", {"db_last_0": STARTED})
    told = change_events(START, _recorded(OperationUpdate("2", "two", web)))
    assert [(each["kind"], each["resource"], each["node"], each["change"]) for each in told] == [
        ("history", "db", "two", "created"),
        ("operation", "db", "two", "created"),
    ]
    assert (told[1]["operation"], told[1]["rc"], told[1]["expected_rc"], told[1]["status"]) == ("start", 0, 0, 0)


def test_what_is_forgotten_is_told_entry_by_entry() -> None:
    told = change_events(START, _recorded(HistoryRemoval("1", "ip")))
    assert [(each["kind"], each.get("entry"), each["change"]) for each in told] == [
        ("history", None, "deleted"),
        ("operation", "ip_last_0", "deleted"),
        ("operation", "ip_last_failure_0", "deleted"),
    ]


def test_nodes_attributes_and_the_cluster() -> None:
    gone = NodeUpdate("2", "two", {"in_ccm": "0", "crmd": "0", "join": "down"})
    lost, *_ = change_events(START, _recorded(gone))
    assert (lost["kind"], lost["node"], lost["member"], lost["daemon"], lost["join"]) == (
        "node", "two", False, False, "down")
    after = _recorded(TransientAttributeUpdate("1", "pingd", "100"))
    (pinged,) = change_events(START, after)
    assert (pinged["kind"], pinged["name"], pinged["value"], pinged["node"]) == ("attribute", "pingd", "100", "one")
    (dropped,) = change_events(after, apply_updates(after, [TransientAttributeUpdate("1", "pingd", None)]))
    assert (dropped["name"], dropped["value"], dropped["change"]) == ("pingd", None, "deleted")
    (led,) = change_events(START, _recorded(RootUpdate({"dc-uuid": "2", "have-quorum": "0"})))
    assert (led["kind"], led["dc"], led["quorate"]) == ("cluster", "two", False)


def test_a_configuration_change_says_what_to_do_with_a_copy() -> None:
    edits = (
        Edit(EditVerb.CREATE, '<primitive id="new" class="ocf" provider="crmd" type="Dummy"/>', "resources"),
        Edit(EditVerb.MODIFY, '<nvpair id="o1" value="true"/>', "crm_config", "//nvpair[@id='o1']"),
        Edit(EditVerb.DELETE, '<primitive id="db"/>'),
    )
    told = {str(each["id"]): each for each in change_events(START, START.apply(Batch(edits)))}
    assert told["new"]["change"] == "created" and 'id="new"' in str(told["new"]["xml"])
    assert told["o1"]["attributes"] == {"value": "true"}
    assert told["o1"]["section"] == "crm_config"
    assert (told["db"]["change"], told["db"]["element"]) == ("deleted", "primitive")


def _with_parameters(document: Document, **parameters: str) -> Document:
    pairs = "".join(f'<nvpair id="db-{name}" name="{name}" value="{value}"/>' for name, value in parameters.items())
    attributes = f'<instance_attributes id="db-p">{pairs}</instance_attributes>'
    return document.apply(Edit(EditVerb.MODIFY, f'<primitive id="db">{attributes}</primitive>'))


def test_secrets_are_in_no_news() -> None:
    marked = ResourceUpdate("db", "ocf", "Dummy", "crmd", {"db_last_0": {**STARTED, "op-secure-params": " pin "}})
    before = apply_updates(START, [OperationUpdate("2", "two", marked)])
    created = _with_parameters(before, passwd="hunter2", pin="4711-x", port="80")
    changed = _with_parameters(created, passwd="hunter3", pin="4712-x", port="81")
    for told in (change_events(before, created), change_events(created, changed)):
        text = str(told)
        assert "hunter" not in text and "471" not in text
        assert text.count(REDACTED) == 2
    failed = {**STARTED, "rc-code": "1", "exit-reason": "cannot log in with hunter3",
              "agent-output": "psql: hunter3 is wrong"}
    operation = ResourceUpdate("db", "ocf", "Dummy", "crmd", {"db_last_failure_0": failed})
    after = apply_updates(changed, [OperationUpdate("1", "one", operation)])
    assert "hunter3" not in str(change_events(changed, after))
    assert b"hunter3" not in without_secrets(after).to_bytes()
    assert b"hunter" not in without_secrets(changed).to_bytes()
    assert redacted_text(changed, "login as x/hunter3 failed") == f"login as x/{REDACTED} failed"
    assert without_secrets(START) is START


def test_what_is_a_secret() -> None:
    secret = ("passwd", "password", "admin_password", "db-secret", "api_key", "apikey", "PASSWORD", "auth_token")
    assert all(is_secret_name(name) for name in secret)
    plain = ("user", "port", "passwd_script", "password_file", "keyboard", "tokenizer", "secretary")
    assert not any(is_secret_name(name) for name in plain)


def _journal(**limits: int) -> tuple[EventLog, list[Document]]:
    """A journal after ten steps, with the eleven states."""
    journal, states = EventLog(START, **limits), [START]
    journal.adopted("3", START)
    for number in range(10):
        states.append(apply_updates(states[-1], [TransientAttributeUpdate("1", "count", str(number))]))
        journal.adopted("3", states[-1])
    return journal, states


def test_a_listener_goes_on_after_any_state() -> None:
    journal, states = _journal()
    for number, state in enumerate(states):
        steps = journal.after(f"{state.version}@3")
        assert steps is not None
        assert [step.index for step in steps] == [f"{later.version}@3" for later in states[number + 1 :]]


def test_what_a_journal_does_not_know_it_says() -> None:
    journal, states = _journal()
    assert journal.after(f"{states[3].version}@2") is None
    assert journal.after("nonsense") is None


def test_a_journal_is_bounded_in_steps_and_bytes() -> None:
    journal, states = _journal(steps=3)
    assert journal.after(f"{states[6].version}@3") is None
    assert len(journal.after(f"{states[7].version}@3") or ()) == 3
    small, _ = _journal(size_bytes=400)
    assert 0 < small.size_bytes <= 400
    tiny, states = _journal(size_bytes=1)
    assert (tiny.size_bytes, tiny.after(tiny.index), tiny.after(f"{states[0].version}@3")) == (0, [], None)


def test_a_change_of_dc_is_a_step_that_everybody_can_follow() -> None:
    journal, states = _journal()
    same = Document.parse(states[-1].to_bytes())
    journal.adopted("5", same)  # the new DC sends the whole CIB, the same one
    (step,) = journal.after(f"{same.version}@3") or ()
    assert (step.index, step.changes) == (f"{same.version}@5", ())
    journal.adopted("5", same)
    assert journal.index == f"{same.version}@5"


def test_what_was_on_disk_is_no_state_of_the_cluster() -> None:
    journal = EventLog(START)
    assert journal.index == f"{START.version}@none"
    journal.adopted("4", _recorded(TransientAttributeUpdate("1", "a", "b")))
    assert journal.after(f"{START.version}@none") is None


def test_waiting_ends_with_a_change_or_with_the_node() -> None:
    async def story() -> None:
        journal, states = _journal()
        waiting = asyncio.create_task(journal.change())
        await asyncio.sleep(0)
        assert not waiting.done()
        journal.adopted("3", apply_updates(states[-1], [TransientAttributeUpdate("1", "count", None)]))
        await asyncio.wait_for(waiting, 1)
        journal.close()
        await asyncio.wait_for(journal.change(), 1)

    asyncio.run(story())

"""Plans that do not come to rest are told of, whatever the reason; what fails is told of elsewhere."""

from __future__ import annotations

from crm.cib.changes import Edit, EditVerb
from crm.cib.document import Document
from crm.controller.execution.rest_watch import REPEATED, UNFINISHED, RestWatch
from crm.model.transition import Transition
from crm.testing import World, scenario
from crm.transition import ActionOutcome, TransitionRun

APART = '<rsc_colocation id="apart" rsc="a" with-rsc="b" score="-INFINITY"/>'
STICKY = ('<rsc_defaults><meta_attributes id="d"><nvpair id="d-s" name="resource-stickiness" value="100"/>'
          "</meta_attributes></rsc_defaults>")


def group_of_three() -> World:
    members = "".join(scenario.primitive(name) for name in "abd")
    options = scenario.options_xml({"fencing-enabled": "false"})
    one = World("abc", f'<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0"><configuration>'
                f'<crm_config>{options}</crm_config><nodes/><resources><group id="g">{members}</group>'
                f'{scenario.primitive("c")}</resources><constraints/>{STICKY}</configuration><status/></cib>', 1)
    one.services = ("a", "b", "c", "d")
    one.settle()
    return one


def codes(one: World) -> dict[str, str]:
    dc = one.nodes[str(one.dc())].controller
    assert dc is not None
    return {each.code: each.message for each in dc.snapshot().reports}


def test_a_plan_whose_next_one_changes_something_again_is_told_of_until_the_configuration_is_mended() -> None:
    one = group_of_three()
    one.run_for(20)
    assert not codes(one)
    one.edit(str(one.dc()), Edit(EditVerb.CREATE, APART, "constraints"))
    one.run_for(20)
    told = codes(one)
    assert "does not come to rest" in told["plan-restless"] and "stop b on b" in told["plan-restless"]
    assert "the group g keeps them on one node" in told["colocation-contradiction"]
    one.edit(str(one.dc()), Edit(EditVerb.DELETE, xpath="//rsc_colocation[@id='apart']"))
    one.settle()
    one.run_for(20)
    assert not codes(one)


def test_a_plan_that_cannot_be_finished_is_told_of() -> None:
    one = group_of_three()
    one.edit(str(one.dc()), Edit(EditVerb.DELETE, xpath="//group[@id='g']"))
    document, watch = one.document(str(one.dc())), RestWatch()
    for _ in range(UNFINISHED):
        assert watch.reports() == ()
        watch.begun(document)
        watch.ended(TransitionRun(one.plan(str(one.dc()))), ActionOutcome.TERMINATED)
    (report,) = watch.reports()
    assert report.code == "plan-unfinished" and "wait for what never comes: stop " in report.message


def carried_out(watch: RestWatch, transition: Transition, document: Document) -> None:
    run = TransitionRun(transition)
    watch.begun(document)
    while actions := run.ready():
        for action in actions:
            run.finished(action.id, True)
    watch.ended(run, ActionOutcome.COMPLETE)


def test_what_is_done_again_and_again_though_nothing_failed_is_told_of() -> None:
    one = group_of_three()
    one.edit(str(one.dc()), Edit(EditVerb.DELETE, xpath="//group[@id='g']"))
    document = one.document(str(one.dc()))
    transition, watch = one.plan(str(one.dc())), RestWatch()
    for _ in range(REPEATED - 1):
        carried_out(watch, transition, document)
    assert watch.reports() == ()
    carried_out(watch, transition, document)
    (report,) = watch.reports()
    assert report.code == "plan-restless" and "stop a on " in report.message
    carried_out(watch, transition, document.apply(Edit(EditVerb.CREATE, '<node id="9" uname="nine"/>', "nodes")))
    assert watch.reports() == ()

"""Whatever values stand where the schema accepts any: planned, sent, run, recorded, shown, and no controller ends."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from crm.cib.document import Document
from crm.cib.schema import errors, validate
from crm.executor import ExecutorSettings, OperationRequest
from crm.executor.agent_files import AgentFile
from crm.executor.environment import build
from crm.executor.last_starts import LastStarts
from crm.testing import World

NAMES = st.sampled_from((
    "CRM_meta_interval", "CRM_meta_timeout", "CRM_meta_op_target_rc", "CRM_meta_start_delay", "CRM_meta_on_fail",
    "CRM_meta_notify_type", "CRM_meta_migrate_target", "CRM_meta_priority_fencing_delay", "CRM_meta_operation",
    "OCF_CHECK_LEVEL", "crm_feature_set", "pcmk_external_ip", "addr", "ip", "a=b", "#uname", "PATH", "ünïcode",
    "x" * 300,
))
META = st.sampled_from((
    "target-role", "is-managed", "resource-stickiness", "migration-threshold", "failure-timeout", "priority",
    "interval", "timeout", "on-fail", "clone-max", "clone-node-max", "promoted-max", "promotable", "notify",
    "globally-unique",
    "maintenance", "allow-migrate", "requires", "multiple-active", "container-attribute-target",
))
OPTIONS = st.sampled_from((
    "batch-limit", "migration-limit", "node-action-limit", "load-threshold", "cluster-delay", "stonith-timeout",
    "fencing-timeout", "fencing-max-attempts", "no-quorum-policy", "cluster-recheck-interval", "dc-deadtime",
    "shutdown-lock", "shutdown-lock-limit", "start-failure-is-fatal", "priority-fencing-delay", "maintenance-mode",
    "node-health-strategy", "placement-strategy", "stop-orphan-resources", "enable-startup-probes",
))
VALUES = st.sampled_from((
    "evil", "", " ", "-1", "0", "1", "1e999", "9" * 40, "-" + "9" * 40, "5s", "P1Y", "INFINITY", "-INFINITY", "true",
    "٣", "²", "9" * 5000, "nan", "a\tb\nc", "<&>\"'", "%s{0}", "\u202e", "x" * 5000,
    "2038-01-19", "ignore", "block", "fence", "demote",
))
TIMES = st.sampled_from(("0", "1s", "-5", "soon", "9" * 30, "P1D", "", "1ms"))

any_number = settings(
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "40")), deadline=timedelta(seconds=60),
    suppress_health_check=list(HealthCheck), derandomize="HYPOTHESIS_EXAMPLES" not in os.environ,
)


def pairs(parent: etree._Element, tag: str, identity: str, values: dict[str, str]) -> None:
    block = etree.SubElement(parent, tag, id=identity)
    for number, (name, value) in enumerate(values.items()):
        etree.SubElement(block, "nvpair", id=f"{identity}-{number}", name=name, value=value)


@st.composite
def hostile(draw: st.DrawFn) -> Document:
    """A small cluster: a primitive, a group, a promotable clone; odd values wherever any are accepted."""
    some = lambda names: draw(st.dictionaries(names, VALUES, max_size=4))  # noqa: E731
    root = etree.fromstring('<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0">'
                            "<configuration><crm_config/><nodes/><resources/><constraints/></configuration><status/></cib>")
    resources = root.find("configuration/resources")
    assert resources is not None
    options = {"fencing-enabled": "false", **some(OPTIONS)}
    pairs(root.find("configuration/crm_config"), "cluster_property_set", "options", options)  # type: ignore[arg-type]
    for name, parent in (("one", resources), ("in", etree.SubElement(resources, "group", id="group")),
                         ("many", etree.SubElement(resources, "clone", id="clone"))):
        if parent.tag == "clone":
            pairs(parent, "meta_attributes", "clone-m", {"promotable": "true", **some(META)})
        primitive = etree.SubElement(parent, "primitive", {"id": name, "class": "ocf", "provider": "crmd",
                                                           "type": "Stateful" if name == "many" else "Dummy"})
        pairs(primitive, "instance_attributes", f"{name}-p", some(NAMES))
        pairs(primitive, "meta_attributes", f"{name}-m", some(META))
        operations = etree.SubElement(primitive, "operations")
        for number, operation in enumerate(("monitor", "start", "stop", "promote")):
            entry = etree.SubElement(operations, "op", id=f"{name}-{number}", name=operation, interval=draw(TIMES),
                                     timeout=draw(TIMES))
            pairs(entry, "instance_attributes", f"{name}-{number}-p", some(NAMES))
            pairs(entry, "meta_attributes", f"{name}-{number}-m", some(META))
    return Document(root)


@any_number
@given(hostile(), st.integers(0, 99))
def test_no_value_ends_a_controller(document: Document, seed: int) -> None:
    if errors(document):
        return
    validate(document)
    world = World("ab", document.to_bytes().decode(), seed)
    world.run_for(6.0)
    leader = world.dc()
    assert leader is not None
    for resource in ("one", "in"):
        world.break_resource(resource) if world.where(resource) else None
    world.run_for(3.0)
    world.clean_up(leader)
    world.run_for(3.0)
    for synapse in world.plan(leader).synapses:
        action = synapse.action
        if action.resource is not None:
            request = OperationRequest(1, action.resource, action.operation, action.interval_ms, action.timeout_ms,
                                       action.start_delay_ms, action.attributes, "", action.own_parameters)
            given = build(request, AgentFile(Path("/x"), Path("/")), ExecutorSettings(ocf_roots=()))
            assert all("\0" not in name + value and "=" not in name for name, value in given.items())
            LastStarts(None).as_started(request)

"""Small CIBs for tests of observation."""

from __future__ import annotations

from lxml import etree

from crm.cib.reading.cib_reader import read
from crm.policy_engine.observe import observe
from crm.policy_engine.picture.cluster import Cluster

NOW = 1_700_000_000
DUMMY = 'class="ocf" provider="pacemaker" type="Dummy"'


def member(name: str, histories: str = "", attributes: str = "", **state: str) -> str:
    """The state of a node that is a member, unless `state` says otherwise."""
    values = {"in_ccm": "true", "crmd": "online", "join": "member", "expected": "member", **state}
    text = " ".join(f'{key}="{value}"' for key, value in values.items())
    pairs = f'<instance_attributes id="s">{attributes}</instance_attributes>'
    transient = f'<transient_attributes id="{name}">{pairs}</transient_attributes>'
    return (
        f'<node_state id="{name}" uname="{name}" {text}>{transient}'
        f'<lrm id="{name}"><lrm_resources>{histories}</lrm_resources></lrm></node_state>'
    )


def history(resource: str, *entries: str, agent: str = DUMMY) -> str:
    """A resource's history."""
    return f'<lrm_resource id="{resource}" {agent}>{"".join(entries)}</lrm_resource>'


def entry(
    resource: str,
    task: str,
    call: int,
    rc: int = 0,
    target: int = 0,
    interval: int = 0,
    entry_id: str | None = None,
    status: int = 0,
    at: int = NOW - 100,
    more: str = "",
) -> str:
    """One recorded operation."""
    identity = entry_id or (f"{resource}_{task}_{interval}" if interval else f"{resource}_last_0")
    key = f"1:1:{target}:xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
    return (
        f'<lrm_rsc_op id="{identity}" operation_key="{resource}_{task}_{interval}" operation="{task}" '
        f'transition-key="{key}" transition-magic="{status}:{rc};{key}" call-id="{call}" rc-code="{rc}" '
        f'op-status="{status}" interval="{interval}" last-rc-change="{at}" on_node="n" {more}/>'
    )


def look(resources: str, status: str, options: str = "", nodes: str = "ab", more: str = "") -> Cluster:
    """The cluster that a configuration and a status come to; options as `name=value`, separated by blanks."""
    pairs = "".join(
        f'<nvpair id="o-{name}" name="{name}" value="{value}"/>'
        for name, value in (option.split("=") for option in options.split())
    )
    members = "".join(f'<node id="{name}" uname="{name}"/>' for name in nodes)
    text = (
        f'<cib have-quorum="true" validate-with="pacemaker-3.0"><configuration><crm_config>'
        f'<cluster_property_set id="cib-bootstrap-options">{pairs}</cluster_property_set></crm_config>'
        f"<nodes>{members}</nodes><resources>{resources}</resources><constraints/>{more}</configuration>"
        f"<status>{status}</status></cib>"
    )
    return observe(read(etree.fromstring(text)), NOW)

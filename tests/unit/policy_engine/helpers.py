"""Small clusters to plan for, of the parts that `tests.unit.observe.helpers` writes."""

from __future__ import annotations

from lxml import etree

from crm.cib.reading.cib_reader import read
from crm.policy_engine.scheduling import Schedule, make_schedule
from tests.unit.observe.helpers import NOW


def planned(
    resources: str, status: str, options: str = "", nodes: str = "ab", constraints: str = "", more: str = ""
) -> Schedule:
    """The plan for a configuration and a status; options as `name=value`, separated by blanks.

    nodes   a letter each, or their XML
    """
    pairs = "".join(
        f'<nvpair id="o-{name}" name="{name}" value="{value}"/>'
        for name, value in (option.split("=") for option in options.split())
    )
    members = nodes if "<" in nodes else "".join(f'<node id="{name}" uname="{name}"/>' for name in nodes)
    text = (
        f'<cib have-quorum="true" validate-with="pacemaker-3.9"><configuration><crm_config>'
        f'<cluster_property_set id="cib-bootstrap-options">{pairs}</cluster_property_set></crm_config>'
        f"<nodes>{members}</nodes><resources>{resources}</resources><constraints>{constraints}</constraints>{more}"
        f"</configuration><status>{status}</status></cib>"
    )
    return make_schedule(read(etree.fromstring(text)), NOW)


def actions(found: Schedule) -> list[str]:
    """What is to be done, as `TASK NAME on NODE`, sorted."""
    names = []
    for synapse in found.transition.synapses:
        action = synapse.action
        names.append(f"{action.key} on {action.node}" if action.node else action.key)
    return sorted(names)

"""What is left alone on a node."""

from __future__ import annotations

import pytest

from crm.cib.document import Document
from crm.policy_engine.picture.managed import unmanaged


def cib(options: str = "", node: str = "", meta: str = "") -> Document:
    def pairs(name: str, text: str) -> str:
        words = (pair.split("=") for pair in text.split())
        return "".join(f'<nvpair id="{name}-{key}" name="{key}" value="{value}"/>' for key, value in words)

    return Document.parse(
        '<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0" have-quorum="1"><configuration>'
        f'<crm_config><cluster_property_set id="o">{pairs("o", options)}</cluster_property_set></crm_config><nodes>'
        f'<node id="1" uname="a"><instance_attributes id="n">{pairs("n", node)}</instance_attributes></node>'
        '<node id="2" uname="b"/></nodes><resources>'
        f'<primitive id="db" class="ocf" provider="crmd" type="Dummy"><meta_attributes id="m">{pairs("m", meta)}'
        '</meta_attributes></primitive><clone id="all"><primitive id="state" class="ocf" provider="crmd" type="Dummy"/>'
        "</clone></resources><constraints/></configuration><status/></cib>")


@pytest.mark.parametrize(("given", "left_alone"), [
    ({}, set()),
    ({"meta": "is-managed=false"}, {"db"}),
    ({"meta": "maintenance=true"}, {"db"}),
    ({"options": "maintenance-mode=true"}, {"db", "state"}),
    ({"node": "maintenance=true"}, {"db", "state"}),
    ({"node": "standby=on"}, set()),
])
def test_only_what_nobody_manages_is_left_alone(given: dict[str, str], left_alone: set[str]) -> None:
    found = unmanaged(cib(**given).model(), 1_700_000_000, "a")
    assert {name for name in found if ":" not in name} == left_alone


def test_maintenance_of_another_node_is_none_of_ours() -> None:
    assert unmanaged(cib(node="maintenance=true").model(), 1_700_000_000, "b") == frozenset()

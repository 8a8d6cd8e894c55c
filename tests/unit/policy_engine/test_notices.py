"""What is remarked of a status before anything is planned."""

from __future__ import annotations

from crm.policy_engine.output.notices import notices
from tests.unit.observe.helpers import look, member

DEVICE = (
    '<primitive id="power" class="stonith" type="fence_x"><instance_attributes id="i">'
    '<nvpair id="i-user" name="login" value="root"/><nvpair id="i-password" name="passwd" value="secret"/>'
    '</instance_attributes><meta_attributes id="m"><nvpair id="m-p" name="provides" value="unfencing"/>'
    "</meta_attributes></primitive>"
)


def _lost(all_parameters: str, public: str) -> str:
    recorded = (
        f'<nvpair id="d1" name="#digests-all" value="power:fence_x:{all_parameters},"/>'
        f'<nvpair id="d2" name="#digests-secure" value="power:fence_x:{public},"/>'
    )
    return member("a") + member("b", attributes=recorded, in_ccm="false", crmd="offline")


def test_a_device_defined_anew_is_remarked_for_a_node_that_must_be_fenced() -> None:
    tried, unfencing = notices(look(DEVICE, _lost("other", "other")))
    assert tried.startswith("Parameters to power for unfencing b changed, try 'power:fence_x:")
    assert unfencing == "notice: Unfencing node b because the definition of power changed"
    public = tried.rpartition(":")[2].rstrip("'")
    assert notices(look(DEVICE, _lost("other", public))) == [
        "Only 'private' parameters to power for unfencing b changed"
    ]


def test_nothing_is_remarked_of_nodes_that_are_well() -> None:
    assert notices(look(DEVICE, member("a") + member("b"))) == []

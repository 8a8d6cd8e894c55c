"""Remote nodes before anything is known of them."""

from __future__ import annotations

from crm.policy_engine.placement.weights import Weights
from tests.unit.observe.helpers import DUMMY, look, member

WEB = f'<primitive id="web" {DUMMY}/>'
FAR = '<primitive id="far" class="ocf" provider="pacemaker" type="remote"/>'


def test_a_remote_node_of_which_nothing_is_known_has_no_name_to_be_compared_by() -> None:
    for resources, by_name in ((WEB, True), (WEB + FAR, False)):
        web = look(resources, member("a"), "fencing-enabled=false", nodes="a").by_id["web"][0]
        assert Weights.of(web.allowed).by_name is by_name

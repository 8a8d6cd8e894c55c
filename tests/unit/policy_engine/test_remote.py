"""Remote nodes before anything is known of them."""

from __future__ import annotations

from crm.policy_engine.place.weights import Weights
from tests.unit.observe.helpers import DUMMY, look, member

REMOTE = 'class="ocf" provider="pacemaker" type="remote"'


def test_a_remote_node_that_was_never_seen_has_no_name_to_be_compared_by() -> None:
    connections = f'<primitive id="far" {REMOTE}/><primitive id="web" {DUMMY}/>'
    seen = '<node_state id="far" uname="far" remote_node="true" in_ccm="true"/>'
    for status, known in ((member("a"), False), (member("a") + seen, True)):
        web = look(connections, status, "fencing-enabled=false", nodes="a").by_id["web"][0]
        assert Weights.of(web.allowed).by_name is known

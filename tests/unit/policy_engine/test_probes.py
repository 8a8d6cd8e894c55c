"""What probing a node means for the other actions there."""

from __future__ import annotations

from tests.unit.observe.helpers import DUMMY, entry, history, member
from tests.unit.policy_engine.helpers import actions, planned


def test_a_node_that_is_asked_anew_about_a_changed_agent_need_not_forget_it() -> None:
    other = 'class="ocf" provider="other" type="Dummy"'
    pending = entry("web", "stop", -1, rc=193, status=-1)
    stopped = entry("web", "monitor", 1, rc=7, target=7)
    status = member("a", history("web", pending, agent=other)) + member("b", history("web", stopped, agent=other))
    found = actions(planned(f'<primitive id="web" {DUMMY}/>', status, "fencing-enabled=false"))
    assert "web_monitor_0 on a" in found
    assert "web_delete_0 on a" not in found
    assert "web_delete_0 on b" in found

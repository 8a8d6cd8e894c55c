"""What health attributes say of a node."""

from __future__ import annotations

import pytest

from crm.policy_engine.picture.health import NodeHealth, node_health
from tests.unit.observe.helpers import look, member


@pytest.mark.parametrize(
    ("value", "expected"),
    [("red", NodeHealth.RED), ("RED", NodeHealth.RED), ("60", NodeHealth.GREEN), ("40", NodeHealth.RED),
     ("poorly", NodeHealth.GREEN)],
)
def test_only_colours_and_scores_say_anything(value: str, expected: NodeHealth) -> None:
    attribute = f'<nvpair id="h" name="#health-disk" value="{value}"/>'
    options = "node-health-strategy=progressive node-health-red=50"
    cluster = look("", member("a", attributes=attribute), options)
    assert node_health(cluster, cluster.nodes_by_name["a"]) is expected

"""What health attributes say of a node."""

from __future__ import annotations

import pytest

from crm.policy_engine.health import Health, node_health
from tests.unit.observe.helpers import look, member


@pytest.mark.parametrize(
    ("value", "expected"),
    [("red", Health.RED), ("RED", Health.RED), ("60", Health.GREEN), ("40", Health.RED), ("poorly", Health.GREEN)],
)
def test_only_colours_and_scores_say_anything(value: str, expected: Health) -> None:
    attribute = f'<nvpair id="h" name="#health-disk" value="{value}"/>'
    options = "node-health-strategy=progressive node-health-red=50"
    cluster = look("", member("a", attributes=attribute), options)
    assert node_health(cluster, cluster.nodes_by_name["a"]) is expected

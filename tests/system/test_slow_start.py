"""Real daemons: while the start of one service takes long, everything else is looked after as if it did not."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.audit import calls, really
from tests.system.cluster import RealCluster, running

AGENTS = Path(__file__).with_name("agents")
SLOW_S = 9
HOMES = {"slow": "node2", "other": "node3"}


def configuration(folder: Path) -> str:
    primitives = "".join(
        f'<primitive id="{name}" class="ocf" provider="test" type="Recorder"><instance_attributes id="{name}-p">'
        f'<nvpair id="{name}-f" name="folder" value="{folder}"/></instance_attributes><operations>'
        f'<op id="{name}-m" name="monitor" interval="5s"/><op id="{name}-s" name="start" interval="0" timeout="60s"/>'
        f"</operations></primitive>" for name in HOMES)
    homes = "".join(f'<rsc_location id="home-{name}" rsc="{name}" node="{node}" score="10"/>'
                    for name, node in HOMES.items())
    pairs = "".join(f'<nvpair id="o-{name}" name="{name}" value="{value}"/>'
                    for name, value in (("fencing-enabled", "false"), ("load-threshold", "0"),
                                        ("lease-timeout", "0")))  # what is slow here is the start
    return (f'<configuration><crm_config><cluster_property_set id="o">{pairs}</cluster_property_set></crm_config>'
            f"<nodes/><resources>{primitives}</resources><constraints>{homes}</constraints></configuration>")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[RealCluster]:
    with running(example=False, settings=f'ocf_roots = ["{AGENTS}"]\n') as made:
        (tmp_path / "start-slow-node2").write_text(str(SLOW_S))
        made.put(configuration(tmp_path))
        # They began with fencing: whoever is lost before it is known to have this configuration is waited for.
        made.until(lambda: 'lease="none"' not in made.ask("node1", "GET", "/v1/cib").text, "not all have it")
        yield made


def runs(cluster: RealCluster, name: str) -> list[str]:
    """Where an agent has left a resource running."""
    return really(cluster, "Recorder-", name)


def started(folder: Path, name: str) -> list[str]:
    return [call["node"] for call in calls(folder) if call["action"] == "start" and call["instance"] == name]


def test_a_lost_node_s_service_is_back_before_the_slow_one_is_up(cluster: RealCluster, tmp_path: Path) -> None:
    cluster.until(lambda: runs(cluster, "other") == ["node3"] and started(tmp_path, "slow") == ["node2"],
                  "not what was configured")
    began = time.monotonic()
    cluster.machines.kill("node3")
    cluster.until(lambda: bool(runs(cluster, "other")), "not recovered", SLOW_S)
    assert time.monotonic() - began < 4.0
    assert runs(cluster, "slow") == [], "it was not waited for"
    shown = cluster.ask("node1", "GET", "/v1/cluster/text").body.decode()
    assert re.search(r"slow\s.*Starting node2", shown), shown
    cluster.until(lambda: runs(cluster, "slow") == ["node2"], "the slow one did not come up")
    cluster.settle()
    assert started(tmp_path, "slow") == ["node2"], "it was started once"

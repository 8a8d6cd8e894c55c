"""Three real daemons are upgraded one after the other: the service is never down; who is too old is turned away."""

from __future__ import annotations

import time

from crm.cib.document import Document
from crm.model.release import FEATURE_SET
from tests.system import newer_release
from tests.system.cluster import RealCluster, running

OLD, NEW = "crm.cli.crmd", "tests.system.newer_release"
REFUSED = 76
CIB = """<configuration><crm_config><cluster_property_set id="o">
<nvpair id="o-f" name="fencing-enabled" value="false"/></cluster_property_set></crm_config><nodes/>
<resources><clone id="all"><primitive id="copy" class="ocf" provider="crmd" type="Dummy"/></clone>
<primitive id="single" class="ocf" provider="crmd" type="Dummy"/></resources><constraints/></configuration>"""


def copies(cluster: RealCluster) -> int:
    """How many copies of the service run, by what their agents left."""
    return sum((cluster.machines.files(node.name).runtime / "Dummy-copy").exists()
               for node in cluster.machines.layout.nodes)


def at_rest(cluster: RealCluster, least: int) -> None:
    """Wait until all who run are members and nothing is left to do, and look at the service meanwhile."""
    def reached() -> bool:
        assert copies(cluster) >= least, cluster._logs()
        value = cluster.value()
        return value is not None and len(value["members"]) == len(cluster.machines.running) and cluster.idle()

    cluster.until(reached, "the cluster did not come to rest")


def leave(cluster: RealCluster, name: str) -> None:
    process = cluster.machines.running.pop(name)
    process.terminate()
    assert process.wait(timeout=20) == 0
    at_rest(cluster, least=2)


def come(cluster: RealCluster, name: str, program: str) -> None:
    cluster.machines.programs[name] = program
    cluster.machines.start(name)


def feature_set(cluster: RealCluster) -> str | None:
    name = next(iter(cluster.machines.running))
    return Document.parse(cluster.ask(name, "GET", "/v1/cib").body).root.get("crm_feature_set")


def test_a_rolling_upgrade_and_a_node_that_missed_it() -> None:
    with running(example=False) as cluster:
        cluster.put(CIB)
        cluster.until(lambda: copies(cluster) == 3, "the service did not start")
        at_rest(cluster, least=3)
        seen = []
        for node in cluster.machines.layout.nodes:
            leave(cluster, node.name)
            come(cluster, node.name, NEW)
            cluster.until(lambda: copies(cluster) == 3, "the service did not come back")
            at_rest(cluster, least=3)
            seen.append(feature_set(cluster))
        assert seen == [FEATURE_SET, FEATURE_SET, newer_release.FEATURE_SET]
        logs = "".join(node.log.read_text() for node in cluster.machines.layout.nodes)
        assert "which only newer releases know" in logs
        assert "Traceback" not in logs

        leave(cluster, "node1")
        before = cluster.value()
        come(cluster, "node1", OLD)
        assert cluster.machines.running.pop("node1").wait(timeout=20) == REFUSED
        told = cluster.machines.files("node1").log.read_text()
        assert "install the release that the other nodes run" in told
        time.sleep(0.3)
        after = cluster.value()
        assert before is not None and after is not None
        assert (before["dc"], before["resources"]) == (after["dc"], after["resources"])

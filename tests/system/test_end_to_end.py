"""What agents are really told, and when: promotion, notification, migration, alerts, failures, by real processes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crm.cli.connection import CommandError
from tests.system.audit import audit, calls
from tests.system.cluster import RealCluster, running

AGENTS = Path(__file__).with_name("agents")
NAMES = ("node1", "node2", "node3")


def primitive(name: str, folder: Path, monitor_s: int = 1, meta: dict[str, str] | None = None) -> str:
    """A Recorder; monitored in both roles."""
    pairs = "".join(f'<nvpair id="{name}-m-{key}" name="{key}" value="{value}"/>'
                    for key, value in (meta or {}).items())
    return (f'<primitive id="{name}" class="ocf" provider="test" type="Recorder">'
            f'<instance_attributes id="{name}-p"><nvpair id="{name}-f" name="folder" value="{folder}"/>'
            f'</instance_attributes><meta_attributes id="{name}-m">{pairs}</meta_attributes><operations>'
            f'<op id="{name}-watch" name="monitor" interval="{monitor_s}s" timeout="10s"/>'
            f'<op id="{name}-watch-p" name="monitor" interval="{monitor_s}100ms" role="Promoted" timeout="10s"/>'
            f"</operations></primitive>")


def configuration(cluster: RealCluster, resources: str, more: str = "", **options: str) -> str:
    # All nodes are on one real machine, whose load says nothing of theirs.
    options = {"fencing-enabled": "true", "fencing-action": "off", "load-threshold": "0"} | {
        name.replace("_", "-"): value for name, value in options.items()}
    pairs = "".join(f'<nvpair id="option-{name}" name="{name}" value="{value}"/>'
                    for name, value in options.items())
    power = (f'<primitive id="power" class="stonith" type="fence_demo"><instance_attributes id="power-p">'
             f'<nvpair id="power-f" name="folder" value="{cluster.machines.layout.folder}"/>'
             f'<nvpair id="power-h" name="pcmk_host_list" value="{" ".join(NAMES)}"/></instance_attributes>'
             f"</primitive>")
    return (f'<configuration><crm_config><cluster_property_set id="options">{pairs}</cluster_property_set>'
            f'</crm_config><nodes/><resources>{power}{resources}</resources><constraints/>{more}</configuration>')


@pytest.fixture(scope="module")
def cluster() -> Iterator[RealCluster]:
    with running(example=False, settings=f'ocf_roots = ["{AGENTS}"]\n') as made:
        yield made


@pytest.fixture(autouse=True)
def at_rest(cluster: RealCluster) -> Iterator[None]:
    for name in NAMES:
        if name not in cluster.machines.running:
            cluster.machines.start(name)
    cluster.until(lambda: len((cluster.value() or {"members": []})["members"]) == 3, "a node did not come back")
    yield
    audit(cluster)


def started(cluster: RealCluster, *names: str) -> bool:
    return all(len(cluster.role(name, "Started")) == 1 for name in names)


def of(folder: Path, action: str, **wanted: str) -> list[dict[str, Any]]:
    return [call for call in calls(folder) if call["action"] == action
            and all(call[key] == value for key, value in wanted.items())]


def test_promotion_and_its_notifications(cluster: RealCluster, tmp_path: Path) -> None:
    clone = (f'<clone id="db-clone"><meta_attributes id="db-clone-m"><nvpair id="db-clone-p" name="promotable" '
             f'value="true"/><nvpair id="db-clone-n" name="notify" value="true"/></meta_attributes>'
             f'{primitive("db", tmp_path)}</clone>')
    cluster.put(configuration(cluster, clone))
    cluster.until(lambda: len(cluster.role("db", "Promoted")) == 1, "nobody was promoted")
    cluster.settle()
    (home,) = cluster.role("db", "Promoted")
    told = [call for call in of(tmp_path, "notify") if call["OCF_RESKEY_CRM_meta_notify_operation"] == "promote"]
    assert {(call["OCF_RESKEY_CRM_meta_notify_type"], call["node"]) for call in told} == {
        (kind, name) for kind in ("pre", "post") for name in NAMES}
    assert {call["OCF_RESKEY_CRM_meta_notify_promote_uname"].strip() for call in told} == {home}
    assert {tuple(sorted(call["OCF_RESKEY_CRM_meta_notify_available_uname"].split())) for call in told} == {NAMES}
    assert {call["OCF_RESKEY_CRM_meta_promoted_max"] for call in of(tmp_path, "promote")} == {"1"}

    mark = len(calls(tmp_path))
    cluster.machines.kill(home)
    cluster.until(lambda: cluster.role("db", "Promoted") not in ([], [home]), "nobody took over")
    (successor,) = cluster.role("db", "Promoted")
    later = calls(tmp_path)[mark:]
    assert [call["node"] for call in later if call["action"] == "promote"] == [successor]
    lost = [call for call in later if call["action"] == "notify"
            and call["OCF_RESKEY_CRM_meta_notify_operation"] == "demote"]
    assert lost and all(call["OCF_RESKEY_CRM_meta_notify_demote_uname"].strip() == home for call in lost)


def test_a_live_migration_starts_and_stops_nothing(cluster: RealCluster, tmp_path: Path) -> None:
    cluster.put(configuration(cluster, primitive("vm", tmp_path, meta={"allow-migrate": "true"})))
    cluster.until(lambda: started(cluster, "vm"), "it did not start")
    cluster.settle()
    (home,) = cluster.where("vm")
    target = next(name for name in NAMES if name != home)
    mark = len(calls(tmp_path))
    cluster.ask(home, "POST", "/v1/resources/vm/move", body=b'{"node": "%s"}' % target.encode(),
                content_type="application/json")
    cluster.until(lambda: cluster.where("vm") == [target], "it did not move")
    cluster.settle()
    done = [(call["action"], call["node"]) for call in calls(tmp_path)[mark:]]
    assert done == [("migrate_to", home), ("migrate_from", target), ("stop", home)]
    for call in calls(tmp_path)[mark:-1]:
        assert call["OCF_RESKEY_CRM_meta_migrate_source"] == home
        assert call["OCF_RESKEY_CRM_meta_migrate_target"] == target


def test_a_migration_that_fails_ends_in_a_plain_move(cluster: RealCluster, tmp_path: Path) -> None:
    cluster.put(configuration(cluster, primitive("vm", tmp_path, meta={"allow-migrate": "true"})))
    cluster.until(lambda: started(cluster, "vm"), "it did not start")
    cluster.settle()
    (home,) = cluster.where("vm")
    target = next(name for name in NAMES if name != home)
    (tmp_path / f"migrate_to-vm-{home}").touch()
    mark = len(calls(tmp_path))
    cluster.ask(home, "POST", "/v1/resources/vm/move", body=b'{"node": "%s"}' % target.encode(),
                content_type="application/json")
    cluster.until(lambda: cluster.where("vm") == [target], "it did not move")
    cluster.settle()
    done = [(call["action"], call["node"]) for call in calls(tmp_path)[mark:]]
    assert done[0] == ("migrate_to", home)
    assert ("stop", home) in done and done[-1] == ("start", target)


def test_a_failure_moves_it_and_is_forgotten_at_that_moment(cluster: RealCluster, tmp_path: Path) -> None:
    cluster.put(configuration(cluster, primitive("app", tmp_path, meta={"failure-timeout": "5s",
                                                                        "migration-threshold": "1"})))
    cluster.until(lambda: started(cluster, "app"), "it did not start")
    cluster.settle()
    (home,) = cluster.where("app")
    (tmp_path / f"monitor-app-{home}").touch()
    cluster.until(lambda: cluster.where("app") not in ([], [home]), "it did not move away")
    moved = time.monotonic()
    (failure,) = [each for each in (cluster.value() or {})["failures"] if each["resource"] == "app"]
    assert failure["reason"] == "told to fail on monitor" and failure["node"] == home
    cluster.until(lambda: "fail-count" not in status_of(cluster), "the failure was not forgotten", 12.0)
    assert time.monotonic() - moved < 9, "at its moment, not at the next look"


def test_alerts_tell_what_happens(cluster: RealCluster, tmp_path: Path) -> None:
    script, told = tmp_path / "alert.sh", tmp_path / "told"
    words = ("kind", "node", "rsc", "task", "desc", "recipient")
    script.write_text(f'#!/bin/sh\necho "{" ".join(f"$CRM_alert_{word}" for word in words)} $mood" >>{told}\n')
    script.chmod(0o755)
    alert = (f'<alerts><alert id="tell" path="{script}"><instance_attributes id="tell-i">'
             f'<nvpair id="tell-mood" name="mood" value="calm"/></instance_attributes>'
             f'<recipient id="tell-r" value="ops"/></alert></alerts>')
    cluster.put(configuration(cluster, primitive("app", tmp_path), alert))
    cluster.until(lambda: started(cluster, "app"), "it did not start")
    cluster.settle()
    (home,) = cluster.where("app")
    cluster.machines.kill(home)
    cluster.until(lambda: cluster.where("app") not in ([], [home]), "nobody took over")
    cluster.settle()
    wanted = [f"resource {home} app start ok ops calm", f"node {home}   lost ops calm"]
    cluster.until(lambda: all(line in told.read_text().splitlines() for line in wanted), f"{wanted} was not told")
    fenced = [line for line in told.read_text().splitlines() if line.startswith(f"fencing {home}")]
    assert len(fenced) == 1 and "off" in fenced[0] and fenced[0].endswith("ops calm")


def test_maintenance_means_that_nothing_is_touched(cluster: RealCluster, tmp_path: Path) -> None:
    """Not even when the daemons of all nodes are started anew: only looked at."""
    cluster.put(configuration(cluster, "".join(
        primitive(name, tmp_path, meta={"resource-stickiness": "100"}) for name in ("one", "two", "three"))))
    cluster.until(lambda: started(cluster, "one", "two", "three"), "no start")
    cluster.settle()
    homes = {name: cluster.where(name) for name in ("one", "two", "three")}
    cluster.set_option("maintenance-mode", "true")
    cluster.settle()
    mark = len(calls(tmp_path))
    for name in NAMES:
        cluster.machines.kill_daemon(name)
    cluster.until(lambda: len((cluster.value() or {"members": []})["members"]) == 3 and cluster.idle(), "not back")
    cluster.until(lambda: {name: cluster.where(name) for name in homes} == homes, "they were not found again")
    cluster.set_option("maintenance-mode", "false")
    cluster.settle()
    assert calls(tmp_path)[mark:] == []
    assert {name: cluster.where(name) for name in homes} == homes


def test_a_slow_start_holds_up_nothing_that_does_not_need_it(cluster: RealCluster, tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / f"start-slow-{name}").write_text("3")
    began = time.monotonic()
    cluster.put(configuration(cluster, "".join(primitive(name, tmp_path) for name in ("slow", "quick", "other"))))
    cluster.until(lambda: started(cluster, "quick", "other"), "no start")
    assert time.monotonic() - began < 3
    assert cluster.role("slow", "Started") == []
    cluster.until(lambda: started(cluster, "slow"), "the slow one did not start")


def test_a_node_that_leaves_is_empty_first_and_keeps_what_is_locked(cluster: RealCluster, tmp_path: Path) -> None:
    cluster.put(configuration(cluster, primitive("app", tmp_path)))
    cluster.until(lambda: started(cluster, "app"), "it did not start")
    cluster.settle()
    (home,) = cluster.where("app")
    leave(cluster, home)
    cluster.until(lambda: cluster.where("app") not in ([], [home]), "it did not move")
    order = [(call["action"], call["node"] == home) for call in calls(tmp_path)]
    assert order[-2:] == [("stop", True), ("start", False)]
    cluster.settle()
    cluster.machines.start(home)
    cluster.until(lambda: len((cluster.value() or {"members": []})["members"]) == 3, "it did not come back")

    cluster.set_option("shutdown-lock", "true")
    cluster.settle()
    (home,) = cluster.where("app")
    mark = len(calls(tmp_path))
    leave(cluster, home)
    cluster.settle()
    time.sleep(1)
    assert cluster.where("app") == []
    cluster.machines.start(home)
    cluster.until(lambda: cluster.where("app") == [home], "it did not start again where it was")
    assert [(call["action"], call["node"]) for call in calls(tmp_path)[mark:]] == [("stop", home), ("start", home)]


def leave(cluster: RealCluster, name: str) -> None:
    """End a node's daemon as systemd would, and wait until it is gone."""
    process = cluster.machines.running[name]
    os.kill(process.pid, 15)
    process.wait(30)
    cluster.machines.sweep()


def status_of(cluster: RealCluster) -> str:
    for name in cluster.machines.running:
        try:
            return cluster.ask(name, "GET", "/v1/cib", query={"section": "status"}).body.decode()
        except CommandError:
            continue
    return ""

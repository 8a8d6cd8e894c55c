"""Nodes of several releases in one cluster: who may join, and when the cluster's feature set rises."""

from __future__ import annotations

import pytest

from crm.cib.changes import Edit, EditVerb
from crm.model.release import THIS, Release, objection
from crm.testing import World, scenario

OLD = THIS
NEW = Release("3.21.0", "pacemaker-4.1")


@pytest.mark.parametrize(("joining", "cluster", "code"), [
    ("3.20.1", "3.20.5", None),
    ("3.20.5", "3.20.1", None),
    ("3.21.0", "3.20.5", None),
    ("3.20.5", "3.21.0", "release-too-old"),
    ("4.0.0", "3.20.5", "incompatible-release"),
    ("3.20.5", "4.0.0", "incompatible-release"),
    ("3.9.0", "3.10.0", "release-too-old"),
])
def test_who_may_join(joining: str, cluster: str, code: str | None) -> None:
    found = objection(Release(joining, "pacemaker-4.0"), cluster, "pacemaker-3.9")
    assert (found.code if found else None) == code


def test_a_cib_of_a_newer_schema_needs_a_newer_release() -> None:
    assert objection(OLD, "3.20.5", "none") is None
    found = objection(OLD, "3.20.5", "pacemaker-4.1")
    assert found is not None
    assert "pacemaker-4.1" in found.message


def cluster(**releases: Release) -> World:
    world = World(releases, scenario.cib(len(releases)), 1)
    world.checkers.expect = scenario.EXPECTED
    for name, release in releases.items():
        if release is not OLD:
            world.kill_daemon(name)
            world.nodes[name].release = release
            world.start(name)
    world.settle()
    return world


def upgrade(world: World, name: str, release: Release) -> None:
    world.shut_down(name)
    world.settle()
    world.nodes[name].release = release
    world.start(name)
    world.settle()


def feature_set(world: World) -> str | None:
    return world.document(str(world.dc())).root.get("crm_feature_set")


def test_a_new_cluster_has_the_feature_set_of_its_oldest_node() -> None:
    assert feature_set(cluster(a=OLD, b=NEW, c=NEW)) == OLD.feature_set
    assert feature_set(cluster(a=NEW, b=NEW, c=NEW)) == NEW.feature_set


def test_the_feature_set_rises_with_the_last_node_that_is_upgraded() -> None:
    world = cluster(a=OLD, b=OLD, c=OLD)
    seen = []
    for name in "bca":
        upgrade(world, name, NEW)
        seen.append(feature_set(world))
    assert seen == [OLD.feature_set, OLD.feature_set, NEW.feature_set]
    world.checkers.settled()


def test_while_an_old_node_is_away_the_upgrade_can_be_taken_back() -> None:
    world = cluster(a=OLD, b=NEW, c=NEW)
    world.shut_down("a")
    world.settle()
    assert feature_set(world) == OLD.feature_set
    world.start("a")
    world.settle()
    assert world.nodes["a"].terminated is None
    upgrade(world, "b", OLD)
    assert world.nodes["b"].terminated is None
    world.checkers.settled()


def test_a_node_that_is_too_old_is_refused_and_disturbs_nobody() -> None:
    world = cluster(a=NEW, b=NEW, c=NEW)
    world.shut_down("b")
    world.settle()
    homes, dc, mark = {name: world.where(name) for name in scenario.EXPECTED.unique}, world.dc(), len(world.story)
    world.nodes["b"].release = OLD
    world.nodes["b"].disk.document = None
    world.start("b")
    world.run_for(10)
    assert world.nodes["b"].terminated is not None
    assert (world.dc(), {name: world.where(name) for name in homes}) == (dc, homes)
    told = "\n".join(world.story[mark:])
    assert f"b cannot join: its feature set is {OLD.feature_set} and the cluster's is already 3.21.0" in told
    assert not [line for line in world.story[mark:] if " = " in line or "fenc" in line], told
    world.nodes["b"].release = NEW
    world.start("b")
    world.settle()
    world.checkers.settled()


def test_a_node_whose_own_cib_is_newer_does_not_start() -> None:
    world = cluster(a=NEW, b=NEW, c=NEW)
    world.change("a", "written")  # the disk learns the feature set with the next change of configuration
    world.settle()
    world.shut_down("b")
    world.settle()
    world.nodes["b"].release = OLD
    world.start("b")
    world.run_for(1)
    assert world.nodes["b"].terminated == "the CIB on this node's disk is of a newer release"


def test_a_cib_that_one_member_does_not_know_is_refused() -> None:
    world = cluster(a=OLD, b=NEW, c=NEW)
    world.edit("b", Edit(EditVerb.MODIFY, '<cib validate-with="pacemaker-4.1"/>'))
    world.run_for(1)
    refused = next(answer for answer in world.answers.values() if answer.code == "schema-too-new")
    assert "a knows CIBs up to pacemaker-4.0" in refused.message
    upgrade(world, "a", NEW)
    world.answers.clear()
    world.edit("b", Edit(EditVerb.MODIFY, '<cib validate-with="pacemaker-4.1"/>'))
    world.settle()
    assert [answer.code for answer in world.answers.values()] == [""]

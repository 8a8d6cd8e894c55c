"""What is configured and what is happening: from the model of a CIB to the planner's picture of the cluster.

    bundles                bundles: the resources that one implies (container, address, connection, clone of what runs
                           inside), per replica
    counting               how many instances there are, how many of them are disabled, how many blocked
    demands                noting actions that the status itself asks for, each at the moment of its finding
    entries                one recorded operation: what it says of the resource's role, and what a failure asks for
    exit_codes             what a recorded exit code counts as: done, or which kind of error
    expiry                 failures that count no more: because `failure-timeout` has passed, or because the resource's
                           parameters have changed
    fencing_needs          deciding that a node must be fenced, and by what that is noted for each kind of node
    history                all that is recorded of resources on one node
    identify               whose a recorded history is: finding the resource, the instance of an anonymous clone, or
                           making a removed one
    interrupted_migration  live migrations that were interrupted
    membership             which nodes are online, pending, shutting down, lost: read from the records of membership
    meta_attributes        what a resource's meta attributes and class make of it
    nodes                  the configured nodes, their attributes and utilization
    preferences            scores that come from what is observed
    reading                the state of reading one resource's history on one node: what its entries have come to so far
    remote_nodes           nodes that resources imply: `ocf:pacemaker:remote` resources, and guests that a meta
                           attribute `remote-node` declares
    resources              the tree of resources: templates laid under primitives, groups with members, clones with
                           instances, and their index
    running                noting where resources are active, and what follows from being active in more than one place
                           or while unmanaged
    sorting                the order in which recorded operations happened, and which of them still run
    status                 reading the status section, in passes

Order matters, and is that of Pacemaker: options, nodes, nodes that remote and guest resources imply, resources with
their instances, tags, then the status in passes (a guest's history can be understood only once the history of its
connection and its container has been).
"""

from __future__ import annotations

from crm.model.attributes import AttributeSet
from crm.model.cib import Cib
from crm.model.report import Report
from crm.policy_engine.observe.counting import count_instances
from crm.policy_engine.observe.nodes import observe_nodes
from crm.policy_engine.observe.remote_nodes import imply_remote_nodes
from crm.policy_engine.observe.resources import observe_resources
from crm.policy_engine.observe.status import observe_status
from crm.policy_engine.picture.cluster import Cluster
from crm.policy_engine.picture.options import ClusterOptions, read_options, with_newest_names
from crm.policy_engine.picture.rules import RuleInput, apply_sets

__all__ = ["observe"]


def observe(cib: Cib, now: int) -> Cluster:
    """The cluster as `cib` tells it at `now` (epoch seconds)."""
    cluster = _empty_cluster(cib, now)
    observe_nodes(cluster)
    definitions = imply_remote_nodes(cluster)
    observe_resources(cluster, definitions)
    cluster.tags = {tag.id: tag.references for tag in cib.tags}
    observe_status(cluster)
    count_instances(cluster)
    return cluster


def _empty_cluster(cib: Cib, now: int) -> Cluster:
    reports = list(cib.reports)
    moments: list[int] = []
    raw: dict[str, str] = {}
    apply_sets(cib.options, RuleInput(now), raw, moments.append, first_id="cib-bootstrap-options")
    values = with_newest_names(raw)
    cluster = Cluster(cib, now, values, _options(cib, values, reports), quorate=cib.have_quorum, reports=reports)
    cluster.have_fence_devices = cluster.settings.have_watchdog
    cluster.unfencing_enabled = _asks_for_unfencing(cib)
    for moment in moments:
        cluster.advance_recheck(moment)
    return cluster


def _options(cib: Cib, values: dict[str, str], reports: list[Report]) -> ClusterOptions:
    may_panic = cib.attributes.get("no-quorum-panic", "0") not in ("0", "false")
    return read_options(values, cib.have_quorum, may_panic, reports)


def _asks_for_unfencing(cib: Cib) -> bool:
    """Whether any resource, or the resource defaults, provide or require unfencing; rules are not asked."""
    return any(_mentions_unfencing(sets) for sets in (cib.resource_defaults, *_meta_of_resources(cib)))


def _mentions_unfencing(sets: tuple[AttributeSet, ...]) -> bool:
    return any(
        pair.name in ("provides", "requires") and pair.value == "unfencing" for block in sets for pair in block.pairs
    )


def _meta_of_resources(cib: Cib) -> list[tuple[AttributeSet, ...]]:
    found = [template.meta for template in cib.templates]
    pending: list[object] = list(cib.resources)
    while pending:
        resource = pending.pop()
        found.append(getattr(resource, "meta", ()))
        pending.extend(getattr(resource, "members", ()))
        inner = getattr(resource, "child", None) or getattr(resource, "primitive", None)
        pending.extend((inner,) if inner is not None else ())
    return found

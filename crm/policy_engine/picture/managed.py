"""Which resources are left alone on a node: those that are not managed, and those in maintenance."""

from __future__ import annotations

from crm.model.cib import Cib
from crm.model.values import is_true
from crm.policy_engine.observe import observe
from crm.policy_engine.picture.cluster import Resource


def unmanaged(cib: Cib, now: int, node: str) -> frozenset[str]:
    """Ids of the primitives that nobody may start or stop on that node, as agents know them; `now`: epoch seconds.

    What is blocked because it failed is managed: it should not run.
    """
    cluster = observe(cib, now)
    everything = any(each.name == node and (each.maintenance or is_true(each.attributes.get("maintenance")))
                     for each in cluster.nodes)
    primitives = (each for top in cluster.resources for each in top.walk() if each.is_primitive)
    return frozenset(name for each in primitives if everything or _is_left_alone(each) for name in _names(each))


def _is_left_alone(resource: Resource) -> bool:
    return resource.maintenance or (not resource.managed and not resource.blocked)


def _names(resource: Resource) -> tuple[str, ...]:
    """An instance of an anonymous clone is known without its number."""
    return (resource.id, resource.id.partition(":")[0])

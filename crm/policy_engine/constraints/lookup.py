"""Which resources a name in a constraint means.

A name may be that of a resource, of a template (then all resources made from it) or of a tag (then what it lists). The
name of a clone's inner resource means the whole clone. Source: Pacemaker Explained, "Resource Sets", "Tags",
"Templates".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches

from crm.model.constraints import ResourceSet
from crm.model.report import Report, Severity
from crm.policy_engine.picture.cluster import Cluster, Resource


class ConstraintNames:
    """The names of one cluster that constraints can use."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._resources: dict[str, Resource] = {}
        for top in cluster.resources:
            for resource in top.walk():
                self._resources.setdefault(resource.id, resource)
                if resource.history_id is not None:
                    self._resources.setdefault(resource.history_id, resource)

    def resource(self, name: str | None) -> Resource | None:
        """The resource of this name; for an instance known by its base name, the collective around it."""
        if name is None:
            return None
        found = self._resources.get(name)
        if found is not None and found.id != name:
            return found.top
        return found

    def tagged(self, name: str) -> tuple[str, ...] | None:
        """What a template or tag of this name stands for; None when there is none, or nothing in it."""
        return self._cluster.templates.get(name) or self._cluster.tags.get(name) or None

    def is_known(self, name: str) -> bool:
        """Whether a constraint may use this name."""
        return self.resource(name) is not None or self.tagged(name) is not None

    def reject(self, constraint: str, message: str, missing: str | None = None) -> None:
        """Report that a constraint is left out, with the nearest name that exists."""
        near = get_close_matches(missing, self._resources, n=1) if missing else []
        hint = f"Did you mean {near[0]!r}?" if near else ""
        self._cluster.reports.append(Report(Severity.ERROR, "constraint-ignored", constraint, message, hint))

    def missing(self, constraint: str, name: str | None) -> None:
        """Report that a constraint is left out because it names nothing that exists."""
        self.reject(constraint, f"The constraint {constraint} is ignored: there is no resource {name!r}.", name)

    def expand_sets(self, constraint: str, sets: Sequence[ResourceSet]) -> tuple[ResourceSet, ...]:
        """The sets with tags and templates replaced by what they stand for; as they are when any name is unknown."""
        spelled_out = [replace(one, members=tuple(self._spelled_out(one.members))) for one in sets]
        unknown = [name for one in spelled_out for name in one.members if self.resource(name) is None]
        if unknown:
            self.missing(constraint, unknown[0])
            return tuple(sets)
        return tuple(spelled_out)

    def _spelled_out(self, members: Sequence[str], within: tuple[str, ...] = ()) -> Iterator[str]:
        """The members, tags and templates replaced, also those that other tags list (`within`)."""
        for name in members:
            if self.resource(name) is None and name not in within and self.tagged(name) is not None:
                yield from self._spelled_out(self.tagged(name) or (), (*within, name))
            else:
                yield name

    def as_set(self, name: str, role: str | None = None, action: str | None = None) -> ResourceSet:
        """A set that holds what `name` stands for: one resource, or all of a tag in no particular order."""
        if self.resource(name) is not None:
            return ResourceSet(id=name, members=(name,), role=role, action=action)
        return ResourceSet(id=name, members=self.tagged(name) or (), sequential=False, role=role, action=action)

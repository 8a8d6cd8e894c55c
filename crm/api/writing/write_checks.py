"""All that is looked at before something is written: agents, circles, missing devices. One place for every way in.

An object that would never work is refused unless `force` is given; XML that somebody wrote (`cibadmin`) is only warned
about, since Pacemaker takes it. The schema has been asked before, and so has the permission: nobody has an agent run
with parameters that he may not write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from crm.api.middleware.problems import unsuitable
from crm.api.queries.cluster_agents import ClusterAgents
from crm.api.service import NodeService
from crm.api.writing.agent_review import Review, refuse_agentless
from crm.api.writing.agent_validation import Validation
from crm.api.writing.commit import Check
from crm.api.writing.cycle_checks import refuse_entangled, tell_entangled
from crm.cib.document import Document
from crm.cib.objects.catalogue import RESOURCES
from crm.cib.queries import primitive_texts
from crm.model.report import Report, Severity

_MOST = 50
"""Resources whose agents are asked when XML is written: who replaces a whole configuration is not kept waiting."""


class WriteChecks:
    """The checks of one node's API."""

    def __init__(self, service: NodeService, agents: ClusterAgents) -> None:
        self._review = Review(agents)
        self._validation = Validation(service, agents)

    def of_resource(self, value: Any, force: bool) -> Check:
        """For a resource that is written as a whole."""
        refuse_agentless(value)

        async def check(present: Document, after: Document) -> Sequence[Report]:
            return await self._resource(present, after, value, force)

        return check

    def of_parameters(self, resource: str, force: bool) -> Check:
        """For single parameters of a resource."""

        async def check(present: Document, after: Document) -> Sequence[Report]:
            value = RESOURCES.value(RESOURCES.element(after, resource))
            return await self._resource(present, after, value, force)

        return check

    def of_object(self, _value: Any, force: bool) -> Check:
        """For anything but a resource."""
        return tell_entangled if force else refuse_entangled

    async def of_xml(self, present: Document, after: Document) -> Sequence[Report]:
        """For XML: warnings only."""
        names = sorted(await asyncio.to_thread(changed_primitives, present, after))[:_MOST]
        validated = [replace(each, severity=Severity.WARNING) for each in await self._validation(after, names)]
        return [*await self.of_plan(present, after), *validated]

    async def of_plan(self, present: Document, after: Document) -> Sequence[Report]:
        """For what is only planned: the same, without running agents, as whoever plans may not be allowed to write."""
        changed = sorted(await asyncio.to_thread(changed_primitives, present, after))
        values = [RESOURCES.value(RESOURCES.element(after, name)) for name in changed[:_MOST]]
        # Templates are those of the new configuration, too.
        found = [report for value in values for report in await self._review(after, value, force=True)]
        if len(changed) > _MOST:
            found.append(_not_all(changed))
        return [*found, *await tell_entangled(present, after)]

    async def of_all(self, document: Document) -> Sequence[Report]:
        """What agents say about all primitives as they are configured. They are not run on them: they may be busy."""
        values = RESOURCES.all(document)
        return [report for value in values for report in await self._review.findings(document, value)]

    async def _resource(self, present: Document, after: Document, value: Any, force: bool) -> Sequence[Report]:
        reports = [*await self._review(present, value, force), *await self.of_object(value, force)(present, after)]
        if force:
            return reports
        validated = await self._validation(after, await asyncio.to_thread(changed_primitives, present, after))
        wrong = [each for each in validated if each.severity is Severity.ERROR]
        if wrong:
            raise unsuitable(wrong)
        return [*reports, *validated]


def _not_all(changed: Sequence[str]) -> Report:
    message = f"Only {_MOST} of {len(changed)} changed resources were held against their agents"
    return Report(Severity.NOTICE, "not-all-checked", "resources", message, "See all: crm_verify --live-check -V")


def changed_primitives(present: Document, after: Document) -> set[str]:
    """Ids of the primitives of which something else is asked than before: another agent, or other parameters."""
    changes = after.changes_since(present)
    if changes is not None and not any(_may_touch(change.get("path", "")) for change in changes):
        return set()
    before = dict(primitive_texts(present))
    return {name for name, asked in primitive_texts(after) if before.get(name) != asked}


def _may_touch(path: str) -> bool:
    """Whether a change at that place may be one of resources: in them, or of something around them."""
    return "/resources" in path or path in ("/cib", "/cib/configuration")

"""Cluster options one by one, for tools that set a single one."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from crm.api.auth.permission import readable
from crm.api.middleware.paging import Paging
from crm.api.middleware.problems import ProblemError
from crm.api.middleware.routing import versioned
from crm.api.resources.cib_routes import DryRun
from crm.api.service import NodeService
from crm.api.views.answer_values import Wish
from crm.api.writing.commit import Written, write_made
from crm.cib.document import Document
from crm.cib.edits import cluster
from crm.cib.queries import cluster_option
from crm.cib.schema.option_kinds import CLUSTER, described, fits
from crm.cib.schema.properties import PROPERTIES, ClusterProperty
from crm.policy_engine.picture.options import OLDER_NAMES


class OptionValue(Wish):
    """The value of an option."""

    value: str


class PropertyValue(BaseModel):
    """A cluster option: what it is for, what it may be, what it is."""

    name: str
    value: str = Field(description="what counts now")
    is_set: bool = Field(description="whether it is configured; else the default counts")
    default: str | None
    kind: str = Field(description="what it may be, in words", examples=["true or false"])
    choices: list[str] = Field(description="the words that it may be, if it is one of some words")
    description: str
    older_names: list[str] = Field(description="names that mean the same")
    kept_by_cluster: bool = Field(description="the cluster writes it; people only read it")
    problem: str = Field("", description="why its value does not count")


def properties(document: Document) -> list[PropertyValue]:
    """Every option that the cluster knows, with its value."""
    return [_property(document, name, known) for name, known in PROPERTIES.items()]


def _property(document: Document, name: str, known: ClusterProperty) -> PropertyValue:
    older = [old for old, new in OLDER_NAMES.items() if new == name]
    values = (cluster_option(document, each) for each in (name, *older))
    value = next((each for each in values if each is not None), None)
    expected = CLUSTER[name]
    wrong = value is not None and not fits(value, expected)
    return PropertyValue(
        name=name,
        value=(known.default or "") if value is None or wrong else value,
        is_set=value is not None,
        default=known.default,
        kind=described(expected),
        choices=list(expected) if isinstance(expected, tuple) else [],
        description=known.description,
        older_names=older,
        kept_by_cluster=known.kept_by_cluster,
        problem=f"{value!r} is not {described(expected)}" if wrong else "",
    )


def routes(service: NodeService) -> APIRouter:
    router = versioned("options", "/options")

    @router.get("")
    async def list_options(page: Paging) -> list[PropertyValue]:
        """Every cluster option with its type, default, description and value."""
        return page.of(properties(readable(service)), lambda option: option.name)

    @router.get("/{name}")
    async def read_option(name: str) -> OptionValue:
        """The value of a cluster option that is set."""
        value = cluster_option(readable(service), name)
        if value is None:
            raise ProblemError("no-such-object", f"The option {name} is not set", "Its default counts")
        return OptionValue(value=value)

    @router.put("/{name}")
    async def set_option(name: str, wish: OptionValue, response: Response, dry_run: DryRun = False) -> Written:
        """Set a cluster option."""
        return await write_made(
            service, lambda document: cluster.option(document, name, wish.value), response, dry_run=dry_run
        )

    @router.delete("/{name}")
    async def remove_option(name: str, response: Response, dry_run: DryRun = False) -> Written:
        """Remove a cluster option; its default counts then."""
        return await write_made(
            service, lambda document: cluster.option(document, name, None), response, dry_run=dry_run
        )

    return router

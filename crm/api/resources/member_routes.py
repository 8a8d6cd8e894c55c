"""The list of the cluster's nodes: who belongs to it, adding, removing; and the key that nodes prove to each other."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from crm.api.auth.permission import check_administrator
from crm.api.auth.requester import done_before, origin
from crm.api.middleware.paging import Paging
from crm.api.middleware.problems import ProblemError
from crm.api.middleware.routing import versioned
from crm.api.resources.cib_routes import DryRun
from crm.api.service import ListedNode, NodeList, NodeService
from crm.api.views.answer_values import Wish
from crm.cib.version import CibVersion

_TOPIC = "node-list"
NodeName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=255)]


class AddedNode(Wish):
    """A node that is to belong to the cluster."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=255, examples=["node4"])
    host: str = Field(min_length=1, max_length=255, description="the address at which the other nodes reach it",
                      examples=["10.0.0.4"])
    port: int = Field(5407, ge=1, le=65535, description="the TCP port of the message layer", examples=[5407])
    api: str = Field("", max_length=255, description="where its API is, for people", examples=["https://10.0.0.4:8443"])


class AddedNodes(Wish):
    """Nodes that are to belong to the cluster; each votes once it has joined and has the CIB."""

    nodes: list[AddedNode] = Field(min_length=1, max_length=64)


class ListedNodeValue(BaseModel):
    """A node of the cluster's list."""

    name: str = Field(examples=["node4"])
    id: str = Field(examples=["4"])
    host: str = Field(examples=["10.0.0.4"])
    port: int = Field(examples=[5407])
    api: str = Field(examples=["https://10.0.0.4:8443"])
    state: str = Field(description="voter, joining (does not count yet) or leaving", examples=["voter"])
    here: bool = Field(description="whether it is a member of the answering node's view")
    list_version: int | None = Field(description="which version of the list that node has; null: it does not answer",
                                     examples=[7])


class NodeListValue(BaseModel):
    """The list of the cluster's nodes after a change."""

    dry_run: bool = False
    version: str = Field(description="version of the CIB that knows of it")
    term: int = Field(description="term of the DC that committed it")
    list_version: int = Field(description="version of the list; it grows with every change", examples=[7])
    nodes: list[str] = Field(examples=[["node1", "node2", "node3", "node4"]])


class KeyValue(BaseModel):
    """Whether the key was changed."""

    dry_run: bool = False
    nodes: list[str] = Field(description="who has the new key", examples=[["node1", "node2", "node3"]])


def routes(service: NodeService) -> APIRouter:
    router = versioned("cluster", "/cluster")

    async def told(_about: Any) -> int | None:
        listed = service.node_list()
        return None if listed is None else listed.version

    service.peers.offer(_TOPIC, told)

    @router.get("/nodes")
    async def list_cluster_nodes(page: Paging) -> list[ListedNodeValue]:
        """Who belongs to the cluster, who comes and goes, and which version of the list each node has."""
        check_administrator(service, "see the cluster's list of nodes")
        listed = _own(service)
        versions, _silent = await service.peers.ask_all(_TOPIC)
        here = {member.name for member in service.status().members if member.present}
        return page.of([_value(node, here, versions) for node in listed.nodes], lambda node: node.name)

    @router.post("/nodes")
    async def add_nodes(wanted: AddedNodes, dry_run: DryRun = False) -> NodeListValue:
        """Add nodes to the cluster. They need the cluster's key and this list: `crmctl cluster invite`."""
        nodes = tuple(ListedNode(node.name, "", node.host, node.port, node.api) for node in wanted.nodes)
        return await _change("add", nodes, "add nodes to the cluster", dry_run)

    @router.delete("/nodes/{name}")
    async def remove_node(name: NodeName, dry_run: DryRun = False) -> NodeListValue:
        """Have a node leave the cluster for good. What it runs moves away first; one that is off must be fenced, or
        confirmed to be off, before it goes from the list.
        """
        return await _change("remove", (ListedNode(name, ""),), "remove nodes from the cluster", dry_run)

    @router.post("/nodes/{name}/keep")
    async def keep_node(name: NodeName, dry_run: DryRun = False) -> NodeListValue:
        """Have a node stay that was to be removed and is still in the list."""
        return await _change("keep", (ListedNode(name, ""),), "keep nodes in the cluster", dry_run)

    @router.post("/key/rotate")
    async def rotate_key(dry_run: DryRun = False) -> KeyValue:
        """Give all nodes a new key for the connections between them. All of them must be here."""
        check_administrator(service, "change the cluster's key")
        listed = _own(service)
        if not dry_run and await done_before(service) is None:
            await service.rotate_key()
        return KeyValue(dry_run=dry_run, nodes=list(listed.names))

    async def _change(action: str, nodes: tuple[ListedNode, ...], what: str, dry_run: bool) -> NodeListValue:
        check_administrator(service, what)
        status = service.status()
        version, term = status.version, status.term
        listed = _own(service)
        known = [node.name for node in nodes if listed.node(node.name) is not None]
        done = await done_before(service)
        if done is not None:
            version, term = CibVersion(*done.version), done.term
        elif action != "add" and not known:
            raise ProblemError("no-such-node", f"There is no node {nodes[0].name} in the list",
                               f"There are {', '.join(listed.names)}")
        elif not dry_run:
            committed = await service.change_members(action, nodes, origin=origin())
            version, term = committed.version, committed.term
            listed = _own(service)
        return NodeListValue(dry_run=dry_run, version=str(version), term=term, list_version=listed.version,
                             nodes=list(listed.names))

    return router


def _own(service: NodeService) -> NodeList:
    """The list. Raises ProblemError where it is the engine's."""
    listed = service.node_list()
    if listed is None:
        raise ProblemError("not-crmds-list", "The list of nodes is not crmd's own with this message layer",
                           "With corosync change its nodelist on every node, then corosync-cfgtool -R; with etcd "
                           "change [[nodes]] in every node's settings; then restart crmd, one node after the other")
    return listed


def _value(node: ListedNode, here: set[str], versions: dict[str, Any]) -> ListedNodeValue:
    state = "leaving" if node.leaving else "voter" if node.voter else "joining"
    return ListedNodeValue(name=node.name, id=node.id, host=node.host, port=node.port, api=node.api, state=state,
                           here=node.name in here, list_version=versions.get(node.name))

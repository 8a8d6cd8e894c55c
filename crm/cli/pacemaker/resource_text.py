"""Resources as text: a line per primitive, instances of clones together by role, replicas of bundles by their guest."""

from __future__ import annotations

from collections.abc import Sequence

from crm.cli.pacemaker.brief_text import by_agent
from crm.cli.pacemaker.list_text import Show, block
from crm.cli.pacemaker.resource_words import active, agent, displayed_role, full_exit_text, printable_id
from crm.cli.pacemaker.state_words import PENDING_STATES
from crm.model.history import ExitCode, OperationStatus
from crm.model.resources import Bundle, Clone
from crm.model.values import is_true
from crm.policy_engine.observe.counting import is_disabled
from crm.policy_engine.picture.cluster import Cluster, FailedOperation, Node, Resource, ResourceKind, Role
from crm.policy_engine.picture.names import natural_key
from crm.policy_engine.picture.roles import parse_role, role_text
from crm.policy_engine.picture.tree import current_node

_UNUSABLE = (ExitCode.INVALID_PARAMETER, ExitCode.NOT_INSTALLED)
def resource_list(cluster: Cluster, resources: Sequence[Resource], show: Show) -> list[str]:
    """Resources beside each other; where it is to be brief, primitives are only counted."""
    counted = [each for each in resources if show.brief and each.is_primitive]
    lines = by_agent(counted, totals=show.inactive)
    for resource in resources:
        if not show.brief or not resource.is_primitive:
            lines += _lines(cluster, resource, show)
    return lines


def resource_lines(cluster: Cluster, resource: Resource, show: Show) -> list[str]:
    """A top-level resource, as items of a list; nothing for what is not to be shown."""
    return _lines(cluster, resource, show) if is_shown(resource, show) else []


def is_shown(resource: Resource, show: Show) -> bool:
    """Whether a top-level resource is listed: a removed one while it is active."""
    return active(resource, whole=True) if resource.removed else show.inactive or active(resource, whole=False)


def _lines(cluster: Cluster, resource: Resource, show: Show) -> list[str]:
    match resource.kind:
        case ResourceKind.PRIMITIVE:
            return _primitive_lines(cluster, resource, show)
        case ResourceKind.GROUP:
            return _group_lines(cluster, resource, show)
        case ResourceKind.CLONE:
            return _clone_lines(cluster, resource, show)
        case ResourceKind.BUNDLE:
            return _bundle_lines(cluster, resource, show)


def _primitive_lines(cluster: Cluster, resource: Resource, show: Show) -> list[str]:
    node = current_node(resource) or resource.pending_node
    return _line(cluster, resource, printable_id(resource), node, show)


def _line(cluster: Cluster, resource: Resource, name: str, node: Node | None, show: Show) -> list[str]:
    if is_true(resource.meta.get("internal_rsc")) and not show.implicit:
        return []
    return [f"* {describe(cluster, resource, name, node, show)}"]


def describe(
    cluster: Cluster, resource: Resource, name: str, node: Node | None, show: Show, places: bool = True
) -> str:
    """A primitive: name, agent, state, node, and what is special about it; without `places` not where."""
    if node is None and places:
        node = resource.lock_node
    several = places and len(resource.active_on) > 1
    shown_node = None if several else node
    text = f"{name}\t({agent(resource)}):\t{_state(cluster, resource, shown_node, show)}"
    flags = _flags(resource, shown_node, show)
    if flags:
        text += f" ({', '.join(flags)})"
    if several:
        text += f" [ {' '.join(each.name for each in resource.active_on)} ]"
    return text


def _state(cluster: Cluster, resource: Resource, node: Node | None, show: Show) -> str:
    role = displayed_role(resource)
    words = [" ORPHANED"] if resource.removed else []
    if resource.failed:
        words.append(" FAILED")
        if role > Role.UNPROMOTED:
            words.append(f" {role_text(role)}")
    else:
        pending = PENDING_STATES.get(resource.pending_task or "") if show.pending else None
        words.append(f" {pending or role_text(role)}")
    if node is not None:
        words.append(f" {node.name}")
    if role is Role.STOPPED:
        probe = failed_probe(cluster, resource, node.name if node is not None else None)
        if probe is not None:
            words.append(f" ({full_exit_text(probe.entry.rc)}) ")
    return "".join(words)


def _flags(resource: Resource, node: Node | None, show: Show) -> list[str]:
    flags = []
    if node is not None and not node.online and node.unclean:
        flags.append("UNCLEAN")
    if node is not None and node is resource.lock_node:
        flags.append("LOCKED")
    if show.pending and resource.pending_task == "monitor":
        flags.append("Monitoring")
    flags += _target_role_flags(resource)
    if resource.blocked:
        flags.append("blocked")
    elif resource.maintenance:
        flags.append("maintenance")
    elif not resource.managed:
        flags.append("unmanaged")
    if resource.ignore_failure:
        flags.append("failure ignored")
    return flags


def _target_role_flags(resource: Resource) -> list[str]:
    wanted = resource.meta.get("target-role")
    match parse_role(wanted):
        case Role.STOPPED:
            return ["disabled"]
        case Role.UNPROMOTED if resource.top.promotable:
            return [f"target-role:{wanted}"]
    return []


def failed_probe(cluster: Cluster, resource: Resource, node_name: str | None) -> FailedOperation | None:
    """The probe on a node (any, when None) that found the agent unable to run there."""
    top = resource.top
    name = top.definition.child.id if isinstance(top.definition, Clone) else resource.id
    for failed in cluster.failed_operations:
        entry = failed.entry
        unusable = entry.rc in _UNUSABLE or entry.status == OperationStatus.NOT_INSTALLED
        if not entry.is_probe or not unusable or entry.on_node is None:
            continue
        if node_name is not None and entry.on_node.lower() != node_name.lower():
            continue
        if (entry.key or entry.id).rsplit("_", 2)[0] == name:
            return failed
    return None


def _attributes(words: Sequence[str]) -> str:
    return f" ({', '.join(words)})" if words else ""


def _collective_state(resource: Resource) -> list[str]:
    words = ["disabled"] if is_disabled(resource) else []
    if resource.maintenance:
        words.append("maintenance")
    elif not resource.managed:
        words.append("unmanaged")
    return words


def _group_lines(cluster: Cluster, group: Resource, show: Show) -> list[str]:
    words = []
    if not show.inactive and active(group, whole=False) and not active(group, whole=True):
        count = sum(not active(child, whole=True) for child in group.children)
        words.append(f"{count} member{'' if count == 1 else 's'} inactive")
    heading = f"Resource Group: {group.id}{_attributes([*words, *_collective_state(group)])}"
    if show.brief:
        lines = by_agent(group.children, totals=True)
    else:
        shown = [child for child in group.children if show.inactive or active(child, whole=False)]
        lines = [line for child in shown for line in _lines(cluster, child, show)]
    return block(heading, lines) if lines else []


def _clone_lines(cluster: Cluster, clone: Resource, show: Show) -> list[str]:
    lines: list[str] = []
    promoted: list[Node] = []
    started: list[Node] = []
    stopped: dict[str, str] = {}
    for instance in clone.children:
        place = _place_together(clone, instance, show)
        if place is None:
            lines += _lines(cluster, instance, show)
        elif isinstance(place, Node):
            (promoted if _role(instance) > Role.UNPROMOTED else started).append(place)
        elif place and show.inactive:
            stopped[instance.id] = "Stopped"
    if not show.clone_details:
        lines += _by_role(clone, promoted, started)
        if show.inactive:
            lines += _stopped_lines(cluster, clone, len(promoted) + len(started), stopped)
            return block(_clone_heading(clone), lines)
    return block(_clone_heading(clone), lines) if lines else []


def _clone_heading(clone: Resource) -> str:
    words = ["promotable"] if clone.promotable else []
    if clone.unique:
        words.append("unique")
    assert isinstance(clone.definition, Clone)
    state = _attributes([*words, *_collective_state(clone)])
    return f"Clone Set: {clone.id} [{clone.definition.child.id}]{state}"


def _role(instance: Resource) -> Role:
    return max((each.role for each in instance.primitives()), default=Role.UNKNOWN)


def _place_together(clone: Resource, instance: Resource, show: Show) -> Node | bool | None:
    """Where an unremarkable instance runs, to be listed with the others; True for one that is stopped, False for one
    that is not to be shown; None for one that needs lines of its own."""
    somewhere = active(instance, whole=False)
    if show.clone_details or (clone.unique and (somewhere or not clone.removed)):
        return None
    if not clone.unique and show.pending and instance.pending_task is not None:
        return None
    if not somewhere:
        return not instance.removed
    parts = list(instance.walk())
    if any(each.removed or each.failed for each in parts) or not all(each.managed for each in parts):
        return None
    nodes = {node.id: node for each in instance.primitives() for node in each.active_on}
    if not active(instance, whole=True) or len(nodes) != 1:
        return None
    node = next(iter(nodes.values()))
    return None if not node.online and node.unclean else node


def _names(nodes: Sequence[Node]) -> str:
    return " ".join(sorted((node.name for node in nodes), key=natural_key))


def _by_role(clone: Resource, promoted: Sequence[Node], started: Sequence[Node]) -> list[str]:
    lines = [f"* Promoted: [ {_names(promoted)} ]"] if promoted else []
    if started:
        label = "Started"
        if clone.promotable:
            held = _configured_role(clone) is Role.UNPROMOTED
            label = "Unpromoted (target-role)" if held else "Unpromoted"
        lines.append(f"* {label}: [ {_names(started)} ]")
    return lines


def _configured_role(clone: Resource) -> Role:
    wanted = clone.meta.get("target-role")
    if wanted is None and clone.children:
        wanted = clone.children[0].meta.get("target-role")
    return parse_role(wanted)


def _stopped_lines(cluster: Cluster, clone: Resource, active_count: int, stopped: dict[str, str]) -> list[str]:
    """What is stopped, by node for anonymous clones (every node that could run an instance), else by instance."""
    assert clone.clone is not None
    if not clone.unique and clone.clone.clone_max > active_count:
        stopped = _stopped_by_node(cluster, clone)
    return [
        f"* {state}: [ {' '.join(sorted((n for n, s in stopped.items() if s == state), key=natural_key))} ]"
        for state in sorted(set(stopped.values()))
    ]


def _stopped_by_node(cluster: Cluster, clone: Resource) -> dict[str, str]:
    nodes = [candidate.node for candidate in clone.allowed.values()] or list(clone.known_on.values())
    running = {node.name.lower() for node in clone.active_on}
    plain = "Stopped (disabled)" if _configured_role(clone) is Role.STOPPED else "Stopped"
    states = {}
    for node in nodes:
        if node.name.lower() not in running:
            probe = failed_probe(cluster, clone, node.name)
            states[node.name] = f"Stopped ({full_exit_text(probe.entry.rc)})" if probe is not None else plain
    return states


def _bundle_lines(cluster: Cluster, bundle: Resource, show: Show) -> list[str]:
    assert bundle.bundle is not None and isinstance(bundle.definition, Bundle)
    replicas = bundle.bundle.replicas
    lines: list[str] = []
    for replica in replicas:
        if show.implicit:
            parts = (replica.ip, replica.child, replica.container, replica.remote)
            inner = [line for part in parts if part is not None for line in _lines(cluster, part, show)]
            lines += [f"* Replica[{replica.offset}]"] if len(replicas) > 1 else []
            lines += [f"  {line}" for line in inner]
            continue
        shown = replica.child or replica.container
        name = printable_id(replica.remote or replica.container)
        name += f" ({replica.ip_address})" if replica.ip_address else ""
        lines += _line(cluster, shown, name, current_node(replica.container), show)
    many = " set" if len(replicas) > 1 else ""
    unique = " (unique)" if bundle.unique else ""
    unmanaged = " (maintenance)" if bundle.maintenance else "" if bundle.managed else " (unmanaged)"
    heading = f"Container bundle{many}: {bundle.id} [{bundle.bundle.image}]{unique}{unmanaged}"
    return block(heading, lines)

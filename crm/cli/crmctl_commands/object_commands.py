"""`crmctl constraint|property|node|ticket|agent …`: the objects beside resources."""

from __future__ import annotations

import argparse
import textwrap
from typing import Any

from crm.cli.connection import USAGE, CommandError
from crm.cli.crmctl_commands import api_calls, object_definitions
from crm.cli.crmctl_commands.api_calls import Commands


def add_to(commands: Commands) -> None:
    _add_constraints(api_calls.group(commands, "constraint", "constraints: where and in which order resources run"))
    _add_properties(api_calls.group(commands, "property", "options of the whole cluster"))
    _add_nodes(api_calls.group(commands, "node", "nodes"))
    _add_tickets(api_calls.group(commands, "ticket", "tickets: what this site may run"))
    _add_agents(api_calls.group(commands, "agent", "agents: what can be run"))


def _command(own: Commands, name: str, text: str, act: Any, *arguments: str, dry_run: bool = True) -> Any:
    """A command with arguments; one that ends in `?` may be left out."""
    command = own.add_parser(name, help=text)
    for argument in arguments:
        command.add_argument(argument.rstrip("?"), nargs="?" if argument.endswith("?") else None)
    if dry_run:
        api_calls.add_dry_run(command)
    command.set_defaults(act=act, verb=name)
    return command


# Constraints


def _add_constraints(own: Commands) -> None:
    _command(own, "list", "all of them, with what they do", _list_constraints, "resource?", dry_run=False)
    _command(own, "location", "a resource prefers a node, or keeps away", _location, "id", "resource", "node", "score")
    command = _command(own, "colocation", "a resource runs where another one runs, or not there", _colocation,
                       "id", "resource", "with_resource", "score?")
    command.add_argument("--role")
    command.add_argument("--with-role")
    api_calls.add_force(command)
    command = _command(own, "order", "a resource starts before another one", _order, "id", "first", "then")
    command.add_argument("--kind", choices=("Mandatory", "Optional", "Serialize"))
    command.add_argument("--first-action", choices=("start", "stop", "promote", "demote"))
    command.add_argument("--then-action", choices=("start", "stop", "promote", "demote"))
    api_calls.add_force(command)
    command = _command(own, "ticket", "a resource needs a ticket", _ticket_need, "id", "ticket", "resource")
    command.add_argument("--loss-policy", choices=("stop", "demote", "fence", "freeze"))
    command.add_argument("--role")
    object_definitions.add_show(own, object_definitions.CONSTRAINT)
    object_definitions.add_define(own, object_definitions.CONSTRAINT)
    object_definitions.add_delete(own, object_definitions.CONSTRAINT)


def _list_constraints(options: argparse.Namespace) -> None:
    for each in api_calls.read("constraints"):
        named = {each.get(name) for name in ("resource", "with_resource", "first", "then")}
        named |= {name for one in each.get("sets", ()) for name in one["resources"]}
        if options.resource in (None, *named):
            print(f"{each['id']} ({each['kind']})")
            print(textwrap.indent(textwrap.fill(each["effect"], 110), "  "))


def _create(options: argparse.Namespace, kind: str, **fields: Any) -> None:
    value = {"kind": kind, "id": options.id, **{name: each for name, each in fields.items() if each is not None}}
    api_calls.write(options, "POST", "/v1/constraints", value, f"Constraint {options.id} is configured")
    if not options.dry_run:
        print(api_calls.read("constraints", options.id)["effect"])


def _location(options: argparse.Namespace) -> None:
    _create(options, "location", resource=options.resource, node=options.node, score=options.score)


def _colocation(options: argparse.Namespace) -> None:
    _create(options, "colocation", resource=options.resource, with_resource=options.with_resource,
            score=options.score or "INFINITY", role=options.role, with_role=options.with_role)


def _order(options: argparse.Namespace) -> None:
    _create(options, "order", first=options.first, then=options.then, mandatory=options.kind,
            first_action=options.first_action, then_action=options.then_action)


def _ticket_need(options: argparse.Namespace) -> None:
    _create(options, "ticket", ticket=options.ticket, resource=options.resource, role=options.role,
            loss_policy=options.loss_policy)


# Options of the cluster


def _add_properties(own: Commands) -> None:
    command = _command(own, "list", "those that are set", _list_properties, dry_run=False)
    command.add_argument("--all", action="store_true", help="all that there are, with their defaults")
    _command(own, "show", "what one is for, what it may be, what it is", _show_property, "name", dry_run=False)
    _command(own, "set", "set one: NAME VALUE, or NAME=VALUE", _set_property, "name", "value?")
    _command(own, "unset", "let its default count again", _set_property, "name")


def _list_properties(options: argparse.Namespace) -> None:
    shown = [each for each in api_calls.read("options") if options.all or each["is_set"]]
    rows = [(each["name"], each["value"], "" if each["is_set"] else "default", each["problem"]) for each in shown]
    api_calls.print_table(("OPTION", "VALUE", "", ""), rows)


def _show_property(options: argparse.Namespace) -> None:
    from difflib import get_close_matches

    known = {each["name"]: each for each in api_calls.read("options")}
    older = {old: name for name, each in known.items() for old in each["older_names"]}
    found = known.get(older.get(options.name, options.name))
    if found is None:
        near = get_close_matches(options.name, known, 1)
        hint = f"Did you mean {near[0]}?" if near else "See: crmctl property list --all"
        raise CommandError(f"The cluster has no option {options.name}", hint, 105)
    print(f"{found['name']} = {found['value']}{'' if found['is_set'] else ' (default)'}")
    print(textwrap.fill(found["description"] + ".", 110))
    print(f"It is {found['kind']}; default {found['default'] or 'none'}")


def _set_property(options: argparse.Namespace) -> None:
    if options.verb == "unset":
        where = api_calls.path("options", options.name)
        api_calls.write(options, "DELETE", where, None, f"{options.name} is reset to its default")
        return
    name, value = api_calls.name_and_value(options)
    if value is None:
        raise CommandError(f"which value shall {name} have?", f"See what it may be: crmctl property show {name}", USAGE)
    api_calls.write(options, "PUT", api_calls.path("options", name), {"value": value}, f"{name} is {value}")


# Nodes


def _add_nodes(own: Commands) -> None:
    _command(own, "list", "all nodes, what they run", _list_nodes, dry_run=False)
    _command(own, "show", "attributes, capacity and health of one", _show_node, "node", dry_run=False)
    _command(own, "utilization", "set or remove what a node offers", _utilization, "node", "name", "value?")
    command = _command(own, "attribute", "set or remove an attribute", _attribute, "node", "name", "value?")
    command.add_argument("--transient", action="store_true", help="only until the node leaves")


def _list_nodes(_options: argparse.Namespace) -> None:
    rows = [(each["name"], each["state"], "DC" if each["is_dc"] else "", ", ".join(each["resources"]) or "-")
            for each in api_calls.read("nodes")]
    api_calls.print_table(("NODE", "STATE", "", "RUNS"), rows)


def _show_node(options: argparse.Namespace) -> None:
    node = api_calls.read("nodes", options.node)
    print(f"{node['name']} (id {node['id']}) is {node['state']}{', the DC' if node['is_dc'] else ''}")
    print(f"health: {api_calls.read('nodes', options.node, 'health')['health']}")
    attributes = api_calls.read("nodes", options.node, "attributes")
    for title, values in (("attributes", attributes["permanent"]), ("until it leaves", attributes["transient"]),
                          ("utilization", api_calls.read("nodes", options.node, "utilization"))):
        print(f"{title}: " + (", ".join(f"{name}={value}" for name, value in values.items()) or "none"))
    print(f"runs: {', '.join(node['resources']) or 'nothing'}")


def _utilization(options: argparse.Namespace) -> None:
    said = f"{options.name} of {options.node} is {options.value or 'removed'}"
    where = api_calls.path("nodes", options.node, "utilization")
    api_calls.write(options, "PATCH", where, {options.name: options.value}, said)


def _attribute(options: argparse.Namespace) -> None:
    where = api_calls.path("nodes", options.node, "attributes", options.name)
    lifetime = "reboot" if options.transient else "forever"
    said = f"{options.name} of {options.node} is {options.value or 'removed'}"
    if options.value is None:
        api_calls.write(options, "DELETE", where, None, said, {"lifetime": lifetime})
    else:
        api_calls.write(options, "PUT", where, {"value": options.value, "lifetime": lifetime}, said)


# Tickets and agents


def _add_tickets(own: Commands) -> None:
    _command(own, "list", "all tickets", _list_tickets, dry_run=False)
    _command(own, "show", "one, with what depends on it", _show_ticket, "ticket", dry_run=False)
    for verb, text in (("grant", "this site may run what depends on it"), ("revoke", "it may not any more"),
                       ("standby", "stop what depends on it, in an orderly way"), ("activate", "end its standby"),
                       ("forget", "as if it had never been granted")):
        _command(own, verb, text, _change_ticket, "ticket")


_TICKET_WISHES = {"grant": {"granted": True}, "revoke": {"granted": False}, "standby": {"standby": True},
                  "activate": {"standby": False}}


def _list_tickets(_options: argparse.Namespace) -> None:
    rows = [(each["id"], _ticket_state(each), each["last_granted"] or "-", ", ".join(each["constraints"]) or "-")
            for each in api_calls.read("tickets")]
    api_calls.print_table(("TICKET", "STATE", "LAST GRANTED", "CONSTRAINTS"), rows)


def _ticket_state(ticket: dict[str, Any]) -> str:
    return ("granted" if ticket["granted"] else "revoked") + (", standby" if ticket["standby"] else "")


def _show_ticket(options: argparse.Namespace) -> None:
    ticket = api_calls.read("tickets", options.ticket)
    print(f"{ticket['id']} is {_ticket_state(ticket)}; last granted: {ticket['last_granted'] or 'never'}")
    for name in ticket["constraints"]:
        print(textwrap.indent(textwrap.fill(api_calls.read("constraints", name)["effect"], 108), "  "))


def _change_ticket(options: argparse.Namespace) -> None:
    where, wish = api_calls.path("tickets", options.ticket), _TICKET_WISHES.get(options.verb)
    said = f"Ticket {options.ticket}: {options.verb}"
    api_calls.write(options, "DELETE" if wish is None else "PATCH", where, wish, said)


def _add_agents(own: Commands) -> None:
    command = _command(own, "list", "all of them; those that are not on every node are marked", _list_agents,
                       "standard?", dry_run=False)
    command.add_argument("--provider")
    command.add_argument("--node", help="only those on this node")
    _command(own, "show", "parameters and actions of one", _show_agent, "agent", dry_run=False)


def _list_agents(options: argparse.Namespace) -> None:
    found = api_calls.read("agents", standard=options.standard, provider=options.provider, node=options.node)
    most = max((len(each["nodes"]) for each in found), default=0)
    for each in found:
        print(each["name"] + ("" if len(each["nodes"]) == most else f"  (only on {', '.join(each['nodes'])})"))


def _show_agent(options: argparse.Namespace) -> None:
    agent = api_calls.read("agents", options.agent)
    print(f"{agent['name']}: {agent['description']}\n")
    if agent["details"]:
        print(textwrap.fill(agent["details"], 110) + "\n")
    print("Parameters (* is needed):")
    for each in agent["parameters"]:
        default = f", default {each['default']}" if each["default"] is not None else ""
        words = f" ({', '.join(each['choices'])})" if each["choices"] else ""
        print(f"  {each['name']}{'*' if each['required'] else ''}: {each['type']}{words}{default}")
        if each["details"] or each["description"]:
            print(textwrap.indent(textwrap.fill(each["details"] or each["description"], 106), "      "))
    print("Actions:")
    for each in agent["actions"]:
        times = [f"{name} {each[name]}" for name in ("timeout", "interval", "role") if each[name]]
        print(f"  {each['name']}" + (f" ({', '.join(times)})" if times else ""))

"""`crmctl cluster add`, `remove`, `keep`, `invite`, `nodes`, `key rotate`: who belongs to a cluster that runs.

The list is the cluster's (`/v1/cluster/nodes`). An invitation hands out files: settings that say `invited`, so that the
new node waits for the cluster, and the keys of this node.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from pathlib import Path
from typing import Any

from crm.cli.connection import TIMEOUT, USAGE, CommandError, duration_seconds
from crm.cli.crmctl_commands import api_calls
from crm.cli.setup.plan import PORT, SetupFile
from crm.daemon import settings as daemon_settings
from crm.daemon.layer_keys import FILE, as_file

_ADDED = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,254})"
                    r"(=(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)"
                    r"(:(?P<port>[0-9]{1,5}))?)?")
_LOOK_EVERY_S = 1.0


def add(options: argparse.Namespace) -> int:
    """List nodes, and invite them."""
    wanted = [_added(word) for word in options.nodes]
    answer = api_calls.send("POST", api_calls.path("cluster", "nodes"), {"nodes": wanted})
    print(f"The cluster's nodes: {', '.join(answer['nodes'])} (list version {answer['list_version']}). "
          "Who is new votes once it has joined.", flush=True)
    if options.no_invite:
        return 0
    options.nodes = [each["name"] for each in wanted]
    return invite(options)


def remove(options: argparse.Namespace) -> int:
    """Have nodes leave, one after the other."""
    limit_s = duration_seconds(options.timeout)
    for name in options.nodes:
        api_calls.send("DELETE", api_calls.path("cluster", "nodes", name))
        print(f"{name} is to leave; what it runs moves away first", flush=True)
        if not options.no_wait:
            _wait_until_gone(name, limit_s)
            print(f"{name} is removed", flush=True)
    return 0


def keep(options: argparse.Namespace) -> int:
    """Have a node stay after all."""
    api_calls.send("POST", api_calls.path("cluster", "nodes", options.node, "keep"))
    print(f"{options.node} stays")
    return 0


def nodes(_options: argparse.Namespace) -> int:
    """Print the list."""
    found = api_calls.read("cluster", "nodes")
    newest = max((each["list_version"] or 0 for each in found), default=0)
    api_calls.print_table(("node", "id", "address", "state", "here", "list"), (
        (each["name"], each["id"], f"{each['host']}:{each['port']}", each["state"], "yes" if each["here"] else "no",
         "?" if each["list_version"] is None else
         f"{each['list_version']}{'' if each['list_version'] == newest else ' (older)'}") for each in found))
    return 0


def rotate(_options: argparse.Namespace) -> int:
    """Change the key."""
    answer = api_calls.send("POST", api_calls.path("cluster", "key", "rotate"))
    print(f"{', '.join(answer['nodes'])} have a new key, and accept no other; what runs goes on. API tokens stay good")
    return 0


def invite(options: argparse.Namespace) -> int:
    """Hand out this node's keys and the cluster's list to nodes that are in it."""
    from crm.cli.setup.invitation import Invitations, hand_out

    listed = {each["name"]: each for each in api_calls.read("cluster", "nodes")}
    unknown = [name for name in options.nodes if name not in listed]
    if unknown:
        raise CommandError(f"{unknown[0]} is not in the cluster's list of nodes",
                           f"Add it: crmctl cluster add {unknown[0]}=ADDRESS", USAGE)
    here = _settings(options.folder)
    files = {name: files_of(name, list(listed.values()), here) for name in options.nodes}
    host = listed[here.node_name]["host"] if here.node_name in listed else "127.0.0.1"
    try:
        invitations = Invitations(host, files, options.minutes * 60, options.invite_port)
    except OSError as error:
        raise CommandError(f"Nodes cannot be invited at {host} port {options.invite_port}: {error.strerror}",
                           "--invite-port takes another port") from None
    hand_out(invitations, options.minutes)
    print("Next, on each of them: systemctl enable --now crmd   (then: crmctl cluster nodes)")
    return 0


def files_of(name: str, listed: list[dict[str, Any]], here: daemon_settings.Settings) -> list[SetupFile]:
    """What a node needs to join the cluster of a node with those settings."""
    lines = ["# Written by crmctl cluster. crmd --help-settings explains every setting.", f'name = "{name}"',
             f"cluster = {json.dumps(here.cluster)}", 'key_file = "key"',
             "# It waits for the cluster, whose own list of nodes counts; this one only says where to find it.",
             "invited = true", "", "[messaging]"]
    messaging = here.messaging
    lines += [f"{field} = {json.dumps(getattr(messaging, field))}" for field in sorted(messaging.model_fields_set)
              if field not in ("layer", "quorum")]
    lines.append(f'layer = "{messaging.layer}"')
    for node in listed:
        lines += ["", "[[nodes]]", f'name = "{node["name"]}"', f'id = "{node["id"]}"', f'host = "{node["host"]}"',
                  f"port = {node['port']}"]
    files = [SetupFile("crmd", "crmd.toml", "\n".join([*lines, ""]).encode())]
    try:
        files.append(SetupFile("crmd", "key", here.key_file.read_bytes(), secret=True))
    except OSError as error:
        raise CommandError(f"The cluster's key {here.key_file} cannot be read: {error.strerror}",
                           "Be root. A cluster of one node needs a key before it can grow: "
                           f"openssl rand -hex 32 > {here.key_file}; chmod 600; then restart crmd") from None
    keys = here.layer_keys()
    if keys[0] != here.key_file.read_bytes().strip():
        files.append(SetupFile("crmd", FILE, as_file(keys), secret=True))
    return files


def _settings(folder: Path) -> daemon_settings.Settings:
    try:
        return daemon_settings.load(folder / "crmd.toml")
    except daemon_settings.SettingsError as error:
        raise CommandError(str(error), error.hint or "Invite from a node of the cluster, or give --folder") from None


def _added(word: str) -> dict[str, Any]:
    """A node from NAME, NAME=ADDRESS or NAME=ADDRESS:PORT. Raises CommandError."""
    found = _ADDED.fullmatch(word)
    port = int(found["port"] or PORT) if found else 0
    if found is None or not 0 < port < 65536:
        raise CommandError(f"“{word}” does not name a node", "Write NAME=ADDRESS, such as node4=10.0.0.4", USAGE)
    return {"name": found["name"], "host": (found["host"] or found["name"]).strip("[]"), "port": port}


def _wait_until_gone(name: str, limit_s: float) -> None:
    end = time.monotonic() + limit_s
    while any(each["name"] == name for each in api_calls.read("cluster", "nodes")):
        if time.monotonic() > end:
            raise CommandError(f"{name} is not gone yet",
                               f"It goes on by itself: crmctl cluster nodes. If it is off: crmctl confirm {name}",
                               TIMEOUT)
        time.sleep(_LOOK_EVERY_S)

"""`crmctl cluster init` and `crmctl cluster join`: from bare machines to a configured cluster, in one command each."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm.cli.connection import CommandError

if TYPE_CHECKING:  # crmctl starts quickly; what makes certificates does not
    from crm.cli.setup.plan import SetupFile

LAYERS = ("embedded", "corosync", "etcd")

_FILES = frozenset({"crmd.toml", "key", "layer-key", "corosync.conf", "authkey", "etcd-ca.pem", "etcd.pem", "etcd.key",
                    "etcd.env"})


def add_to(commands: Any) -> None:
    """Add `cluster` with its own commands to crmctl's."""
    cluster = commands.add_parser("cluster", help="set up a cluster, or have this machine join one")
    kinds = cluster.add_subparsers(metavar="COMMAND", required=True)

    init = kinds.add_parser("init", help="write this node's files, and invite the others")
    init.add_argument("nodes", nargs="+", metavar="NAME=ADDRESS", help="all nodes, this one first")
    init.add_argument("--cluster", default="cluster", metavar="NAME", help="the cluster's name (default cluster)")
    init.add_argument("--layer", choices=LAYERS, default="embedded", help="the message layer (default embedded)")
    init.add_argument("--minutes", type=int, default=30, help="how long the invitations are good (default 30)")
    init.add_argument("--port", type=int, default=5408, help="where to wait for the others (default 5408)")
    _add_folders(init)
    init.set_defaults(act=_init)

    join = kinds.add_parser("join", help="get this node's files with a token that init printed")
    join.add_argument("token")
    _add_folders(join)
    join.set_defaults(act=_join)

    _add_members(kinds)


def _add_members(kinds: Any) -> None:
    add = kinds.add_parser("add", help="add nodes to the cluster that runs, and invite them")
    add.add_argument("nodes", nargs="+", metavar="NAME[=ADDRESS[:PORT]]", help="by default its name is its address")
    add.add_argument("--no-invite", action="store_true", help="only list them; crmctl cluster invite does it later")
    _add_inviting(add)
    add.set_defaults(act=_members("add"))

    remove = kinds.add_parser("remove", help="have nodes leave the cluster for good; what they run moves away first")
    remove.add_argument("nodes", nargs="+", metavar="NAME")
    remove.add_argument("--no-wait", action="store_true", help="do not wait until they are gone")
    remove.add_argument("--timeout", default="10min", metavar="TIME", help="how long to wait (default 10min)")
    remove.set_defaults(act=_members("remove"))

    keep = kinds.add_parser("keep", help="have a node stay that was to be removed")
    keep.add_argument("node")
    keep.set_defaults(act=_members("keep"))

    invite = kinds.add_parser("invite", help="invite listed nodes again, with new tokens and the keys that there are")
    invite.add_argument("nodes", nargs="+", metavar="NAME")
    _add_inviting(invite)
    invite.set_defaults(act=_members("invite"))

    nodes = kinds.add_parser("nodes", help="who belongs to the cluster, who comes and goes, who has which list")
    nodes.set_defaults(act=_members("nodes"))

    key = kinds.add_parser("key", help="the key that nodes prove to each other")
    rotate = key.add_subparsers(metavar="COMMAND", required=True).add_parser(
        "rotate", help="give all nodes a new one, without a stop")
    rotate.set_defaults(act=_members("rotate"))


def _add_inviting(command: argparse.ArgumentParser) -> None:
    command.add_argument("--minutes", type=int, default=30, help="how long the invitations are good (default 30)")
    command.add_argument("--invite-port", type=int, default=5408, help="where to wait for them (default 5408)")
    command.add_argument("--folder", type=Path, default=Path("/etc/crmd"), help="crmd's folder (default /etc/crmd)")


def _members(command: str) -> Any:
    def act(options: argparse.Namespace) -> int:
        from crm.cli.setup import members

        done: int = getattr(members, command)(options)
        return done

    return act


def _add_folders(command: argparse.ArgumentParser) -> None:
    command.add_argument("--folder", type=Path, default=Path("/etc/crmd"), help="crmd's folder (default /etc/crmd)")
    command.add_argument("--corosync-folder", type=Path, default=Path("/etc/corosync"), metavar="FOLDER",
                         help="corosync's folder (default /etc/corosync)")
    command.add_argument("--force", action="store_true", help="replace files that are there (kept as NAME.before)")


def _init(options: argparse.Namespace) -> int:
    from crm.cli.setup.invitation import Invitations, hand_out
    from crm.cli.setup.plan import planned

    plan = planned(options.cluster, options.layer, options.nodes)
    (name, address), *others = plan.nodes
    invitations = None
    if others:
        files = {other: plan.files(other) for other, _ in others}
        try:
            invitations = Invitations(address, files, options.minutes * 60, options.port)
        except OSError as error:
            raise CommandError(f"The others cannot be invited at {address} port {options.port}: {error.strerror}",
                               "The first NAME=ADDRESS must be this machine; --port takes another port") from None
    _write(options, plan.files(name))
    print(f"Node {name} of cluster {plan.cluster} is set up in {options.folder}.")
    if invitations is None:
        print(_next_step(plan.layer))
        return 0
    hand_out(invitations, options.minutes)
    print(_next_step(plan.layer))
    return 0


def _join(options: argparse.Namespace) -> int:
    from crm.cli.setup.invitation import fetch, parse

    name = fetch(parse(options.token), lambda _name, files: _write(options, files))
    print(f"This is node {name} now; its files are in {options.folder}.")
    engine = "corosync" if (options.folder / "crmd.toml").read_text().find('layer = "corosync"') >= 0 else ""
    print(_next_step(engine or ("etcd" if (options.folder / "etcd.env").exists() else "embedded")))
    return 0


def _next_step(layer: str) -> str:
    engine = {"corosync": "corosync ", "etcd": "crmd-etcd "}.get(layer, "")
    return f"Next, on every node: systemctl enable --now {engine}crmd   (then: crmctl status)"


def _write(options: argparse.Namespace, files: list[SetupFile]) -> None:
    """All files or none: what is there already stays unless --force says otherwise. Raises CommandError."""
    folders = {"crmd": options.folder, "corosync": options.corosync_folder}
    places = []
    for file in files:
        if file.folder not in folders or file.name not in _FILES:
            raise CommandError(f"The invitation holds a file that does not belong here: {file.folder}/{file.name}")
        places.append((folders[file.folder] / file.name, file))
    present = [str(place) for place, _ in places if place.exists()]
    if present and not options.force:
        raise CommandError(f"This machine is set up already: {', '.join(present)}", "--force replaces the files")
    try:
        for place, file in places:
            write_file(place, file)
    except OSError as error:
        problem = f"{error.filename} cannot be written: {error.strerror}"
        raise CommandError(problem, "Be root, or give --folder") from None


def write_file(place: Path, file: SetupFile) -> None:
    """Write one file with the mode that it needs; one that is there is kept as NAME.before."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists():
        place.replace(place.with_name(place.name + ".before"))
    mode = 0o600 if file.secret else 0o644
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(file.content)
        stream.flush()
        os.fsync(stream.fileno())

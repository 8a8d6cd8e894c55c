"""`crmctl demo`: a cluster of three nodes on this machine, without root, that keeps a real web service running.

    cluster   the demo's cluster seen from outside: asks whichever node answers, and the web service itself
    console   the demo for people: shows the cluster's state as it changes, and takes a few words from the keyboard
    failover  one failover, measured from outside
    layout    the files of a demo cluster: a folder with a settings file, a key, a state and a runtime folder for every
              node
    machine   the machines of the demo: each a `crmd` and all that its agents started
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from crm.cli.connection import CommandError, run
from crm.cli.demo.cluster import DemoCluster
from crm.cli.demo.console import Console
from crm.cli.demo.failover import fail_over
from crm.cli.demo.layout import lay_out, short_folder
from crm.cli.demo.machine import Machines


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0; 1 with the reason on standard error if the cluster does not do what it should."""
    options = _parser().parse_args(arguments)
    return run("demo", lambda: _demo(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="deploy/demo",
        description="Three nodes on this machine keep a web service running. Needs no root; Ctrl-C ends all of it.",
        allow_abbrev=False,
    )
    parser.add_argument("--failover", action="store_true", help="kill the serving node, show what happens, and end")
    parser.add_argument("--nodes", type=int, default=3, choices=range(2, 10), metavar="N", help="how many (default 3)")
    parser.add_argument("--keep", action="store_true", help="keep the folder with logs and CIBs")
    return parser


def _demo(options: argparse.Namespace) -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    folder = short_folder()
    machines = Machines(lay_out(folder, options.nodes))
    try:
        return _play(DemoCluster(machines), options.failover)
    except CommandError:
        options.keep = True
        raise
    finally:
        # Whatever happens while the nodes are taken down, it must not stop half way.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        machines.stop()
        _clear_away(folder, options.keep)


def _interrupted(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _play(cluster: DemoCluster, failover: bool) -> int:
    layout = cluster.machines.layout
    print(f"Starting {len(layout.nodes)} nodes in {layout.folder} …", flush=True)
    cluster.boot()
    version = cluster.load()
    print(f"They are a cluster. Loaded {cluster.example.name}, CIB version {version}", flush=True)
    cluster.until(lambda: cluster.serving() is not None, f"{layout.url} did not answer")
    cluster.until(cluster.idle, "the cluster did not come to rest")
    if failover:
        return _unattended(cluster)
    console = Console(cluster)
    console.show_overview()
    print(_what_to_try(cluster), flush=True)
    console.run()
    return 0


def _unattended(cluster: DemoCluster) -> int:
    layout = cluster.machines.layout
    print(f"{layout.url} is served by {cluster.serving()}. Killing that node.", flush=True)
    timeline = fail_over(cluster)
    print("\n".join(timeline.lines()))
    print(f"The service was away for {timeline.answering_ms:.0f} ms.", flush=True)
    return 0


def _what_to_try(cluster: DemoCluster) -> str:
    layout = cluster.machines.layout
    first = layout.nodes[0]
    commands = Path(sys.executable).parent
    serving = cluster.serving()
    rows = [
        ("Look at the service", f"curl {layout.url}"),
        ("Kill a node (power cut)", f"type: kill {serving}        boot it again: start {serving}"),
        ("Kill only its daemon", f"type: kill-daemon {serving}   the service goes on, nothing is touched"),
        ("In another terminal", f"export CRMD_SOCKET={first.socket} PATH={commands}:$PATH"),
        ("  see everything", "crmctl status    or: crm_mon -1"),
        ("  empty a node", f"crmctl standby {serving}    and back: crmctl online {serving}"),
        ("  move the service", "crmctl move web node2"),
        ("REST API", " ".join(f"http://127.0.0.1:{node.api_port}/docs" for node in layout.nodes[:1])),
        ("Logs", f"{layout.folder}/*/crmd.log"),
        ("End", "Ctrl-C"),
    ]
    return "\n" + "\n".join(f"  {what:<24} {how}" for what, how in rows) + "\n"


def _clear_away(folder: Path, keep: bool) -> None:
    if keep:
        print(f"Everything ended; logs and CIBs are in {folder}", flush=True)
        return
    shutil.rmtree(folder, ignore_errors=True)
    print("Everything ended.", flush=True)

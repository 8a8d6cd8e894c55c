"""Write the files of all nodes of a cluster into folders, for those who bring them to the machines themselves.

    python -m crm.cli.setup.offline --layer corosync --into FOLDER node1=10.0.0.1 node2=10.0.0.2

makes FOLDER/node1/crmd/…, FOLDER/node1/corosync/… and so on. `crmctl cluster init` is the other way: over the network.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from crm.cli.connection import run
from crm.cli.setup.command import LAYERS, write_file
from crm.cli.setup.plan import planned


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m crm.cli.setup.offline", allow_abbrev=False)
    parser.add_argument("nodes", nargs="+", metavar="NAME=ADDRESS")
    parser.add_argument("--cluster", default="cluster")
    parser.add_argument("--layer", choices=LAYERS, default="embedded")
    parser.add_argument("--into", type=Path, required=True, metavar="FOLDER")
    options = parser.parse_args()
    return run("setup", lambda: _write(options))


def _write(options: argparse.Namespace) -> None:
    plan = planned(options.cluster, options.layer, options.nodes)
    for name in plan.names:
        for file in plan.files(name):
            write_file(options.into / name / file.folder / file.name, file)


if __name__ == "__main__":
    sys.exit(main())

"""The commands that agents call by name (`crm_attribute`, `attrd_updater` …), laid in a folder for their PATH.

Agents start them at every monitor, so each is a few lines for this very interpreter without its site packages, and
finds crmd where this process has found it. Knows the modules by name only: what they do is theirs.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

TOOLS = {
    "crm_attribute": "crm.cli.attribute:main",
    "crm_master": "crm.cli.attribute:master",
    "attrd_updater": "crm.cli.attribute:updater",
    "crm_node": "crm.cli.node:main",
    "crm_resource": "crm.cli.resource:main",
    "crm_standby": "crm.cli.smaller_tools:standby",
    "crm_failcount": "crm.cli.smaller_tools:failcount",
    "crm_ticket": "crm.cli.smaller_tools:ticket",
    "crm_mon": "crm.cli.mon:main",
    "cibadmin": "crm.cli.cibadmin:main",
    "crmctl": "crm.cli.crmctl:main",
}

_SCRIPT = """#!{python} -SE
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, {package!r})
from {module} import {function}
sys.exit({function}())
"""


def lay_tools(folder: Path) -> Path:
    """Write the commands into `folder`, in place of those of an earlier start; answers with the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    package = str(Path(__file__).resolve().parents[2])
    for name, place in TOOLS.items():
        module, function = place.split(":")
        text = _SCRIPT.format(python=sys.executable, package=package, module=module, function=function)
        temporary = folder / f".{name}.{os.getpid()}"
        temporary.write_text(text, encoding="utf-8")
        temporary.chmod(0o755)
        temporary.replace(folder / name)
    return folder

"""The commands that agents call by name (`crm_attribute`, `attrd_updater` …), laid in a folder for their PATH.

Agents start them at every monitor, so each is a few lines for this very interpreter without its `site` module, and
finds crmd and the libraries where this process has found them. Knows the modules by name only: what they do is theirs.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_LIBRARY_FOLDERS = ("site-packages", "dist-packages")

TOOLS = {
    "crm_attribute": "crm.cli.pacemaker.crm_attribute:main",
    "crm_master": "crm.cli.pacemaker.crm_attribute:master",
    "attrd_updater": "crm.cli.pacemaker.crm_attribute:updater",
    "crm_node": "crm.cli.pacemaker.crm_node:main",
    "crm_resource": "crm.cli.pacemaker.crm_resource:main",
    "crm_standby": "crm.cli.pacemaker.standby_failcount_ticket:standby",
    "crm_failcount": "crm.cli.pacemaker.standby_failcount_ticket:failcount",
    "crm_ticket": "crm.cli.pacemaker.standby_failcount_ticket:ticket",
    "crm_mon": "crm.cli.pacemaker.crm_mon:main",
    "crm_verify": "crm.cli.pacemaker.crm_verify:main",
    "crm_simulate": "crm.cli.simulate:main",
    "crm_diff": "crm.cli.pacemaker.crm_diff:main",
    "cibadmin": "crm.cli.pacemaker.cibadmin:main",
    "stonith_admin": "crm.cli.pacemaker.stonith_admin:main",
    "crmadmin": "crm.cli.pacemaker.crmadmin:main",
    "crmctl": "crm.cli.crmctl:main",
}

_SCRIPT = """#!{python} -SE
import sys
sys.dont_write_bytecode = True
sys.path[0:1] = {folders!r}
from {module} import {function}
sys.exit({function}())
"""


def lay_tools(folder: Path) -> Path:
    """Write the commands into `folder`, in place of those of an earlier start; answers with the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, place in TOOLS.items():
        module, function = place.split(":")
        text = _SCRIPT.format(python=sys.executable, folders=_library_folders(), module=module, function=function)
        temporary = folder / f".{name}.{os.getpid()}"
        temporary.write_text(text, encoding="utf-8")
        temporary.chmod(0o755)
        temporary.replace(folder / name)
    return folder


def _library_folders() -> list[str]:
    """Where crmd lies and the libraries that it uses, for an interpreter that does not look for them by itself."""
    package = str(Path(__file__).resolve().parents[2])
    libraries = (str(Path(path).resolve()) for path in sys.path if Path(path).name in _LIBRARY_FOLDERS)
    return list(dict.fromkeys((package, *libraries)))

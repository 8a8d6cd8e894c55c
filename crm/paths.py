"""Where the files that belong to crmd lie, from a clone as well as from an installed package."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def share(name: str) -> Path:
    """A folder that is shipped beside the code: `resource_agents`, `cib_examples`."""
    installed = _PACKAGE / "_share" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name

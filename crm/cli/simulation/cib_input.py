"""Where `crm_simulate` gets its CIB from: a file, standard input, the live cluster, or the file that CIB_file names."""

from __future__ import annotations

import bz2
import sys
from pathlib import Path

from lxml import etree

from crm.cib.newest import newest_root
from crm.cli.pacemaker import cib_file
from crm.cli.simulation.arguments import SimulationOptions


def live_cib() -> bytes:
    """The CIB of the cluster that this node belongs to, from the daemon. Raises CommandError if that does not run."""
    from crm.cli.connection import request

    return request("GET", "/v1/cib").body


class InputError(Exception):
    """There is no CIB to read; the message says where it was looked for and what to do."""


def read_input(request: SimulationOptions, path: str | None = None) -> etree._Element:
    """The CIB's root element, brought to the newest schema, with an (empty) status if it has none."""
    return newest_root(_text(request, path))


def _text(request: SimulationOptions, path: str | None) -> bytes:
    source = path or request.source or str(cib_file.named() or "")
    if not source:
        return live_cib()
    if source == "-":
        return sys.stdin.buffer.read()
    try:
        content = Path(source).read_bytes()
        return bz2.decompress(content) if source.endswith(".bz2") else content
    except OSError as error:
        raise InputError(f"cannot read {source}: {error.strerror or error}") from error

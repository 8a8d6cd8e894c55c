"""`crmctl explain`: why a resource is where it is, or why it is not running; of the live cluster or of a CIB file."""

from __future__ import annotations

import argparse
import gc
import json
import time
from dataclasses import asdict
from pathlib import Path

from lxml import etree

from crm.cib.errors import CibError
from crm.cib.newest import newest_root
from crm.cib.reading.cib_reader import read
from crm.cli.connection import CONFIGURATION, CommandError, request
from crm.cli.crmctl_commands.explain_text import explanation_lines
from crm.model.cib import Cib
from crm.policy_engine.explain import explain

NO_SUCH_OBJECT, NO_INPUT = 105, 66


def run(options: argparse.Namespace) -> None:
    """Print the explanation; raises CommandError for what cannot be read or does not exist."""
    gc.disable()  # A planning pass keeps what it makes to its end: collecting garbage meanwhile only costs time.
    cib = read_cib(options.cib)
    _check_node(cib, options.node)
    now = cib.execution_date if cib.execution_date is not None else int(time.time())
    answer = explain(cib, now, options.resource, options.node)
    if answer is None:
        raise _unknown(cib, options.resource)
    if options.json:
        print(json.dumps(asdict(answer), indent=2, ensure_ascii=False))
    else:
        print("\n".join(explanation_lines(answer, details=options.details or options.node is not None)))


def read_cib(path: str | None) -> Cib:
    """The CIB of a file, or of the live cluster without one."""
    return read(read_document(path))


def read_document(path: str | None) -> etree._Element:
    """The root element of a CIB, brought to the newest schema, with an (empty) status if it has none."""
    try:
        return newest_root(_text(path))
    except CibError as error:
        raise CommandError(f"{path or 'the CIB'}: {error}", error.hint, CONFIGURATION) from None


def _text(path: str | None) -> bytes:
    if path is None:
        return request("GET", "/v1/cib").body
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CommandError(
            f"{path} cannot be read: {error.strerror}", "Save one: cibadmin --query > FILE", NO_INPUT
        ) from None


def _check_node(cib: Cib, name: str | None) -> None:
    names = [node.name for node in cib.nodes]
    if name is not None and names and name not in names:
        raise CommandError(f"there is no node {name}", f"There are {', '.join(names)}", NO_SUCH_OBJECT)


def _unknown(cib: Cib, name: str) -> CommandError:
    from difflib import get_close_matches

    from crm.policy_engine.observe import observe

    names = [each.id for top in observe(cib, 0).resources for each in top.walk()]
    near = get_close_matches(name, names, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(names[:20])}{' …' if len(names) > 20 else ''}"
    return CommandError(f"there is no resource {name}", hint if names else "There are none yet", NO_SUCH_OBJECT)

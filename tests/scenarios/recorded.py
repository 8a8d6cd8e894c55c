"""CIBs that a generator made, each with all that Pacemaker's `crm_simulate` answered, from an archive beside this file.

They are less readable than the written cases but odder: many kinds of resources, failures, and constraints at once. The
tests of `tests.conformance` compare every output with the recorded one.
"""

from __future__ import annotations

import tarfile
import tempfile
from functools import cache
from pathlib import Path

ARCHIVE = Path(__file__).with_name("generated.tar.xz")
_extracted = tempfile.TemporaryDirectory(prefix="generated-cases-")


@cache
def folder() -> Path:
    """Where the cases are, extracted until the process ends: `cases.tsv`, `xml`, a folder for each kind of answer."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(_extracted.name, filter="data")
    return Path(_extracted.name) / "generated-cases"

"""The frame of every `--output-as=xml`: a `pacemaker-result` with the request, and at the end the exit status."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from lxml import etree

API_VERSION = "2.42"
"""The version of Pacemaker's output schemas that is followed."""

_MESSAGES = {
    0: "OK",
    1: "Error occurred",
    64: "Incorrect usage",
    65: "Invalid data given",
    66: "Input file not available",
    73: "Cannot create output file",
    78: "Invalid configuration",
    102: "Not connected",
}


class PacemakerResult:
    """A document to add to. `request` in it is the command line."""

    def __init__(self, tool: str, arguments: Sequence[str]) -> None:
        request = " ".join([tool, *(shlex.quote(argument) for argument in arguments)])
        self.root = etree.Element("pacemaker-result", {"api-version": API_VERSION, "request": request})

    def finish(self, status: int, errors: Sequence[str] = ()) -> str:
        """The whole document as text, with the exit status and what went wrong."""
        element = etree.SubElement(
            self.root, "status", code=str(status), message=_MESSAGES.get(status, "Error occurred")
        )
        if errors:
            parent = etree.SubElement(element, "errors")
            for error in errors:
                etree.SubElement(parent, "error").text = error
        return etree.tostring(self.root, pretty_print=True, encoding="unicode")

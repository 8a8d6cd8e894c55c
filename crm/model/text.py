"""Text from outside made fit to be kept and shown: in XML, in logs, on terminals.

Agents, clients and other programs say what they like: colours, control characters, bytes of no encoding, megabytes. XML
1.0 cannot hold most of that (section 2.2, "Characters"), and a terminal obeys it. Whatever takes words from outside
passes them through here once; inside, every string can be stored and printed.
"""

from __future__ import annotations

import re

_SEQUENCES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
"""Control sequences of terminals (ECMA-48): colours, cursor movements, window titles. They say nothing."""
_STEERING = "\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""What a terminal obeys (C1 of ISO 6429), or what changes the order of the text around it (Unicode's UAX 9)."""
_UNFIT = re.compile(f"[\x00-\x08\x0b-\x1f{_STEERING}\ud800-\udfff\ufffe\uffff]")
"""That, and what XML cannot hold."""
_IN_A_DOCUMENT = re.compile(f"[{_STEERING}]")


def fit(text: str | bytes) -> str:
    """The text with every character that cannot be kept or shown written as an escape (`\\x1b`), sequences left out."""
    if isinstance(text, bytes):
        text = text.decode(errors="backslashreplace")
    text = _SEQUENCES.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _UNFIT.sub(lambda found: _escaped(found[0]), text)


def escaped_for_terminal(text: str) -> str:
    """The text with every character that a terminal would obey written as an escape that JSON reads, too."""
    return _UNFIT.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def referenced(xml: str) -> str:
    """An XML or HTML document with every character that a terminal would obey written as a reference."""
    return _IN_A_DOCUMENT.sub(lambda found: f"&#{ord(found[0])};", xml)


def fit_line(text: str | bytes, limit: int) -> str:
    """The text on one line, at most `limit` characters long."""
    line = " ".join(fit(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def last_lines(text: str, lines: int, limit: int) -> str:
    """The end of a fit text: so many lines that say something, at most `limit` characters."""
    said = [line.rstrip() for line in text.splitlines() if line.strip()]
    end = "\n".join(said[-lines:])
    return end if len(end) <= limit else "…" + end[1 - limit :]


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"

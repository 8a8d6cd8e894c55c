"""`crm_diff`: what turns one CIB into another, as a patch for `cibadmin --patch`; or a CIB with a patch applied.

Options and exit statuses are those of Pacemaker's tool: 0 no difference, 1 a difference was printed. A patch has the
versions that it leads from and to, and fits that very CIB; with --no-version it fits any in which it finds its way.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from lxml import etree

from crm.cib import parsing, patch
from crm.cib.changes import Patch
from crm.cib.document import Document
from crm.cib.errors import CibError
from crm.cli.connection import CommandError, exit_code, run
from crm.cli.crmctl_commands.command_parser import CommandParser
from crm.cli.release import add_version
from crm.cli.terminal import document, fitted

SAME, DIFFERENT = 0, 1


@fitted
def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: see above; 66 a file cannot be read, 78 what is in it is no CIB."""
    options = _parser().parse_args(arguments)
    return run("crm_diff", lambda: _act(options))


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(prog="crm_diff", description="Compare two CIBs, or apply a patch.", allow_abbrev=False)
    old = parser.add_mutually_exclusive_group(required=True)
    old.add_argument("-o", "--original", metavar="FILE", help="the CIB to begin with")
    old.add_argument("-O", "--original-string", metavar="XML", help="the same as a text")
    new = parser.add_mutually_exclusive_group(required=True)
    new.add_argument("-n", "--new", metavar="FILE", help="print what turns it into this one")
    new.add_argument("-N", "--new-string", metavar="XML", help="the same as a text")
    new.add_argument("-p", "--patch", metavar="FILE", help="print it with this patch applied")
    parser.add_argument("-u", "--no-version", action="store_true", help="a patch that is not tied to a version")
    parser.add_argument("-c", "--cib", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("-V", "--verbose", action="store_true", help=argparse.SUPPRESS)
    add_version(parser, "-$")
    return parser


def _act(options: argparse.Namespace) -> int:
    try:
        old = Document.parse(_text(options.original, options.original_string))
        if options.patch is not None:
            sys.stdout.write(document(old.apply(Patch(_text(options.patch, None).decode())).to_bytes().decode()))
            return SAME
        return _compare(old, Document.parse(_text(options.new, options.new_string)), options.no_version)
    except CibError as error:
        raise CommandError(error.message, error.hint, exit_code(error.code)) from None
    except UnicodeDecodeError:
        raise CommandError(f"{options.patch} is not UTF-8", code=65) from None


def _text(file: str | None, text: str | None) -> bytes:
    if text is not None:
        return text.encode()
    assert file is not None, "one of both is required"
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}", code=66) from None


def _compare(old: Document, new: Document, no_version: bool) -> int:
    made = patch.between(old, new, versions=not no_version)
    if made is None:
        return SAME
    text = etree.tostring(parsing.parse(made.xml, "patch"), pretty_print=True, encoding="unicode")
    sys.stdout.write(document(text))
    return DIFFERENT


if __name__ == "__main__":
    sys.exit(main())

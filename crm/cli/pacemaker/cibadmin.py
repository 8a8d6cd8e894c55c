"""`cibadmin`: query and change the CIB of the cluster, or of a file (CIB_file). Its options are Pacemaker's."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from crm.cli.connection import USAGE, CommandError, exit_code, in_sentences, request, run
from crm.cli.pacemaker import cib_file
from crm.cli.release import add_version
from crm.cli.terminal import document, fitted

if TYPE_CHECKING:
    from crm.cib.document import Document

_EMPTY = """<cib validate-with="pacemaker-4.0" admin_epoch="0" epoch="1" num_updates="0">
  <configuration>
    <crm_config/>
    <nodes/>
    <resources/>
    <constraints/>
  </configuration>
  <status/>
</cib>
"""


@fitted
def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes are Pacemaker's: 0, 78 invalid CIB, 102 no daemon, 103 too old, 105 no such object, 108 it exists."""
    options = _parser().parse_args(arguments)
    return run("cibadmin", lambda: _act(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cibadmin", description="Query and change the cluster's configuration.", allow_abbrev=False
    )
    verbs = parser.add_mutually_exclusive_group(required=True)
    for short, name, text in (
        ("-Q", "query", "print the CIB, a section, or what an XPath selects"),
        ("-C", "create", "add an object"),
        ("-M", "modify", "set attributes of an object and merge its children"),
        ("-R", "replace", "put the input in place of the whole CIB, a section, or an object"),
        ("-D", "delete", "remove an object"),
        ("-d", "delete-all", "remove all objects that an XPath selects"),
        ("-P", "patch", "apply a patch of format 2"),
        ("-u", "upgrade", "say the CIB in the newest vocabulary"),
        ("-a", "empty", "print a CIB with nothing in it, to begin with"),
    ):
        verbs.add_argument(short, f"--{name}", dest="verb", action="store_const", const=name, help=text)
    parser.add_argument("-x", "--xml-file", metavar="FILE", help="read the input from a file")
    parser.add_argument("-X", "--xml-text", metavar="XML", help="the input itself")
    parser.add_argument("-p", "--xml-pipe", action="store_true", help="read the input from standard input")
    parser.add_argument("-o", "--scope", metavar="SECTION", help="limit it to a section: resources, constraints …")
    parser.add_argument("-A", "--xpath", metavar="XPATH", help="limit it to what an XPath selects")
    parser.add_argument("-c", "--allow-create", action="store_true", help="modify: create what is not there")
    parser.add_argument("-f", "--force", action="store_true", help="all elements that the XPath selects")
    parser.add_argument("--if-version", metavar="VERSION", help="change only this version, such as 0.12.3")
    parser.add_argument("--dry-run", action="store_true", help="change nothing, print what the cluster would do")
    parser.add_argument("-t", "--timeout", metavar="SECONDS", type=float, default=60.0, help="how long to wait")
    parser.add_argument("-n", "--no-children", action="store_true", help="query: the elements without what is in them")
    parser.add_argument("-e", "--node-path", action="store_true", help="query: not the elements, but their paths")
    add_version(parser, "-$")
    for ignored in (("-l", "--local"), ("-s", "--sync-call"), ("-V", "--verbose")):
        parser.add_argument(*ignored, action="store_true", help=argparse.SUPPRESS)
    return parser

def _act(options: argparse.Namespace) -> int | None:
    if options.verb == "query":
        sys.stdout.write(document(_query(options)))
        return None
    if options.verb == "empty":
        sys.stdout.write(_EMPTY)
        return None
    if options.verb == "upgrade":
        return _upgrade(options)
    if options.verb == "replace" and options.xpath is None:
        return _replace(options)
    if options.verb == "patch":
        return _send(options, "PATCH", _input(options).encode(), "application/xml", {})
    return _edit(options)


def _query(options: argparse.Namespace) -> str:
    file = cib_file.named()
    if file is None and not options.no_children and not options.node_path:
        query = {"section": options.scope, "xpath": options.xpath}
        return request("GET", "/v1/cib", query=query, timeout_seconds=options.timeout).text
    from crm.cib import paths, selection
    from crm.cib.errors import CibError

    try:
        found = selection.selected(_present(options), options.scope, options.xpath)
    except CibError as error:
        raise CommandError(error.message, error.hint, exit_code(error.code)) from None
    if options.node_path:
        return "".join(f"{paths.render(paths.path_of(each))}\n" for each in found)
    return selection.to_bytes(selection.without_children(found) if options.no_children else found).decode()


def _present(options: argparse.Namespace) -> Document:
    """The whole CIB: of the file that CIB_file names, else of the cluster."""
    from crm.cib.document import Document

    file = cib_file.named()
    if file is not None:
        return cib_file.read(file)
    return Document.parse(request("GET", "/v1/cib", timeout_seconds=options.timeout).body)


def _replace(options: argparse.Namespace) -> int | None:
    """A whole CIB or a section is replaced as such; any other object in its place."""
    text = _input(options)
    from xml.etree import ElementTree

    try:
        tag = ElementTree.fromstring(text).tag
    except ElementTree.ParseError as error:
        raise CommandError(f"The input is not well-formed XML: {error}", code=78) from None
    section = options.scope if options.scope != "cib" else None
    if tag not in ("cib", section) and tag not in _SECTIONS:
        return _edit(options, text)
    query = {"section": section or (None if tag == "cib" else tag)}
    return _send(options, "PUT", text.encode(), "application/xml", query)


# The names stand here again because reading them from crm.cib would load lxml.
_SECTIONS = frozenset(
    {
        *("configuration", "crm_config", "rsc_defaults", "op_defaults", "nodes", "resources", "constraints"),
        *("fencing-topology", "tags", "alerts", "acls", "status"),
    }
)


def _edit(options: argparse.Namespace, text: str | None = None) -> int | None:
    verb = "upsert" if options.verb == "modify" and options.allow_create else options.verb
    every = options.force or options.verb == "delete-all"
    verb = "delete" if verb == "delete-all" else verb
    if text is None:
        text = "" if verb == "delete" and options.xpath else _input(options)
    value = {"verb": verb, "xml": text, "section": options.scope, "xpath": options.xpath, "every": every}
    return _send(options, "PATCH", json.dumps(value).encode(), "application/json", {})


def _upgrade(options: argparse.Namespace) -> int | None:
    from crm.cib.upgrade import upgrade

    document, reports = upgrade(_present(options))
    for report in reports:
        print(f"{report.where}: {report.message}")
    if not reports:
        print("The CIB is in the newest vocabulary already")
        return None
    options.if_version = options.if_version or str(document.version)
    return _send(options, "PUT", document.to_bytes(), "application/xml", {})


def _input(options: argparse.Namespace) -> str:
    given = [name for name in ("xml_file", "xml_text", "xml_pipe") if getattr(options, name)]
    if len(given) != 1:
        raise CommandError("Give the input by one of --xml-file, --xml-text and --xml-pipe", code=USAGE)
    if options.xml_text:
        return str(options.xml_text)
    try:
        return sys.stdin.read() if options.xml_pipe else Path(options.xml_file).read_text(encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{options.xml_file} cannot be read: {error.strerror}", code=66) from None
    except UnicodeDecodeError:
        raise CommandError("The input is not UTF-8", code=65) from None


def _send(
    options: argparse.Namespace, method: str, body: bytes, content_type: str, query: dict[str, str | None]
) -> int | None:
    file = cib_file.named()
    if file is not None:
        section = query.get("section")
        for told in cib_file.change(file, method, body, section, options.if_version, options.dry_run):
            _tell(told.severity, told.where, told.message, told.hint)
        return None
    headers = {"If-Match": f'"{options.if_version}"'} if options.if_version else {}
    query["dry_run"] = "true" if options.dry_run else None
    answer = request(
        method,
        "/v1/cib",
        query=query,
        body=body,
        content_type=content_type,
        headers=headers,
        timeout_seconds=options.timeout,
    ).json()
    assert isinstance(answer, dict), "writes answer with an object"
    for report in answer.get("reports", []):
        _tell(report["severity"], report["where"], report["message"], report["hint"])
    if options.dry_run:
        from crm.cli.crmctl_commands.api_calls import print_plan

        print_plan(answer)
    return None


def _tell(severity: str, where: str, message: str, hint: str) -> None:
    print(f"cibadmin: {severity}: {where}: {in_sentences(message, hint)}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

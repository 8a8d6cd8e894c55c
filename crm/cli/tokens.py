"""`crmctl token`: tokens for the REST API over TCP."""

from __future__ import annotations

import argparse
from typing import Any

from crm.cli.connection import duration_seconds, request


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Give crmctl the command."""
    token = commands.add_parser("token", help="tokens for the REST API over TCP")
    verbs = token.add_subparsers(metavar="VERB", required=True)
    create = verbs.add_parser("create", help="print a new token; it is kept nowhere")
    create.add_argument("user", nargs="?", default="root", help="whose permissions it carries (default root)")
    create.add_argument("--for", dest="duration", default="1d", metavar="TIME", help="such as 8h, 90d (default 1d)")
    create.add_argument("--write", action="store_true", help="it may change things; without: it only reads")
    create.set_defaults(act=_create)
    revoke = verbs.add_parser("revoke", help="take a token back before its time")
    revoke.add_argument("id", help="as create printed it")
    revoke.set_defaults(act=_revoke)


def _create(options: argparse.Namespace) -> None:
    import json

    wanted = {"user": options.user, "for_seconds": duration_seconds(options.duration), "write": options.write}
    body = json.dumps(wanted).encode()
    made: Any = request("POST", "/v1/tokens", body=body, content_type="application/json").json()
    what = "read and write" if made["write"] else "read"
    print(f"# {made['user']} may {what} until {made['expires']}; revoke: crmctl token revoke {made['id']}")
    print(made["token"])


def _revoke(options: argparse.Namespace) -> None:
    request("DELETE", f"/v1/tokens/{options.id}")
    print(f"Token {options.id} is accepted no more")

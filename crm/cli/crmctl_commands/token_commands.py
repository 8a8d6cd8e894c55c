"""`crmctl token` and `crmctl certificate`: for the REST API over TCP."""

from __future__ import annotations

import argparse
from typing import Any

from crm.cli.connection import duration_seconds, request
from crm.cli.crmctl_commands import api_calls


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Give crmctl the commands."""
    token = commands.add_parser("token", help="tokens for the REST API over TCP")
    verbs = token.add_subparsers(metavar="VERB", required=True)
    create = verbs.add_parser("create", help="print a new token; it is kept nowhere")
    create.add_argument("user", nargs="?", default="root", help="whose permissions it carries (default root)")
    create.add_argument("--for", dest="duration", default="1d", metavar="TIME", help="such as 8h, 90d (default 1d)")
    create.add_argument("--scope", choices=("monitor", "read", "operate", "write"), default="read",
                        help="monitor: health and metrics; operate: no configuration; write: all (default read)")
    create.set_defaults(act=_create)
    _add_revoke(verbs)
    listing = verbs.add_parser("list", help="those that are good: id, user, scope, end, and what they end with")
    listing.set_defaults(act=_list)
    revoked = verbs.add_parser("revoked", help="those that were taken back before their time, certificates as well")
    revoked.set_defaults(act=_revoked)

    certificate = commands.add_parser("certificate", help="client certificates for the REST API over TCP")
    verbs = certificate.add_subparsers(metavar="VERB", required=True)
    create = verbs.add_parser("create", help="print a new certificate with its key; they are kept nowhere")
    create.add_argument("user", help="who comes in with it")
    create.add_argument("--for", dest="duration", default="90d", metavar="TIME", help="such as 30d (default 90d)")
    create.set_defaults(act=_create_certificate)
    authority = verbs.add_parser("authority", help="print what clients must trust; the same on every node")
    authority.set_defaults(act=_authority)
    _add_revoke(verbs)


def _add_revoke(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    revoke = verbs.add_parser("revoke", help="take one back before its time")
    revoke.add_argument("id", help="as create printed it")
    api_calls.add_dry_run(revoke)
    revoke.set_defaults(act=_revoke)


def _create(options: argparse.Namespace) -> None:
    import json

    wanted = {"user": options.user, "for_seconds": duration_seconds(options.duration), "scope": options.scope}
    body = json.dumps(wanted).encode()
    made: Any = request("POST", "/v1/tokens", body=body, content_type="application/json").json()
    what = f"for {made['user']}, to {made['scope']}, until {made['expires']}"
    print(f"# {what}; revoke: crmctl token revoke {made['id']}")
    print(made["token"])


def _list(_options: argparse.Namespace) -> None:
    found: Any = request("GET", "/v1/tokens").json()
    for each in found:
        makers = f"  made by {each['made_by'][0]}" if each["made_by"] else ""
        print(f"{each['id']}  {each['user']}  {each['scope']}  until {each['expires']}{makers}")
    if not found:
        print("There are no tokens")


def _create_certificate(options: argparse.Namespace) -> None:
    import json

    body = json.dumps({"user": options.user, "for_seconds": duration_seconds(options.duration)}).encode()
    made: Any = request("POST", "/v1/certificates", body=body, content_type="application/json").json()
    print(f"# for {made['user']}, until {made['expires']}; revoke: crmctl certificate revoke {made['id']}")
    print(made["key"] + made["certificate"], end="")


def _authority(_options: argparse.Namespace) -> None:
    print(request("GET", "/v1/certificates/authority").text, end="")


def _revoked(_options: argparse.Namespace) -> None:
    found: Any = request("GET", "/v1/tokens/revoked").json()
    print("\n".join(found) or "Nothing is revoked")


def _revoke(options: argparse.Namespace) -> None:
    api_calls.write(options, "DELETE", api_calls.path("tokens", options.id), None, f"{options.id} is accepted no more")

"""How commands ask: the daemon of this node over its unix socket, or a cluster elsewhere (CRMD_URL) over TLS.

What goes over the wire is `crm.client`'s; here is what the environment says, and how failures are told. Every failure
is a `CommandError` with what to print and the exit code to leave with, so that commands need no error handling.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping

from crm.client.errors import Frozen, NoAnswer, Unreachable
from crm.client.http import HttpAnswer, HttpMessage, ServerPlace
from crm.client.sync import DEFAULT_PLACE, Credentials, exchange

__all__ = ["CommandError", "HttpAnswer", "duration_seconds", "request", "run", "socket_path"]

SOCKET_VARIABLE = "CRMD_SOCKET"
URL_VARIABLE = "CRMD_URL"
CREDENTIAL_VARIABLES = ("CRMD_TOKEN", "CRMD_CA_FILE", "CRMD_CERTIFICATE_FILE")

# Exit codes of Pacemaker's tools, so that scripts that know those go on working.
OK, ERROR, USAGE, UNAVAILABLE, CONFIGURATION, DISCONNECTED, STALE, NO_SUCH_OBJECT = 0, 1, 64, 69, 78, 102, 103, 105
TIMEOUT = 124
_EXIT_CODES = {
    "stale-version": STALE,
    "version-mismatch": STALE,
    "older-version": STALE,
    "patch-mismatch": STALE,
    "not-found": NO_SUCH_OBJECT,
    "no-quorum": 106,
    "no-dc": UNAVAILABLE,
    "not-ready": UNAVAILABLE,
    "already-exists": 108,
    "several-objects": 109,
    "invalid-cib": CONFIGURATION,
    "not-xml": CONFIGURATION,
    "not-a-cib": CONFIGURATION,
    "timeout": TIMEOUT,
}


class CommandError(Exception):
    """Ends a command: what to tell the user, and the exit code."""

    def __init__(self, message: str, hint: str = "", code: int = ERROR) -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code


def duration_seconds(text: str) -> int:
    """What a person wrote as a time (90s, 30min, 2h, 1d). Raises CommandError."""
    import re

    match = re.fullmatch(r"(\d+)\s*(s|m|min|h|d)?", text)
    if match is None or int(match[1]) == 0:
        raise CommandError(f"“{text}” is not a time", "Write it as 90s, 30min, 2h or 1d", USAGE)
    return int(match[1]) * {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}[match[2] or "s"]


def socket_path() -> str:
    return os.environ.get(SOCKET_VARIABLE) or DEFAULT_PLACE


def request(
    method: str,
    path: str,
    *,
    query: Mapping[str, str | None] | None = None,
    body: bytes = b"",
    content_type: str = "application/xml",
    headers: Mapping[str, str] | None = None,
    timeout_seconds: float = 60.0,
    via: str | None = None,
) -> HttpAnswer:
    """Ask the daemon at the socket `via`, or where the environment says.

    Raises CommandError if it cannot be reached or answers with a problem.
    """
    wanted = tuple((name, value) for name, value in (query or {}).items() if value is not None)
    told = {"User-Agent": _program(), **(headers or {})}
    message = HttpMessage(method, path, wanted, body, content_type, tuple(told.items()))
    credentials = Credentials(*(os.environ.get(name, "") for name in CREDENTIAL_VARIABLES))
    try:
        answer = exchange(_places(via), credentials.apply(message), timeout_seconds, credentials)
    except Unreachable as error:
        raise _unreachable(error.reasons) from None
    except TimeoutError:
        raise CommandError(f"The daemon did not answer within {timeout_seconds:g} s", code=124) from None
    except Frozen as error:
        hint = ("If it is stopped, let it go on: kill -CONT PID; else look into its log. What was asked for may still "
                "be carried out when it goes on. Ask another node: export CRMD_URL=https://HOST:PORT")
        raise CommandError(f"crmd is frozen: {error}", hint, DISCONNECTED) from None
    except NoAnswer:
        message_text = "The daemon closed the connection without an answer"
        raise CommandError(message_text, "Look into its log", DISCONNECTED) from None
    if answer.status >= 400:
        raise _problem(answer)
    return answer


def _program() -> str:
    """What this command is called; it stands in the CIB as what changed it last."""
    name = sys.argv[0].rpartition("/")[2].removesuffix(".py")
    return name if name.isascii() and name.isprintable() else ""


def _places(via: str | None) -> list[ServerPlace]:
    """The nodes to ask, in this order: CRMD_URL may name several, so that one of them may be down."""
    try:
        return [ServerPlace.parse(place) for place in (via or os.environ.get(URL_VARIABLE) or socket_path()).split()]
    except ValueError as error:
        raise CommandError(str(error), f"See {URL_VARIABLE}", USAGE) from None


def _unreachable(reasons: Mapping[str, OSError]) -> CommandError:
    (path, error), *others = reasons.items()
    if others or not path.startswith("/"):
        told = "; ".join(f"{place}: {(why.strerror or str(why)).lower()}" for place, why in reasons.items())
        hint = f"{URL_VARIABLE} says where to ask, {CREDENTIAL_VARIABLES[1]} which certificate to trust"
        return CommandError(f"No node answers ({told})", hint, DISCONNECTED)
    if isinstance(error, PermissionError):
        return CommandError(f"You may not use {path}", "Become root, or a member of the socket's group", 4)
    reason = "there is no socket" if isinstance(error, FileNotFoundError) else (error.strerror or str(error)).lower()
    hint = f"Start it (crmd), or say where its socket is: export {SOCKET_VARIABLE}=…"
    return CommandError(f"crmd does not run on this node ({path}: {reason})", hint, DISCONNECTED)


def _problem(answer: HttpAnswer) -> CommandError:
    try:
        problem = answer.json()
    except ValueError:
        return CommandError(f"The daemon answered with {answer.status}: {answer.text[:200]}")
    if not isinstance(problem, dict):
        return CommandError(f"The daemon answered with {answer.status}")
    return CommandError(_worded(problem), str(problem.get("next_step") or ""), exit_code(str(problem.get("code", ""))))


def exit_code(code: str) -> int:
    """What a command leaves with after a problem of this code."""
    return _EXIT_CODES.get(code, NO_SUCH_OBJECT if code.startswith("no-such-") else ERROR)


def in_sentences(message: str, hint: str) -> str:
    """A message and its hint as one text, whether or not each ends with a full stop."""
    return ". ".join(part for each in (message, hint) if (part := each.strip().removesuffix(".")))


def _place(entry: Mapping[str, object]) -> str:
    where = str(entry.get("where"))
    return f"line {entry['line']}, {where}" if entry.get("line") else where


def _worded(problem: Mapping[str, object]) -> str:
    """The cause in a line or more: every report of an invalid CIB is one."""
    reports = problem.get("reports")
    if isinstance(reports, list) and len(reports) > 1:
        lines = [f"  {_place(entry)}: {entry.get('message')}" for entry in reports]
        return f"{len(reports)} things are wrong:\n" + "\n".join(lines)
    place = f" (line {problem['line']})" if problem.get("line") and "line" not in str(problem.get("detail")) else ""
    return f"{problem.get('detail')}{place}"


def run(name: str, command: Callable[[], int | None]) -> int:
    """Run a command; whatever goes wrong is printed as people want to read it."""
    try:
        return command() or OK
    except CommandError as error:
        hint = f"\n{name}: {error.hint}" if error.hint else ""
        print(f"{name}: {error}{hint}", file=sys.stderr)
        return error.code
    except BrokenPipeError:
        # The reader has seen enough (head, less); that is no error, and there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except KeyboardInterrupt:
        return 130

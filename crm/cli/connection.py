"""Talks HTTP with the daemon of this node over its unix socket. Standard library only, for the sake of a quick start.

Every failure is a `CommandError` with what to print and the exit code to leave with, so that commands need no error
handling of their own.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import quote

DEFAULT_SOCKET = "/run/crmd/crmd.sock"
SOCKET_VARIABLE = "CRMD_SOCKET"

# Exit codes of Pacemaker's tools, so that scripts that know those go on working.
OK, ERROR, USAGE, UNAVAILABLE, CONFIGURATION, DISCONNECTED = 0, 1, 64, 69, 78, 102
_EXIT_CODES = {
    "stale-version": 103,
    "version-mismatch": 103,
    "older-version": 103,
    "patch-mismatch": 103,
    "no-such-object": 105,
    "no-such-node": 105,
    "no-such-resource": 105,
    "no-such-section": 105,
    "not-found": 105,
    "no-quorum": 106,
    "no-dc": UNAVAILABLE,
    "not-ready": UNAVAILABLE,
    "already-exists": 108,
    "several-objects": 109,
    "invalid-cib": CONFIGURATION,
    "not-xml": CONFIGURATION,
    "not-a-cib": CONFIGURATION,
    "timeout": 124,
}


class CommandError(Exception):
    """Ends a command: what to tell the user, and the exit code."""

    def __init__(self, message: str, hint: str = "", code: int = ERROR) -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    def json(self) -> object:
        import json

        return json.loads(self.body)


def duration_seconds(text: str) -> int:
    """What a person wrote as a time (90s, 30min, 2h, 1d). Raises CommandError."""
    import re

    match = re.fullmatch(r"(\d+)\s*(s|m|min|h|d)?", text)
    if match is None or int(match[1]) == 0:
        raise CommandError(f"“{text}” is not a time", "Write it as 90s, 30min, 2h or 1d", USAGE)
    return int(match[1]) * {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}[match[2] or "s"]


def socket_path() -> str:
    return os.environ.get(SOCKET_VARIABLE) or DEFAULT_SOCKET


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
) -> Answer:
    """Ask the daemon at the socket `via`, or at that of the environment.

    Raises CommandError if it cannot be reached or answers with a problem.
    """
    wanted = [f"{name}={quote(value, safe='')}" for name, value in (query or {}).items() if value is not None]
    target = f"{path}?{'&'.join(wanted)}" if wanted else path
    lines = [
        f"{method} {target} HTTP/1.1",
        "Host: localhost",
        "Connection: close",
        f"Content-Length: {len(body)}",
        *([f"Content-Type: {content_type}"] if body else []),
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"
    answer = _parsed(_exchange(via or socket_path(), head + body, timeout_seconds))
    if answer.status >= 400:
        raise _problem(answer)
    return answer


def _exchange(path: str, message: bytes, timeout_seconds: float) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_seconds)
        try:
            connection.connect(path)
            connection.sendall(message)
            return _everything(connection)
        except TimeoutError:
            raise CommandError(f"The daemon did not answer within {timeout_seconds:g} s", code=124) from None
        except OSError as error:
            raise _unreachable(path, error) from None


def _everything(connection: socket.socket) -> bytes:
    chunks = []
    while chunk := connection.recv(1 << 16):
        chunks.append(chunk)
    return b"".join(chunks)


def _unreachable(path: str, error: OSError) -> CommandError:
    if isinstance(error, PermissionError):
        return CommandError(f"You may not use {path}", "Become root, or a member of the socket's group", 4)
    reason = "there is no socket" if isinstance(error, FileNotFoundError) else (error.strerror or str(error)).lower()
    hint = f"Start it (crmd), or say where its socket is: export {SOCKET_VARIABLE}=…"
    return CommandError(f"crmd does not run on this node ({path}: {reason})", hint, DISCONNECTED)


def _parsed(raw: bytes) -> Answer:
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    if len(words) < 2 or not words[1].isdigit():
        raise CommandError("The daemon closed the connection without an answer", "Look into its log", DISCONNECTED)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = _unchunked(body)
    return Answer(int(words[1]), headers, body)


def _unchunked(body: bytes) -> bytes:
    parts = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size.split(b";")[0] or b"0", 16)
        if length == 0:
            break
        parts.append(rest[:length])
        body = rest[length + 2 :]
    return b"".join(parts)


def _problem(answer: Answer) -> CommandError:
    try:
        problem = answer.json()
    except ValueError:
        return CommandError(f"The daemon answered with {answer.status}: {answer.text[:200]}")
    if not isinstance(problem, dict):
        return CommandError(f"The daemon answered with {answer.status}")
    code = str(problem.get("code", ""))
    return CommandError(_worded(problem), str(problem.get("next_step") or ""), _EXIT_CODES.get(code, ERROR))


def _worded(problem: Mapping[str, object]) -> str:
    """The cause in a line or more: every report of an invalid CIB is one."""
    reports = problem.get("reports")
    if isinstance(reports, list) and len(reports) > 1:
        lines = [f"  line {entry.get('line')}, {entry.get('where')}: {entry.get('message')}" for entry in reports]
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

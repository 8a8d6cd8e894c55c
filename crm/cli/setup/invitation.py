"""How a node that has nothing gets its files: a token that is good once, for a while, for one node.

The inviting node listens with a certificate made for the occasion. A token holds where, that certificate's fingerprint
and a secret; so the joining node knows whom it speaks to before it says anything, and the inviting one whom it answers.
Nothing is kept: when the inviting command ends, its tokens are worthless.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import socket
import ssl
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crm.cli.connection import ERROR, UNAVAILABLE, USAGE, CommandError
from crm.cli.setup.certificates import Pair, passing
from crm.cli.setup.plan import SetupFile

_MAGIC = "crmd1-"
_SECRET_BYTES = 24
_REQUEST_BYTES = 4096
_BUNDLE_BYTES = 1 << 20
_CONVERSATION_S = 10.0


@dataclass(frozen=True, slots=True)
class InvitationToken:
    """What a joining node is given."""

    host: str
    port: int
    fingerprint: bytes
    secret: bytes = field(repr=False)

    def text(self) -> str:
        place = f"{self.host} {self.port}".encode()
        return _MAGIC + base64.urlsafe_b64encode(self.fingerprint + self.secret + place).decode().rstrip("=")


def parse(text: str) -> InvitationToken:
    """Raises CommandError for what is no token."""
    try:
        if not text.startswith(_MAGIC):
            raise ValueError
        coded = text.removeprefix(_MAGIC)
        raw = base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4))
        host, port = raw[32 + _SECRET_BYTES :].decode().split(" ")
        return InvitationToken(host, int(port), raw[:32], raw[32 : 32 + _SECRET_BYTES])
    except ValueError:
        raise CommandError("That is no token", "Copy all of what crmctl cluster init printed", USAGE) from None


class Invitations:
    """The inviting side: `tokens` for the nodes, and `serve` until all have come or the time is over."""

    def __init__(self, host: str, files: Mapping[str, Sequence[SetupFile]], seconds: int, port: int = 0) -> None:
        self._files = files
        self._end = time.monotonic() + seconds
        self._pair: Pair = passing(seconds + 600)
        self._secrets = {name: secrets.token_bytes(_SECRET_BYTES) for name in files}
        self._listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._context = self._tls()
        self._host = host

    @property
    def tokens(self) -> dict[str, str]:
        """A token for each node that has not come yet."""
        port = self._listening.getsockname()[1]
        return {name: InvitationToken(self._host, port, self._pair.fingerprint, secret).text()
                for name, secret in self._secrets.items()}

    def serve(self, joined: Callable[[str], None]) -> list[str]:
        """Answer until nobody is missing or the time is over; the names of those who did not come."""
        with self._listening:
            while self._secrets and (left := self._end - time.monotonic()) > 0:
                self._listening.settimeout(left)
                try:
                    connection, _ = self._listening.accept()
                except TimeoutError:
                    break
                with connection:
                    name = self._converse(connection)
                if name:
                    joined(name)
        return list(self._secrets)

    def _converse(self, connection: socket.socket) -> str | None:
        """One guest: the name of the node that got its files, None if it may have none or hung up."""
        connection.settimeout(_CONVERSATION_S)
        try:
            with self._context.wrap_socket(connection, server_side=True) as secured:
                name = self._judge(_line(secured, _REQUEST_BYTES))
                if name is None:
                    secured.sendall(b'{"error": "this token was used before, or belongs to another invitation"}\n')
                    return None
                bundle = {"node": name, "files": [_packed(one) for one in self._files[name]]}
                secured.sendall(json.dumps(bundle).encode() + b"\n")
                if _line(secured, 16) != b"written":
                    return None
        except (OSError, ValueError):
            return None
        # Only now: a node whose disk was full may come again.
        del self._secrets[name]
        return name

    def _judge(self, secret: bytes) -> str | None:
        given = base64.b64decode(secret)
        matching = [name for name, known in self._secrets.items() if hmac.compare_digest(known, given)]
        return matching[0] if matching else None

    def _tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        with tempfile.TemporaryDirectory() as folder:  # ssl takes certificates from files only
            file = Path(folder) / "pair.pem"
            file.touch(mode=0o600)
            file.write_bytes(self._pair.key_pem + self._pair.certificate_pem)
            context.load_cert_chain(file)
        return context


def hand_out(invitations: Invitations, minutes: float) -> None:
    """Tell a person the tokens, and wait for the nodes to use them. Raises CommandError with those that did not."""
    for name, token in invitations.tokens.items():
        print(f"\nOn {name}, within {minutes} minutes:\n  crmctl cluster join {token}")
    print("\nWaiting for them (Ctrl-C ends the invitations) …", flush=True)
    missing = invitations.serve(lambda joined: print(f"{joined} has its files.", flush=True))
    if missing:
        raise CommandError(f"The time is over; not here yet: {', '.join(missing)}",
                           f"Invite them again, with the same keys: crmctl cluster invite {' '.join(missing)}", ERROR)


def fetch(token: InvitationToken, write: Callable[[str, list[SetupFile]], None]) -> str:
    """Get this node's files and have them written; its name. Raises CommandError."""
    try:
        with (
            socket.create_connection((token.host, token.port), timeout=_CONVERSATION_S) as connection,
            _guest_tls().wrap_socket(connection) as secured,
        ):
            _check_host(secured, token)
            secured.sendall(base64.b64encode(token.secret) + b"\n")
            answer = json.loads(_line(secured, _BUNDLE_BYTES))
            if "error" in answer:
                raise CommandError(f"The token is refused: {answer['error']}",
                                   "Ask for a new one: crmctl cluster init prints one for each node", UNAVAILABLE)
            write(str(answer["node"]), [_unpacked(one) for one in answer["files"]])
            secured.sendall(b"written\n")
            return str(answer["node"])
    except (OSError, ValueError, KeyError) as error:
        raise CommandError(f"{token.host} port {token.port} does not answer the invitation: {error}",
                           "Is crmctl cluster init still waiting there? Its tokens end with it", UNAVAILABLE) from None


def _guest_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # it is the fingerprint that proves it: see _check_host
    return context


def _check_host(connection: ssl.SSLSocket, token: InvitationToken) -> None:
    shown = hashlib.sha256(connection.getpeercert(binary_form=True) or b"").digest()
    if not hmac.compare_digest(shown, token.fingerprint):
        raise CommandError("Whoever answers there is not the node that gave out this token",
                           "Ask for a new token; if it happens again, somebody sits in between", UNAVAILABLE)


def _line(connection: ssl.SSLSocket, limit: int) -> bytes:
    data = b""
    while not data.endswith(b"\n"):
        part = connection.recv(65536)
        if not part or len(data) > limit:
            raise ValueError("the conversation broke off")
        data += part
    return data[:-1]


def _packed(file: SetupFile) -> dict[str, object]:
    return {"folder": file.folder, "name": file.name, "content": base64.b64encode(file.content).decode(),
            "secret": file.secret}


def _unpacked(fields: dict[str, str]) -> SetupFile:
    return SetupFile(fields["folder"], fields["name"], base64.b64decode(fields["content"]), bool(fields["secret"]))

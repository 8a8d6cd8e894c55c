"""The client that waits: plain sockets, one connection for each question."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from crm.client.errors import Frozen, NoAnswer, Problem, Unreachable
from crm.client.http import HttpAnswer, HttpMessage, ServerPlace, answer_of, head_of

if TYPE_CHECKING:  # commands start quickly, and need neither
    import ssl

    from crm.client.calls import Call
    from crm.client.events import Event, Listening

T = TypeVar("T")
DEFAULT_PLACE = "/run/crmd/crmd.sock"
CONNECT_LIMIT_S = 5.0
SILENCE_LIMIT_S = 3.0
"""After so long without a byte the daemon is asked whether it lives, and so long it has for that answer."""


class Credentials(NamedTuple):
    """How somebody comes in over TCP: a token, or a certificate with its key (PEM file); whom they trust (PEM file)."""

    token: str = ""
    ca_file: str = ""
    certificate_file: str = ""

    def apply(self, message: HttpMessage) -> HttpMessage:
        """The request with the token."""
        if not self.token:
            return message
        return message._replace(headers=(*message.headers, ("Authorization", f"Bearer {self.token}")))

    def context(self) -> ssl.SSLContext:
        """For TLS. Raises OSError when a file cannot be used."""
        import ssl

        context = ssl.create_default_context(cafile=self.ca_file or None)
        if self.certificate_file:
            context.load_cert_chain(self.certificate_file)
        return context


class Client:
    """A cluster, asked at the first of some places that can be reached; see `crm.client`.

    Every method raises Unreachable (nothing was done), NoAnswer (nobody knows), or Problem (the cluster's refusal).
    """

    def __init__(self, *places: str, token: str = "", ca_file: str = "", certificate_file: str = "",
                 timeout_s: float = 60.0) -> None:
        self._places = [ServerPlace.parse(place) for place in places or (DEFAULT_PLACE,)]
        self._credentials = Credentials(token, ca_file, certificate_file)
        self._timeout_s = timeout_s

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held between questions."""

    def do(self, wanted: Call[T]) -> T:
        """Have a call of `crm.client.calls` done."""
        return wanted.read(self.ask(wanted.message))

    def ask(self, message: HttpMessage) -> HttpAnswer:
        """The answer to a request, with its headers; what may be sent twice is sent to the next place if none comes."""
        *others, last = attempts(self._places, message)
        for places in others:
            try:
                return self._ask(places, message)
            except (NoAnswer, TimeoutError, Problem) as error:
                if not is_lost(error):
                    raise
        return self._ask(last, message)

    def _ask(self, places: Sequence[ServerPlace], message: HttpMessage) -> HttpAnswer:
        return checked(exchange(places, self._credentials.apply(message), self._timeout_s, self._credentials))

    def pages(self, wanted: Call[list[T]], size: int = 100) -> Iterator[T]:
        """The entries of a list, however long: asked for in pages of so many."""
        from crm.client import paging

        message: HttpMessage | None = paging.first(wanted.message, size)
        while message is not None:
            answer = self.ask(message)
            yield from wanted.read(answer)
            message = paging.following(message, answer)

    def events(self, kinds: Sequence[str] = (), *, node: str | None = None, resource: str | None = None,
               since: str | None = None) -> Iterator[Event]:
        """What happens, without end; when a node is lost it goes on at the next one where it was."""
        from crm.client.events import RETRY_S, Listening

        listening = Listening(kinds, node, resource, since)
        while True:
            try:
                yield from self._listen(listening)
            except (OSError, Unreachable):
                time.sleep(RETRY_S)

    def _listen(self, listening: Listening) -> Iterator[Event]:
        connection, place = connected(self._places, CONNECT_LIMIT_S, self._credentials)
        with connection:
            connection.settimeout(self._timeout_s)
            connection.sendall(self._credentials.apply(listening.message()).encoded(place).replace(b"/1.1", b"/1.0", 1))
            with connection.makefile("r", encoding="utf-8", newline="\n") as lines:
                status, headers = head_of("\r\n".join(_head(lines.readline)).encode("latin-1"))
                if status != 200:
                    checked(HttpAnswer(status, headers, lines.read().encode()))
                for line in lines:
                    event = listening.take(line.rstrip("\n"))
                    if event is not None:
                        yield event


def _head(read_line: Callable[[], str]) -> Iterator[str]:
    while line := read_line().strip():
        yield line


def attempts(places: Sequence[ServerPlace], message: HttpMessage) -> list[Sequence[ServerPlace]]:
    """The places to try, for each attempt: one, unless the request may be sent twice.

    It may if it only asks, or if the cluster knows it by its key.
    """
    repeatable = message.method == "GET" or any(name == "Idempotency-Key" for name, _ in message.headers)
    return [[*places[number:], *places[:number]] for number in range(len(places) if repeatable else 1)]


def is_lost(error: Exception) -> bool:
    """Whether nobody knows what became of a request."""
    return not isinstance(error, Problem) or error.code == "outcome-unknown"


def checked(answer: HttpAnswer) -> HttpAnswer:
    """The answer, unless it is a problem. Raises Problem."""
    if answer.status < 400:
        return answer
    try:
        told = answer.json()
    except ValueError:
        told = None
    if not isinstance(told, dict):
        told = {"detail": f"the answer was {answer.status}: {answer.text[:200]}"}
    raise Problem(answer.status, told)


def exchange(places: Sequence[ServerPlace], message: HttpMessage, timeout_s: float,
             credentials: Credentials = Credentials()) -> HttpAnswer:  # noqa: B008 - it is immutable
    """Ask the first place that can be reached.

    Raises Unreachable, NoAnswer, Frozen, TimeoutError (it lives, and has not answered in time).
    """
    connection, place = connected(places, min(timeout_s, CONNECT_LIMIT_S), credentials)
    with connection:
        patience = _Patience(connection, place, timeout_s, credentials)
        try:
            patience.send(message.encoded(place))
            return answer_of(patience.everything())
        except (TimeoutError, Frozen):
            raise
        except (OSError, ValueError) as error:
            raise NoAnswer(f"{place} closed the connection without an answer ({error})") from None


def connected(places: Sequence[ServerPlace], timeout_s: float, credentials: Credentials) -> tuple[socket.socket,
                                                                                                  ServerPlace]:
    """A connection to the first place that can be reached. Raises Unreachable."""
    reasons: dict[str, OSError] = {}
    for place in places:
        try:
            return _connect(place, timeout_s, credentials), place
        except OSError as error:
            reasons[str(place)] = error
    raise Unreachable(reasons)


def _connect(place: ServerPlace, timeout_s: float, credentials: Credentials) -> socket.socket:
    if not place.path:
        connection = socket.create_connection((place.host, place.port), timeout_s)
        return credentials.context().wrap_socket(connection, server_hostname=place.host) if place.tls else connection
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout_s)
    try:
        connection.connect(place.path)
    except OSError:
        connection.close()
        raise
    return connection


class _Patience:
    """Waits long for a daemon that lives, and seconds for one that is frozen.

    What was asked for may take its time. So after some silence a connection of its own asks whether the daemon lives.
    """

    def __init__(self, connection: socket.socket, place: ServerPlace, timeout_s: float,
                 credentials: Credentials) -> None:
        self._connection = connection
        self._place = place
        self._credentials = credentials
        self._end = time.monotonic() + timeout_s

    def send(self, data: bytes) -> None:
        """All of it."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._patiently(partial(self._connection.send, rest)) :]

    def everything(self) -> bytes:
        """What comes until the connection is closed."""
        chunks = []
        while chunk := self._patiently(lambda: self._connection.recv(1 << 16)):
            chunks.append(chunk)
        return b"".join(chunks)

    def _patiently(self, act: Callable[[], T]) -> T:
        while True:
            left = self._end - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._connection.settimeout(min(left, SILENCE_LIMIT_S))
            try:
                return act()
            except TimeoutError:
                if left > SILENCE_LIMIT_S and not self._lives():
                    raise Frozen(f"{self._place} takes connections and answers nothing{self._process()}") from None

    def _lives(self) -> bool:
        """Whether any answer comes to the simplest of questions; a refusal is one, too."""
        try:
            with _connect(self._place, SILENCE_LIMIT_S, self._credentials) as asking:
                asking.settimeout(SILENCE_LIMIT_S)
                asking.sendall(HttpMessage("GET", "/v1/health/live").encoded(self._place))
                return bool(asking.recv(1))
        except OSError:
            return False

    def _process(self) -> str:
        """Which process that is, and whether it is stopped; empty if that cannot be seen from here."""
        if not self._place.path:
            return ""
        try:
            told = self._connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            pid = int.from_bytes(told[:4], sys.byteorder)
            # Commands start quickly: they leave pathlib alone.
            with open(f"/proc/{pid}/stat", encoding="latin-1") as file:  # noqa: PTH123
                state = file.read().rpartition(")")[2].split()[0]
        except (OSError, IndexError):
            return ""
        return f": process {pid} is {'stopped' if state in 'Tt' else 'there, and hangs'}"

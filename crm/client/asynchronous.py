"""The client that awaits: the same as `crm.client.sync`, on asyncio's streams."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import TypeVar

from crm.client import paging
from crm.client.calls import Call
from crm.client.errors import NoAnswer, Problem, Unreachable
from crm.client.events import RETRY_S, Event, Listening
from crm.client.http import HttpAnswer, HttpMessage, ServerPlace, answer_of, head_of
from crm.client.sync import CONNECT_LIMIT_S, DEFAULT_PLACE, Credentials, attempts, checked, is_lost

T = TypeVar("T")
_LONGEST_LINE_BYTES = 64 * 1024 * 1024


class AsyncClient:
    """A cluster, asked at the first of some places that can be reached; see `crm.client.sync.Client` for the errors."""

    def __init__(self, *places: str, token: str = "", ca_file: str = "", certificate_file: str = "",
                 timeout_s: float = 60.0) -> None:
        self._places = [ServerPlace.parse(place) for place in places or (DEFAULT_PLACE,)]
        self._credentials = Credentials(token, ca_file, certificate_file)
        self._timeout_s = timeout_s

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is held between questions."""

    async def do(self, wanted: Call[T]) -> T:
        """Have a call of `crm.client.calls` done."""
        return wanted.read(await self.ask(wanted.message))

    async def ask(self, message: HttpMessage) -> HttpAnswer:
        """The answer to a request, with its headers; what may be sent twice is sent to the next place if none comes."""
        *others, last = attempts(self._places, message)
        for places in others:
            try:
                return await self._ask(places, message)
            except (NoAnswer, TimeoutError, Problem) as error:
                if not is_lost(error):
                    raise
        return await self._ask(last, message)

    async def _ask(self, places: Sequence[ServerPlace], message: HttpMessage) -> HttpAnswer:
        reader, writer, place = await self._connected(places)
        try:
            async with asyncio.timeout(self._timeout_s):
                writer.write(self._credentials.apply(message).encoded(place))
                return checked(answer_of(await reader.read()))
        except TimeoutError:
            raise
        except (OSError, ValueError) as error:
            raise NoAnswer(f"{place} closed the connection without an answer ({error})") from None
        finally:
            writer.close()

    async def pages(self, wanted: Call[list[T]], size: int = 100) -> AsyncIterator[T]:
        """The entries of a list, however long: asked for in pages of so many."""
        message: HttpMessage | None = paging.first(wanted.message, size)
        while message is not None:
            answer = await self.ask(message)
            for entry in wanted.read(answer):
                yield entry
            message = paging.following(message, answer)

    async def events(self, kinds: Sequence[str] = (), *, node: str | None = None, resource: str | None = None,
                     since: str | None = None) -> AsyncIterator[Event]:
        """What happens, without end; when a node is lost it goes on at the next one where it was."""
        listening = Listening(kinds, node, resource, since)
        while True:
            with contextlib.suppress(OSError, Unreachable, asyncio.IncompleteReadError):
                async with contextlib.aclosing(self._listen(listening)) as events:
                    async for event in events:
                        yield event
            await asyncio.sleep(RETRY_S)

    async def _listen(self, listening: Listening) -> AsyncGenerator[Event, None]:
        reader, writer, place = await self._connected(self._places)
        try:
            message = self._credentials.apply(listening.message()).encoded(place)
            writer.write(message.replace(b"/1.1", b"/1.0", 1))
            status, headers = head_of((await reader.readuntil(b"\r\n\r\n")).strip())
            if status != 200:
                checked(HttpAnswer(status, headers, await reader.read()))
            while line := await self._line(reader):
                event = listening.take(line.decode().rstrip("\n"))
                if event is not None:
                    yield event
        finally:
            writer.close()

    async def _line(self, reader: asyncio.StreamReader) -> bytes:
        async with asyncio.timeout(self._timeout_s):
            return await reader.readline()

    async def _connected(self, places: Sequence[ServerPlace]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter,
                                                                       ServerPlace]:
        reasons: dict[str, OSError] = {}
        for place in places:
            try:
                async with asyncio.timeout(CONNECT_LIMIT_S):
                    return (*await self._connect(place), place)
            except OSError as error:
                reasons[str(place)] = error
        raise Unreachable(reasons)

    async def _connect(self, place: ServerPlace) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if place.path:
            return await asyncio.open_unix_connection(place.path, limit=_LONGEST_LINE_BYTES)
        tls = self._credentials.context() if place.tls else None
        return await asyncio.open_connection(place.host, place.port, ssl=tls, limit=_LONGEST_LINE_BYTES)

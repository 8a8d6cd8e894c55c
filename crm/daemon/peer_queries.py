"""What the daemons of a cluster ask each other beside its business: what is on another node's disk, or in its memory.

A question goes to one member and is answered, or nobody knows: nothing is ordered, kept or repeated, and no controller
hears of it. The message layer has authenticated whoever asks, so every question of a member is answered; what of the
answer a user may see is for the node that was asked by the user. What can be asked are topics that parts of the daemon
offer.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any

from crm.daemon.errors import RequestRefused

LIMIT_S = 10.0
LIMIT_FOR_ALL_S = 4.0
"""A list without one node's part is better than one that takes long."""
_ASK, _TELL = b"Ask ", b"Tell "
_MOST_AT_ONCE = 64

Offer = Callable[[Any], Awaitable[Any]]
"""Answers a question: JSON in, JSON out. Raises Refused."""


@dataclass(frozen=True, slots=True)
class PeerSilence:
    """A node that has not answered, and why."""

    node: str
    because: str


class PeerQueries:
    """One node's side. `present` are the names of the members; `send` hands a message to the message layer."""

    def __init__(self, name: str, present: Callable[[], Collection[str]], send: Callable[[str, bytes], None],
                 most_bytes: int = 1 << 25) -> None:
        self.name = name
        self._present = present
        self._send = send
        self._most_bytes = most_bytes
        self._offers: dict[str, Offer] = {}
        self._open: dict[str, tuple[str, asyncio.Future[Any]]] = {}
        self._answering: set[asyncio.Task[None]] = set()

    def present(self) -> Collection[str]:
        """Names of the members."""
        return self._present()

    def offer(self, topic: str, answer: Offer) -> None:
        """Answer questions of that topic, this node's own as well."""
        self._offers[topic] = answer

    async def ask(self, node: str, topic: str, about: Any = None, limit_s: float = LIMIT_S) -> Any:
        """One node's answer. Raises Refused: what that node raised, or `node-away`."""
        if node == self.name:
            return await self._offers[topic](about)
        if node not in self._present():
            raise _away(node, f"{node} is not here")
        number = uuid.uuid4().hex
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._open[number] = (node, future)
        self._send(node, _ASK + json.dumps({"id": number, "topic": topic, "about": about}).encode())
        try:
            async with asyncio.timeout(limit_s):
                return await future
        except TimeoutError:
            raise _away(node, f"{node} has not answered within {limit_s:g} s") from None
        finally:
            self._open.pop(number, None)

    async def ask_all(self, topic: str, about: Any = None) -> tuple[dict[str, Any], list[PeerSilence]]:
        """What each member answers, this node first; and who has not."""
        names = [self.name, *sorted(set(self._present()) - {self.name})]
        answers = await asyncio.gather(
            *(self.ask(name, topic, about, LIMIT_FOR_ALL_S) for name in names), return_exceptions=True)
        told: dict[str, Any] = {}
        silent: list[PeerSilence] = []
        for name, answer in zip(names, answers, strict=True):
            if isinstance(answer, RequestRefused):
                silent.append(PeerSilence(name, answer.message))
            elif isinstance(answer, BaseException):
                raise answer
            else:
                told[name] = answer
        return told, silent

    def received(self, sender: str, raw: bytes) -> bool:
        """Take a message, if it is one of these."""
        if raw.startswith(_ASK):
            self._asked(sender, _object(raw.removeprefix(_ASK)))
        elif raw.startswith(_TELL):
            self._told(sender, _object(raw.removeprefix(_TELL)))
        else:
            return False
        return True

    def members_changed(self) -> None:
        """Whoever is not here any more will not answer."""
        for node, future in self._open.values():
            if node not in self._present() and not future.done():
                future.set_exception(_away(node, f"{node} was lost before it answered"))

    def close(self) -> None:
        """Answer nothing more."""
        for task in list(self._answering):
            task.cancel()

    def _asked(self, sender: str, question: dict[str, Any]) -> None:
        if len(self._answering) < _MOST_AT_ONCE:
            task = asyncio.get_running_loop().create_task(self._answer(sender, question))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    async def _answer(self, sender: str, question: dict[str, Any]) -> None:
        number, offer = question.get("id"), self._offers.get(str(question.get("topic")))
        if offer is None:
            told = {"id": number, "problem": ["not-available", f"{self.name} knows nothing of this",
                                              "It runs another version of crmd"]}
        else:
            try:
                told = {"id": number, "value": await offer(question.get("about"))}
            except RequestRefused as error:
                told = {"id": number, "problem": [error.code, error.message, error.hint]}
        raw = _TELL + json.dumps(told).encode()
        if len(raw) > self._most_bytes:
            raw = _TELL + json.dumps({"id": number, "problem": [
                "too-large", f"What {self.name} has is too large to be sent ({len(raw)} bytes)",
                f"Ask {self.name} itself"]}).encode()
        self._send(sender, raw)

    def _told(self, sender: str, answer: dict[str, Any]) -> None:
        node, future = self._open.get(str(answer.get("id")), ("", None))
        if future is None or future.done() or node != sender:
            return
        problem = answer.get("problem")
        if isinstance(problem, list) and len(problem) == 3:
            future.set_exception(RequestRefused(*(str(part) for part in problem)))
        else:
            future.set_result(answer.get("value"))


def _object(raw: bytes) -> dict[str, Any]:
    """The JSON object in those bytes; empty if it is none."""
    try:
        value = json.loads(raw)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {}


def _away(node: str, why: str) -> RequestRefused:
    return RequestRefused("node-away", why, f"What {node} has kept can be seen when it is back")

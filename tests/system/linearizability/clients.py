"""Threads that read registers and append to them by compare-and-set, through whatever node they come to.

They use the cluster's own client and what it offers: ETags, Idempotency-Keys, consistent reads. Who lost an answer asks
again under the same key at another node, until it knows or has no patience any more.
"""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Callable, Sequence

from crm.client import Client
from crm.client.errors import ApiError, Problem, Unreachable
from crm.client.http import HttpMessage
from tests.system.linearizability.history import Fate, History, Read, Write

REGISTERS = {
    "first": ("crm_config", '<cluster_property_set id="registers"><nvpair id="register-first" value="{}"/>'
              "</cluster_property_set>"),
    "second": ("crm_config", '<cluster_property_set id="registers"><nvpair id="register-second" value="{}"/>'
               "</cluster_property_set>"),
    "node": ("nodes", '<node id="1" uname="n1"><instance_attributes id="registers-1"><nvpair id="register-node" '
             'value="{}"/></instance_attributes></node>'),
}
"""Where each register is in the CIB: options of the cluster, and an attribute of a node."""
_REFUSALS = ("stale-version", "no-quorum", "no-dc", "not-ready", "too-many-requests")
_READ_LIMIT_S = 6.0
_WRITE_LIMIT_S = 12.0
_TRIES = 4


def pair(register: str, value: Sequence[str] = ()) -> str:
    """A register's value as it is written."""
    return REGISTERS[register][1].format(",".join(("", *value, "")) if value else ",")


def value_in(text: str, register: str) -> tuple[str, ...] | None:
    """A register's value in XML, None if it is not there."""
    found = re.search(rf'id="register-{register}"[^>]*\bvalue="([^"]*)"', text)
    return None if found is None else tuple(token for token in found.group(1).split(",") if token)


class Clients:
    """So many at once, until `stop`. `sockets` gives where the nodes that run can be asked, by name."""

    def __init__(self, history: History, sockets: Callable[[], dict[str, str]], seed: int, count: int = 6) -> None:
        self._history = history
        self._sockets = sockets
        self._seed = seed
        self._began = time.monotonic()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(count)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def now(self) -> float:
        return time.monotonic() - self._began

    def _work(self, number: int) -> None:
        chance, written = random.Random(self._seed * 1000 + number), 0
        node = ""
        while not self._over.wait(chance.uniform(0.01, 0.08)):
            nodes = self._sockets()
            if node not in nodes or chance.random() < 0.15:
                node = chance.choice(sorted(nodes)) if nodes else ""
            if not node:
                continue
            register = chance.choice(sorted(REGISTERS))
            seen = self._read(number, nodes, node, register, chance.random() < 0.5)
            if seen is None:
                node = ""
            elif chance.random() < 0.6:
                written += 1
                self._append(number, node, register, f"c{number}n{written}", *seen, chance)

    def _read(self, number: int, nodes: dict[str, str], node: str, register: str, consistent: bool
              ) -> tuple[tuple[str, ...], str] | None:
        """The value and the ETag that it was read with, None if nobody answered."""
        query = [("xpath", f"//nvpair[@id='register-{register}']")]
        query += [("consistent", "true")] if consistent else []
        began = self.now()
        try:
            answer = Client(nodes[node], timeout_s=_READ_LIMIT_S).ask(HttpMessage("GET", "/v1/cib", tuple(query)))
        except (ApiError, OSError):
            return None
        value = value_in(answer.text, register)
        if value is None:
            return None
        self._history.add(Read(register, value, began, self.now(), node, consistent,
                               answer.headers.get("crmd-fresh") == "true", number))
        return value, answer.headers.get("etag", "")

    def _append(self, number: int, node: str, register: str, token: str, base: tuple[str, ...], etag: str,
                chance: random.Random) -> None:
        section, _ = REGISTERS[register]
        body = json.dumps({"verb": "modify", "section": section, "xml": pair(register, (*base, token))}).encode()
        headers = [("If-Match", etag)]
        keyed = number % 2 == 1
        headers += [("Idempotency-Key", f"{self._seed}-{token}")] if keyed else []
        began, asked = self.now(), []
        fate, code = Fate.REFUSED, "nobody was asked"
        for _ in range(_TRIES if keyed else 1):
            nodes = self._sockets()
            if node not in nodes or asked:
                node = chance.choice(sorted(nodes)) if nodes else ""
            if not node:
                break
            asked.append(node)
            before = fate
            fate, code = self._send(nodes[node], body, headers)
            if before is Fate.UNKNOWN and fate is Fate.REFUSED and code != "stale-version":
                fate = Fate.UNKNOWN  # That nobody could say anything now tells nothing of the first try.
            if fate is Fate.DONE or code == "stale-version":
                break
        self._history.add(Write(register, token, base, began, self.now(), fate, number,
                                f"{' '.join(asked)}: {code}"))

    def _send(self, place: str, body: bytes, headers: list[tuple[str, str]]) -> tuple[Fate, str]:
        try:
            Client(place,
                   timeout_s=_WRITE_LIMIT_S).ask(HttpMessage("PATCH", "/v1/cib", (), body, headers=tuple(headers)))
        except Problem as problem:
            return (Fate.REFUSED if problem.code in _REFUSALS else Fate.UNKNOWN), problem.code
        except Unreachable:
            return Fate.REFUSED, "unreachable"
        except (ApiError, OSError) as error:
            return Fate.UNKNOWN, type(error).__name__
        return Fate.DONE, ""

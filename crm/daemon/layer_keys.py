"""The key that nodes prove to each other, and how it is changed without a stop.

Three steps, each done by all nodes before the next begins: accept the new key beside the old one, prove the new one,
accept nothing else. Whatever ends in between, any two nodes have a key that both accept; the change is simply asked for
again. Links that are up stay up: a key is for connections to come. The new key travels over the nodes' own links.

Kept in the state folder (`layer-key`, one key a line, the one that is proved first; a key that is no plain word is
written as `hex:` and its bytes); without that file the key is that of the settings. The API's key (tokens,
certificates) is another matter and stays as it is. A copy stands beside the key file of the settings, for a node whose
state is lost.
"""

from __future__ import annotations

import errno
import secrets
import time
from binascii import unhexlify
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from crm.cib.synced_files import replace_synced
from crm.daemon.errors import RequestRefused
from crm.daemon.peer_queries import PeerQueries

FILE = "layer-key"
_TOPIC = "layer-key"
_HEX = b"hex:"
PAUSE_S = 30.0
"""A change that was broken off keeps others away for so long."""
_STEPS = ("accept", "prove", "only")


def kept_keys(folder: Path) -> tuple[bytes, ...]:
    """The keys in a folder, none if they were never changed. Raises OSError, also for what is no list of keys."""
    try:
        return tuple(map(_read, (folder / FILE).read_bytes().split()))
    except FileNotFoundError:
        return ()
    except ValueError as error:
        raise OSError(errno.EINVAL, f"it is spoilt ({error})", str(folder / FILE)) from None


def as_file(keys: tuple[bytes, ...]) -> bytes:
    """The content of the file that keeps them."""
    return b"".join(_written(key) + b"\n" for key in keys)


def _read(word: bytes) -> bytes:
    return unhexlify(word[len(_HEX):]) if word.startswith(_HEX) else word


def _written(key: bytes) -> bytes:
    """A key of the settings may be any bytes, spaces and line ends among them."""
    plain = key.split() == [key] and not key.startswith(_HEX)
    return key if plain else _HEX + key.hex().encode()


class LayerKeys:
    """One node's keys. `use` tells the message layer."""

    def __init__(self, keys: tuple[bytes, ...], folder: Path, peers: PeerQueries,
                 use: Callable[[tuple[bytes, ...]], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._keys = keys
        self._folder = folder
        self._peers = peers
        self._use = use
        self.beside: Path | None = None
        """A folder that outlives the state, for a copy."""
        self._clock = clock
        self._under_way: tuple[bytes, float] | None = None
        """The new key of the change that this node takes part in, and when it last heard of it."""
        peers.offer(_TOPIC, self._step)

    async def rotate(self, nodes: tuple[str, ...]) -> None:
        """Give every node a new key. Raises Refused (nodes-away, key-not-changed) with who is missing, or why not."""
        key = secrets.token_hex(32)
        here = set(self._peers.present())
        missing = sorted(set(nodes) - here - {self._peers.name})
        if missing:
            raise RequestRefused("nodes-away", f"{', '.join(missing)} would be left with the old key",
                                 "start crmd there, or remove the node: crmctl cluster remove")
        for step in _STEPS:
            for node in (*sorted(set(nodes) - {self._peers.name}), self._peers.name):
                try:
                    await self._peers.ask(node, _TOPIC, {"step": step, "key": key})
                except RequestRefused as error:
                    raise RequestRefused("key-not-changed", f"{node} did not {step} the new key: {error.message}",
                                  f"all nodes still accept each other; ask for it again in {PAUSE_S:.0f} s") from None

    async def _step(self, about: Any) -> str:
        """Do one step here: on disk first."""
        step, key = str(about["step"]), str(about["key"]).encode()
        if step not in _STEPS or len(key) < 16:
            raise RequestRefused("bad-request", f"{step!r} is no step of a change of keys")
        self._check_turn(key)
        others = tuple(known for known in self._keys if known != key)
        keys = {"accept": (*others, key), "prove": (key, *others), "only": (key,)}[step]
        try:
            replace_synced(self._folder / FILE, as_file(keys), 0o600)
        except OSError as error:
            raise RequestRefused("disk", f"the key cannot be written: {error.strerror}") from None
        if self.beside is not None:
            # For the day on which the state is lost; where it cannot be written an invitation brings the key again.
            with suppress(OSError):
                replace_synced(self.beside / FILE, as_file(keys), 0o600)
        self._keys = keys
        self._use(keys)
        self._under_way = None if step == _STEPS[-1] else (key, self._clock())
        return "done"

    def _check_turn(self, key: bytes) -> None:
        """One change at a time: steps of two would leave nodes without a common key. Raises Refused."""
        if self._under_way is None or self._under_way[0] == key:
            return
        if self._clock() - self._under_way[1] < PAUSE_S:
            raise RequestRefused("key-change-under-way", f"{self._peers.name} takes part in another change of the key",
                                 f"ask for it again in {PAUSE_S:.0f} s")

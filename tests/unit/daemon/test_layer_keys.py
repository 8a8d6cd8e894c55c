"""A change of keys that ends anywhere in between leaves every two nodes a key that both accept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from crm.daemon.errors import RequestRefused
from crm.daemon.layer_keys import PAUSE_S, LayerKeys, kept_keys

NAMES = ("a", "b", "c")
OLD = b"hex:\x00 the key that\nall began with"
"""What somebody has put into the key file: nothing says that it is one word."""


class Wires:
    """Asks among nodes; after `left` of them the asking node is cut off, or has died."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.steps: dict[str, Callable[[Any], Awaitable[str]]] = {}


class Peers:
    """One node's way to the others."""

    def __init__(self, name: str, wires: Wires) -> None:
        self.name, self._wires = name, wires

    def present(self) -> tuple[str, ...]:
        return NAMES

    def offer(self, _topic: str, step: Callable[[Any], Awaitable[str]]) -> None:
        self._wires.steps[self.name] = step

    async def ask(self, node: str, _topic: str, about: Any) -> Any:
        if self._wires.left == 0:
            raise RequestRefused("unreachable", "nobody answers")
        self._wires.left -= 1
        return await self._wires.steps[node](about)


class Nodes:
    """All nodes with their keys."""

    def __init__(self, folder: Path, left: int) -> None:
        self.now = 0.0
        self.wires = Wires(left)
        self.used: dict[str, tuple[bytes, ...]] = dict.fromkeys(NAMES, (OLD,))
        self.folders = {name: folder / name for name in NAMES}
        self.keys = {name: self._node(name) for name in NAMES}

    def _node(self, name: str) -> LayerKeys:
        self.folders[name].mkdir()

        def use(keys: tuple[bytes, ...]) -> None:
            self.used[name] = keys

        made = LayerKeys((OLD,), self.folders[name], Peers(name, self.wires), use, lambda: self.now)  # type: ignore[arg-type]
        made.beside = self.folders[name] / "etc"
        made.beside.mkdir()
        return made

    def can_meet(self) -> bool:
        """Whether each accepts what any other one proves, now and after a restart."""
        for name, keys in self.used.items():
            assert (kept_keys(self.folders[name]) or (OLD,)) == keys
        return all(self.used[one][0] in self.used[other] for one, other in permutations(NAMES, 2))


@pytest.mark.parametrize("left", range(3 * len(NAMES)))
def test_any_two_can_meet_wherever_a_change_ends_and_the_next_one_succeeds(tmp_path: Path, left: int) -> None:
    nodes = Nodes(tmp_path, left)
    with pytest.raises(RequestRefused, match=r"did not (accept|prove|only)"):
        asyncio.run(nodes.keys["b"].rotate(NAMES))
    assert nodes.can_meet()
    nodes.wires.left = -1
    nodes.now += PAUSE_S
    asyncio.run(nodes.keys["c"].rotate(NAMES))
    assert nodes.can_meet()
    assert len(set(nodes.used.values())) == 1 and len(nodes.used["a"]) == 1 and nodes.used["a"] != (OLD,)


def test_a_change_that_is_broken_off_twice_leaves_them_together(tmp_path: Path) -> None:
    for first in range(3 * len(NAMES)):
        for second in range(3 * len(NAMES)):
            folder = tmp_path / f"{first}-{second}"
            folder.mkdir()
            nodes = Nodes(folder, first)
            for name, left in (("b", first), ("c", second)):
                nodes.wires.left = left
                nodes.now += PAUSE_S
                with pytest.raises(RequestRefused):
                    asyncio.run(nodes.keys[name].rotate(NAMES))
                assert nodes.can_meet(), (first, second)


def test_nothing_begins_while_a_node_is_away(tmp_path: Path) -> None:
    nodes = Nodes(tmp_path, -1)
    with pytest.raises(RequestRefused, match="d would be left with the old key"):
        asyncio.run(nodes.keys["a"].rotate((*NAMES, "d")))
    assert set(nodes.used.values()) == {(OLD,)}


def test_a_spoilt_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "layer-key").write_bytes(b"hex:zz\n")
    with pytest.raises(OSError, match="spoilt") as found:
        kept_keys(tmp_path)
    assert found.value.filename == str(tmp_path / "layer-key")


@pytest.mark.parametrize("after", range(3 * len(NAMES)))
def test_two_changes_at_once_leave_one_key(tmp_path: Path, after: int) -> None:
    """The second begins after so many steps of the first, on another node."""
    nodes = Nodes(tmp_path, -1)
    steps = dict(nodes.wires.steps)
    ended: list[bool] = []

    async def second() -> None:
        try:
            await nodes.keys["c"].rotate(NAMES)
            ended.append(True)
        except RequestRefused:
            ended.append(False)

    async def both() -> None:
        count = 0
        begun: list[asyncio.Task[None]] = []

        def counting(name: str) -> Callable[[Any], Awaitable[str]]:
            async def step(about: Any) -> str:
                nonlocal count
                if count == after and not begun:
                    begun.append(asyncio.ensure_future(second()))
                count += 1
                await asyncio.sleep(0)
                return await steps[name](about)

            return step

        nodes.wires.steps.update({name: counting(name) for name in NAMES})
        try:
            await nodes.keys["a"].rotate(NAMES)
            ended.append(True)
        except RequestRefused:
            ended.append(False)
        await asyncio.gather(*begun)

    asyncio.run(both())
    assert nodes.can_meet()
    if all(ended):
        assert len(set(nodes.used.values())) == 1


def test_a_node_whose_state_is_lost_has_the_key_beside_its_settings(tmp_path: Path) -> None:
    nodes = Nodes(tmp_path, -1)
    asyncio.run(nodes.keys["a"].rotate(NAMES))
    assert kept_keys(tmp_path / "b" / "etc") == nodes.used["b"] != (OLD,)

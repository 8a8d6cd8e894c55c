"""The transitions that this node has led, on disk: what each was planned from, its graph, when each action ran.

Two files for each: `pe-input-N.bz2`, a CIB that `crm_simulate -x` replays, and `transition-N.json`. A transition that
was never ended (the power went) is `interrupted`. The oldest go when there are too many
or too much. A failure to write is logged and hinders nobody.
"""

from __future__ import annotations

import asyncio
import bz2
import json
import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from crm.controller.commands import ActionTiming, TransitionBegun, TransitionEnded
from crm.model.transition import ActionKind, GraphAction, Synapse

log = logging.getLogger(__name__)

COUNT = 200
LIMIT_BYTES = 64 * 1024 * 1024
_Result = TypeVar("_Result")
_RECORD = re.compile(r"transition-(\d{1,10})\.json")


class TransitionArchive:
    """The transitions of one node. Its methods return when the disk is done; one thread does all, in order."""

    def __init__(self, folder: Path, node: str, count: int = COUNT, limit_bytes: int = LIMIT_BYTES) -> None:
        self.folder = folder
        self._node = node
        self._count = count
        self._limit_bytes = limit_bytes
        self._pool = ThreadPoolExecutor(1, "transitions")
        self._open: tuple[int, dict[str, Any]] | None = None

    async def begun(self, command: TransitionBegun) -> None:
        """Keep the input and the graph of a transition that begins."""
        await self._do(lambda: self._begin(command))

    async def ended(self, command: TransitionEnded) -> None:
        """Add how it went."""
        await self._do(lambda: self._end(command))

    async def all(self) -> list[dict[str, Any]]:
        """The records, the newest first, without their actions."""
        return await self._in_thread(self._all)

    async def one(self, number: int) -> dict[str, Any] | None:
        """One record with its actions, None if there is none."""
        return await self._in_thread(lambda: self._read(number))

    async def packed_input(self, number: int) -> bytes | None:
        """The CIB that it was planned from, as XML packed by bzip2; None if it is not kept."""
        return await self._in_thread(lambda: self._read_input(number))

    def close(self) -> None:
        """Write what is asked for, then end."""
        self._pool.shutdown(wait=True)

    async def _in_thread(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def _do(self, work: Callable[[], None]) -> None:
        try:
            await self._in_thread(work)
        except OSError as error:
            log.warning("a transition cannot be kept in %s: %s", self.folder, error.strerror or error)
        except RuntimeError:
            log.debug("a transition is not kept: this node is leaving")

    def _begin(self, command: TransitionBegun) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        number = max(self._numbers(), default=0) + 1
        _put(self._input_file(number), bz2.compress(command.document.to_bytes(), 1))
        record = {
            "number": number, "dc": self._node, "term": command.term, "transition": command.number,
            "version": str(command.document.version), "begun_at": float(command.planned_at), "ended_at": None,
            "outcome": "running", "reason": "",
            "actions": [_action(synapse) for synapse in command.transition.synapses
                        if synapse.action.kind is not ActionKind.PSEUDO],
            "pseudo": [_pseudo(synapse) for synapse in command.transition.synapses
                       if synapse.action.kind is ActionKind.PSEUDO],
        }
        self._open = (command.number, record)
        self._write(record)
        self._let_go()

    def _end(self, command: TransitionEnded) -> None:
        if self._open is None or self._open[0] != command.number:
            return
        record = self._open[1]
        timings = {timing.action_id: timing for timing in command.timings}
        record.update(outcome=command.outcome, reason=command.reason, ended_at=command.ended_at)
        for action in record["actions"]:
            _add_timing(action, timings.get(action["id"]))
        self._write(record)
        self._open = None

    def _write(self, record: dict[str, Any]) -> None:
        _put(self._record_file(record["number"]), json.dumps(record).encode())

    def _all(self) -> list[dict[str, Any]]:
        found = [self._read(number) for number in sorted(self._numbers(), reverse=True)]
        return [{**record, "actions": len(record["actions"]), "pseudo": None} for record in found if record is not None]

    def _read(self, number: int) -> dict[str, Any] | None:
        try:
            value = json.loads(self._record_file(number).read_bytes())
        except (OSError, ValueError):
            return None
        if not isinstance(value, dict):
            return None
        if value["outcome"] == "running" and (self._open is None or self._open[1]["number"] != number):
            value["outcome"] = "interrupted"
        return value

    def _read_input(self, number: int) -> bytes | None:
        try:
            return self._input_file(number).read_bytes()
        except OSError:
            return None

    def _numbers(self) -> list[int]:
        names = [entry.name for entry in self.folder.iterdir()] if self.folder.is_dir() else []
        return [int(match[1]) for match in map(_RECORD.fullmatch, names) if match]

    def _let_go(self) -> None:
        """Remove the oldest, but never the last one."""
        left = self._limit_bytes
        for place, number in enumerate(sorted(self._numbers(), reverse=True)):
            files = (self._record_file(number), self._input_file(number))
            left -= sum(file.stat().st_size for file in files if file.exists())
            if place and (left < 0 or place >= self._count):
                for file in files:
                    file.unlink(missing_ok=True)

    def _record_file(self, number: int) -> Path:
        return self.folder / f"transition-{number}.json"

    def _input_file(self, number: int) -> Path:
        return self.folder / f"pe-input-{number}.bz2"


def _action(synapse: Synapse) -> dict[str, Any]:
    action: GraphAction = synapse.action
    return {
        "id": action.id, "operation": action.operation, "key": action.key,
        "resource": (action.resource.long_id or action.resource.id) if action.resource else None,
        "node": action.node, "interval_ms": action.interval_ms, "waits_for": sorted(set(synapse.inputs)),
        "begun_at": None, "ended_at": None, "ok": None,
    }


def _pseudo(synapse: Synapse) -> dict[str, Any]:
    """An action that nobody carries out: a point in the order of the others."""
    action = synapse.action
    return {"id": action.id, "key": action.key, "node": action.node, "waits_for": sorted(set(synapse.inputs))}


def _add_timing(action: dict[str, Any], timing: ActionTiming | None) -> None:
    if timing is not None:
        action.update(begun_at=timing.begun_at, ended_at=timing.ended_at, ok=timing.ok)


def _put(file: Path, content: bytes) -> None:
    """Write a file so that nobody sees half of it."""
    temporary = file.with_name(f"{file.name}.new")
    temporary.write_bytes(content)
    temporary.replace(file)

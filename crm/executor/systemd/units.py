"""The class `systemd`: what start, stop and monitor mean for a unit.

Source: the behaviour of Pacemaker's class of that name; its table stands in `tests/unit/executor/test_systemd.py`.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from xml.sax.saxutils import quoteattr

from crm.executor import metadata
from crm.executor.agent_files import AgentUnusableError
from crm.executor.metadata import AgentMetadata
from crm.executor.operation import ExitCode, OperationRequest, OperationResult, Status
from crm.executor.outcomes import Clock, not_carried_out
from crm.executor.runner import Program
from crm.executor.systemd.bus import BusLostError, Manager, RefusedError
from crm.executor.systemd.drop_ins import DropIns
from crm.model.transition import AgentReference

log = logging.getLogger("crm.executor")

STANDARD = "systemd"
_SUFFIXES = (".service", ".socket", ".mount", ".timer", ".path")
_NAME = re.compile(r"[A-Za-z0-9:_.\\@-]+")
_THERE = ("loaded", "masked")
_ACTIVE = ("active", "reloading", "refreshing")
_ON_ITS_WAY = ("activating", "deactivating")
_UNKNOWN_UNIT = ("NoSuchUnit", "InvalidName", "LoadFailed")
_PAUSE_S = 0.2
_BUS_PATIENCE_S = 3.0
"""How long a monitor waits for a bus that is away: to restart it takes no longer, and some machines have none."""
_Outcome = tuple[Status, int, str]
_DONE: _Outcome = (Status.DONE, ExitCode.OK, "")


class SystemdUnits:
    """The class `systemd` on this node. `bus`: the bus's address, empty for the system's.

    `surroundings`: the environment of a command that stops a unit.
    """

    def __init__(self, bus: str, folder: Path, surroundings: Mapping[str, str] | None = None) -> None:
        self._surroundings = surroundings or {}
        self._manager = Manager(bus)
        self._drop_ins = DropIns(folder, self._manager.reload)

    async def operate(self, request: OperationRequest, queue_ms: int) -> OperationResult:
        """Run an operation; its time limit counts for all of it, also while the bus is away."""
        clock = Clock(request, queue_ms)
        operate = {"start": self._start, "stop": self._stop, "monitor": self._monitor}.get(request.operation)
        if operate is None or not _NAME.fullmatch(request.agent.type):
            what = f"the operation {request.operation}" if operate is None else f"a unit named {request.agent.type}"
            return not_carried_out(clock, Status.NOT_SUPPORTED, ExitCode.UNIMPLEMENTED, f"systemd has not {what}")
        return await self._within(clock, operate, unit_name(request.agent.type))

    def program(self, request: OperationRequest) -> Program:
        """The command that carries an operation out where nobody is on the bus. Raises AgentUnusableError."""
        if not _NAME.fullmatch(request.agent.type):
            reason = f"{request.agent.type} is not the name of a unit"
            raise AgentUnusableError(Status.ERROR_HARD, ExitCode.NOT_CONFIGURED, reason)
        unit = unit_name(request.agent.type)
        return Program(("systemctl", request.operation, unit), self._surroundings, unit=unit)

    async def metadata(self, agent: AgentReference) -> AgentMetadata:
        """What there is to say about a unit. Raises ValueError with the reason."""
        unit = unit_name(agent.type)
        try:
            if not _NAME.fullmatch(agent.type) or not await self.exists(agent.type):
                raise ValueError(await self._missing(unit))
            description, file_state = await self._manager.about(unit)
        except (BusLostError, RefusedError) as error:
            raise ValueError(f"systemd cannot be asked about {unit}: {error}") from None
        return metadata.parse(_described(agent.type, description), _doubts(unit, file_state))

    async def installed(self) -> list[AgentReference]:
        """All units of this machine that could be resources; none where there is no systemd."""
        try:
            names = await self._manager.names()
        except (BusLostError, RefusedError):
            return []
        kinds = (name for name in names if name.endswith(_SUFFIXES))
        return [AgentReference(name, STANDARD, name) for name in (each.removesuffix(".service") for each in kinds)]

    async def has(self, agent: AgentReference) -> bool:
        """Whether there is such a unit, as far as systemd can be asked."""
        try:
            return bool(_NAME.fullmatch(agent.type)) and await self.exists(agent.type)
        except (BusLostError, RefusedError):
            return False

    async def exists(self, name: str) -> bool:
        """Whether there is a unit of that name. Raises BusLostError, RefusedError."""
        try:
            return (await self._manager.state(unit_name(name)))[0] in _THERE
        except RefusedError as error:
            if error.name in _UNKNOWN_UNIT:
                return False
            raise

    async def tidy(self, kept: set[str]) -> None:
        """Take away the drop-ins of units that are no started resource any more."""
        for unit in set(self._drop_ins.units()) - {unit_name(name) for name in kept}:
            try:
                await self._drop_ins.take(unit)
            except (OSError, BusLostError, RefusedError) as error:
                log.warning("the drop-in of %s cannot be taken away: %s", unit, error)

    async def close(self) -> None:
        """Let go of the bus; jobs go on."""
        await self._manager.close()

    async def _within(self, clock: Clock, operate: Callable[[str], Awaitable[_Outcome]], unit: str) -> OperationResult:
        """Try within the time limit, again and again while the bus is away (it may be starting anew).

        To ask for a start or a stop once more does no harm: systemd goes on with the job that there is.
        """
        limit_s = clock.request.timeout_ms / 1000
        patience_s = _BUS_PATIENCE_S if clock.request.operation == "monitor" else None
        lost_at, trouble = 0.0, ""
        try:
            async with asyncio.timeout(limit_s or None):
                while True:
                    try:
                        outcome = await operate(unit)
                        return clock.result(*outcome, carried_out=outcome[0] is not Status.NOT_INSTALLED)
                    except BusLostError as error:
                        if not trouble:
                            log.warning("%s of %s waits: %s", clock.request.operation, unit, error)
                            lost_at = time.monotonic()
                        trouble = str(error)
                        if patience_s is not None and time.monotonic() - lost_at >= patience_s:
                            raise TimeoutError from None
                        await asyncio.sleep(_PAUSE_S)
        except TimeoutError:
            if trouble:
                return not_carried_out(clock, Status.NOT_CONNECTED, ExitCode.UNKNOWN_ERROR, trouble)
            reason = f"The {clock.request.operation} of {unit} did not end within {limit_s:g} s"
            return clock.result(Status.TIMEOUT, ExitCode.UNKNOWN_ERROR, reason)
        except RefusedError as error:
            return clock.result(Status.ERROR, ExitCode.UNKNOWN_ERROR, f"systemd says: {error}")
        except OSError as error:
            reason = f"the drop-in of {unit} cannot be written: {error}"
            return clock.result(Status.ERROR, ExitCode.UNKNOWN_ERROR, reason)

    async def _start(self, unit: str) -> _Outcome:
        if not await self.exists(unit):
            return Status.NOT_INSTALLED, ExitCode.NOT_INSTALLED, await self._missing(unit)
        await self._drop_ins.put(unit)
        try:
            result = await self._job("StartUnit", unit)
        except RefusedError as error:
            if error.name != "UnitMasked":
                raise
            reason = f"{unit} is masked; to let the cluster start it: systemctl unmask {unit}"
            return Status.ERROR, ExitCode.UNKNOWN_ERROR, reason
        return await self._judged(result, unit, active=True)

    async def _stop(self, unit: str) -> _Outcome:
        await self._drop_ins.take(unit)
        try:
            result = await self._job("StopUnit", unit)
        except RefusedError as error:
            if error.name in _UNKNOWN_UNIT:
                return _DONE
            raise
        return await self._judged(result, unit, active=False)

    async def _monitor(self, unit: str) -> _Outcome:
        try:
            loaded, state = await self._settled(unit)
        except RefusedError as error:
            if error.name in _UNKNOWN_UNIT:
                return Status.NOT_INSTALLED, ExitCode.NOT_INSTALLED, await self._missing(unit)
            raise
        if state in _ACTIVE:
            return _DONE
        if loaded not in _THERE:
            return Status.NOT_INSTALLED, ExitCode.NOT_INSTALLED, await self._missing(unit)
        return Status.DONE, ExitCode.NOT_RUNNING, "" if state == "inactive" else f"{unit} is {state}"

    async def _job(self, verb: str, unit: str) -> str:
        """Its result; cancelled when nobody waits for it any more. Empty when only the unit's state can tell."""
        job = await self._manager.begin(verb, unit)
        try:
            return await self._manager.end_of(job, unit)
        except asyncio.CancelledError:
            await self._manager.cancel(job)
            raise

    async def _judged(self, result: str, unit: str, *, active: bool) -> _Outcome:
        if result == "done":
            return _DONE
        state = ""
        if not result:
            _, state = await self._settled(unit)
            if (state in _ACTIVE) is active:
                return _DONE
        wanted = "starting" if active else "stopping"
        how = f"its job was {result}" if result else f"it is {state}"
        reason = f"{wanted} {unit} failed: {how}; see: journalctl -u {unit}"
        status = Status.TIMEOUT if result == "timeout" else Status.ERROR
        return status, ExitCode.UNKNOWN_ERROR, reason

    async def _settled(self, unit: str) -> tuple[str, str]:
        """LoadState and ActiveState, when it is on its way nowhere."""
        while True:
            loaded, state = await self._manager.state(unit)
            if state not in _ON_ITS_WAY:
                return loaded, state
            await asyncio.sleep(_PAUSE_S)

    async def _missing(self, unit: str) -> str:
        near = get_close_matches(unit, await self._manager.names(), 1)
        return f"There is no unit {unit} on this node" + (f"; did you mean {near[0]}?" if near else "")


def unit_name(name: str) -> str:
    """The unit that a name stands for; a template is looked up by an instance of ours."""
    stem, suffix = next(((name.removesuffix(each), each) for each in _SUFFIXES if name.endswith(each)),
                        (name, ".service"))
    return f"{stem}crmd{suffix}" if stem.endswith("@") else f"{stem}{suffix}"


def _described(name: str, description: str) -> str:
    """Metadata in the form that agents print; a unit takes no parameters."""
    actions = "".join(f'<action name="{each}" timeout="100s"/>' for each in ("start", "stop", "status", "meta-data"))
    about = quoteattr(description)[1:-1]
    return (f'<?xml version="1.0"?><resource-agent name={quoteattr(name)} version="0.1"><version>1.1</version>'
            f'<longdesc lang="en">{about}</longdesc><shortdesc lang="en">systemd unit file for {name}</shortdesc>'
            f'<parameters/><actions>{actions}<action name="monitor" timeout="100s" interval="60s"/></actions>'
            f'<special tag="systemd"/></resource-agent>')


def _doubts(unit: str, file_state: str) -> tuple[str, ...]:
    if not file_state.startswith("enabled"):
        return ()
    return (f"{unit} is enabled, so it also starts at boot, beside the cluster; to leave it to the cluster: systemctl "
            f"disable {unit}",)

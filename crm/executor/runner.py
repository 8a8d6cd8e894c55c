"""Runs one operation of one program, once, and says how it went. Every mishap is an outcome with its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from crm.executor import process
from crm.executor.agent_files import AgentUnusableError, described
from crm.executor.executor_settings import ExecutorSettings
from crm.executor.operation import ExitCode, OperationRequest, OperationResult, Status
from crm.executor.outcomes import Clock, not_carried_out
from crm.executor.process import ProcessOutcome
from crm.keeper.leftovers import OperationLeftovers
from crm.model.text import fit_line

_REASON_PREFIX = "ocf-exit-reason:"
_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Program:
    """What to start: words, the whole environment, and what an exit code means in OCF's terms.

    `unit`: the control group in which systemd has what runs, if it is systemd's.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    meaning: Callable[[int], int] = int
    unit: str = ""


async def run_once(
    request: OperationRequest, find: Callable[[OperationRequest], Program], settings: ExecutorSettings,
    queue_ms: int = 0, journal: OperationLeftovers | None = None
) -> OperationResult:
    """One run of what `find` finds (it raises AgentUnusableError), noted in the journal while it lasts."""
    clock = Clock(request, queue_ms)
    try:
        program = find(request)
        if settings.agent_state is not None:
            settings.agent_state.mkdir(parents=True, exist_ok=True)
        outcome = await process.run(program.arguments, program.environment, timeout_ms=request.timeout_ms,
                                    kill_grace_ms=settings.kill_grace_ms,
                                    output_limit_bytes=settings.output_limit_bytes, journal=journal)
    except AgentUnusableError as error:
        return not_carried_out(clock, error.status, error.rc, error.reason)
    except OSError as error:
        return not_carried_out(clock, *_not_started(request, error))
    return _judged(clock, outcome, program.meaning)


def _not_started(request: OperationRequest, error: OSError) -> tuple[Status, int, str]:
    name = described(request.agent)
    reason = f"The agent {name} could not be started: {error.strerror or error}"
    if isinstance(error, PermissionError):
        return Status.ERROR, ExitCode.INSUFFICIENT_PRIVILEGE, reason
    if isinstance(error, FileNotFoundError):
        return Status.NOT_INSTALLED, ExitCode.NOT_INSTALLED, f"{reason} (is its interpreter, the first line, there?)"
    return Status.ERROR, ExitCode.UNKNOWN_ERROR, reason


def _judged(clock: Clock, outcome: ProcessOutcome, meaning: Callable[[int], int]) -> OperationResult:
    said = exit_reason(outcome.stderr) or exit_reason(outcome.stdout)
    output = "".join(text if text.endswith("\n") else f"{text}\n" for text in (outcome.stdout, outcome.stderr) if text)
    request = clock.request
    if outcome.timed_out:
        reason = f"The {request.operation} did not end within {_seconds(request.timeout_ms)}"
        if outcome.code is None:
            reason += " and cannot be killed"
        return clock.result(Status.TIMEOUT, ExitCode.UNKNOWN_ERROR, f"{reason}: {said}" if said else reason, output)
    assert outcome.code is not None, "only what was killed in vain has no exit code"
    if outcome.code < 0:
        reason = f"The agent was killed by signal {-outcome.code}"
        return clock.result(Status.ERROR, ExitCode.UNKNOWN_ERROR, reason, output)
    return clock.result(Status.DONE, meaning(outcome.code), said, output)


def exit_reason(text: str) -> str:
    """The last reason that an agent gave in its output, empty if none."""
    lines = [line for line in text.splitlines() if line.startswith(_REASON_PREFIX)]
    return fit_line(lines[-1].removeprefix(_REASON_PREFIX), _LONGEST_REASON) if lines else ""


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:g} s"

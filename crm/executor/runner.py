"""Runs one operation of one agent, once, and says how it went. Every mishap is an outcome with its reason."""

from __future__ import annotations

import time
from collections.abc import Callable

from crm.executor import agents, environment, process
from crm.executor.agents import AgentFile, AgentUnusableError
from crm.executor.leftovers import Journal
from crm.executor.operation import ExitCode, OperationRequest, OperationResult, Status
from crm.executor.process import Outcome
from crm.executor.settings import ExecutorSettings
from crm.model.text import fit_line

_REASON_PREFIX = "ocf-exit-reason:"
_LONGEST_REASON = 500


async def run_once(
    request: OperationRequest, settings: ExecutorSettings, queue_ms: int = 0, journal: Journal | None = None
) -> OperationResult:
    """One run of an agent's operation, noted in the journal while it lasts."""
    started_at, clock = int(time.time()), time.monotonic()

    def result(status: Status, rc: int, reason: str, output: str = "") -> OperationResult:
        run_ms = int((time.monotonic() - clock) * 1000)
        return OperationResult(request, status, rc, reason, output, started_at, run_ms, queue_ms)

    try:
        agent = agents.find(request.agent, settings.ocf_roots)
        outcome = await _run(request, agent, settings, journal)
    except AgentUnusableError as error:
        return result(error.status, error.rc, error.reason)
    except OSError as error:
        return result(*_not_started(request, error))
    return _judged(request, outcome, result)


async def _run(
    request: OperationRequest, agent: AgentFile, settings: ExecutorSettings, journal: Journal | None
) -> Outcome:
    if settings.agent_state is not None:
        settings.agent_state.mkdir(parents=True, exist_ok=True)
    return await process.run(
        [str(agent.path), request.operation],
        environment.build(request, agent, settings),
        timeout_ms=request.timeout_ms,
        kill_grace_ms=settings.kill_grace_ms,
        output_limit_bytes=settings.output_limit_bytes,
        journal=journal,
    )


def _not_started(request: OperationRequest, error: OSError) -> tuple[Status, int, str]:
    name = agents.described(request.agent)
    reason = f"The agent {name} could not be started: {error.strerror or error}"
    if isinstance(error, PermissionError):
        return Status.ERROR, ExitCode.INSUFFICIENT_PRIVILEGE, reason
    if isinstance(error, FileNotFoundError):
        return Status.NOT_INSTALLED, ExitCode.NOT_INSTALLED, f"{reason} (is its interpreter, the first line, there?)"
    return Status.ERROR, ExitCode.UNKNOWN_ERROR, reason


def _judged(
    request: OperationRequest, outcome: Outcome, result: Callable[[Status, int, str, str], OperationResult]
) -> OperationResult:
    said = exit_reason(outcome.stderr) or exit_reason(outcome.stdout)
    output = "".join(text if text.endswith("\n") else f"{text}\n" for text in (outcome.stdout, outcome.stderr) if text)
    if outcome.timed_out:
        reason = f"The {request.operation} did not end within {_seconds(request.timeout_ms)}"
        if outcome.code is None:
            reason += " and cannot be killed"
        return result(Status.TIMEOUT, ExitCode.UNKNOWN_ERROR, f"{reason}: {said}" if said else reason, output)
    assert outcome.code is not None, "only what was killed in vain has no exit code"
    if outcome.code < 0:
        return result(Status.ERROR, ExitCode.UNKNOWN_ERROR, f"The agent was killed by signal {-outcome.code}", output)
    return result(Status.DONE, outcome.code, said, output)


def exit_reason(text: str) -> str:
    """The last reason that an agent gave in its output, empty if none."""
    lines = [line for line in text.splitlines() if line.startswith(_REASON_PREFIX)]
    return fit_line(lines[-1].removeprefix(_REASON_PREFIX), _LONGEST_REASON) if lines else ""


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:g} s"

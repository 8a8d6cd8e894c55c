"""Failover tests laid out for a terminal: fault by fault, what fails everywhere, expectations; or as a matrix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crm.failover_simulation import ExpectationVerdict, FaultEffect, FaultKind, FaultRun, PlacementChange, Simulator

_SYMBOLS = {FaultEffect.STAYS: "·", FaultEffect.FEWER: "↓", FaultEffect.RESTARTS: "↻", FaultEffect.UNPROMOTED: "!",
            FaultEffect.LOST: "✗"}
_LEGEND = "· untouched   ↓ fewer instances   ↻ restarted   →b moves to b   ▲b promoted on b   ! not promoted   ✗ lost"


def report_lines(simulator: Simulator, fault_runs: Sequence[FaultRun],
                 verdicts: Sequence[ExpectationVerdict]) -> list[str]:
    """The whole report."""
    lines = ["Before"]
    for name in simulator.resources:
        lines.append(f"  {name}: {_places(simulator, name)}")
    lines += [f"  Note: {note}" for note in simulator.notes]
    for fault_run in fault_runs:
        lines += ["", *_rehearsal(fault_run)]
    return [*lines, "", *_single_points(fault_runs), "", *_verdicts(verdicts)]


def _places(simulator: Simulator, name: str) -> str:
    return ", ".join(str(place) for place in simulator.before.get(name, ())) or "does not run"


def _rehearsal(fault_run: FaultRun) -> Iterator[str]:
    text = fault_run.fault.text
    notes = [f"{fault_run.steps} steps"]
    if fault_run.fenced:
        notes.append(f"{', '.join(fault_run.fenced)} fenced")
    if not fault_run.quorate:
        notes.append("without quorum")
    yield f"{text[0].upper()}{text[1:]} ({'; '.join(notes)})"
    told = [change for change in fault_run.changes if change.effect is not FaultEffect.STAYS]
    for change in told:
        yield f"  {_change(change)}"
        yield from (f"      {reason}" for reason in change.why)
    if not told:
        yield "  nothing changes"
    yield from (f"  Note: {note}" for note in fault_run.notes)


def _change(change: PlacementChange) -> str:
    before, after = _listed(change.before), _listed(change.after)
    match change.effect:
        case FaultEffect.LOST:
            return f"{change.resource} on {before} CANNOT RECOVER:"
        case FaultEffect.UNPROMOTED:
            return f"{change.resource} runs on {after}, but is PROMOTED NOWHERE:"
        case FaultEffect.MOVES:
            return f"{change.resource} {before or 'nowhere'} → {after}{_interrupted(change)}"
        case FaultEffect.RESTARTS:
            return f"{change.resource} restarts on {after}{_interrupted(change)}"
        case FaultEffect.FEWER:
            return f"{change.resource} goes on, on {after}{_interrupted(change)}"
        case FaultEffect.STAYS:
            return f"{change.resource} stays on {after}"


def _listed(places: Sequence[object]) -> str:
    return ", ".join(str(place) for place in places)


def _interrupted(change: PlacementChange) -> str:
    if change.interruption_ms is None:
        return ""
    if change.interruption_ms == 0:
        return ", no interruption"
    about = "about" if change.measured else "at most"
    return f", interrupted {about} {change.interruption_ms / 1000:g} s"


def _single_points(fault_runs: Sequence[FaultRun]) -> Iterator[str]:
    """Single faults after which something does not recover, with the first reason."""
    found = [each for each in fault_runs if each.lost and each.fault.kind is not FaultKind.PAIR]
    if not found:
        yield "No single point of failure among the faults that were tried"
        return
    yield "Single points of failure"
    for each in found:
        names = ", ".join(change.resource for change in each.lost)
        verb = "does" if len(each.lost) == 1 else "do"
        yield f"  {each.fault.name}: {names} {verb} not recover: {_first_reason(each.lost[0])}"


def _first_reason(change: PlacementChange) -> str:
    """Why the first thing that is lost is lost, on one line; for the rest see above."""
    reasons = [part.strip() for part in change.why]
    if not reasons:
        return "nobody knows why"
    return f"{reasons[0]} {'; '.join(reasons[1:])}".strip() if reasons[0].endswith(":") else "; ".join(reasons)


def _verdicts(verdicts: Sequence[ExpectationVerdict]) -> Iterator[str]:
    yield "Expectations"
    for verdict in verdicts:
        state = "ok  " if verdict.holds else "FAIL"
        untried = " (no fault of this kind was tried)" if not verdict.tried else ""
        yield f"  {state}  {verdict.text}{untried}"
        for fault, wrong in verdict.failures:
            yield f"          after {fault}: {wrong}"


def matrix_lines(simulator: Simulator, fault_runs: Sequence[FaultRun],
                 verdicts: Sequence[ExpectationVerdict]) -> list[str]:
    """One line for each fault, one column for each resource."""
    names = [name for name in simulator.resources if simulator.before.get(name)]
    rows = [(each.fault.name, [_cell(each.change(name)) for name in names]) for each in fault_runs]
    first = max([len(name) for name, _ in rows] + [len("before")])
    cells = [[_before(simulator, name) for name in names], *(row for _, row in rows)]
    widths = [max(len(name), *(len(row[column]) for row in cells)) for column, name in enumerate(names)]
    lines = [_row("", names, first, widths), _row("before", cells[0], first, widths)]
    lines += [_row(name, row, first, widths) for name, row in rows]
    return [*lines, "", _LEGEND, "", *_verdicts(verdicts)]


def _row(name: str, cells: Sequence[str], first: int, widths: Sequence[int]) -> str:
    parts = [f"{cell:{width}}" for cell, width in zip(cells, widths, strict=True)]
    return f"{name:{first}}  {'  '.join(parts)}".rstrip()


def _before(simulator: Simulator, name: str) -> str:
    places = simulator.before[name]
    promoted = [place.node for place in places if place.promoted]
    return f"▲{','.join(promoted)}" if promoted else ",".join(place.node for place in places)


def _cell(change: PlacementChange | None) -> str:
    if change is None:
        return "·"
    if change.effect is not FaultEffect.MOVES:
        return _SYMBOLS[change.effect]
    new = set(change.after) - set(change.before)
    promoted = sorted(place.node for place in new if place.promoted)
    return f"▲{','.join(promoted)}" if promoted else f"→{','.join(sorted(place.node for place in new))}"

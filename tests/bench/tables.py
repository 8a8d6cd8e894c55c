"""Printing figures: a heading, aligned columns, minimum, median and maximum."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterable, Sequence


def heading(name: str, title: str) -> None:
    load = os.getloadavg()[0]
    print(f"\n{name}: {title}\n({os.cpu_count()} cores, load {load:.1f} before)\n", flush=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    texts = [[str(cell) for cell in row] for row in (columns, *rows)]
    widths = [max(len(row[place]) for row in texts) for place in range(len(columns))]
    for row in texts:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        print("  " + "  ".join(cells), flush=True)


def spread(name: str, values: Sequence[float], digits: int = 0) -> tuple[str, ...]:
    """A row: name, minimum, median, maximum."""
    if not values:
        return (name, "-", "-", "-")
    figures = (min(values), statistics.median(values), max(values))
    return (name, *(f"{figure:.{digits}f}" for figure in figures))

"""The display as a page for browsers: the sections of the text, readable on a wall and on a telephone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from crm.cli.monitor.situation import Situation
from crm.cli.monitor.text import sections_of, summary_lines
from crm.cli.monitor.view import MonitorSection, MonitorView
from crm.cli.pacemaker.status_text import maintenance_lines

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1c2430; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin: 1.6rem 0 .3rem; border-bottom: 1px solid #d4dae3; }
ul { list-style: none; margin: 0; padding-left: 1.2rem; } li { white-space: pre-wrap; }
.bad { color: #b3261e; font-weight: 600; } .good { color: #1a7f37; } .warning { background: #fff3cd; padding: .6rem; }
@media (prefers-color-scheme: dark) { body { background: #12161c; color: #dde3ea; } .warning { background: #4a3b00; } }
"""
_BAD = ("FAILED", "OFFLINE", "UNCLEAN", "Stopped", "blocked", "WITHOUT quorum", "NONE", "returned", "could not be")
_GOOD = ("Started", "Promoted", "Online", "online")


def monitor_html(situation: Situation, view: MonitorView, title: str = "Cluster status", refresh_s: int = 0) -> str:
    """The whole page; `refresh_s`: have the browser fetch it again after so many seconds."""
    return "\n".join(_page(situation, view, title, refresh_s)) + "\n"


def _page(situation: Situation, view: MonitorView, title: str, refresh_s: int) -> Iterator[str]:
    yield '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width">'
    if refresh_s:
        yield f'<meta http-equiv="refresh" content="{refresh_s}">'
    yield f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>"
    summary = [f"* {line}" for line in summary_lines(situation, view)]
    if summary:
        yield from _section("Cluster Summary", summary)
    if view.has(MonitorSection.MAINTENANCE) and (warning := maintenance_lines(situation.cluster)):
        yield f'<p class="warning">{escape(" ".join(line.strip(" *") for line in warning))}</p>'
    for heading, items in sections_of(situation, view):
        yield from _section(heading, items)
    yield "</body></html>"


def _section(heading: str, items: Iterable[str]) -> Iterator[str]:
    yield f"<h2>{escape(heading)}</h2>"
    depth = 0
    for item in items:
        text = item.lstrip()
        wanted = (len(item) - len(text)) // 2 + 1
        # Lists within lists belong to the item above them.
        close = "</li></ul>" * max(depth - wanted, 0) + ("</li>" if wanted <= depth else "")
        yield close + "<ul>" * max(wanted - depth, 0) + f"<li{_mark(text)}>{escape(text.removeprefix('* '))}"
        depth = wanted
    yield "</li></ul>" * depth


def _mark(text: str) -> str:
    if any(word in text for word in _BAD):
        return ' class="bad"'
    return ' class="good"' if any(word in text for word in _GOOD) else ""

"""From a request to what is shown, for the daemon and for `crm_mon` on a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from crm.api.resources.monitor_routes import MonitorFormat
from crm.cli.monitor.html import monitor_html
from crm.cli.monitor.simple import monitor_line
from crm.cli.monitor.situation import Live, Situation
from crm.cli.monitor.text import monitor_text
from crm.cli.monitor.view import MonitorView
from crm.cli.monitor.xml import monitor_xml

_WRITERS: dict[str, Callable[[Situation, MonitorView], str]] = {
    "text": monitor_text, "xml": monitor_xml, "html": monitor_html, "simple": monitor_line}


def show(situation: Situation, view: MonitorView) -> str:
    """The display in the format of the view."""
    return _WRITERS[view.format](situation, view)


def display(stack: str) -> Callable[[MonitorFormat, Mapping[str, str]], str]:
    """What a daemon answers; `stack` is its message layer. What it makes raises ViewError, a ValueError."""

    def answer(shown: MonitorFormat, query: Mapping[str, str]) -> str:
        status, picture = shown.status, shown.picture
        live = Live(status.node, status.dc, status.term, status.quorate, stack, tuple(shown.fencings),
                    tuple(picture.reports(status)))
        return show(Situation(picture.document, picture.cluster, live), MonitorView.of_query(query))

    return answer

"""A node that starts without the others, in a cluster where one of two is enough: for whom it waits, and how that ends.

The other one may be running everything, with newer changes, behind a link that is cut. So such a node counts as one
without quorum until it has seen the other once (`QuorumRule.wait_for_all`) and has its CIB (`Core.see`). A person who
has made sure that the other is off may say so.
"""

from __future__ import annotations

from collections.abc import Callable

from crm.controller.core import Core
from crm.controller.events import FencingRequested
from crm.model.report import Report, Severity

CONFIRM = "confirm"


class LoneStart:
    """One node's view of it. `quorum_changed`: the view of before counts otherwise now."""

    def __init__(self, core: Core, quorum_changed: Callable[[], None]) -> None:
        self._core = core
        self._quorum_changed = quorum_changed

    def reports(self) -> tuple[Report, ...]:
        """Whom this node waits for; nothing if the cluster has not begun yet, which is said elsewhere."""
        core = self._core
        founding = core.hard_state.nodes is not None and core.hard_state.nodes.all_at_first
        if not core.waits_for or founding:
            return ()
        names = ", ".join(core.waits_for)
        return (Report(Severity.WARNING, "started-alone", core.me.name,
                       f"It has started without {names}, which may be running everything with newer changes: "
                       f"until they have met, this counts as no quorum",
                       f"Boot {names}: that loses nothing. Where that cannot be, make sure that it is off, and say so: "
                       f"crmctl confirm {core.waits_for[0]}. What it alone has changed since they last met, "
                       "configuration and data of its services, is lost then"),)

    def requested(self, event: FencingRequested) -> None:
        """A person says that a node is off: it need not be waited for."""
        core = self._core
        if event.action != CONFIRM or event.target not in core.waits_for:
            return
        core.log("warning", f"{event.origin.user or 'somebody'} says that {event.target} is off: {core.me.name} goes "
                 f"on without having seen it; what {event.target} alone has changed since they last met, "
                 "configuration and data of its services, is lost")
        core.said_off.add(event.target)
        core.see(core.view)
        core.changed("members")
        self._quorum_changed()

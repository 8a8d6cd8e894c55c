"""A node that may be counted as lost ends itself in time: others rely on it.

Two cases. `no-quorum-policy=fence` (older word: suicide): a node that had quorum and has lost it ends at once. With
`fencing-watchdog-timeout` set, the others take a lost node as dead after that time: one whose quorum does not come back
within half of it ends itself, so that the other half is left for what takes its time. Not here: that the daemon itself
hangs, which its supervisor notices.

Source: Pacemaker Explained, "Cluster Options" (`no-quorum-policy`, `fencing-watchdog-timeout`).
"""

from __future__ import annotations

from crm.cib.queries import cluster_option
from crm.controller.commands import FenceSelf
from crm.controller.core import Core
from crm.controller.parts import Part
from crm.model.values import interval_ms

TIMER = "self-protection"


class SelfProtection(Part):
    """One node's watch over itself. `watchdog`: whether others may rely on it."""

    def __init__(self, core: Core, watchdog: bool) -> None:
        self._core = core
        self._watchdog = watchdog
        self._had_quorum = False

    def view_changed(self) -> None:
        """Quorum may have come or gone."""
        core = self._core
        if core.view.quorate:
            self._had_quorum = True
            core.cancel_timer(TIMER)
            return
        if not self._had_quorum:
            return
        if (cluster_option(core.document, "no-quorum-policy") or "").lower() in ("fence", "suicide"):
            core.emit(FenceSelf("quorum is lost, and no-quorum-policy asks for it"))
        elif self._relied_on_ms() > 0:
            core.set_timer(TIMER, self._relied_on_ms() / 2000)

    def timer(self) -> None:
        """Half of the time is over."""
        if not self._core.view.quorate and self._relied_on_ms() > 0:
            self._core.emit(FenceSelf("there was no quorum for half of fencing-watchdog-timeout"))

    def _relied_on_ms(self) -> int:
        """After which time the others take this node as dead; 0 if they do not."""
        if not self._watchdog:
            return 0
        option = cluster_option(self._core.document, "fencing-watchdog-timeout", "stonith-watchdog-timeout")
        return interval_ms(option)

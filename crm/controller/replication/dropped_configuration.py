"""What a node had and the cluster has not: told, with the way back.

A node that was apart, or a DC that was cut off, may have changed the configuration alone. When it is back the CIB of
the present DC takes the place of its own: that is right, but nobody should have to find out by themselves. Each leader
tells what it found when it took office (`base`); who has more than that of the same term, or of a later one, had
something that this leader never knew.
"""

from __future__ import annotations

from crm.cib.version import CibVersion
from crm.controller.core import Core, configuration_version
from crm.controller.protocol.messages import JoinOffer
from crm.model.report import Report, Severity

MOST = 3


class DroppedConfiguration:
    """What was dropped on one node since its daemon started, until a cleanup."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._reports: tuple[Report, ...] = ()

    def look(self, sender: str, welcome: JoinOffer) -> None:
        """Before a leader's CIB is taken: is there anything that it does not have?"""
        core = self._core
        if welcome.cib is None or welcome.base is None or not self._has_more(welcome):
            return
        version, root = core.document.version, core.document.root
        written = f" (written {root.get('cib-last-written')} by {root.get('update-user') or 'the cluster'})"
        message = (f"{core.me.name} had configuration {version} of term {core.hard_state.cib_term}"
                   f"{written if root.get('cib-last-written') else ''}, which the cluster that {sender} leads "
                   f"never had: that one's, of term {welcome.cib_term}, took its place")
        core.log("warning", message)
        report = Report(Severity.WARNING, "configuration-replaced", core.me.name, message,
                        f"It is kept on {core.me.name}, in the newest cib-*.xml of its state folder: look whether "
                        "anything of it is still wanted. crmctl cleanup ends this message")
        self._reports = (*self._reports, report)[-MOST:]

    def forget(self) -> None:
        """Somebody has taken note."""
        self._reports = ()

    def reports(self) -> tuple[Report, ...]:
        """What people must know."""
        return self._reports

    def _has_more(self, welcome: JoinOffer) -> bool:
        core = self._core
        own, term = configuration_version(core.document.version), core.hard_state.cib_term
        if term in (0, welcome.cib_term) or welcome.base is None:
            return False
        *base, base_term = welcome.base
        new = configuration_version(CibVersion(*welcome.version))
        return own > new or (term >= base_term and own > tuple(base))

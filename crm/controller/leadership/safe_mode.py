"""Safe mode: a daemon that ended several times by its own mistake comes back and begins nothing.

What runs goes on and is monitored, clients are served, and changes are taken, so that the one that led here can be
undone. As DC such a node makes no transitions, and it becomes DC only where no other node can.

It ends with a configuration that is newer than the one under which the last mistake was made, with a cleanup, after
`LIMIT_S`, and with a start of the daemon by hand (which is `crm.daemon.crash_records`' to know). It is a state of one
node.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crm.controller.core import Core, configuration_version
from crm.controller.parts import Part
from crm.model.report import Report, Severity

TIMER = "safe-mode"
LIMIT_S = 900.0
WAY_OUT = ("Undo the change that led here (crmctl history undo), or, if its cause is mended: crmctl cleanup. It ends "
           "by itself after 15 minutes. The log has the traceback; please report it")


@dataclass(frozen=True, slots=True)
class SafeModeCause:
    """Why a daemon starts in safe mode: the last mistake, and under which configuration (admin_epoch, epoch)."""

    text: str
    configuration: tuple[int, int]


class SafeMode(Part):
    """One node's. `over()` is called when it has ended."""

    def __init__(self, core: Core, cause: SafeModeCause | None, over: Callable[[], None]) -> None:
        self._core = core
        self._cause = cause
        self._over = over
        core.safe_mode = cause is not None

    @property
    def cause(self) -> str:
        """The mistake that led here; empty if this node is not in safe mode."""
        return self._cause.text if self._cause is not None else ""

    def begin(self) -> None:
        """The daemon is up."""
        if self._cause is not None:
            self._core.log("error", f"{self._core.me.name} is in safe mode and begins nothing: {self.cause}. {WAY_OUT}")
            self._core.set_timer(TIMER, LIMIT_S)

    def look(self) -> None:
        """The CIB may have another configuration than the one that led here."""
        if self._cause is None:
            return
        if configuration_version(self._core.document.version) > self._cause.configuration:
            self.end("the configuration is newer than the one under which the mistake was made")

    def try_again(self) -> None:
        """Somebody has looked into it."""
        self.end("a cleanup was asked for")

    def timer(self) -> None:
        """Enough time has passed for another try."""
        self.end("it has lasted long enough for another try")

    def end(self, why: str) -> None:
        """Begin transitions again."""
        core = self._core
        if self._cause is None:
            return
        self._cause, core.safe_mode = None, False
        core.cancel_timer(TIMER)
        core.log("notice", f"{core.me.name} leaves safe mode: {why}")
        core.changed("members")
        self._over()

    def reports(self) -> tuple[Report, ...]:
        """What people must know."""
        if self._cause is None:
            return ()
        name = self._core.me.name
        return (Report(Severity.ERROR, "safe-mode", name,
                       f"{name} is in safe mode: as DC it starts, stops and moves nothing, because its daemon ended "
                       f"again and again by a mistake of its own: {self.cause}", WAY_OUT),)


def of_others(names: list[str]) -> tuple[Report, ...]:
    """What people must know of members that have said that they are in safe mode."""
    return tuple(Report(Severity.WARNING, "safe-mode", name, f"{name} is in safe mode after mistakes of its daemon",
                        f"See the cause: crmctl status at {name}") for name in names)

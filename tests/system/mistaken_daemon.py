"""`crmd` with a mistake in it: a plan that starts a resource called `poison` cannot be dispatched. For tests only."""

from __future__ import annotations

import sys

from crm.cib.document import Document
from crm.cli import crmd
from crm.controller.execution.transition_runner import TransitionRunner
from crm.model.transition import Transition

_start = TransitionRunner.start


def _mistaken(self: TransitionRunner, transition: Transition, document: Document, planned_at: int) -> bool:
    if document.root.find(".//primitive[@id='poison']") is not None:
        raise ValueError("an evil value")
    return _start(self, transition, document, planned_at)


TransitionRunner.start = _mistaken  # type: ignore[method-assign]

if __name__ == "__main__":
    sys.exit(crmd.main())

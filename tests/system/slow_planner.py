"""`crmd` whose plans hold the interpreter for seconds if there is a resource `slow`. For tests only."""

from __future__ import annotations

import sys
import time

from crm import policy_engine
from crm.cli import crmd
from crm.model.cib import Cib
from crm.model.transition import Transition
from crm.policy_engine import scheduling

TAKES_S = 2.5
_schedule = scheduling.schedule


def _slowly(cib: Cib, now: int) -> Transition:
    end = time.monotonic() + TAKES_S
    while any(resource.id == "slow" for resource in cib.resources) and time.monotonic() < end:
        # One call of C, which lets no other thread of its process have a turn.
        sum(range(40_000_000))
    return _schedule(cib, now)


scheduling.schedule = _slowly
policy_engine.schedule = _slowly  # type: ignore[attr-defined]

if __name__ == "__main__":
    sys.exit(crmd.main())

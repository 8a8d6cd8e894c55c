"""What is done with a resource, in a word: for the API's answers as for what the planner knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PENDING_STATES = {
    "start": "Starting",
    "stop": "Stopping",
    "migrate_to": "Migrating",
    "migrate_from": "Migrating",
    "promote": "Promoting",
    "demote": "Demoting",
}


def state_word(resource: Mapping[str, Any]) -> str:
    """The state of a resource as the API answers it: what is done with it now, else its role."""
    return PENDING_STATES.get(resource.get("under_way", ""), str(resource["role"]))

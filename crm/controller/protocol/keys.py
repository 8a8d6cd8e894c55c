"""Names of the field: transition keys, operation keys, ids of history entries, failure attributes."""

from __future__ import annotations

from dataclasses import dataclass

LAST_FAILURE = "last-failure-"
"""How names of attributes begin that tell when something failed last."""
FAILURES = ("fail-count-", LAST_FAILURE)


@dataclass(frozen=True, slots=True)
class TransitionKey:
    """`ACTION:TRANSITION:TARGET_RC:UUID`: which action of whose transition an operation was run for."""

    action: int
    transition: int
    target_rc: int
    uuid: str

    def __str__(self) -> str:
        return f"{self.action}:{self.transition}:{self.target_rc}:{self.uuid}"

    @classmethod
    def parse(cls, text: str) -> TransitionKey | None:
        """The key in that text, None if it is none."""
        parts = text.split(":", 3)
        try:
            return cls(int(parts[0]), int(parts[1]), int(parts[2]), parts[3])
        except (ValueError, IndexError):
            return None


def operation_key(resource: str, operation: str, interval_ms: int) -> str:
    """`RESOURCE_OPERATION_INTERVAL`."""
    return f"{resource}_{operation}_{interval_ms}"


def failure_attributes(resource: str, operation: str, interval_ms: int) -> tuple[str, str]:
    """Names of the transient attributes that count failures and tell the last one's time."""
    suffix = f"{resource}#{operation}_{interval_ms}"
    return f"fail-count-{suffix}", f"{LAST_FAILURE}{suffix}"

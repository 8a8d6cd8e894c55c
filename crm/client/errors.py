"""What can go wrong between a client and a cluster."""

from __future__ import annotations

from collections.abc import Mapping


class ApiError(Exception):
    """Any of them."""


class Unreachable(ApiError):  # noqa: N818 - the word of the field
    """No node could be reached, so nothing was done. `reasons`: why, by place."""

    def __init__(self, reasons: Mapping[str, OSError]) -> None:
        said = "; ".join(f"{place}: {error.strerror or error}" for place, error in reasons.items())
        super().__init__(f"No node answers ({said})")
        self.reasons = dict(reasons)


class NoAnswer(ApiError):  # noqa: N818
    """A node took the request and then said nothing that makes sense: what was asked for may have been done, or not."""


class Frozen(NoAnswer):
    """A node takes connections and answers nothing, not even whether it lives: its daemon is stopped, or hangs."""


class Problem(ApiError):  # noqa: N818 - as RFC 9457 names it
    """The cluster's refusal. `code` is stable; `members` is all that was said."""

    def __init__(self, status: int, members: Mapping[str, object]) -> None:
        self.status = status
        self.members = dict(members)
        self.code = str(members.get("code", ""))
        self.detail = str(members.get("detail", ""))
        self.next_step = str(members.get("next_step", ""))
        super().__init__(f"{self.detail}. {self.next_step}" if self.next_step else self.detail)

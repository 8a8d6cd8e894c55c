"""The error of a request that was not carried out: one for all that is asked of a daemon."""

from __future__ import annotations


class RequestRefused(Exception):  # noqa: N818 - the word that the interface promises
    """A request was not carried out. `code` is stable (stale-version, no-quorum, no-dc, outcome-unknown, …)."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

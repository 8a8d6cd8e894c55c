"""Lists in pages: `?limit=` so many entries, `?after=` the last one seen. Without a limit a list comes whole.

A page begins after an entry, not at a number, so nothing is skipped or told twice because something else came or went
meanwhile. The `Link` header (RFC 8288) holds the address of the next page; on the last one there is none. Where a list
is put together from what several nodes have kept, `Crmd-Missing` names those whose part is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Query, Request, Response

from crm.api.middleware.problems import ProblemError
from crm.api.service import PeerSilence

LARGEST = 1000
MISSING = "Crmd-Missing"
HEADERS = {
    "Link": "with rel=next the address of the next page, if there is one (RFC 8288)",
    MISSING: "nodes whose part of the list is missing, because they are not here or do not answer",
}

_Entry = TypeVar("_Entry")


class Page:
    """The part of a list that a request asks for."""

    def __init__(
        self,
        request: Request,
        response: Response,
        limit: Annotated[int | None, Query(ge=1, le=LARGEST, description="at most so many entries")] = None,
        after: Annotated[str | None, Query(description="only what comes after this entry; see the header Link")] = None,
    ) -> None:
        self._request = request
        self._response = response
        self._limit = limit
        self._after = after

    @property
    def headers(self) -> dict[str, str]:
        """For routes that make their response themselves: what `of` has to say beside the entries."""
        return dict(self._response.headers)

    def of(self, entries: Sequence[_Entry], key: Callable[[_Entry], str],
           missing: Sequence[PeerSilence] = ()) -> list[_Entry]:
        """The entries on the page; `key` tells what an entry is called. Raises ProblemError (no-such-object)."""
        if missing:
            self._response.headers[MISSING] = ", ".join(each.node for each in missing)
        begin = 0
        if self._after is not None:
            known = [key(entry) for entry in entries]
            if self._after not in known:
                raise ProblemError("no-such-object", f"There is no entry {self._after} (any more) to go on after",
                                   "Begin again without after")
            begin = known.index(self._after) + 1
        page = list(entries[begin : None if self._limit is None else begin + self._limit])
        if page and begin + len(page) < len(entries):
            self._response.headers["Link"] = f'<{self._address(key(page[-1]))}>; rel="next"'
        return page

    def _address(self, after: str) -> str:
        query = [(name, value) for name, value in self._request.query_params.multi_items() if name != "after"]
        return f"{self._request.url.path}?{urlencode([*query, ('after', after)])}"


Paging = Annotated[Page, Depends()]

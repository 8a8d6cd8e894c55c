"""A client for the REST API, typed, for programs that watch or run a cluster. Standard library only, quick to import.

    asynchronous  the client that awaits: the same as `crm.client.sync`, on asyncio's streams
    calls         what can be asked of a cluster: each a function that makes a `Call`, for `Client.do` and
                  `AsyncClient.do` alike
    errors        what can go wrong between a client and a cluster
    events        server-sent events, taken apart line by line; shared by both clients
    http          HTTP as far as one request and one answer go: places, bytes out, bytes in
    objects       the calls for configured objects: for every kind the same six, with its own shape
    paging        long lists, page by page: the request for the first page, and for the one after an answer
    shapes        the shapes of configured objects as `TypedDict`s, for `crm.client.objects`
    sync          the client that waits: plain sockets, one connection for each question
    values        the shapes of answers as `TypedDict`s: what the OpenAPI document says, for type checkers

Without a place it asks the daemon of this machine over its unix socket. `AsyncClient` is the same with `await`. What
can be asked stands in `calls`, once for both; what comes back is described in `values`. A node that does not answer is
passed over for the next one. The command-line tools speak through `http` and `sync`, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crm.client.asynchronous import AsyncClient
    from crm.client.errors import ApiError, Problem, Unreachable
    from crm.client.events import Event
    from crm.client.sync import Client

__all__ = ["ApiError", "AsyncClient", "Client", "Event", "Problem", "Unreachable"]

_HOMES = {"Client": "sync", "AsyncClient": "asynchronous", "ApiError": "errors", "Problem": "errors",
          "Unreachable": "errors", "Event": "events"}


def __getattr__(name: str) -> object:
    """Only what is used is loaded: the tools start often, and need little of this."""
    if name not in _HOMES:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"crm.client.{_HOMES[name]}"), name)

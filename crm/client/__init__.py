"""A client for the REST API, typed, for programs that watch or run a cluster. Standard library only, quick to import.

    from crm.client import Client, calls

    with Client("https://node1:8080", "https://node2:8080", token=TOKEN, ca_file="ca.pem") as cluster:
        print(cluster.do(calls.cluster())["dc"])
        cluster.do(calls.standby("node1"))
        for event in cluster.events(kinds=["operation"]):
            print(event.name, event.value)

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

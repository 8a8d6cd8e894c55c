"""The API's sockets. The unix socket is needed; a TCP port that somebody else holds keeps no node out of the cluster.

It is tried again until it is free, and status says so meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

from crm.daemon.settings import ApiSettings
from crm.messaging import LayerError
from crm.messaging.addresses import bound
from crm.model.report import Report, Severity

log = logging.getLogger("crm.daemon")

RETRY_S = 2.0


class ApiSockets:
    """Those of one node, `unix` bound at once. Raises LayerError (cannot-listen)."""

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings
        self.problem = ""
        """Why the TCP port is not served, if it is not."""
        self.unix = _unix_socket(settings.socket, settings.admin_group)

    def close(self) -> None:
        """The unix socket is gone; who serves the TCP port closes that."""
        self.unix.close()
        self._settings.socket.unlink(missing_ok=True)

    async def serve_port(self, serve: Callable[[socket.socket], None]) -> None:
        """Call `serve` with the TCP socket as soon as it can be had; at once if there is nothing in the way."""
        while (listening := self._bound()) is None:
            await asyncio.sleep(RETRY_S)
        serve(listening)

    def reports(self) -> tuple[Report, ...]:
        """What people must know."""
        if not self.problem:
            return ()
        return (Report(Severity.WARNING, "api-port", "api.port", f"The API is served on the unix socket only: "
                       f"{self.problem}", "Free the port, which is tried again, or set api.port to another one "
                       "(0: none) and restart crmd"),)

    def _bound(self) -> socket.socket | None:
        try:
            found = bound(self._settings.host, self._settings.port)
        except OSError as error:
            problem = f"it cannot listen on {self._settings.host} port {self._settings.port}: {error.strerror or error}"
            if problem != self.problem:
                log.error("the API is served on the unix socket only: %s; it is tried again", problem)
            self.problem = problem
            return None
        if self.problem:
            log.info("the API is served on %s port %d from now on", self._settings.host, self._settings.port)
        self.problem = ""
        return found


def _unix_socket(path: Path, group: str) -> socket.socket:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.bind(str(path))
        path.chmod(0o660)
        with contextlib.suppress(LookupError, PermissionError):
            shutil.chown(path, group=group)  # a host without the group serves root alone
    except OSError as error:
        raise LayerError("cannot-listen", f"the API socket {path} cannot be made: {error.strerror or error}",
                         "set api.socket to a short path in a folder that crmd may write") from None
    made.listen(128)
    return made

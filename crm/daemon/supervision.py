"""The message layer's listening socket outlives the daemon: it is lent to the process that watches over it.

That is how the other nodes tell a killed daemon, whose machine lives and whose services go on, from a lost node: a
connection to the former is accepted and waits for the next daemon, one to the latter is refused. The watching process
(`crm.cli.daemon.supervisor`) names the socket to lend it through in `CRMD_SUPERVISOR`, and what it holds in
`CRMD_LISTENING`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable

from crm.messaging import NodeAddress
from crm.messaging.addresses import bound
from crm.messaging.layer import listen_error

FENCED_SELF = 113
"""A daemon that ends with this status wants everything of its node ended, at once, and not to be started again."""
MISTAKE = 70
"""A daemon that ends with this status has made a mistake of its own, and is started again like one that was killed."""
SUPERVISOR = "CRMD_SUPERVISOR"
LISTENING = "CRMD_LISTENING"
WATCHDOG = "CRMD_WATCHDOG"
"""Names the pipe through which the daemon says that its event loop turns; see `watchdog_ms`."""
RESTARTED = "CRMD_RESTARTED"
"""Set for a daemon that follows another one of the same watching process: nobody has started it by hand."""


def listening_socket(node: NodeAddress) -> socket.socket | None:
    """The node's listening socket, if somebody watches over this daemon. Raises LayerError (port-in-use)."""
    inherited = os.environ.pop(LISTENING, None)
    if inherited is not None:
        return socket.socket(fileno=int(inherited))
    lender = os.environ.pop(SUPERVISOR, None)
    if lender is None:
        return None
    listening = _listen(node)
    with socket.socket(fileno=int(lender)) as channel:
        socket.send_fds(channel, [b"listening"], [listening.fileno()])
    return listening


def take_signals(leave: Callable[[], None]) -> None:
    """Call `leave` for each SIGTERM and SIGINT, also for those that came while the daemon was starting.

    The supervisor blocks them in a daemon that starts, so that none is lost and none kills it.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leave)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))


def feed_watchdog(limit_ms: int) -> None:
    """From now on say, four times within the limit, that the event loop of this daemon turns."""
    pipe = os.environ.pop(WATCHDOG, None)
    if pipe is None or limit_ms <= 0:
        return
    descriptor, loop = int(pipe), asyncio.get_running_loop()

    def feed() -> None:
        with contextlib.suppress(OSError):
            os.write(descriptor, b".")
        loop.call_later(limit_ms / 4000, feed)

    feed()


def _listen(node: NodeAddress) -> socket.socket:
    try:
        return bound(node.host, node.port)
    except OSError as error:
        raise listen_error(node, error) from None

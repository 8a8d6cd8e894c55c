"""The daemon's side of being supervised: hand the listening socket over, and die with the supervisor."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
from pathlib import Path
from typing import NoReturn

from crm.messaging import NodeAddress
from crm.messaging.layer import listen_error

_LISTENING = "CRMD_LISTENING"
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def listening_socket(node: NodeAddress) -> socket.socket:
    """The message layer's socket: the one that the supervisor holds, or a new one that it will hold from now on.

    Returns in the daemon's process; the process that called becomes its supervisor. Raises LayerError (port-in-use).
    """
    inherited = os.environ.pop(_LISTENING, None)
    if inherited is not None:
        _die_with_parent()
        listening = socket.socket(fileno=int(inherited))
        listening.set_inheritable(False)
        return listening
    listening = _listen(node)
    child = os.fork()
    if child != 0:
        _become_supervisor(listening, child)
    _die_with_parent()
    return listening


def _become_supervisor(listening: socket.socket, child: int) -> NoReturn:
    """Shed all that the daemon has loaded, and watch over it."""
    os.set_inheritable(listening.fileno(), True)
    # What agents leave running becomes the supervisor's child, so a node is one tree of processes. Kept across execv.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    program = str(Path(__file__).with_name("supervisor.py"))
    command = [sys.executable, *sys.orig_argv[1:]]
    os.execv(sys.executable, [sys.executable, "-I", "-S", program, str(listening.fileno()), str(child), *command])


def _listen(node: NodeAddress) -> socket.socket:
    family = socket.AF_INET6 if ":" in node.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((node.host, node.port))
        listening.listen(100)
    except OSError as error:
        listening.close()
        raise listen_error(node, error) from None
    return listening


def _die_with_parent() -> None:
    """Linux: be killed when the supervisor is. Keys typed at a terminal reach us through the supervisor only."""
    os.setpgid(0, 0)
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)

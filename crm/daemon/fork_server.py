"""Makes workers: a small process, forked off before the daemon had threads, sockets or secrets, that forks again.

A worker is there within milliseconds, with the policy engine loaded, and shares most of its memory with the daemon. A
daemon that runs cannot fork itself: its threads and sockets would be half there in the child. A fork server that dies
is followed by one that is started as a program, which takes longer and shares less, but does the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import pickle
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable

from crm.daemon.worker import Worker, WorkerError, used_s
from crm.daemon.worker_process import Servant, flush, keep_only, serve, settle_in
from crm.keeper.parent_death import die_with

_ID = struct.Struct("!i")
_REQUEST_BYTES = 4096
_FATE = b"fate"
"""Begins a question for how a worker has ended; other requests are pickles."""
_FATE_S = 1.0
_FATES = 100
_STARTS_WITHIN_S = 20.0
"""It loads much before it serves, which takes a second where processors are free."""
_LIMIT_S = 3.0
"""One that has served before, and has made no worker for so long, stands still: it is replaced."""
_STREAM = (socket.AF_UNIX, socket.SOCK_STREAM)


class ForkServer:
    """The daemon's handle. Until `begin` or the first worker there is no process."""

    def __init__(self) -> None:
        self._control: socket.socket | None = None
        self.process_id = 0
        self._workers: list[Worker] = []
        self._closed = False
        # The workers are made in threads, as that may take a while.
        self._turn = threading.Lock()

    def begin(self) -> None:
        """Fork off. Only for a process that has one thread, and as yet nothing that must not be shared."""
        ours, theirs = socket.socketpair(*_STREAM)
        parent = os.getpid()
        flush()
        # What is there now stays: looking through it for cycles would only make pages that are not shared any more.
        gc.freeze()
        child = os.fork()
        if child == 0:
            _in_child(lambda: _serve_forks(theirs, parent))
        self._adopt(ours, theirs, child)

    async def worker(self, servant: Callable[[], Servant], title: str) -> Worker:
        """A new process with a servant of its own; `servant` is made in there. Raises WorkerError."""
        return await asyncio.to_thread(self._make, pickle.dumps((servant, title)))

    def used_s(self) -> float:
        """Processor seconds that all these processes have used until now."""
        self._workers = [each for each in self._workers if each.alive]
        return used_s(self.process_id, with_children=True) + sum(each.used_s() for each in self._workers)

    def close(self) -> None:
        """End all of them, also while one is being made."""
        self._closed = True
        for worker in self._workers:
            worker.close()
        self._end()

    def _make(self, request: bytes) -> Worker:
        with self._turn:
            try:
                worker = self._forked(request)
            except OSError:
                worker = self._forked_anew(request)
            self._workers = [*(each for each in self._workers if each.alive), worker]
            return worker

    def _forked_anew(self, request: bytes) -> Worker:
        """The same from another fork server. Raises WorkerError."""
        self._end()
        try:
            if self._closed:
                raise OSError("the daemon ends")
            self._start_program()
            return self._forked(request)
        except OSError as error:
            self._end()
            raise WorkerError(f"no process could be started for it: {error}",
                              "See whether this node has memory and processes left (journalctl -k); or ask another node"
                              ) from None

    def _forked(self, request: bytes) -> Worker:
        if self._control is None:
            raise OSError("there is no fork server")
        ours, theirs = socket.socketpair(*_STREAM)
        with theirs:
            try:
                socket.send_fds(self._control, [request], [theirs.fileno()])
                answer, handles, _, _ = socket.recv_fds(self._control, _ID.size, 1)
                process_id = _ID.unpack(answer)[0]
                self._control.settimeout(_LIMIT_S)
                return Worker(process_id, handles[0], ours, lambda: self._fate(process_id))
            except (OSError, struct.error, IndexError) as error:
                ours.close()
                raise OSError(f"the fork server does not answer ({error})") from None

    def _fate(self, process_id: int) -> int | None:
        """How a worker has ended, as `os.waitpid` tells it; None if nobody knows."""
        with self._turn:
            if self._control is None:
                return None
            try:
                self._control.sendall(_FATE + _ID.pack(process_id))
                return _ID.unpack(self._control.recv(_ID.size))[0] or None
            except (OSError, struct.error):
                self._end()  # Its answers would not be told from those to come.
                return None

    def _start_program(self) -> None:
        ours, theirs = socket.socketpair(*_STREAM)
        theirs.set_inheritable(True)
        words = [sys.executable, "-P", "-m", "crm.daemon.fork_server", str(theirs.fileno()), str(os.getpid())]
        self._adopt(ours, theirs, os.posix_spawn(sys.executable, words, os.environ))

    def _adopt(self, ours: socket.socket, theirs: socket.socket, process_id: int) -> None:
        theirs.close()
        ours.settimeout(_STARTS_WITHIN_S)
        self._control, self.process_id = ours, process_id

    def _end(self) -> None:
        control, process_id, self._control, self.process_id = self._control, self.process_id, None, 0
        if control is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process_id, 0)
            control.close()


def _in_child(work: Callable[[], None]) -> None:
    """Do that, and never return to what the parent was doing."""
    try:
        work()
        flush()
    except BaseException:
        import traceback

        traceback.print_exc()
        flush()
        os._exit(1)
    os._exit(0)


def _serve_forks(control: socket.socket, parent: int) -> None:
    """The fork server itself: a request is a servant, with the socket it is to serve; the answer an id and a handle."""
    die_with(parent)
    keep_only(control)
    settle_in("crmd: makes planning processes")
    signal.signal(signal.SIGCHLD, _reap)
    _warm_up()
    gc.collect()
    gc.freeze()
    while True:
        request, channels, _, _ = socket.recv_fds(control, _REQUEST_BYTES, 1)
        if not request:
            return
        if request.startswith(_FATE):
            control.sendall(_ID.pack(_fate_of(_ID.unpack_from(request, len(_FATE))[0])))
            continue
        with socket.socket(fileno=channels[0]) as channel:
            child, handle = _fork(channel, request)
        socket.send_fds(control, [_ID.pack(child)], [handle])
        os.close(handle)


def _fork(channel: socket.socket, request: bytes) -> tuple[int, int]:
    """Make a worker: its id, and a handle that is nobody else's even when it has ended."""
    parent = os.getpid()
    # Nobody is reaped before there is a handle: the id could be somebody else's by then.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    try:
        child = os.fork()
        if child == 0:
            _in_child(lambda: _serve_one(channel, request, parent))
        return child, os.pidfd_open(child)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])


def _serve_one(channel: socket.socket, request: bytes, parent: int) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
    die_with(parent)
    keep_only(channel)
    servant, title = pickle.loads(request)
    settle_in(title)
    serve(channel, servant())


def _reap(_number: int, _frame: object) -> None:
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            _fates[ended[0]] = ended[1]
    for process_id in list(_fates)[:-_FATES]:
        del _fates[process_id]


_fates: dict[int, int] = {}
"""How the last workers have ended; in the fork server."""


def _fate_of(process_id: int) -> int:
    """Who has closed its socket has ended, or is about to."""
    end = time.monotonic() + _FATE_S
    while process_id not in _fates and time.monotonic() < end:
        time.sleep(0.01)
    return _fates.pop(process_id, 0)


def _warm_up() -> None:
    """Load what workers need, and what the first plan loads, by making one."""
    from crm.cib.document import Document
    from crm.policy_engine import schedule

    schedule(Document.parse(_TINY).model(), 0)


_TINY = """<cib admin_epoch="0" epoch="0" num_updates="0"><configuration><crm_config/><nodes><node id="1" uname="one"/>
</nodes><resources><primitive id="warm" class="ocf" provider="crmd" type="Dummy"><operations><op id="m" name="monitor"
interval="10s"/></operations></primitive></resources><constraints/></configuration><status><node_state id="1"
uname="one" in_ccm="true" crmd="online" join="member" expected="member"/></status></cib>"""


if __name__ == "__main__":
    _serve_forks(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))

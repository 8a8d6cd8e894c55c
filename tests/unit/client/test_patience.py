"""How long a client waits: seconds for a frozen daemon, as long as it takes for one that lives."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crm.cli.connection import CommandError, request
from crm.client import sync
from crm.client.errors import Frozen
from crm.client.http import HttpMessage, ServerPlace

LIVES = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync, "SILENCE_LIMIT_S", 0.2)


@contextmanager
def _daemon(path: Path, answers_after_s: float) -> Iterator[None]:
    """A daemon that says at once that it lives, and answers anything else after some time."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def serve(connection: socket.socket) -> None:
            with connection:
                head = connection.recv(1 << 16)
                if b"/v1/health/live" not in head:
                    time.sleep(answers_after_s)
                connection.sendall(LIVES)

        def accept() -> None:
            while True:
                try:
                    threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield


def test_a_daemon_that_lives_may_take_its_time(tmp_path: Path) -> None:
    with _daemon(tmp_path / "s", 1.0):
        assert sync.exchange([ServerPlace(str(tmp_path / "s"))], HttpMessage("GET", "/v1/tasks/1"), 10).body == b"ok"


def test_but_no_longer_than_was_said(tmp_path: Path) -> None:
    with _daemon(tmp_path / "s", 5.0), pytest.raises(TimeoutError):
        sync.exchange([ServerPlace(str(tmp_path / "s"))], HttpMessage("GET", "/v1/tasks/1"), 0.7)


LISTEN = ("import socket,sys,time; s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); print(); "
          "time.sleep(99)")


@pytest.mark.parametrize("size", [0, 4_000_000])
def test_a_frozen_daemon_is_given_up_in_time_with_the_reason(tmp_path: Path, size: int) -> None:
    path = str(tmp_path / "s")
    process = subprocess.Popen([sys.executable, "-u", "-c", LISTEN, path], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        os.kill(process.pid, signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(Frozen) as caught:
            sync.exchange([ServerPlace(path)], HttpMessage("PUT", "/v1/cib", body=b"x" * size), 60)
        assert str(caught.value) == f"{path} takes connections and answers nothing: process {process.pid} is stopped"
        with pytest.raises(CommandError) as told:
            request("GET", "/v1/cluster", via=path)
        assert "kill -CONT" in told.value.hint
        assert time.monotonic() - began < 5
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()

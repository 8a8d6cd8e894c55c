"""Starts a killed daemon again. A program of its own, with nothing imported, so that it costs next to no memory.

It holds the message layer's listening socket. That is how the other nodes tell a killed daemon, whose machine lives and
whose services go on, from a lost node: a connection to the former is accepted and waits, one to the latter is refused.
The daemon dies with its supervisor, so killing the supervisor is killing the node's software as a whole.

Called as: supervisor.py FD CHILD COMMAND…; it takes over the running child, and passes SIGTERM and SIGINT on to it.
"""

import os
import signal
import sys
import time

RESTARTS = 5
WITHIN_S = 60.0


class Supervisor:
    """One child, started again whenever a signal ended it that nobody sent through here."""

    def __init__(self, listening: int, child: int, command: list[str]) -> None:
        self.listening = listening
        self.child = child
        self.command = command
        self.asked = False
        self.restarts: list[float] = []

    def pass_on(self, number: int, frame: object) -> None:
        """A signal for the daemon."""
        self.asked = True
        os.kill(self.child, number)

    def run(self) -> int:
        """Watch until the daemon has ended for good; its exit status."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self.pass_on)
        while True:
            code = self.ended()
            if code >= 0:
                return code
            if self.asked or self.too_often():
                return 128 - code
            print(f"crmd: the daemon was ended by signal {-code}; starting it again", file=sys.stderr, flush=True)
            self.child = self.start()

    def ended(self) -> int:
        """Wait until the daemon ends, reaping the orphans that agents leave behind; its exit status."""
        while True:
            process, status = os.wait()
            if process == self.child:
                return os.waitstatus_to_exitcode(status)

    def too_often(self) -> bool:
        """Whether starting again does not help."""
        now = time.monotonic()
        self.restarts = [then for then in self.restarts if now - then < WITHIN_S] + [now]
        if len(self.restarts) <= RESTARTS:
            return False
        print(f"crmd: ended {RESTARTS} times within {WITHIN_S:.0f} s; giving up", file=sys.stderr, flush=True)
        return True

    def start(self) -> int:
        """A new daemon."""
        child = os.fork()
        if child == 0:
            environment = {**os.environ, "CRMD_LISTENING": str(self.listening)}
            os.execve(self.command[0], self.command, environment)
        return child


if __name__ == "__main__":
    sys.exit(Supervisor(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]).run())

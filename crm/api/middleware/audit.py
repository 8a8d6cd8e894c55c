"""The audit log: who asked for which change, when, through which door, and what came of it; and who was turned away.

One JSON object a line, appended to a file that only the daemon's user reads, rotated by size. It holds no body of a
request, so no secret; what a change was about is in the history of the CIB, under the version that stands here. What
cannot be written is kept in memory, as much as there is room for, and written as soon as that can be.
"""

from __future__ import annotations

import json
import logging
import os
from collections import deque
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from crm.model.report import Report, Severity

audit = logging.getLogger("crm.audit")
log = logging.getLogger("crm.daemon")

MOST_KEPT = 10_000
"""Entries that wait to be written; the oldest go first."""


def note(fields: dict[str, object], *, refused: bool) -> None:
    """One entry: in the file as it is, whatever the daemon's log is limited to; in that log as a sentence."""
    for file in _files():
        file.handle(logging.makeLogRecord({"audit": fields}))
    sentence = "{method} {path} by {user} ({door}): {status} {code}".format_map(fields).rstrip()
    audit.log(logging.WARNING if refused else logging.INFO, "%s", _one_line(sentence))


def _one_line(text: str) -> str:
    """The address is the client's to choose: it must not pass for further lines of the log."""
    return "".join(each if each.isprintable() else f"%{ord(each):02X}" for each in text)


def write_to(path: Path, size_bytes: int, kept: int) -> logging.Handler:
    """From now on append every entry to a file."""
    file = _AuditFile(path, size_bytes, kept)
    file.setFormatter(_Lines())
    audit.addHandler(file)
    file.write_waiting()
    return file


def reports(node: str) -> tuple[Report, ...]:
    """What people should know: entries that could not be written. They are tried again first."""
    for file in _files():
        file.write_waiting()
    return tuple(file.report(node) for file in _files() if file.problem)


def files() -> list[Path]:
    """The files that are written to, and those that were; the newest first."""
    found: list[Path] = []
    for file in _files():
        path = Path(file.baseFilename)
        older = [path.with_name(f"{path.name}.{number}") for number in range(1, file.backupCount + 1)]
        found += [each for each in (path, *older) if each.exists()]
    return found


def _files() -> list[_AuditFile]:
    return [each for each in audit.handlers if isinstance(each, _AuditFile)]


class _AuditFile(RotatingFileHandler):
    """Writes whole lines past the stream's buffer, so that it is known which of them are in the file."""

    def __init__(self, path: Path, size_bytes: int, kept: int) -> None:
        super().__init__(path, maxBytes=size_bytes, backupCount=kept, encoding="utf-8", delay=True)
        self.problem = ""
        """Why entries are not written at the moment."""
        self._waiting: deque[bytes] = deque()
        self._dropped = 0
        self._half = False
        """Whether the first of those stands in the file in part."""
        self._torn = False
        """Whether the file ends in part of a line whose rest is lost."""

    def emit(self, record: logging.LogRecord) -> None:
        """Take an entry; what is a sentence for the daemon's log is none."""
        if "audit" in record.__dict__:
            self._take(self.format(record))
            self.write_waiting()

    def write_waiting(self) -> None:
        """Write what waits, as far as that can be, and say when that changes."""
        assert self.lock is not None
        with self.lock:
            try:
                while self._waiting:
                    self._write_next()
                if self.problem:
                    self._begin()
            except OSError as error:
                self._failed(error)
            else:
                self._succeeded()

    def report(self, node: str) -> Report:
        """What people should know."""
        gone = f"; {self._dropped} older ones are lost" if self._dropped else ""
        return Report(Severity.ERROR, "audit-not-written", node, f"Audit entries are not written to "
                      f"{self.baseFilename}: {self.problem}. {len(self._waiting)} are kept in memory{gone}",
                      f"Make {Path(self.baseFilename).parent} writable and room in it, or set api.audit_file; what is "
                      "kept is written then, and lost when crmd ends before")

    def _take(self, line: str) -> None:
        self._waiting.append(line.encode() + b"\n")
        while len(self._waiting) > MOST_KEPT:
            self._waiting.popleft()
            self._torn = self._torn or self._half
            self._dropped, self._half = self._dropped + 1, False

    def _write_next(self) -> None:
        line = self._waiting[0]
        stream = self._begin()
        if not self._half and 0 < self.maxBytes < os.fstat(stream).st_size + len(line):
            self.doRollover()
            stream = self._begin()
        written = os.write(stream, b"\n" + line if self._torn else line)
        if self._torn and written > 0:
            written, self._torn = written - 1, False
        if written == len(line):
            self._waiting.popleft()
        else:
            self._waiting[0] = line[written:]
        self._half = written < len(line)

    def _begin(self) -> int:
        """The open file; a new one if somebody has moved the former away, or deleted it."""
        if self.stream is not None and not Path(self.baseFilename).exists():
            self.stream.close()
            self.stream = None
            self._half = self._torn = False
        if self.stream is None:
            self.stream = self._open()
        return self.stream.fileno()

    def _failed(self, error: OSError) -> None:
        if not self.problem:
            log.error("audit entries are not written to %s: %s. They are kept in memory until there is room; make it, "
                      "or set api.audit_file", self.baseFilename, error.strerror)
        self.problem = error.strerror or str(error)

    def _succeeded(self) -> None:
        if self.problem:
            lost = f", {self._dropped} are lost" if self._dropped else ""
            log.warning("audit entries are written to %s again%s", self.baseFilename, lost)
        self.problem, self._dropped = "", 0

    def _open(self) -> TextIOWrapper:
        """For appending only, and for nobody else to read."""
        path = Path(self.baseFilename)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8")


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        return json.dumps({"at": at, **record.__dict__.get("audit", {})}, ensure_ascii=False)

"""The audit log: who asked for which change, when, through which door, and what came of it; and who was turned away.

One JSON object a line, appended to a file that only the daemon's user reads, rotated by size. It holds no body of a
request, so no secret; what a change was about is in the history of the CIB, under the version that stands here.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

audit = logging.getLogger("crm.audit")
log = logging.getLogger("crm.daemon")


def note(fields: dict[str, object], *, refused: bool) -> None:
    """One entry: in the daemon's log as a sentence, in the file as it is."""
    sentence = "{method} {path} by {user} ({door}): {status} {code}".format_map(fields).rstrip()
    audit.log(logging.WARNING if refused else logging.INFO, "%s", _one_line(sentence), extra={"audit": fields})


def _one_line(text: str) -> str:
    """The address is the client's to choose: it must not pass for further lines of the log."""
    return "".join(each if each.isprintable() else f"%{ord(each):02X}" for each in text)


def write_to(path: Path, size_bytes: int, kept: int) -> logging.Handler | None:
    """From now on append every entry to a file; None, with a word in the log, if that cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        handler = _AuditFile(path, maxBytes=size_bytes, backupCount=kept, encoding="utf-8")
    except OSError as error:
        log.error("the audit log %s cannot be written: %s. Set api.audit_file", path, error.strerror)
        return None
    handler.setFormatter(_Lines())
    audit.addHandler(handler)
    return handler


def files() -> list[Path]:
    """The files that are written to, and those that were; the newest first."""
    found: list[Path] = []
    for handler in audit.handlers:
        if isinstance(handler, _AuditFile):
            path = Path(handler.baseFilename)
            older = [path.with_name(f"{path.name}.{number}") for number in range(1, handler.backupCount + 1)]
            found += [each for each in (path, *older) if each.exists()]
    return found


class _AuditFile(RotatingFileHandler):
    def _open(self) -> TextIOWrapper:
        """For appending only, and for nobody else to read."""
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8")

    def emit(self, record: logging.LogRecord) -> None:
        """Somebody may have moved the file away, or deleted it: then a new one is begun."""
        try:
            if self.stream is not None and not Path(self.baseFilename).exists():
                self.stream.close()
                self.stream = self._open()
        except OSError:
            self.handleError(record)
            return
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (its name in the library)
        """An entry that cannot be written is lost, not the request that it is about; the log says so."""
        error = sys.exc_info()[1]
        reason = error.strerror if isinstance(error, OSError) else error
        log.error("an entry of the audit log %s is lost: %s. Make room for it, or set api.audit_file",
                  self.baseFilename, reason)


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        return json.dumps({"at": at, **record.__dict__.get("audit", {})}, ensure_ascii=False)

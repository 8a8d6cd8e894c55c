"""The CIB on disk: one file, replaced as a whole, with numbered backups of what it was before.

A save is written beside, fsynced, renamed into place, and the folder fsynced: after a power cut there is the old CIB or
the new one, never half of one. The last line of the file is a digest of all before it, so damage is noticed; a damaged
file is set aside, never deleted, and the newest good backup is used. The status section is not stored.

It does not validate, and it does not know which save mattered: whoever acknowledges a change calls `save` first.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from crm.cib.document import Document
from crm.cib.errors import CibError
from crm.cib.synced_files import sync_folder, write_synced
from crm.cib.version import CibVersion
from crm.model.report import Report, Severity

_NAME = "cib.xml"
_TEMPORARY = "cib.xml.new"
_BACKUP = re.compile(r"cib-(\d{8})\.xml")
_DIGEST_LINE = re.compile(rb"<!-- sha256 ([0-9a-f]{64}) of all lines above -->\n\Z")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the store holds: the newest good CIB, None if there never was one, and what had to be passed over."""

    document: Document | None
    reports: tuple[Report, ...] = ()


@dataclass(frozen=True, slots=True)
class KeptBackup:
    """A CIB that is on disk. `at`: when it was written, epoch seconds."""

    version: CibVersion
    at: float
    path: Path


class CibStore:
    """The CIB files of one node in `folder`, which is made if need be. One process at a time may use it."""

    def __init__(self, folder: Path | str, backups: int = 100) -> None:
        self.folder = Path(folder)
        self.backups = backups
        self._next_backup: int | None = None

    @property
    def path(self) -> Path:
        return self.folder / _NAME

    def load(self) -> Loaded:
        """The stored CIB; a damaged one is set aside and reported. Raises CibError (store-unreadable)."""
        reports: list[Report] = []
        try:
            for candidate in self._candidates():
                document = self._read(candidate, reports)
                if document is not None:
                    return Loaded(document, tuple(self._explained(candidate, document, reports)))
        except OSError as error:
            raise self._failure("store-unreadable", "read", error) from None
        return Loaded(None, tuple(reports))

    def save(self, document: Document) -> None:
        """Keep the document, safely on disk when this returns. Raises CibError (store-full, store-unwritable)."""
        body = document.without_status().to_bytes()
        digest = hashlib.sha256(body).hexdigest()
        temporary = self.folder / _TEMPORARY
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            write_synced(temporary, body + b"<!-- sha256 %s of all lines above -->\n" % digest.encode())
            self._keep_backup()
            temporary.replace(self.path)
            sync_folder(self.folder)
        except OSError as error:
            _discard(temporary)
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            raise self._failure("store-full" if full else "store-unwritable", "written", error) from None

    def kept(self) -> list[KeptBackup]:
        """Every CIB that is on disk, the present one first. Raises CibError (store-unreadable)."""
        try:
            found = [_kept(path) for path in self._candidates()]
        except OSError as error:
            raise self._failure("store-unreadable", "read", error) from None
        return [each for each in found if each is not None]

    def read_version(self, version: CibVersion) -> Document | None:
        """The CIB that had that version of the configuration, None if it is not kept (any more)."""
        for each in self.kept():
            if each.version[:2] == version[:2]:
                try:
                    return Document.parse(each.path.read_bytes())
                except OSError as error:
                    raise self._failure("store-unreadable", "read", error) from None
        return None

    def _candidates(self) -> Iterator[Path]:
        """The CIB, then its backups, newest first."""
        if self.path.exists():
            yield self.path
        yield from (self.folder / _backup_name(number) for number in reversed(self._backup_numbers()))

    def _backup_numbers(self) -> list[int]:
        names = [entry.name for entry in self.folder.iterdir()] if self.folder.is_dir() else []
        return sorted(int(match.group(1)) for match in map(_BACKUP.fullmatch, names) if match)

    def _read(self, path: Path, reports: list[Report]) -> Document | None:
        raw = path.read_bytes()
        match = _DIGEST_LINE.search(raw)
        damage = ""
        if match is None:
            damage = "its last line, the digest, is missing"
        elif hashlib.sha256(raw[: match.start()]).hexdigest() != match.group(1).decode():
            damage = "it does not match its digest"
        else:
            try:
                return Document.parse(raw)
            except CibError as error:
                damage = str(error)
        reports.append(_set_aside(path, damage))
        return None

    def _explained(self, path: Path, document: Document, reports: list[Report]) -> list[Report]:
        if path == self.path:
            return reports
        message = f"The CIB of version {document.version} was taken from the backup {path.name}"
        hint = "Changes made after it are taken from the other nodes when they are there"
        return [*reports, Report(Severity.WARNING, "cib-from-backup", str(path), message, hint)]

    def _keep_backup(self) -> None:
        """Give the present file a second name, and let go of the oldest backups."""
        if self.backups <= 0 or not self.path.exists():
            return
        if self._next_backup is None:
            self._next_backup = max(self._backup_numbers(), default=0) + 1
            for number in self._backup_numbers()[: -self.backups]:
                _discard(self.folder / _backup_name(number))
        os.link(self.path, self.folder / _backup_name(self._next_backup))
        _discard(self.folder / _backup_name(self._next_backup - self.backups))
        self._next_backup += 1

    def _failure(self, code: str, done: str, error: OSError) -> CibError:
        message = f"The CIB cannot be {done}: {error.strerror or error}"
        hint = "Free some space in that folder" if code == "store-full" else "Check the folder's owner and mode"
        return CibError(code, message, str(self.folder), hint=hint)


_HEAD_BYTES = 4096
_COUNTER = re.compile(rb'\s(admin_epoch|epoch|num_updates)="(\d+)"')


def _kept(path: Path) -> KeptBackup | None:
    """What a file holds, by its first tag alone; None if it vanished meanwhile or is none of ours."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES).partition(b">")[0]
            at = os.fstat(file.fileno()).st_mtime
    except FileNotFoundError:
        return None
    counters = {name.decode(): number.decode() for name, number in _COUNTER.findall(head)}
    return KeptBackup(CibVersion.of(counters), at, path) if counters else None


def _backup_name(number: int) -> str:
    return f"cib-{number:08d}.xml"


def _discard(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return  # a left-over is harmless: it is overwritten or let go of by the next save


def _set_aside(path: Path, damage: str) -> Report:
    """Rename a damaged file so that nobody takes it for the CIB and everybody can look at it."""
    number = 1
    while (aside := path.with_name(f"{path.stem}.damaged-{number}.xml")).exists():
        number += 1
    path.rename(aside)
    message = f"The stored CIB {path.name} is damaged: {damage}. It was set aside as {aside.name}"
    hint = "If you edited it by hand: load it with “cibadmin --replace --xml-file” instead"
    return Report(Severity.ERROR, "cib-damaged", str(aside), message, hint)

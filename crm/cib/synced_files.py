"""Files that are whole after a power cut: written beside, synced, renamed into place, and the folder synced."""

from __future__ import annotations

import os
from pathlib import Path


def write_synced(path: Path, content: bytes, mode: int = 0o640) -> None:
    """Write a file anew; its bytes are on disk when this returns. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def sync_folder(path: Path) -> None:
    """What was renamed in that folder stays so. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_synced(path: Path, content: bytes, mode: int = 0o640) -> None:
    """Put a file in the place of another: after a power cut there is the one or the other. Raises OSError."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.unlink(missing_ok=True)  # a left-over may have another mode
    write_synced(temporary, content, mode)
    temporary.replace(path)
    sync_folder(path.parent)

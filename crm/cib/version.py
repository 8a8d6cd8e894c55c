"""The version of a CIB: three counters that order all its states within one history.

Source: Pacemaker Explained, "Configuration Version, Epochs, and Update Counts". Only people change `admin_epoch`; a
change of the configuration adds one to `epoch` and zeroes `num_updates`; a change of the status adds one to
`num_updates`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from crm.cib.errors import CibError

ATTRIBUTES = ("admin_epoch", "epoch", "num_updates")


class CibVersion(NamedTuple):
    """Ordered as a tuple; written `admin_epoch.epoch.num_updates`."""

    admin_epoch: int = 0
    epoch: int = 0
    num_updates: int = 0

    @classmethod
    def parse(cls, text: str) -> CibVersion:
        """Read `0.12.3`, with or without the quotation marks of an ETag."""
        parts = text.strip().strip('"').split(".")
        if len(parts) != 3:
            raise _bad_version(text)
        return cls(*(_counter(part, text) for part in parts))

    @classmethod
    def of(cls, attributes: Mapping[str, str]) -> CibVersion:
        """The version that the attributes of a `<cib>`, `<source>` or `<target>` element tell; absent counts as 0."""
        return cls(*(_counter(attributes.get(name, "0"), name) for name in ATTRIBUTES))

    def __str__(self) -> str:
        return ".".join(str(counter) for counter in self)

    def attributes(self) -> dict[str, str]:
        return {name: str(counter) for name, counter in zip(ATTRIBUTES, self, strict=True)}

    def after_configuration_change(self) -> CibVersion:
        return CibVersion(self.admin_epoch, self.epoch + 1, 0)

    def after_status_change(self) -> CibVersion:
        return CibVersion(self.admin_epoch, self.epoch, self.num_updates + 1)


class SeenVersion(NamedTuple):
    """The state of a CIB that somebody has read: its version, and the term that it was written in.

    Versions alone are told twice: a leader that was cut off counts on as the next one does. Written `0.12.3@4`; a term
    of None (`0.12.3`) stands for any.
    """

    version: CibVersion
    term: int | None = None

    @classmethod
    def parse(cls, text: str) -> SeenVersion:
        """Read `0.12.3@4`, with or without the quotation marks of an ETag. Raises CibError (bad-version)."""
        version, at, term = text.strip().strip('"').partition("@")
        return cls(CibVersion.parse(version), _counter(term, text) if at else None)

    def __str__(self) -> str:
        return str(self.version) if self.term is None else f"{self.version}@{self.term}"


def _counter(text: str, where: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise _bad_version(where)
    return int(text)


def _bad_version(where: str) -> CibError:
    return CibError(
        "bad-version",
        f"“{where}” is not a CIB version",
        hint="Write three whole numbers: admin_epoch.epoch.num_updates, for example 0.12.3",
    )

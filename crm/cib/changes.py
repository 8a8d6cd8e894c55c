"""Changes of a CIB as plain data: what a person or a controller asks for, before anybody applies it.

They are sent between nodes and kept in tests; `crm.cib.document` applies them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Verb(StrEnum):
    """What an `Edit` does. The first four are those of Pacemaker's `cibadmin`, upsert is modify with allow-create."""

    CREATE = "create"
    MODIFY = "modify"
    DELETE = "delete"
    REPLACE = "replace"
    UPSERT = "upsert"


@dataclass(frozen=True, slots=True)
class Replace:
    """Put `xml` in place of the whole CIB, or of one section (`configuration`, `resources`, `status` …).

    A whole CIB that is older than the present one is refused. Its status is ignored: only the cluster writes that.
    """

    xml: str
    section: str | None = None


@dataclass(frozen=True, slots=True)
class Patch:
    """A difference in Pacemaker's patch format 2; `crm.cib.patch` makes and applies them."""

    xml: str


@dataclass(frozen=True, slots=True)
class Edit:
    """One verb on one object.

    The place is a section's name (by default the one that the object is at home in) or an XPath. `xml` is the object; a
    delete by XPath needs none. An XPath must select one element, unless `every` is set.
    """

    verb: Verb | str
    xml: str = ""
    section: str | None = None
    xpath: str | None = None
    every: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """Several changes that are applied together or not at all; one version step for all of them."""

    changes: tuple[Change, ...]


Change: TypeAlias = Replace | Patch | Edit | Batch

"""Changes of a CIB as plain data: what a person or a controller asks for, before anybody applies it.

They are sent between nodes and kept in tests; `crm.cib.document` applies them. `kind` tells them apart on the way: a
patch has no field that a replacement has not. (Nodes before feature set 3.20.6 do not send it.)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias


class EditVerb(StrEnum):
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
    kind: Literal["replace"] = field(default="replace", kw_only=True, repr=False)


@dataclass(frozen=True, slots=True)
class Patch:
    """A difference in Pacemaker's patch format 2; `crm.cib.patch` makes and applies them."""

    xml: str
    kind: Literal["patch"] = field(default="patch", kw_only=True, repr=False)


@dataclass(frozen=True, slots=True)
class Edit:
    """One verb on one object.

    The place is a section's name (by default the one that the object is at home in) or an XPath. `xml` is the object; a
    delete by XPath needs none. An XPath must select one element, unless `every` is set.
    """

    verb: EditVerb | str
    xml: str = ""
    section: str | None = None
    xpath: str | None = None
    every: bool = False
    kind: Literal["edit"] = field(default="edit", kw_only=True, repr=False)


@dataclass(frozen=True, slots=True)
class Batch:
    """Several changes that are applied together or not at all; one version step for all of them."""

    changes: tuple[Change, ...]
    kind: Literal["batch"] = field(default="batch", kw_only=True, repr=False)


Change: TypeAlias = Replace | Patch | Edit | Batch


def size_bytes(change: Change) -> int:
    """How much text a change holds, about: what it costs to read it."""
    return sum(map(size_bytes, change.changes)) if isinstance(change, Batch) else len(change.xml)

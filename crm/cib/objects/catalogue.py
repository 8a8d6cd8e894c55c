"""The kinds of objects that a configuration holds: where each stands, what it may be, how people call it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from lxml import etree

from crm.cib import sections
from crm.cib.document import Document
from crm.cib.errors import CibError
from crm.cib.objects import codec
from crm.cib.objects.cluster_objects import AclGroup, AclRole, AclUser, Alert, Defaults, FencingLevel, Tag
from crm.cib.objects.constraints import Colocation, Location, Order, TicketNeed
from crm.cib.objects.effects import with_effect
from crm.cib.objects.resources import Bundle, Clone, Group, Primitive, Template
from crm.cib.parsing import Element


@dataclass(frozen=True, slots=True)
class Collection:
    """All objects of one section, or of one kind in it.

    name     how one of them is called, as in the code of the error `no-such-NAME`
    nested   whether they can also stand within each other
    """

    name: str
    section: str
    types: tuple[type, ...]
    nested: bool = False

    def elements(self, document: Document) -> Iterator[Element]:
        """Their elements, in the order of the configuration."""
        section = sections.find(document.root, self.section)
        tags = {codec.tag_of(kind) for kind in self.types}
        if section is not None:
            found = section.iterdescendants(etree.Element) if self.nested else section.iterchildren(etree.Element)
            yield from (element for element in found if str(element.tag) in tags)

    def all(self, document: Document) -> list[Any]:
        """Those that are part of no other."""
        section = sections.find(document.root, self.section)
        return [self.value(element) for element in self.elements(document) if element.getparent() is section]

    def find(self, document: Document, identity: str) -> Element | None:
        return next((element for element in self.elements(document) if element.get("id") == identity), None)

    def element(self, document: Document, identity: str) -> Element:
        """The object of that id. Raises CibError (no-such-NAME) with the nearest one."""
        found = self.find(document, identity)
        if found is None:
            known = [str(element.get("id")) for element in self.elements(document)]
            near = get_close_matches(identity, known, 1)
            hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(known) or 'none yet'}"
            code = f"no-such-{self.name.replace(' ', '-')}"
            raise CibError(code, f"The configuration has no {self.name} {identity}", identity, hint=hint)
        return found

    def value(self, element: Element) -> Any:
        """What an element of this collection says."""
        kind = next(kind for kind in self.types if codec.tag_of(kind) == element.tag)
        return with_effect(codec.read(kind, element))


RESOURCES = Collection("resource", "resources", (Primitive, Template, Group, Clone, Bundle), nested=True)
CONSTRAINTS = Collection("constraint", "constraints", (Location, Colocation, Order, TicketNeed))
TAGS = Collection("tag", "tags", (Tag,))
ALERTS = Collection("alert", "alerts", (Alert,))
ACL_ROLES = Collection("role", "acls", (AclRole,))
ACL_USERS = Collection("user", "acls", (AclUser,))
ACL_GROUPS = Collection("user group", "acls", (AclGroup,))
FENCING_LEVELS = Collection("fencing level", "fencing-topology", (FencingLevel,))
RESOURCE_DEFAULTS = Collection("set of defaults", "rsc_defaults", (Defaults,))
OPERATION_DEFAULTS = Collection("set of defaults", "op_defaults", (Defaults,))

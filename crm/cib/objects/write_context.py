"""What an object is written into: the ids that are taken there, and the objects that it may take into itself."""

from __future__ import annotations

import re
from copy import deepcopy

from crm.cib.errors import CibError
from crm.cib.parsing import Element

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_.-]+")


def valid_id(text: str) -> str:
    """A text made into a valid id: an XML name without colons."""
    name = _NOT_IN_A_NAME.sub("-", text).strip("-.") or "object"
    return name if name[0].isalpha() or name[0] == "_" else f"id-{name}"


class WriteContext:
    """The configuration around an object. The tree is only read."""

    def __init__(self, root: Element) -> None:
        self._root = root
        self._taken = {str(element.get("id")) for element in root.iterfind("configuration//*[@id]")}
        self.adopted: list[Element] = []
        """What was taken into the object: to be removed from where it was."""

    def new_id(self, wanted: str) -> str:
        """An id like the wanted one that nobody has: valid as an XML name, and taken from now on."""
        name = valid_id(wanted)
        number, free = 1, name
        while free in self._taken:
            number += 1
            free = f"{name}-{number}"
        self._taken.add(free)
        return free

    def adopt(self, identity: str, tags: frozenset[str]) -> Element:
        """A copy of a resource that exists, to become a part of the object. Raises CibError (no-such-resource)."""
        for element in self._root.iterfind("configuration/resources//*[@id]"):
            if element.get("id") == identity and element.tag in tags:
                self.adopted.append(element)
                return deepcopy(element)
        message = f"There is no resource {identity} that could become a part of it"
        raise CibError("no-such-resource", message, identity, hint=f"It takes a {' or a '.join(sorted(tags))}")

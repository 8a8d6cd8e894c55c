"""What an agent says about itself: its parameters and actions, read from the XML that its `meta-data` action prints.

Source: OCF resource agent API 1.1, "Metadata". Read leniently: agents in use print what they like.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from crm.cib import parsing
from crm.cib.errors import CibError
from crm.cib.parsing import Element

_DOCTYPE = re.compile(r"<!DOCTYPE[^\[>]*(\[.*?\])?\s*>", re.S)


@dataclass(frozen=True, slots=True)
class AgentParameter:
    """One parameter. A reloadable one can change without a restart, a private one is kept out of logs and digests.

    type     string, boolean, integer, second, select, … as the agent says it
    choices  what a parameter of type select may be
    """

    name: str
    type: str = "string"
    default: str | None = None
    required: bool = False
    reloadable: bool = False
    private: bool = False
    description: str = ""
    details: str = ""
    unique_group: str = ""
    deprecated: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DescribedAction:
    name: str
    timeout: str | None = None
    interval: str | None = None
    role: str | None = None
    depth: str | None = None


@dataclass(frozen=True, slots=True)
class AgentMetadata:
    """An agent's own description; `ocf_1_1` tells whether it follows the newer standard (reload-agent, reloadable).

    `text` is all of it as the agent printed it. `doubts`: what people should think of before they use it.
    """

    name: str
    version: str = ""
    description: str = ""
    parameters: tuple[AgentParameter, ...] = ()
    actions: tuple[DescribedAction, ...] = ()
    ocf_1_1: bool = False
    details: str = ""
    text: str = field(default="", repr=False, compare=False)
    doubts: tuple[str, ...] = ()

    @property
    def reload_action(self) -> str | None:
        """The action that makes an agent take new values of reloadable parameters, if it has one."""
        names = {action.name for action in self.actions}
        wanted = "reload-agent" if self.ocf_1_1 else "reload"
        return wanted if wanted in names else None

    def names(self, *, reloadable: bool | None = None, private: bool | None = None) -> tuple[str, ...]:
        """Names of the parameters of that kind, in the agent's order."""
        return tuple(
            parameter.name
            for parameter in self.parameters
            if reloadable in (None, parameter.reloadable) and private in (None, parameter.private)
        )


def parse(text: str, doubts: tuple[str, ...] = ()) -> AgentMetadata:
    """Raises ValueError if the text is not the metadata of an agent."""
    try:
        # Agents in the field declare the standard's document type; it is of no use and must not be followed.
        root = parsing.parse(_without_doctype(text), "metadata")
    except CibError as error:
        raise ValueError(str(error)) from None
    if root.tag != "resource-agent":
        raise ValueError(f"The metadata starts with <{root.tag}>, not with <resource-agent>")
    modern = (root.findtext("version") or "").strip() == "1.1"
    return AgentMetadata(
        name=root.get("name", ""),
        version=root.get("version", ""),
        description=_text(root, "shortdesc"),
        parameters=tuple(_parameter(element, modern) for element in root.iterfind("parameters/parameter")),
        actions=tuple(_action(element) for element in root.iterfind("actions/action")),
        ocf_1_1=modern,
        details=_text(root, "longdesc"),
        text=text,
        doubts=doubts,
    )


def _without_doctype(text: str) -> str:
    return _DOCTYPE.sub("", text, count=1)


def _parameter(element: Element, modern: bool) -> AgentParameter:
    content = element.find("content")
    kind = "string" if content is None else content.get("type", "string")
    # Before 1.1, "unique" was the only hint: what is not unique was taken as reloadable.
    reloadable = _true(element, "reloadable") if modern else not _true(element, "unique")
    return AgentParameter(
        name=element.get("name", ""),
        type=kind,
        default=None if content is None else content.get("default"),
        required=_true(element, "required"),
        reloadable=reloadable,
        private=_true(element, "private"),
        description=_text(element, "shortdesc"),
        details=_text(element, "longdesc"),
        unique_group=element.get("unique-group", ""),
        deprecated=_true(element, "deprecated") or element.find("deprecated") is not None,
        choices=tuple(str(option.get("value")) for option in element.iterfind("content/option[@value]")),
    )


def _action(element: Element) -> DescribedAction:
    told = (element.get(name) for name in ("timeout", "interval", "role", "depth"))
    return DescribedAction(element.get("name", ""), *told)


def _true(element: Element, name: str) -> bool:
    return element.get(name, "0").lower() in ("1", "true", "yes")


def _text(element: Element, name: str) -> str:
    return " ".join((element.findtext(name) or "").split())

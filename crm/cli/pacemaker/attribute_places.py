"""Where an attribute can stand, for `crm_attribute` and its like: with a node, with the cluster, among defaults.

Every place reads all it has, sets one and removes one; what is doubtful about a change is told on standard error.
Values come from agents, which pass on what other programs say, so they are made fit to be kept (`crm.model.text`).
"""

from __future__ import annotations

import re
import sys
from abc import ABC, abstractmethod
from typing import Any
from urllib.parse import quote

from crm.cli.connection import NO_SUCH_OBJECT, USAGE, CommandError, in_sentences, request
from crm.model.text import fit


class AttributePlace(ABC):
    """Attributes that stand together. `scope` is what Pacemaker's tools call the section."""

    scope = "nodes"

    @abstractmethod
    def read(self) -> dict[str, str]:
        """All of them."""

    def value(self, name: str) -> str | None:
        """One of them, None if it is not set."""
        return self.read().get(name)

    @abstractmethod
    def set(self, name: str, value: str) -> None:
        """Set one."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove one; that there is none is no error."""

    def matching(self, pattern: str) -> list[str]:
        """The names that a regular expression matches from their beginning. Raises CommandError."""
        try:
            found = [name for name in self.read() if re.match(pattern, name)]
        except re.error as error:
            raise CommandError(f"“{pattern}” is not a regular expression: {error}", code=USAGE) from None
        if not found:
            raise CommandError(f"no attribute matches {pattern}", code=NO_SUCH_OBJECT)
        return found


class Nowhere(AttributePlace):
    """For an agent that the keeper runs after its daemon (`crm.keeper`): there is nothing, and nothing is kept.

    An agent that got no answer would try again until its time is over, and be ended by force.
    """

    def read(self) -> dict[str, str]:
        return {}

    def set(self, name: str, value: str) -> None:
        return

    def remove(self, name: str) -> None:
        return


class NodeAttributesPlace(AttributePlace):
    """Attributes of a node that last until its next start (`reboot`) or for good (`forever`)."""

    def __init__(self, node: str, lifetime: str) -> None:
        self._path = f"/v1/nodes/{name_in_path(node)}/attributes"
        self._lifetime = lifetime

    def read(self) -> dict[str, str]:
        return dict(_read(self._path)["transient" if self._lifetime == "reboot" else "permanent"])

    def set(self, name: str, value: str, dampening_ms: int | None = None) -> None:
        wish = {"value": fit(value), "lifetime": self._lifetime, "dampening_ms": dampening_ms}
        _send("PUT", f"{self._path}/{name_in_path(name)}", wish, name)

    def remove(self, name: str) -> None:
        request("DELETE", f"{self._path}/{name_in_path(name)}", query={"lifetime": self._lifetime})


class UtilizationPlace(AttributePlace):
    """What a node has to give."""

    def __init__(self, node: str) -> None:
        self._path = f"/v1/nodes/{name_in_path(node)}/utilization"

    def read(self) -> dict[str, str]:
        return dict(_read(self._path))

    def set(self, name: str, value: str) -> None:
        _send("PATCH", self._path, {name: fit(value)}, name)

    def remove(self, name: str) -> None:
        _send("PATCH", self._path, {name: None}, name)


class ClusterOptionsPlace(AttributePlace):
    """Options of the whole cluster."""

    scope = "crm_config"

    def read(self) -> dict[str, str]:
        return {each["name"]: each["value"] for each in _read("/v1/options") if each["is_set"]}

    def value(self, name: str) -> str | None:
        try:
            return str(_read(self._path(name))["value"])
        except CommandError as error:
            if error.code != NO_SUCH_OBJECT:
                raise
            return None

    def set(self, name: str, value: str) -> None:
        _send("PUT", self._path(name), {"value": value}, name)

    def remove(self, name: str) -> None:
        request("DELETE", self._path(name))

    def _path(self, name: str) -> str:
        return f"/v1/options/{name_in_path(name)}"


class DefaultsPlace(AttributePlace):
    """Defaults of resources (`rsc_defaults`) or operations (`op_defaults`): those that count always, without a rule."""

    def __init__(self, scope: str) -> None:
        self.scope = scope
        kind, self._first_id = {"rsc_defaults": ("resources", "rsc-options"),
                                "op_defaults": ("operations", "op-options")}[scope]
        self._path = f"/v1/defaults/{kind}"

    def _plain(self) -> list[Any]:
        return [each for each in _read(self._path) if not each["rule"] and not each["reference"]]

    def read(self) -> dict[str, str]:
        return {name: value for each in reversed(self._plain()) for name, value in each["values"].items()}

    def set(self, name: str, value: str) -> None:
        plain = self._plain()
        if plain:
            _send("PATCH", f"{self._path}/{name_in_path(plain[0]['id'])}", {"values": {name: value}}, name)
        else:
            _send("POST", self._path, {"id": self._first_id, "values": {name: value}}, name)

    def remove(self, name: str) -> None:
        for each in self._plain():
            if name in each["values"]:
                _send("PATCH", f"{self._path}/{name_in_path(each['id'])}", {"values": {name: None}}, name)


def name_in_path(name: str) -> str:
    """A name as a part of a path: `fail-count-db#start_0` has a character that would end it."""
    return quote(fit(name), safe="")


def tell(answer: Any, about: str) -> None:
    """What the answer to a write finds doubtful about what was written, on standard error."""
    for report in answer.get("reports", ()):
        if about in report["where"] or about in report["message"]:
            print(f"{report['severity']}: {report['where']}: {in_sentences(report['message'], report['hint'])}",
                  file=sys.stderr)


def _read(path: str) -> Any:
    return request("GET", path).json()


def _send(method: str, path: str, value: Any, about: str) -> None:
    import json

    tell(request(method, path, body=json.dumps(value).encode(), content_type="application/json").json(), about)

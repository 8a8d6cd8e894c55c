"""How messages are written: a name, a number, then JSON.

Peers are authenticated by the message layer, yet nothing they send is trusted to be well-formed: `decode` checks every
field's type and raises `BadMessage`.
"""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, TypeAdapter

from crm.controller.protocol import messages
from crm.controller.protocol.messages import Message


class BadMessage(Exception):  # noqa: N818 - it is the message that is bad, not we
    """What came is not a message."""


class UnknownMessage(BadMessage):
    """A message of a kind that this release does not know; `kind` is its name."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"this release knows no message {kind!r}")
        self.kind = kind


_WIRE_NAMES: dict[type[Any], str] = {
    messages.Announce: "Hello", messages.JoinRefused: "NotWelcome", messages.JoinOffer: "Welcome",
    messages.JoinConfirm: "Joined", messages.ActionResult: "Result", messages.CibPatch: "Update",
    messages.NodeListCommitted: "NodeListKept", messages.RequestApplied: "Receipted",
    messages.ActionRefused: "Refused", messages.CleanHistory: "Forget", messages.EndYourself: "Panic",
    messages.FencingHistoryUpdate: "FencingNews", messages.AttributeAccepted: "AttributeKept",
    messages.StoreLossAccepted: "LossAccepted",
}
"""What stands on the wire where it is not the name of the class: it stays for good, so that releases understand each
other, whatever a class is called."""


def wire_name(kind: type[Any]) -> str:
    """What a kind of message is called on the wire."""
    return _WIRE_NAMES.get(kind, kind.__name__)


_KINDS: dict[str, type[Any]] = {wire_name(kind): kind for kind in messages.Message.__args__}
_ADAPTERS: dict[str, TypeAdapter[Any]] = {}
for _kind in _KINDS.values():
    _kind.__pydantic_config__ = ConfigDict(allow_inf_nan=False)  # no clock and no load is infinite


def _adapter(name: str) -> TypeAdapter[Any]:
    if name not in _ADAPTERS:
        _ADAPTERS[name] = TypeAdapter(_KINDS[name])
    return _ADAPTERS[name]


def encode(message: Message, number: int) -> bytes:
    """A message with its number as bytes: its kind, the number, JSON, with spaces between."""
    name = wire_name(type(message))
    return b"%s %d %s" % (name.encode(), number, _adapter(name).dump_json(message, by_alias=True))


def decode(raw: bytes) -> tuple[Message, int]:
    """The message in those bytes, and its number. Raises BadMessage."""
    name, _, rest = raw.partition(b" ")
    number, _, body = rest.partition(b" ")
    if (kind := name.decode(errors="replace")) not in _KINDS:
        raise UnknownMessage(kind[:30])
    try:
        return _adapter(kind).validate_json(body), int(number)
    except ValueError as error:
        raise BadMessage(f"not a message of this protocol ({name[:30]!r}): {error}") from None

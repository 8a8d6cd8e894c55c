"""Long lists, page by page: the request for the first page, and for the one after an answer. Shared by both clients."""

from __future__ import annotations

from urllib.parse import parse_qsl

from crm.client.http import HttpAnswer, HttpMessage


def first(message: HttpMessage, size: int) -> HttpMessage:
    """The request for the first `size` entries of a list."""
    return message._replace(query=(*message.query, ("limit", str(size))))


def following(message: HttpMessage, answer: HttpAnswer) -> HttpMessage | None:
    """The request for what comes after an answer; None if that was all. Source: RFC 8288, the relation `next`."""
    for link in answer.headers.get("link", "").split(", <"):
        address, _, relation = link.partition(">;")
        if 'rel="next"' in relation:
            query = address.lstrip("<").partition("?")[2]
            return message._replace(query=tuple(parse_qsl(query, keep_blank_values=True)))
    return None

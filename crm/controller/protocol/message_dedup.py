"""Numbers on messages: one that is delivered twice is taken once, and one that comes after a later one not at all.

Message layers promise both (`crm.messaging.layer`). This makes sure of it: an order that is carried out twice, or an
outdated history, would break what the cluster promises. Every start of a daemon counts from 1 again.
"""

from __future__ import annotations

from crm.controller.cluster_state import Member

UNNUMBERED = 0


class MessageNumbers:
    """What one node has sent, and what it has had of others."""

    def __init__(self) -> None:
        self._sent = UNNUMBERED
        self._had: dict[str, tuple[str, int]] = {}

    def next(self) -> int:
        """The number of the next message that this node sends, whoever it is for."""
        self._sent += 1
        return self._sent

    def is_news(self, sender: Member, number: int) -> bool:
        """Whether nothing later has come from that start of the member; such a message counts as had from then on."""
        if number == UNNUMBERED:
            return True
        incarnation, last = self._had.get(sender.name, ("", UNNUMBERED))
        if incarnation == sender.incarnation and number <= last:
            return False
        self._had[sender.name] = (sender.incarnation, number)
        return True

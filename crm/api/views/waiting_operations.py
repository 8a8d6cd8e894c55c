"""Operations of all nodes that wait for their turn, and for what: each node knows its own, and any can be asked."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from crm.api.service import NodeService

_TOPIC = "waiting-operations"
_MOST = 100


class WaitingOperationValue(BaseModel):
    """An operation that a node has been told to do and has not begun."""

    resource: str
    node: str
    operation: str = Field(examples=["start"])
    interval_ms: int
    since_s: float = Field(description="for so many seconds")
    reason: str = Field(examples=["64 monitors run already, and no more may at once (monitor_limit)"])


class WaitingOperations:
    """Asks all members what waits there."""

    def __init__(self, service: NodeService) -> None:
        self._service = service
        service.peers.offer(_TOPIC, self._own)

    async def all(self) -> list[WaitingOperationValue]:
        """Of those nodes that answer, the longest-waiting first; of each node no more than a hundred."""
        told, _ = await self._service.peers.ask_all(_TOPIC)
        found = [WaitingOperationValue(node=node, **each) for node, entries in told.items() for each in entries]
        return sorted(found, key=lambda each: -each.since_s)

    async def _own(self, _about: Any) -> list[dict[str, Any]]:
        return [{"resource": each.resource, "operation": each.operation, "interval_ms": each.interval_ms,
                 "since_s": round(each.since_s, 1), "reason": each.reason}
                for each in self._service.waiting_operations()[:_MOST]]

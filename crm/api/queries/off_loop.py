"""Work that takes long, done beside the event loop: heartbeats and other requests go on meanwhile.

Lanes of one thread each, so that large bodies wait for each other and not for the evaluation of an expression, and so
that the disks, names and plans that other parts of the daemon wait for have threads of their own.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, TypeVar

T = TypeVar("T")
Lane = Literal["bodies", "xpath"]

_threads = {lane: ThreadPoolExecutor(1, f"api-{lane}") for lane in ("bodies", "xpath")}


async def beside(work: Callable[..., T], *arguments: object, lane: Lane = "bodies") -> T:
    """What the work returns; it is asked for by the same user as here."""
    context = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(_threads[lane], lambda: context.run(work, *arguments))

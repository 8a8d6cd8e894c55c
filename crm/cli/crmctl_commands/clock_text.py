"""Moments as people read them: the time alone today, with the date before."""

from __future__ import annotations

import time


def clock(epoch_seconds: int) -> str:
    """`13:51:20`, or `2026-03-04 13:51:20` if that was another day."""
    then = time.localtime(epoch_seconds)
    today = time.localtime()
    form = "%H:%M:%S" if then[:3] == today[:3] else "%Y-%m-%d %H:%M:%S"
    return time.strftime(form, then)

"""Alert agents as the executor runs them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from crm.executor import AlertRequest, Executor, ExecutorSettings
from crm.executor.alert_agents import environment, timestamp


def script(folder: Path, body: str) -> str:
    path = folder / "alert.sh"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def send(count: int, path: str, wait_s: float, **told: str) -> None:
    async def run() -> None:
        executor = Executor(ExecutorSettings(kill_grace_ms=50), lambda _result: None)
        for number in range(count):
            told["CRM_alert_node"] = f"n{number}"
            executor.alert(AlertRequest(path, dict(told), 400, "%H.%3N", 1_700_000_000.25))
        await asyncio.sleep(wait_s)
        await executor.close()

    asyncio.run(run())


def test_an_agent_hears_events_in_their_order(tmp_path: Path) -> None:
    said = tmp_path / "said"
    path = script(tmp_path, f'echo "$CRM_alert_node $CRM_alert_node_sequence $mood" >> {said}')
    send(5, path, 0.6, mood="gloomy")
    assert said.read_text().splitlines() == [f"n{number} {number + 1} gloomy" for number in range(5)]


def test_an_agent_that_hangs_is_ended_and_the_next_alert_is_sent(tmp_path: Path) -> None:
    said = tmp_path / "said"
    path = script(tmp_path, f"[ $CRM_alert_node = n0 ] && sleep 60\necho $CRM_alert_node >> {said}")
    send(2, path, 1.2)
    assert said.read_text().split() == ["n1"]


def test_a_missing_agent_harms_nobody(tmp_path: Path) -> None:
    send(1, str(tmp_path / "none"), 0.1)
    send(1, "relative", 0.1)


def test_the_time_is_told_in_three_ways_and_nothing_dangerous_is_passed() -> None:
    request = AlertRequest("/x", {"PATH": "/evil", "LD_PRELOAD": "x", "debug": "yes"}, 1, "%3N", 1_700_000_000.25)
    found = environment(request, ExecutorSettings(command_path="/bin"), 7)
    assert found["PATH"] == "/bin" and "LD_PRELOAD" not in found and found["debug"] == "yes"
    assert found["CRM_alert_timestamp_epoch"] == "1700000000"
    assert found["CRM_alert_timestamp_usec"] == "250000"
    assert found["CRM_alert_timestamp"] == "250"
    os.environ.pop("TZ", None)
    assert timestamp("%1N|%6N|%N", 0, 123456) == "1|123456|123456"

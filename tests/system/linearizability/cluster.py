"""Five machines whose CIB holds the registers, the troubles that befall them, and one run of it all."""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.system import machines, soak
from tests.system.linearizability import judge
from tests.system.linearizability.clients import REGISTERS, Clients, pair, value_in
from tests.system.linearizability.history import Fate, History
from tests.system.room import Room

NAMES = tuple(f"n{number}" for number in range(1, 6))
FRESH_LIMIT_S = 3.0
"""What calls itself fresh is no older than this: a node notices within the failure limit that it is cut off."""
_PAUSES_S = (0.2, 1.0, 3.0, 6.0)
_TROUBLES: tuple[soak.Trouble, ...] = tuple(each for each in soak.TROUBLES
                                            if each.__name__ not in ("_kill_agents", "_leave"))


class Registers(Room):
    """A cluster of nothing but registers."""

    def trouble_configuration(self, fencing: bool = True) -> str:
        config = "".join(pair(name) for name, (section, _) in REGISTERS.items() if section == "crm_config")
        config = config.replace('</cluster_property_set><cluster_property_set id="registers">', "")
        for name in REGISTERS:
            config = config.replace(f'id="register-{name}"', f'id="register-{name}" name="register-{name}"')
        nodes = "".join(f'<node id="{number}" uname="{name}">' + (
            '<instance_attributes id="registers-1"><nvpair id="register-node" name="register-node" value=","/>'
            "</instance_attributes>" if number == 1 else "") + "</node>" for number, name in enumerate(self.names, 1))
        return ('<configuration><crm_config><cluster_property_set id="o"><nvpair id="o-f" name="fencing-enabled" '
                'value="false"/><nvpair id="o-l" name="load-threshold" value="0"/></cluster_property_set>'
                f"{config}</crm_config><nodes>{nodes}</nodes><resources/><constraints/></configuration>")

    def sockets(self) -> dict[str, str]:
        """Where nodes whose machines run can be asked."""
        return {machine.name: self.socket(machine) for machine in self.network if machine.process_id is not None}

    def values(self) -> dict[str, tuple[str, ...]]:
        """What each register holds, the same on all nodes."""
        found: dict[str, set[tuple[str, ...] | None]] = {name: set() for name in REGISTERS}
        for node in self.names:
            text = self.ask("GET", "/v1/cib", node).text
            for name, values in found.items():
                values.add(value_in(text, name))
        assert all(len(values) == 1 for values in found.values()), f"nodes differ in peace: {found}"
        return {name: next(iter(values)) or () for name, values in found.items()}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a run."""

    broken: list[str]
    summary: str


def run(seed: int, seconds: float, say: Callable[[str], None], keep: Path | None = None) -> Verdict:
    """Troubles and clients for so long, then peace and the judgement. `keep`: where logs go if anything was broken."""
    history, chance = History(), random.Random(seed)
    with machines.network(NAMES) as network:
        cluster = Registers(network, fencing=False)
        try:
            cluster.open()
            cluster.until_peace()
            clients = Clients(history, cluster.sockets, seed)
            clients.start()
            try:
                _trouble(cluster, clients, history, chance, seconds, say)
            finally:
                clients.stop()
            cluster.mend()
            cluster.until_peace(120)
            last = cluster.values()
        finally:
            cluster.close()
        verdict = _judged(history, last)
        verdict.broken.extend(cluster._tracebacks())
        if verdict.broken and keep is not None:
            _keep(cluster, history, keep)
    return verdict


def _trouble(cluster: Registers, clients: Clients, history: History, chance: random.Random, seconds: float,
             say: Callable[[str], None]) -> None:
    end, said = time.monotonic() + seconds, 0.0
    while (left := end - time.monotonic()) > 0:
        trouble, name = chance.choice(_TROUBLES), chance.choice(cluster.names)
        word = f"{trouble.__name__.strip('_').replace('_', ' ')} {name}"
        history.troubles.append((clients.now(), word))
        # A machine that has just gone off, or a daemon that is not there, cannot be troubled more.
        with suppress(AssertionError, OSError, machines.subprocess.CalledProcessError):
            trouble(cluster, chance, name)
        if chance.random() < 0.35:
            cluster.mend()
        if clients.now() - said > 10:
            said = clients.now()
            say(f"{said:.0f} s: {len(history.writes)} writes, {len(history.reads)} reads, "
                f"{len(history.troubles)} troubles, the last: {word}")
        threading.Event().wait(min(left, chance.choice(_PAUSES_S)))


def _judged(history: History, last: dict[str, tuple[str, ...]]) -> Verdict:
    broken = judge.broken(history, last)
    plain = judge.staleness(history, last)
    if plain.fresh_oldest_s > FRESH_LIMIT_S:
        broken.append(f"a read that called itself fresh was {plain.fresh_oldest_s:.2f} s old")
    fates = Counter(each.fate for each in history.writes)
    consistent = sum(each.consistent for each in history.reads)
    summary = (f"{fates[Fate.DONE]} writes acknowledged, {fates[Fate.REFUSED]} refused, {fates[Fate.UNKNOWN]} unknown; "
               f"{consistent} consistent reads; {plain.reads} plain ones, of which {plain.stale} were stale (up to "
               f"{plain.oldest_s:.2f} s; {plain.fresh_oldest_s:.2f} s of those that called themselves fresh) and "
               f"{plain.lost} saw what was lost; {len(history.troubles)} troubles")
    return Verdict(broken, summary)


def _keep(cluster: Registers, history: History, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for machine in cluster.network:
        with suppress(OSError):
            shutil.copy(machine.disk / "crmd.log", folder / f"{machine.name}.log")
    lines = [*(f"{at:.3f} {what}" for at, what in history.troubles), *map(str, history.writes),
             *map(str, history.reads)]
    (folder / "history.txt").write_text("\n".join(lines))

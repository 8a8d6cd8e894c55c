"""redis with one copy, promoted where it is written; the third machine has none."""

from __future__ import annotations

from tests.system.services.clients import Redis as Connection
from tests.system.services.service import Service, clone, never_on, primitive, with_promoted

CONFIGURATION = """bind 0.0.0.0
protected-mode no
dir /srv/redis
logfile /srv/redis/log
appendonly yes
appendfsync always
repl-diskless-sync-delay 0
repl-timeout 10
"""


class Redis(Service):
    """A key counts as safe once the copy has it, too: what a copy lacks is lost with its master."""

    name, place, process, everywhere = "redis", "redis-clone", "redis-server", True
    programs, agents = ("redis-server", "redis-cli"), ("redis", "IPaddr2")
    changed = ("redis", "wait_last_known_master", "true")

    def prepare(self) -> None:
        for machine in self.network:
            (self.folder(machine, "redis", owner="redis") / "redis.conf").write_text(CONFIGURATION)

    def resources(self) -> str:
        watched = primitive("redis", "redis", {"config": "/srv/redis/redis.conf"},
                            watches=(("2s", "Promoted"), ("3s", "Unpromoted")))
        return self.address_xml() + clone("redis-clone", watched, promotable="true", notify="true", clone_max="2",
                                          interleave="true")

    def constraints(self) -> str:
        return with_promoted("ip", "redis-clone") + never_on("redis-clone", "n3")

    def send(self, number: int) -> bool:
        with Connection(self.address) as redis:
            redis.ask("SET", f"key:{number}", "x")
            return redis.ask("WAIT", "1", "200") == 1

    def kept(self) -> set[int]:
        with Connection(self.address, 10.0) as redis:
            keys = redis.ask("KEYS", "key:*")
        assert isinstance(keys, list)
        return {int(str(key).partition(":")[2]) for key in keys}

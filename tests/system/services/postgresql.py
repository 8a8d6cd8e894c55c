"""PostgreSQL with a synchronous copy: a row is acknowledged once both have it, as long as there are both."""

from __future__ import annotations

from pathlib import Path

from tests.system.machines import Machine
from tests.system.services.clients import Postgres as Connection
from tests.system.services.service import Service, clone, command, never_on, primitive, with_promoted

CONFIGURATION = """
listen_addresses = '*'
unix_socket_directories = '/run/pgsocket'
wal_level = replica
hot_standby = on
max_wal_senders = 8
wal_keep_size = 256MB
wal_sender_timeout = 5s
wal_receiver_timeout = 5s
wal_retrieve_retry_interval = 500ms
"""
ACCESS = "local all all trust\nhost all all 0.0.0.0/0 trust\nhost replication all 0.0.0.0/0 trust\n"
_DATA, _LOCK = "/srv/pg/data", "/srv/pg/tmp/PGSQL.lock"


def programs() -> Path:
    """Debian keeps the server's programs in a folder of their version, outside of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))
    return found[-1] if found else Path("/usr/lib/postgresql/none/bin")


class PostgreSQL(Service):
    name, place, process, everywhere = "postgresql", "pgsql-clone", "postgres", True
    programs, agents = ("psql", "runuser"), ("pgsql", "IPaddr2")
    changed = ("pgsql", "check_wal_receiver", "true")
    mode = "sync"

    @classmethod
    def why_not(cls) -> str:
        return super().why_not() or ("" if programs().exists() else "needs postgresql")

    def prepare(self) -> None:
        first, *others = (self.folder(machine, "pg", owner="postgres") for machine in self.network)
        data = first / "data"
        command(str(programs() / "initdb"), "-D", str(data), "-A", "trust", "--no-sync", user="postgres")
        with (data / "postgresql.conf").open("a") as file:
            file.write(CONFIGURATION)
        (data / "pg_hba.conf").write_text(ACCESS)
        command("sh", "-c", f"echo 'create table kept (id bigint primary key)' | {programs()}/postgres --single "
                f"-D {data} postgres", user="postgres")
        for other in others[:1]:
            command("cp", "-a", str(data), str(other / "data"))

    def resources(self) -> str:
        watched = primitive("pgsql", "pgsql", {
            "pgctl": str(programs() / "pg_ctl"), "psql": "/usr/bin/psql", "pgdata": _DATA, "socketdir": "/run/pgsocket",
            "tmpdir": "/srv/pg/tmp", "logfile": "/srv/pg/log", "rep_mode": self.mode, "node_list": "n1 n2",
            "master_ip": self.address, "restart_on_promote": "false",
            "primary_conninfo_opt": "keepalives_idle=5 keepalives_interval=2 keepalives_count=3 connect_timeout=3",
        }, watches=(("2s", "Promoted"), ("3s", "Unpromoted")))
        return self.address_xml() + clone("pgsql-clone", watched, promotable="true", notify="true", clone_max="2",
                                          interleave="true")

    def constraints(self) -> str:
        return with_promoted("ip", "pgsql-clone") + never_on("pgsql-clone", "n3")

    def send(self, number: int) -> bool:
        with Connection(self.address, "postgres", "postgres") as database:
            database.ask(f"insert into kept values ({number})")
        return self.mode == "sync"

    def kept(self) -> set[int]:
        with Connection(self.address, "postgres", "postgres", 10.0) as database:
            return {int(row[0]) for row in database.ask("select id from kept")}

    def ready(self) -> bool:
        wanted = "sync" if self.mode == "sync" else "async"
        with Connection(self.address, "postgres", "postgres") as database:
            return len(database.ask(f"select 1 from pg_stat_replication where sync_state='{wanted}'")) == 1

    def repair(self, machine: Machine) -> bool:
        """A primary that was lost may have rows that nobody was told of: its data are fetched anew from the other."""
        inside = Path(f"/proc/{machine.process_id}/root")
        if machine.process_ids("postgres") or not (inside / _LOCK.lstrip("/")).exists():
            return False
        rejoin(machine, self.address)
        return True

    def left_behind(self, machine: Machine) -> list[str]:
        return [f"postgres {process}" for process in machine.process_ids("postgres")]


def rejoin(machine: Machine, primary: str) -> None:
    machine.run("sh", "-e", "-c", f"rm -rf {_DATA}; runuser -u postgres -- pg_basebackup -h {primary} -U postgres "
                f"-D {_DATA} -X stream -c fast --no-sync; rm -f {_LOCK}",
                environment={"PGCONNECT_TIMEOUT": "5"})


class AsynchronousPostgreSQL(PostgreSQL):
    """Rows may be lost with the primary; what is promised is that the copy takes over."""

    name, mode = "postgresql-async", "async"

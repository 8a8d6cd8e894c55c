"""MariaDB with a semi-synchronous copy."""

from __future__ import annotations

from tests.system.machines import Machine
from tests.system.services.clients import run
from tests.system.services.service import Service, clone, command, never_on, primitive, with_promoted

CONFIGURATION = """[mysqld]
server_id = {number}
log_bin = /srv/mysql/data/binlog
relay_log = /srv/mysql/data/relay
bind_address = 0.0.0.0
skip_name_resolve = 0
innodb_buffer_pool_size = 16M
innodb_log_file_size = 8M
slave_net_timeout = 4
master_retry_count = 0
plugin_maturity = gamma
"""
USERS = """FLUSH PRIVILEGES;
CREATE USER 'repl'@'%' IDENTIFIED BY 'repl';
GRANT ALL ON *.* TO 'repl'@'%' WITH GRANT OPTION;
CREATE USER 'repl'@'localhost' IDENTIFIED BY 'repl';
GRANT ALL ON *.* TO 'repl'@'localhost' WITH GRANT OPTION;
INSERT INTO mysql.gtid_slave_pos (domain_id, sub_id, server_id, seq_no) VALUES (0, 1, 1, 1);
CREATE DATABASE kept;
CREATE TABLE kept.kept (id bigint primary key) ENGINE=InnoDB;
FLUSH PRIVILEGES;
"""


class MariaDB(Service):
    name, place, process, everywhere = "mariadb", "mariadb-clone", "mariadbd", True
    programs, agents = ("mariadbd", "mariadb", "mariadb-install-db", "bc"), ("mariadb", "IPaddr2")
    changed = ("mariadb", "max_slave_lag", "3000")

    def prepare(self) -> None:
        folders = [self.folder(machine, "mysql", owner="mysql") for machine in self.network]
        data = folders[0] / "data"
        command("mariadb-install-db", "--no-defaults", f"--datadir={data}", "--user=mysql", "--skip-test-db",
                "--auth-root-authentication-method=normal")
        command("sh", "-c", f"echo \"{USERS}\" | /usr/sbin/mariadbd --no-defaults --bootstrap --datadir={data} "
                "--user=mysql")
        for number, folder in enumerate(folders, 1):
            (folder / "my.cnf").write_text(CONFIGURATION.format(number=number))
            if number == 2:
                command("cp", "-a", str(data), str(folder / "data"))

    def resources(self) -> str:
        watched = primitive("mariadb", "mariadb", {
            "binary": "/usr/sbin/mariadbd", "client_binary": "/usr/bin/mariadb", "config": "/srv/mysql/my.cnf",
            "datadir": "/srv/mysql/data", "log": "/srv/mysql/log", "pid": "/run/mysql/pid",
            "socket": "/run/mysql/socket", "node_list": "n1 n2", "replication_user": "repl",
            "replication_passwd": "repl"}, watches=(("2s", "Promoted"), ("3s", "Unpromoted")))
        return self.address_xml() + clone("mariadb-clone", watched, promotable="true", notify="true", clone_max="2",
                                          interleave="true")

    def constraints(self) -> str:
        return with_promoted("ip", "mariadb-clone") + never_on("mariadb-clone", "n3")

    def send(self, number: int) -> bool:
        self._ask(f"insert into kept.kept values ({number})", 1.0)
        return True

    def kept(self) -> set[int]:
        return {int(line) for line in self._ask("select id from kept.kept", 10.0).split()}

    def ready(self) -> bool:
        return self._ask("show status like 'Rpl_semi_sync_master_clients'", 2.0).split()[-1:] == ["1"]

    def left_behind(self, machine: Machine) -> list[str]:
        return [f"mariadbd {process}" for process in machine.process_ids("mariadbd")]

    def _ask(self, statement: str, limit_s: float) -> str:
        return run("mariadb", "--no-defaults", "-h", self.address, "-urepl", "-prepl", "--connect-timeout=1", "-N",
                   "-s", "-e", statement, limit_s=limit_s)

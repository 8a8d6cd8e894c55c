"""A file server: a filesystem that only one machine may mount, exported by NFS and by rsync, with its address."""

from __future__ import annotations

from tests.system.machines import Machine
from tests.system.services.clients import run
from tests.system.services.service import Service, command, group, primitive

CONFIGURATION = """pid file = /run/rsyncd.pid
log file = /srv/rsyncd.log
use chroot = no
uid = root
gid = root
timeout = 2
[data]
path = /srv/data
read only = no
"""


class Files(Service):
    """The kernel here may have no NFS server: then the export is a line in the table of exports, and no more."""

    name, place, process = "files", "files", "rsync"
    programs = ("rsync", "mkfs.ext4", "losetup", "exportfs")
    agents = ("Filesystem", "exportfs", "rsyncd", "IPaddr2")
    changed = ("export", "options", "ro")

    def prepare(self) -> None:
        command("truncate", "-s", "64M", str(self.shared / "image"))
        command("mkfs.ext4", "-q", str(self.shared / "image"))
        for machine in self.network:
            (machine.disk / "srv/rsyncd.conf").write_text(CONFIGURATION)

    def resources(self) -> str:
        return group(
            "files",
            primitive("fs", "Filesystem", {"device": "/srv/shared/image", "directory": "/srv/data", "fstype": "ext4",
                                           "options": "loop"}),
            primitive("export", "exportfs", {"directory": "/srv/data", "clientspec": "10.0.0.0/8", "fsid": "1",
                                             "options": "rw"}),
            primitive("rsyncd", "rsyncd", {"conffile": "/srv/rsyncd.conf"}),
            self.address_xml())

    def send(self, number: int) -> bool:
        run("rsync", "--contimeout=1", "--timeout=1", "/etc/hostname", f"{self._module}/{number}", limit_s=1.5)
        return True

    def kept(self) -> set[int]:
        lines = run("rsync", "--contimeout=3", f"{self._module}/", limit_s=20.0).splitlines()
        return {int(line.split()[-1]) for line in lines if line.split()[-1].isdigit()}

    def repair(self, machine: Machine) -> bool:
        """The agent takes a file of process ids whose daemon was killed for a failure that it cannot end."""
        if machine.process_ids("rsync"):
            return False
        return machine.run("sh", "-c", "test -e /run/rsyncd.pid && rm /run/rsyncd.pid", check=False).returncode == 0

    def left_behind(self, machine: Machine) -> list[str]:
        found = [f"rsync {process}" for process in machine.process_ids("rsync")]
        if " /srv/data " in machine.run("cat", "/proc/mounts").stdout:
            found.append("/srv/data mounted")
        if machine.run("cat", "/var/lib/nfs/etab").stdout.strip():
            found.append("an export")
        return found

    @property
    def _module(self) -> str:
        return f"rsync://{self.address}/data"

"""Process 1 of a test machine: private /run, /dev/shm and state folders, then reaps what ends. Standard library only.

Called by tests.system.machines inside fresh namespaces: first_process.py NAME DISK. What else a machine does at boot is
in the program `boot` on its disk, if there is one.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

BOUND = {
    "etc-corosync": "/etc/corosync", "lib-corosync": "/var/lib/corosync", "log-corosync": "/var/log/corosync",
    "lib-pacemaker": "/var/lib/pacemaker", "log-pacemaker": "/var/log/pacemaker",
}


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def main(name: str, disk: Path) -> None:
    socket.sethostname(name)
    mount("-t", "proc", "proc", "/proc")
    mount("-t", "tmpfs", "-o", "size=2g", "tmpfs", "/dev/shm")
    mount("-t", "tmpfs", "-o", "mode=755,size=512m", "tmpfs", "/run")
    for folder, place in BOUND.items():
        (disk / folder).mkdir(parents=True, exist_ok=True)
        if Path(place).is_dir():
            mount("--bind", str(disk / folder), place)
    Path("/run/lock").mkdir(mode=0o1777)
    Path("/run/resource-agents").mkdir(mode=0o1755)
    pacemaker_folders(disk)
    if (disk / "boot").exists():
        subprocess.run([str(disk / "boot")], check=True)
    Path("/run/machine-ready").touch()
    while True:
        try:
            os.wait()
        except ChildProcessError:
            time.sleep(0.05)


def pacemaker_folders(disk: Path) -> None:
    """Pacemaker's daemons write as another user."""
    if subprocess.run(["getent", "passwd", "hacluster"], capture_output=True, check=False).returncode:
        return
    for place in ("/run/crm", *(f"/var/lib/pacemaker/{part}" for part in ("blackbox", "cib", "cores", "pengine"))):
        subprocess.run(["install", "-d", "-m", "750", "-o", "hacluster", "-g", "haclient", place], check=True)
    for place in ("/var/log/pacemaker", "/var/log/pacemaker/bundles"):
        subprocess.run(["install", "-d", "-m", "770", "-o", "hacluster", "-g", "haclient", place], check=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

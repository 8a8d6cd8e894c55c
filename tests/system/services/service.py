"""What a service of the tests says of itself: how it is configured, asked, looked at, and what it may leave behind."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from xml.sax.saxutils import quoteattr

from tests.system.machines import Machine, Network, missing

HEARTBEAT = Path("/usr/lib/ocf/resource.d/heartbeat")


@dataclass
class Service:
    """One kind of service. Subclasses say what differs; `place` is what is moved, with the service address.

    Machines have a folder of their own at /srv, on their disk, and one that all share at /srv/shared.
    """

    name: ClassVar[str]
    place: ClassVar[str]  # the resource that is moved, and that has to be active for the service to be there
    process: ClassVar[str]  # the command whose loss is the loss of the service
    programs: ClassVar[tuple[str, ...]] = ()
    agents: ClassVar[tuple[str, ...]] = ()
    everywhere: ClassVar[bool] = False  # whether other nodes run a copy of it
    changed: ClassVar[tuple[str, str, str]]  # a parameter that may change while it runs: resource, name, value
    network: Network

    @classmethod
    def why_not(cls) -> str:
        """Why it cannot be had here, empty if it can."""
        absent = [f"ocf:heartbeat:{agent}" for agent in cls.agents if not (HEARTBEAT / agent).exists()]
        return missing(*cls.programs) or (f"needs {', '.join(absent)}" if absent else "")

    @property
    def address(self) -> str:
        return f"{self.network.subnet}.100"

    def prepare(self) -> None:
        """Write what the service needs on the disks, before anything boots."""

    def resources(self) -> str:
        """XML of the resources."""
        raise NotImplementedError

    def constraints(self) -> str:
        """XML of the constraints."""
        return ""

    def send(self, number: int) -> bool:
        """One request of a client: whether what it wrote is safe from now on; OSError if it was not answered."""
        raise NotImplementedError

    def kept(self) -> set[int] | None:
        """The numbers that the service has now; None if it keeps nothing."""
        return None

    def ready(self) -> bool:
        """Whether it is as redundant as it is meant to be: what is lost now is not lost for good."""
        return True

    def repair(self, machine: Machine) -> bool:
        """What an administrator does on a node whose copy does not start by itself; whether anything was to do."""
        return False

    def left_behind(self, machine: Machine) -> list[str]:
        """What must not be on a machine where it is not active."""
        return []

    # Helpers of subclasses

    def folder(self, machine: Machine, *parts: str, owner: str = "root") -> Path:
        """A new folder below the machine's /srv."""
        made = (machine.disk / "srv").joinpath(*parts)
        made.mkdir(parents=True, exist_ok=True)
        shutil.chown(made, owner, owner)
        return made

    @property
    def shared(self) -> Path:
        """The folder that all machines share, as a store behind them would be."""
        made = self.network.folder / "shared"
        made.mkdir(exist_ok=True)
        return made

    def address_xml(self) -> str:
        return primitive("ip", "IPaddr2", {"ip": self.address, "cidr_netmask": "24", "nic": "eth0"})


def primitive(name: str, agent: str, parameters: Mapping[str, str], every: str = "2s",
              watches: Sequence[tuple[str, str]] = (), meta: Mapping[str, str] | None = None) -> str:
    """A primitive of Debian's; `watches` are interval and role of its monitors in place of one `every` so often."""
    monitors = watches or ((every, ""),)
    operations = "".join(
        f'<op id="{name}-m{place}" name="monitor" interval="{interval}" timeout="30s"'
        + (f' role="{role}"' if role else "") + "/>" for place, (interval, role) in enumerate(monitors))
    operations += "".join(f'<op id="{name}-{operation}" name="{operation}" interval="0s" timeout="60s"/>'
                          for operation in ("start", "stop", *(("promote", "demote", "notify") if watches else ())))
    return (f'<primitive id="{name}" class="ocf" provider="heartbeat" type="{agent}">'
            f'<instance_attributes id="{name}-p">{pairs(f"{name}-p", parameters)}</instance_attributes>'
            + (f'<meta_attributes id="{name}-a">{pairs(f"{name}-a", meta)}</meta_attributes>' if meta else "")
            + f"<operations>{operations}</operations></primitive>")


def pairs(prefix: str, values: Mapping[str, str]) -> str:
    return "".join(f'<nvpair id="{prefix}-{name}" name="{name}" value={quoteattr(value)}/>'
                   for name, value in values.items())


def group(name: str, *members: str) -> str:
    return f'<group id="{name}">{"".join(members)}</group>'


def clone(name: str, member: str, **meta: str) -> str:
    values = {key.replace("_", "-"): value for key, value in meta.items()}
    attributes = f'<meta_attributes id="{name}-a">{pairs(f"{name}-a", values)}</meta_attributes>'
    return f'<clone id="{name}">{attributes}{member}</clone>'


def with_promoted(follower: str, promoted: str) -> str:
    """Constraints: the follower is where the promoted instance is, and starts after its promotion."""
    return (f'<rsc_colocation id="{follower}-with-{promoted}" rsc="{follower}" with-rsc="{promoted}" '
            f'with-rsc-role="Promoted" score="INFINITY"/>'
            f'<rsc_order id="{follower}-after-{promoted}" first="{promoted}" first-action="promote" then="{follower}" '
            f'then-action="start"/>')


def never_on(resource: str, node: str) -> str:
    return f'<rsc_location id="{resource}-not-{node}" rsc="{resource}" node="{node}" score="-INFINITY"/>'


def command(*words: str, user: str = "root") -> None:
    """Run something on this machine while a service is prepared; AssertionError with what it said."""
    inside = list(words) if user == "root" else ["runuser", "-u", user, "--", *words]
    done = subprocess.run(inside, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout[-1500:]}{done.stderr[-1500:]}"


def open_path(folder: Path, until: Iterable[str] = ("/tmp", "/")) -> None:
    """Let other users pass through the folders above."""
    ends = set(until)
    while str(folder) not in ends:
        folder.chmod(folder.stat().st_mode | 0o055)
        folder = folder.parent

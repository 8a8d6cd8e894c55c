"""Resources that a case's bundles and guest nodes imply: agent, parameters, how often they are watched.

Written down anew here, from Pacemaker's documentation, not asked of the planner: so a part of a bundle that runs counts
as unchanged only if the planner still makes the same of the bundle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

CONTAINERS = ("docker", "podman")
_PORT = "3121"


@dataclass(frozen=True, slots=True)
class Implied:
    """One of them; a parameter `#uname` is the name of the node where it runs."""

    agent: str
    parameters: dict[str, str]
    interval: str
    timeout: str = "20000"


def implied(root: etree._Element) -> dict[str, Implied]:
    """All that a CIB implies, by name."""
    found = {}
    for pair in root.iterfind(".//nvpair[@name='remote-node']"):
        found[str(pair.get("value"))] = Implied("ocf:pacemaker:remote", {}, "30s", "30000")
    for bundle in root.iterfind("configuration/resources/bundle"):
        found |= parts_of(bundle)
    return found


def parts_of(bundle: etree._Element) -> dict[str, Implied]:
    """Those of one bundle: for each replica an address, a container, and a connection, where there is need of it."""
    return {name: part for number in range(len(_addresses(bundle))) for name, part in _replica(bundle, number)}


def _replica(bundle: etree._Element, number: int) -> Iterator[tuple[str, Implied]]:
    name, address = f"{bundle.get('id')}-{number}", _addresses(bundle)[number]
    if address:
        yield f"{bundle.get('id')}-ip-{address}", Implied("ocf:heartbeat:IPaddr2", _address(bundle, address), "60s")
    container = _container(bundle)
    parameters = {"image": str(container.get("image")), "allow_pull": "true", "force_kill": "false", "reuse": "false"}
    parameters |= {"monitor_cmd": "/bin/true", "mount_points": "", "run_opts": _run_options(bundle, number)}
    command = container.get("run-command")
    if bundle.find("primitive") is not None:
        parameters["mount_points"] = f"/var/log/pacemaker/bundles/{name}"
        command = command or "/usr/sbin/pacemaker-remoted"
    if command:
        parameters["run_cmd"] = command
    yield f"{bundle.get('id')}-{container.tag}-{number}", Implied(f"ocf:heartbeat:{container.tag}", parameters, "60s")
    if bundle.find("primitive") is not None:
        connection = {"addr": address or "#uname", "port": _network(bundle, "control-port") or _PORT}
        yield name, Implied("ocf:pacemaker:remote", connection, "30s", "30000")


def _address(bundle: etree._Element, address: str) -> dict[str, str]:
    device = _network(bundle, "host-interface")
    given = {"ip": address, "cidr_netmask": _network(bundle, "host-netmask") or "32"}
    return given | {"nic": device} if device else given


def _run_options(bundle: etree._Element, number: int) -> str:
    """What follows `docker run`; every space counts."""
    container, name, addresses = _container(bundle), f"{bundle.get('id')}-{number}", _addresses(bundle)
    port = _network(bundle, "control-port") or _PORT
    text = " --restart=no" if container.tag == "docker" else ""
    text += f" -h {name}" if addresses[0] else ""
    text += " -e PCMK_stderr=1" + (f" --net={container.get('network')}" if container.get("network") else "")
    text += f" -e PCMK_remote_port={port}"
    if bundle.find("primitive") is not None:
        text += " -v /etc/pacemaker/authkey:/etc/pacemaker/authkey"
        text += f" -v /var/log/pacemaker/bundles/{name}:/var/log"
        text += f" -p {addresses[number]}:{port}:{port}" if addresses[number] else ""
    return text + " " + "".join(_host(bundle, other, address) for other, address in enumerate(addresses) if address)


def _host(bundle: etree._Element, number: int, address: str) -> str:
    name = f"{bundle.get('id')}-{number}"
    return f" --add-host={name}:{address}"


def _container(bundle: etree._Element) -> etree._Element:
    return next(child for child in bundle if child.tag in CONTAINERS)


def _network(bundle: etree._Element, name: str) -> str | None:
    network = bundle.find("network")
    return None if network is None else network.get(name)


def _addresses(bundle: etree._Element) -> list[str]:
    """The address of each replica, empty without any."""
    container = _container(bundle)
    count = int(container.get("replicas") or container.get("promoted-max") or "1")
    start = _network(bundle, "ip-range-start")
    if start is None:
        return [""] * count
    prefix, last = start.rsplit(".", 1)
    return [f"{prefix}.{int(last) + number}" for number in range(count)]

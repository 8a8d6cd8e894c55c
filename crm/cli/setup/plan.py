"""What each node of a new cluster gets: settings, keys, certificates, the engine's configuration. Files as values.

A file is meant for a folder by name (`crmd`, `corosync`); where that is on a machine is for who writes it to say.
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass, field

from crm.cli.connection import USAGE, CommandError
from crm.cli.setup.certificates import Pair, authority, signed
from crm.cli.setup.corosync_conf import corosync_conf

PORT = 5407
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")


@dataclass(frozen=True, slots=True)
class SetupFile:
    """A file for a folder: `crmd` (/etc/crmd) or `corosync` (/etc/corosync)."""

    folder: str
    name: str
    content: bytes = field(repr=False)
    secret: bool = False


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """A cluster to be set up; nodes as (name, address)."""

    cluster: str
    layer: str
    nodes: tuple[tuple[str, str], ...]
    key: bytes = field(default_factory=lambda: secrets.token_hex(32).encode(), repr=False)
    corosync_key: bytes = field(default_factory=lambda: secrets.token_bytes(256), repr=False)
    etcd_authority: Pair = field(default_factory=lambda: authority("crmd etcd"), repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.nodes)

    def files(self, node: str) -> list[SetupFile]:
        """Everything that one node needs."""
        files = [SetupFile("crmd", "crmd.toml", self._settings(node).encode()),
                 SetupFile("crmd", "key", self.key + b"\n", secret=True)]
        if self.layer == "corosync":
            files += self._corosync()
        if self.layer == "etcd":
            files += self._etcd(node)
        return files

    def _settings(self, node: str) -> str:
        lines = ["# Written by crmctl cluster. crmd --help-settings explains every setting.", f'name = "{node}"',
                 f'cluster = "{self.cluster}"', 'key_file = "key"', "", "[messaging]", f'layer = "{self.layer}"']
        if len(self.nodes) == 2 and self.layer != "corosync":
            lines += ["# One of two is enough, once both have been seen. Have fencing before you rely on it.",
                      'quorum = "two_node"']
        if self.layer == "etcd":
            endpoints = json.dumps([f"https://{address}:2379" for _, address in self.nodes])
            lines += ["", "[etcd]", f"endpoints = {endpoints}", 'ca_file = "etcd-ca.pem"',
                      'certificate_file = "etcd.pem"', 'key_file = "etcd.key"']
        if self.layer == "corosync":
            return "\n".join([*lines, "# Nodes, names and quorum: see /etc/corosync/corosync.conf", ""])
        for name, address in self.nodes:
            lines += ["", "[[nodes]]", f'name = "{name}"', f'host = "{address}"', f"port = {PORT}"]
        return "\n".join([*lines, ""])

    def _corosync(self) -> list[SetupFile]:
        nodes = [(name, str(number), address) for number, (name, address) in enumerate(self.nodes, 1)]
        return [SetupFile("corosync", "corosync.conf", corosync_conf(self.cluster, nodes).encode()),
                SetupFile("corosync", "authkey", self.corosync_key, secret=True)]

    def _etcd(self, node: str) -> list[SetupFile]:
        address = dict(self.nodes)[node]
        pair = signed(self.etcd_authority, node, address)
        return [SetupFile("crmd", "etcd-ca.pem", self.etcd_authority.certificate_pem),
                SetupFile("crmd", "etcd.pem", pair.certificate_pem),
                SetupFile("crmd", "etcd.key", pair.key_pem, secret=True),
                SetupFile("crmd", "etcd.env", self._etcd_environment(node, address).encode())]

    def _etcd_environment(self, node: str, address: str) -> str:
        """The environment of etcd on a node (deploy/systemd/crmd-etcd.service reads it)."""
        peers = ",".join(f"{name}=https://{other}:2380" for name, other in self.nodes)
        values = {
            "NAME": node, "DATA_DIR": "/var/lib/crmd-etcd", "INITIAL_CLUSTER": peers,
            "INITIAL_CLUSTER_TOKEN": self.cluster, "INITIAL_CLUSTER_STATE": "new",
            "LISTEN_CLIENT_URLS": f"https://{address}:2379", "ADVERTISE_CLIENT_URLS": f"https://{address}:2379",
            "LISTEN_PEER_URLS": f"https://{address}:2380", "INITIAL_ADVERTISE_PEER_URLS": f"https://{address}:2380",
            "CLIENT_CERT_AUTH": "true", "PEER_CLIENT_CERT_AUTH": "true",
            # A cluster manager writes little; history is of no use to it.
            "AUTO_COMPACTION_RETENTION": "1h",
        }
        values |= {f"{kind}{name}": f"/etc/crmd/{file}" for kind in ("", "PEER_") for name, file in (
            ("TRUSTED_CA_FILE", "etcd-ca.pem"), ("CERT_FILE", "etcd.pem"), ("KEY_FILE", "etcd.key"))}
        return "".join(f"ETCD_{name}={value}\n" for name, value in values.items())


def planned(cluster: str, layer: str, nodes: list[str]) -> ClusterPlan:
    """A plan from NAME=ADDRESS words. Raises CommandError with what is wrong with them."""
    pairs = []
    for word in nodes:
        name, sign, address = word.partition("=")
        if not sign or not _NAME.fullmatch(name) or not re.fullmatch(r"[A-Za-z0-9.:_-]+", address):
            raise CommandError(f"“{word}” does not name a node", "Write NAME=ADDRESS, such as node1=10.0.0.1", USAGE)
        pairs.append((name, address))
    for what, values in (("name", [name for name, _ in pairs]), ("address", [address for _, address in pairs])):
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise CommandError(f"The {what} {twice[0]} is given twice", "Each node needs its own", USAGE)
    if not pairs:
        raise CommandError("A cluster needs nodes", "Write them as NAME=ADDRESS, this node first", USAGE)
    if not _NAME.fullmatch(cluster):
        raise CommandError(f"“{cluster}” cannot be a cluster's name", "Use letters, digits, and . _ -", USAGE)
    return ClusterPlan(cluster, layer, tuple(pairs))

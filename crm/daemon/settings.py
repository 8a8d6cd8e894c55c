"""The settings of a node: one TOML file, every setting with a default, its unit in its name, and a description.

What is not understood is an error that names the setting and, where there is one, the nearest right name. Paths of the
file may start with `~`; relative ones count from the file's folder.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import secrets
import socket
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator

from crm.daemon import layer_keys
from crm.daemon.api_settings import ApiSettings
from crm.daemon.settings_section import SettingsError, SettingsSection
from crm.messaging import EtcdAccess, LayerError, LayerSettings, NodeAddress, QuorumMode, QuorumRule

DEFAULT_FILE = Path("/etc/crmd/crmd.toml")


class NodeSettings(SettingsSection):
    """One node of the cluster's node list (the same list on every node)."""

    name: str = Field(description="the node's name", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=255)
    id: str = Field(default="", description="its id in the CIB; by default its place in the list, counted from 1")
    host: str = Field(default="127.0.0.1", description="the address at which the other nodes reach it")
    port: int = Field(default=5407, description="the TCP port of the embedded message layer", ge=1, le=65535)


class MessagingSettings(SettingsSection):
    """How the nodes find and hear each other."""

    layer: str = Field(
        default="embedded",
        description="the message layer: embedded, corosync, etcd, or one that is installed as an extension",
    )
    quorum: Literal["majority", "two_node", "single_node"] = Field(
        default="majority",
        description="when a partition may decide: majority of the node list, two_node, or single_node",
    )
    wait_for_all: bool = Field(
        default=True, description="with two_node: a node that starts alone waits until it has seen the other once"
    )
    heartbeat_ms: int = Field(
        default=200, description="how often a node says that it lives, in milliseconds", ge=10, le=60_000
    )
    failure_limit_ms: int = Field(
        default=800, description="a node that is silent for so many milliseconds is lost", ge=50, le=600_000
    )
    reconnect_limit_ms: int = Field(
        default=500,
        description="longest pause between attempts to reach a missing node, in milliseconds",
        ge=20,
        le=60_000,
    )
    restart_limit_ms: int = Field(
        default=3000,
        description="how long a killed daemon is given to come back, in milliseconds (see restart_daemon)",
        ge=0,
        le=60_000,
    )
    max_message_bytes: int = Field(
        default=32 * 1024 * 1024, description="largest message that is sent or taken, in bytes", ge=65_536
    )


class EtcdSettings(SettingsSection):
    """How the etcd layer reaches etcd; used with messaging.layer = "etcd"."""

    endpoints: tuple[str, ...] = Field(default=(), description='its servers, such as ["https://10.0.0.1:2379"]')
    lease_s: int = Field(
        default=5,
        description="a node that has not renewed its lease for so many seconds is lost; it knows a quarter earlier",
        ge=2,
        le=600,
    )
    prefix: str = Field(default="/crmd/", description="what all keys in etcd begin with", pattern=r"^/.*[^/]|^/.+/$")
    user: str = Field(default="", description="etcd's user, if etcd asks for one")
    password_file: Path = Field(default=Path(), description="file with that user's password")
    ca_file: Path = Field(default=Path(), description="certificate (PEM) that signed those of the servers")
    certificate_file: Path = Field(default=Path(), description="this node's certificate (PEM), if etcd asks for one")
    key_file: Path = Field(default=Path(), description="the key (PEM) of that certificate")

    def access(self) -> EtcdAccess:
        """What the layer is given. Raises SettingsError when the password cannot be read."""
        try:
            password = self.password_file.read_text().strip() if self.user else ""
        except OSError as error:
            raise SettingsError(
                f"the password file {self.password_file} cannot be read: {error.strerror}",
                "set etcd.password_file, or clear etcd.user",
            ) from None
        ca, certificate, key = (
            "" if path == Path() else str(path) for path in (self.ca_file, self.certificate_file, self.key_file)
        )
        return EtcdAccess(self.endpoints, self.lease_s, self.prefix, self.user, password, ca, certificate, key)


class Settings(SettingsSection):
    """All settings of one node."""

    name: str = Field(default="", description="this node's name; by default the host's name")
    cluster: str = Field(default="cluster", description="the cluster's name; nodes of other clusters are refused")
    nodes: tuple[NodeSettings, ...] = Field(
        default=(),
        description="the nodes that found the cluster; by default this one alone. Afterwards the list that the cluster "
        "keeps counts (crmctl cluster nodes, add, remove)",
    )
    invited: bool = Field(
        default=False,
        description="this node was added to a cluster that runs: it waits for that, and founds none with its list",
    )
    key_file: Path = Field(
        default=Path("/etc/crmd/key"),
        description="file with the secret that all nodes share; make one: openssl rand -hex 32",
    )
    state_folder: Path = Field(default=Path("/var/lib/crmd"), description="where the CIB and the votes are kept")
    runtime_folder: Path = Field(
        default=Path("/run/crmd"), description="where agents keep their state until the next boot"
    )
    ocf_roots: tuple[Path, ...] = Field(
        default=(),
        description="further folders with resource.d/PROVIDER/AGENT, searched before those of crmd and the system",
    )
    fence_agent_folders: tuple[Path, ...] = Field(
        default=(),
        description="further folders with fence agents (fence_NAME), searched before those of crmd and the system",
    )
    cib_backups: int = Field(default=20, description="how many former CIBs are kept", ge=0, le=10_000)
    node_action_limit: int = Field(
        default=0,
        description="operations that run at once on this node; 0: what the cluster's option node-action-limit says, "
        "else twice the number of cores (fewer while the machine is busy, see the option load-threshold)",
        ge=0,
        le=10_000,
    )
    operation_limit: int = Field(
        default=64, description="starts, stops and other changes that run at once on this node at most", ge=1, le=10_000
    )
    monitor_limit: int = Field(
        default=64,
        description="recurring monitors that run at once on this node at most, and as many probes beside them",
        ge=1,
        le=10_000,
    )
    recheck_interval_s: int = Field(
        default=900, description="the cluster is planned anew at least so often, in seconds", ge=1
    )
    shutdown_limit_s: int = Field(
        default=120, description="how long a node that leaves waits for its resources to move away, in seconds", ge=1
    )
    restart_daemon: bool = Field(
        default=True,
        description="whether a daemon that was killed is started again at once; its resources are kept meanwhile",
    )
    startup_fencing_delay_s: int = Field(
        default=20,
        description="nodes that nobody has seen since the cluster started are fenced only after so many seconds",
        ge=0,
    )
    self_fencing: Literal["processes", "reboot"] = Field(
        default="processes",
        description="how this node ends itself when others rely on it: its processes only, or reset the machine (root)",
    )
    watchdog_ms: int = Field(
        default=0,
        description="a daemon that hangs for so many milliseconds is ended with all that it runs; 0: nobody watches it",
        ge=0,
    )
    watchdog_device: str = Field(
        default="", description="a hardware watchdog to feed while the daemon lives (/dev/watchdog); empty: none"
    )
    keeper_realtime: bool = Field(
        default=False,
        description="whether the keeper, which stops what runs when the daemon cannot (option lease-timeout), runs "
        "before all that has no real-time priority",
    )
    nice: int = Field(
        default=-10,
        description="the daemon's own niceness, so that a busy machine is not taken for a lost one (below 0: needs "
        "root); agents have 0",
        ge=-20,
        le=19,
    )
    log_level: Literal["debug", "info", "notice", "warning", "error"] = Field(
        default="info", description="what is logged"
    )
    messaging: MessagingSettings = Field(default_factory=MessagingSettings, description="the message layer")
    etcd: EtcdSettings = Field(default_factory=EtcdSettings, description="etcd, for the message layer of that name")
    api: ApiSettings = Field(default_factory=ApiSettings, description="REST API and tools")

    @field_validator("nodes")
    @classmethod
    def _ids(cls, nodes: tuple[NodeSettings, ...]) -> tuple[NodeSettings, ...]:
        """Every node has an id, and no two share one."""
        numbered = tuple(
            node if node.id else node.model_copy(update={"id": str(place)}) for place, node in enumerate(nodes, 1)
        )
        ids = [node.id for node in numbered]
        if len(set(ids)) != len(ids):
            raise ValueError("two nodes have the same id")
        return numbered

    @property
    def node_name(self) -> str:
        """This node's name."""
        return self.name or socket.gethostname().split(".")[0]

    @property
    def has_watchdog(self) -> bool:
        """Whether other nodes may rely on this one ending itself (see the option fencing-watchdog-timeout)."""
        return self.watchdog_ms > 0 and self.restart_daemon

    @property
    def node_list(self) -> tuple[NodeSettings, ...]:
        """All nodes; a cluster without a list is this node alone."""
        return self.nodes or (NodeSettings(name=self.node_name, id="1"),)

    @property
    def quorum_mode(self) -> QuorumMode:
        """The quorum mode; a single node needs no majority."""
        return QuorumMode.SINGLE_NODE if len(self.node_list) == 1 else QuorumMode(self.messaging.quorum)

    def layer_settings(self, listening: socket.socket | None = None) -> LayerSettings:
        """What the message layer is given. Raises SettingsError when the key cannot be read.

        Corosync has a configuration of its own: what is not set here is left open for it.
        """
        messaging = self.messaging
        own_map = messaging.layer == "corosync"
        listed = self.nodes if own_map else self.node_list
        keys = (b"",) if own_map else self.layer_keys()
        return LayerSettings(
            self.name if own_map else self.node_name,
            self.cluster if "cluster" in self.model_fields_set or not own_map else "",
            tuple(NodeAddress(node.name, node.id, node.host, node.port) for node in listed),
            keys[0],
            QuorumRule(self.quorum_mode, messaging.wait_for_all),
            messaging.heartbeat_ms,
            messaging.failure_limit_ms,
            messaging.reconnect_limit_ms,
            messaging.restart_limit_ms,
            messaging.max_message_bytes,
            listening,
            etcd=self.etcd.access() if messaging.layer == "etcd" else None,
            further_keys=keys[1:],
        )

    def check(self) -> None:
        """Refuse settings that contradict each other. Raises SettingsError or LayerError."""
        given = self.layer_settings()
        if given.nodes and given.name:
            given.check()
        self.api.check()

    @property
    def audit_file(self) -> Path:
        """Where the audit log is written."""
        return self.api.audit_file if self.api.audit_file != Path() else self.state_folder / "audit.log"

    def api_key(self) -> bytes:
        """What tokens and certificates of the API are made with: the cluster's key.

        A node without one (it is alone, or its message layer has a key of its own) makes one for itself at first use.
        Raises SettingsError when it can be neither read nor made.
        """
        if self.key_file.exists():
            return self._key()
        own = self.state_folder / "api-key"
        try:
            self.state_folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            with contextlib.suppress(FileExistsError):
                descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "w") as file:
                    file.write(secrets.token_hex(32))
            return own.read_bytes()
        except OSError as error:
            raise SettingsError(f"the API's key {own} cannot be made: {error.strerror}",
                                "set key_file or state_folder to what crmd may write") from None

    def layer_keys(self) -> tuple[bytes, ...]:
        """What nodes prove to each other; the first is this node's. Raises SettingsError.

        Of the state folder where the key was changed, else as it came with an invitation, else the cluster's key.
        """
        if self.messaging.layer != "embedded":
            return (self._key(),)
        try:
            kept = layer_keys.kept_keys(self.state_folder) or layer_keys.kept_keys(self.key_file.parent)
        except OSError as error:
            raise SettingsError(f"the key file {error.filename} cannot be read: {error.strerror}",
                                "have it readable for crmd, and for nobody else") from None
        return kept or (self._key(),)

    def _key(self) -> bytes:
        if not self.key_file.exists() and len(self.node_list) == 1:
            return b"a single node shares its key with nobody"
        try:
            if self.key_file.stat().st_mode & 0o007:
                raise SettingsError(f"the key file {self.key_file} is open to everybody", f"chmod 600 {self.key_file}")
            key = self.key_file.read_bytes().strip()
        except OSError as error:
            raise SettingsError(
                f"the key file {self.key_file} cannot be read: {error.strerror}",
                f"make it once (openssl rand -hex 32 > {self.key_file}; chmod 600) and copy it to every node",
            ) from None
        if len(key) < 16:
            raise SettingsError(f"the key in {self.key_file} is shorter than 16 bytes", "openssl rand -hex 32")
        return key


def load(path: Path | None = None) -> Settings:
    """Read the settings; without a path the default file, which need not exist. Raises SettingsError."""
    file = path or DEFAULT_FILE
    if path is None and not file.exists():
        return Settings()
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"the settings file {file} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} is not valid TOML: {error}") from None
    return from_data(data, file)


def from_data(data: dict[str, Any], file: Path) -> Settings:
    """Settings from parsed TOML; relative paths count from the file's folder. Raises SettingsError."""
    try:
        return _anchored(Settings.model_validate(data), file.resolve().parent)
    except ValidationError as error:
        raise SettingsError(
            "; ".join(_explain(item, data) for item in error.errors()), f"see {file} and crmd --help-settings"
        ) from None


def describe() -> Iterator[str]:
    """Every setting as a line of TOML with its default, after a comment that says what it is."""
    yield from _describe(Settings, "")


def _describe(section: type[BaseModel], prefix: str) -> Iterator[str]:
    nested: list[tuple[str, type[BaseModel]]] = []
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            nested.append((name, kind))
        elif name == "nodes":
            nested.append((name, NodeSettings))
        else:
            yield f"# {field.description}"
            yield f"{name} = {_toml(field.get_default(call_default_factory=True))}"
    for name, kind in nested:
        header = f"[[{prefix}{name}]]" if name == "nodes" else f"[{prefix}{name}]"
        yield ""
        yield f"# {Settings.model_fields[name].description}"
        yield header
        yield from _describe(kind, f"{prefix}{name}.")


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case tuple():
            return "[" + ", ".join(_toml(item) for item in value) + "]"
        case Path() | str():
            return f'"{value}"' if value != Path() else '""'
        case _:
            return '""'


def _anchored(settings: Settings, folder: Path) -> Settings:
    def anchor(path: Path) -> Path:
        return folder / path.expanduser()

    api = settings.api.anchored(anchor)
    paths = {name: anchor(getattr(settings, name)) for name in ("key_file", "state_folder", "runtime_folder")}
    folders = {name: tuple(anchor(each) for each in getattr(settings, name))
               for name in ("ocf_roots", "fence_agent_folders")}
    given = settings.etcd
    names = ("password_file", "ca_file", "certificate_file", "key_file")
    files = {name: getattr(given, name) for name in names}
    etcd = given.model_copy(update={name: anchor(path) for name, path in files.items() if path != Path()})
    return settings.model_copy(update={**paths, **folders, "api": api, "etcd": etcd})


def _explain(item: Any, data: dict[str, Any]) -> str:
    place = ".".join(str(part) for part in item["loc"])
    if item["type"] != "extra_forbidden":
        return f"{place}: {item['msg']}"
    near = difflib.get_close_matches(str(item["loc"][-1]), _names_at(item["loc"][:-1]), 1)
    return f"there is no setting {place}" + (f"; did you mean {near[0]}?" if near else "")


def _names_at(location: tuple[Any, ...]) -> list[str]:
    sections: dict[str, type[BaseModel]] = {
        "nodes": NodeSettings, "messaging": MessagingSettings, "etcd": EtcdSettings, "api": ApiSettings}
    section = sections.get(str(location[0]), Settings) if location else Settings
    return list(section.model_fields)


__all__ = [
    "ApiSettings",
    "LayerError",
    "MessagingSettings",
    "NodeSettings",
    "Settings",
    "SettingsError",
    "describe",
    "from_data",
    "load",
]

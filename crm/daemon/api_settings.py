"""The settings of the REST API: its doors, and how much it takes from whoever comes."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import Field

from crm.daemon.settings_section import SettingsError, SettingsSection


class ApiSettings(SettingsSection):
    """Where the REST API and the command-line tools reach the daemon."""

    socket: Path = Field(
        default=Path("/run/crmd/crmd.sock"), description="unix socket of the API; the tools speak to it"
    )
    host: str = Field(default="127.0.0.1", description="address of the API over TCP, if it has a port")
    port: int = Field(default=0, description="TCP port of the API; 0: none", ge=0, le=65535)
    tcp_access: Literal["token", "open"] = Field(
        default="token",
        description="who comes in over TCP: holders of a token (crmctl token create), or, for trials, everybody",
    )
    admin_group: str = Field(
        default="haclient", description="members of this group may use the unix socket, as root may"
    )
    tls: bool = Field(default=True, description="whether TCP is encrypted; without it, keep the API on loopback")
    certificate_file: Path = Field(
        default=Path(),
        description="certificate (PEM) of this node's API; by default one of the cluster's own authority",
    )
    certificate_key_file: Path = Field(
        default=Path(), description="the key (PEM) of that certificate, if it is in a file of its own"
    )
    client_ca_file: Path = Field(
        default=Path(),
        description="a further authority (PEM) whose client certificates are accepted; their CN is the user",
    )
    connections: int = Field(
        default=400, description="at most so many connections over TCP at a time", ge=10, le=50_000
    )
    requests_per_second: int = Field(
        default=100, description="at most so many requests over TCP from one address, on average", ge=1, le=1_000_000
    )
    audit_file: Path = Field(
        default=Path(), description="who changed what, and who was turned away; by default audit.log in state_folder"
    )
    audit_bytes: int = Field(default=10_000_000, description="size at which the audit file is rotated", ge=10_000)
    audit_files: int = Field(default=10, description="how many rotated audit files are kept", ge=0, le=10_000)

    def check(self) -> None:
        """Refuse what would let strangers in. Raises SettingsError."""
        if self.port and self.tcp_access == "open" and not _is_loopback(self.host):
            raise SettingsError(
                f'api.tcp_access = "open" lets everybody who reaches {self.host} do anything',
                "It is for trials on loopback: set api.host to 127.0.0.1, or make tokens (crmctl token create)",
            )

    def anchored(self, anchor: Callable[[Path], Path]) -> ApiSettings:
        """The same with every path that is given made absolute."""
        names = ("certificate_file", "certificate_key_file", "client_ca_file", "audit_file")
        files = {name: getattr(self, name) for name in names}
        given = {name: anchor(path) for name, path in files.items() if path != Path()}
        return self.model_copy(update={"socket": anchor(self.socket), **given})


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

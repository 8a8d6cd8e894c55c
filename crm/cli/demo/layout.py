"""The files of a demo cluster: a folder with a settings file, a key, a state and a runtime folder for every node."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

_WEB_PORT = 8080
_API_PORT = 8181


@dataclass(frozen=True, slots=True)
class NodeFiles:
    """Where one node of the demo keeps everything."""

    name: str
    folder: Path
    api_port: int

    @property
    def settings(self) -> Path:
        return self.folder / "crmd.toml"

    @property
    def socket(self) -> Path:
        return self.folder / "crmd.sock"

    @property
    def runtime(self) -> Path:
        return self.folder / "run"

    @property
    def log(self) -> Path:
        return self.folder / "crmd.log"


@dataclass(frozen=True, slots=True)
class Layout:
    """A demo cluster on disk, and the ports that it uses."""

    folder: Path
    nodes: tuple[NodeFiles, ...]
    web_port: int
    server_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}/"

    def cib(self, example: Path) -> str:
        """The example's CIB with the ports and the folder of this demo."""
        text = example.read_text(encoding="utf-8").replace('value="/tmp/crmd-demo"', f'value="{self.folder}"')
        return text.replace('value="8080"', f'value="{self.web_port}"').replace(
            'value="8081"', f'value="{self.server_port}"'
        )


def lay_out(folder: Path, count: int) -> Layout:
    """Write the files of a cluster of `count` nodes; ports that are taken are replaced by free ones."""
    names = [f"node{number}" for number in range(1, count + 1)]
    taken: set[int] = set()
    web_port, server_port = _port(_WEB_PORT, taken), _port(_WEB_PORT + 1, taken)
    nodes = tuple(
        NodeFiles(name, folder / name, _port(_API_PORT + place, taken)) for place, name in enumerate(names)
    )
    message_ports = [_port(0, taken) for _ in names]
    key = folder / "key"
    key.write_text(secrets.token_hex(32) + "\n")
    key.chmod(0o600)
    listed = "".join(
        f'\n[[nodes]]\nname = "{name}"\nhost = "127.0.0.1"\nport = {port}\n'
        for name, port in zip(names, message_ports, strict=True)
    )
    # Of two nodes one must do; who goes on after a split is settled by fencing.
    quorum = "two_node" if count == 2 else "majority"
    for node in nodes:
        node.folder.mkdir(mode=0o700)
        node.settings.write_text(_SETTINGS.format(node=node, key=key, quorum=quorum) + listed)
    return Layout(folder, nodes, web_port, server_port)


_SETTINGS = """# Written by the demo.
name = "{node.name}"
cluster = "demo"
key_file = "{key}"
state_folder = "state"
runtime_folder = "run"

[messaging]
quorum = "{quorum}"

[api]
socket = "crmd.sock"
port = {node.api_port}
tcp_access = "open"
tls = false
"""


def _port(wanted: int, taken: set[int]) -> int:
    """The wanted port if it is free, else any; never one that was given out before."""
    for candidate in (wanted, *[0] * 50):
        try:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", candidate))
                port = int(probe.getsockname()[1])
        except OSError:
            continue
        if port not in taken:
            taken.add(port)
            return port
    raise OSError("there is no free port on 127.0.0.1")


def short_folder() -> Path:
    """A folder of our own with a short name: the path of a unix socket may have 107 characters."""
    base = Path(os.environ.get("TMPDIR", "/tmp"))
    if len(str(base)) > 60:
        base = Path("/tmp")
    folder = base / f"crmd-demo-{secrets.token_hex(3)}"
    folder.mkdir(mode=0o700)
    return folder

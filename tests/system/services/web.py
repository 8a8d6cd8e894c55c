"""nginx and its address, in a group."""

from __future__ import annotations

from tests.system.machines import Machine
from tests.system.services.clients import get
from tests.system.services.service import Service, group, primitive

NGINX = """pid /run/nginx.pid;
error_log /srv/nginx/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  server {{
    listen {port};
    location / {{ return 200 "{name}"; }}
    location /nginx_status {{ stub_status; }}
  }}
}}
"""


def prepare_nginx(service: Service, port: int) -> None:
    """A server that answers with the name of its machine."""
    for machine in service.network:
        (service.folder(machine, "nginx") / "nginx.conf").write_text(NGINX.format(port=port, name=machine.name))


def nginx(port: int) -> str:
    return primitive("nginx", "nginx", {"configfile": "/srv/nginx/nginx.conf", "port": str(port),
                                        "status10url": f"http://127.0.0.1:{port}/nginx_status"})


class Web(Service):
    name, place, process = "web", "web", "nginx"
    programs, agents = ("nginx",), ("nginx", "IPaddr2")
    changed = ("nginx", "status10regex", "Active connections")

    def prepare(self) -> None:
        prepare_nginx(self, 80)

    def resources(self) -> str:
        return group("web", self.address_xml(), nginx(80))

    def send(self, number: int) -> bool:
        get(self.address, 80)
        return True

    def left_behind(self, machine: Machine) -> list[str]:
        return [f"nginx {process}" for process in machine.process_ids("nginx")]

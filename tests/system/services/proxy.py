"""haproxy, which has no agent: `anything` runs it, with its address; behind it nginx on every node, as a clone."""

from __future__ import annotations

from tests.system.machines import Machine
from tests.system.services.clients import get
from tests.system.services.service import Service, clone, group, primitive
from tests.system.services.web import nginx, prepare_nginx

CONFIGURATION = """defaults
  mode http
  timeout connect 200ms
  timeout client 2s
  timeout server 2s
  retries 2
  option redispatch 1
listen front
  bind 0.0.0.0:80
{servers}"""


class Proxy(Service):
    name, place, process = "haproxy", "proxy", "haproxy"
    programs, agents = ("haproxy", "nginx"), ("anything", "nginx", "IPaddr2")
    changed = ("haproxy", "stop_timeout", "4")

    def prepare(self) -> None:
        prepare_nginx(self, 8080)
        servers = "".join(f"  server {machine.name} {machine.address}:8080 check inter 300ms fall 1 rise 1\n"
                          for machine in self.network)
        for machine in self.network:
            (self.folder(machine, "haproxy") / "haproxy.cfg").write_text(CONFIGURATION.format(servers=servers))

    def resources(self) -> str:
        haproxy = primitive("haproxy", "anything", {
            "binfile": "/usr/sbin/haproxy", "cmdline_options": "-db -f /srv/haproxy/haproxy.cfg",
            "pidfile": "/run/haproxy.pid", "stop_timeout": "5", "logfile": "/srv/haproxy/log"})
        return group("proxy", self.address_xml(), haproxy) + clone("nginx-clone", nginx(8080), interleave="true")

    def constraints(self) -> str:
        return '<rsc_order id="nginx-first" first="nginx-clone" then="proxy" kind="Optional"/>'

    def send(self, number: int) -> bool:
        get(self.address, 80)
        return True

    def left_behind(self, machine: Machine) -> list[str]:
        return [f"haproxy {process}" for process in machine.process_ids("haproxy")]

"""Which services and troubles are tried: a fast selection, or all, or what is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tests.system.services.files import Files
from tests.system.services.mariadb import MariaDB
from tests.system.services.postgresql import AsynchronousPostgreSQL, PostgreSQL
from tests.system.services.proxy import Proxy
from tests.system.services.redis import Redis
from tests.system.services.service import Service
from tests.system.services.troubles import TROUBLES
from tests.system.services.web import Web

SERVICES: dict[str, type[Service]] = {kind.name: kind for kind in (
    Web, Redis, PostgreSQL, AsynchronousPostgreSQL, MariaDB, Proxy, Files)}

# Each service meets the loss of its machine; what is the cluster's own business meets one service that is quick.
_FAST = {
    "web": tuple(TROUBLES), "redis": ("power loss", "killed service", "deletion"),
    "postgresql": ("power loss",), "mariadb": ("standby",), "haproxy": ("power loss", "deletion"),
    "files": ("power loss", "standby", "deletion", "changed parameter"),
}
# Not right yet, as a service and a trouble; `*` is every service. To be emptied.
KNOWN = {
    ("mariadb", "power loss"): "what only the old primary had keeps it from following: its copy is made anew",
}

SERVICES_VARIABLE, TROUBLES_VARIABLE = "CRMD_TEST_SERVICES", "CRMD_TEST_TROUBLES"


def selected(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Pairs of a service and a trouble. The variables hold names with commas between; `all` is every one."""
    services, troubles = (environment.get(name, "") for name in (SERVICES_VARIABLE, TROUBLES_VARIABLE))
    if not services and not troubles:
        return list(_fast())
    return [(service, trouble) for service in _named(services, list(SERVICES))
            for trouble in _named(troubles, list(TROUBLES))]


def _fast() -> Iterator[tuple[str, str]]:
    for service, troubles in _FAST.items():
        for trouble in troubles:
            yield service, trouble


def _named(names: str, known: list[str]) -> list[str]:
    return known if names in ("", "all") else names.split(",")

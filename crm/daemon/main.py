"""`crmd` itself: start, serve, stop. Exit statuses and messages are part of the product.

    0   left as asked            69  a port or folder is in use, or the message layer cannot work
    70  a mistake of ours (it is started again)      74  the store on disk cannot be used
    71  it cannot be started for now (tried again)
    76  this release does not fit the cluster's                  78  the settings contradict each other
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm.cib.errors import CibError
from crm.cib.redaction import redacted_text
from crm.controller import ControllerOptions
from crm.controller.commands import Terminate
from crm.controller.replication.requests import Validate
from crm.daemon import priority, supervision
from crm.daemon.crash_records import CrashRecords
from crm.daemon.fork_server import ForkServer
from crm.daemon.known_absences import KnownAbsences
from crm.daemon.lease_holder import ORDERS, lease_folder, margin_ms
from crm.daemon.log import flush, set_up
from crm.daemon.node import NodeShell
from crm.daemon.self_fencing import way_to_end
from crm.daemon.service import ClusterService
from crm.daemon.settings import ApiSettings, Settings, SettingsError
from crm.daemon.storage import DurableStorage, FolderInUseError
from crm.executor import Executor, ExecutorSettings, OperationResult
from crm.executor.tools import lay_tools
from crm.messaging import LayerError, complete, find_layer
from crm.model.report import Report

if TYPE_CHECKING:
    from crm.daemon.api_sockets import ApiSockets
    from crm.daemon.tls import Tls

log = logging.getLogger("crm.daemon")

MakeApp = Callable[[ClusterService], Any]
"""Makes the ASGI application for a service (`crm.api.app.create`); the daemon knows no API."""

_LISTENING = ("embedded", "etcd")
"""Layers of ours with connections between the nodes."""

_UNIX_CONNECTIONS = 1000

_RELEASE = 76
_STATUS = {"port-in-use": 69, "cannot-listen": 69, "name-in-use": 69}


def main(settings: Settings, make_app: MakeApp | None = None, forks: ForkServer | None = None,
         validate: Validate | None = None, reports: Callable[[], tuple[Report, ...]] = tuple) -> int:
    """Run a node until it is told to leave; the process's exit status. `forks` has begun before anything else.

    `reports`: what else is wrong with this node.
    """
    _set_up_logging(settings)
    try:
        return _serve(settings, make_app, forks, validate, reports)
    finally:
        flush()


def _serve(settings: Settings, make_app: MakeApp | None, forks: ForkServer | None, validate: Validate | None,
           reports: Callable[[], tuple[Report, ...]]) -> int:
    # Threads (disk, large requests) must hand the interpreter back to the loop sooner than after the usual 5 ms.
    sys.setswitchinterval(0.0005)
    priority.prefer(settings.nice)
    try:
        settings.check()
        listening = _supervised_socket(settings)
        return asyncio.run(_run(settings, listening, make_app, forks or ForkServer(), validate,
                                reports))
    except SettingsError as error:
        return _fail(78, str(error), error.hint)
    except LayerError as error:
        return _fail(_STATUS.get(error.code, 78), str(error), error.hint)
    except FolderInUseError as error:
        return _fail(69, str(error), "is this node's crmd running already?")
    except CibError as error:
        return _fail(74, str(error), "")
    except Exception:
        log.exception("crmd ends because of a mistake of its own; resources stay as they are. Please report this")
        return supervision.MISTAKE


def _supervised_socket(settings: Settings) -> socket.socket | None:
    """The socket of the message layer, if somebody keeps it open for us."""
    if settings.messaging.layer not in _LISTENING:
        return None
    me = settings.layer_settings().node(settings.node_name)
    assert me is not None, "checked before"
    return supervision.listening_socket(me)


async def _run(settings: Settings, listening: socket.socket | None, make_app: MakeApp | None, forks: ForkServer,
               validate: Validate | None, reports: Callable[[], tuple[Report, ...]]) -> int:
    factory = find_layer(settings.messaging.layer)
    layer_settings = complete(factory, settings.layer_settings(listening))
    durable = DurableStorage(settings.state_folder, settings.cib_backups, lambda token: node.disk_done(token),
                             lambda token: node.disk_fails(token))
    durable.open()
    restarted = os.environ.pop(supervision.RESTARTED, None) is not None
    mistakes = CrashRecords(settings.state_folder, restarted)
    without = KnownAbsences(settings.runtime_folder)
    layer = factory(layer_settings)
    lease = lease_folder()
    options = ControllerOptions(settings.node_action_limit, settings.recheck_interval_s,
                                settings.startup_fencing_delay_s,
                                settings.has_watchdog, margin_ms(layer_settings) if lease else 0, written_at=time.ctime,
                                safe_mode=mistakes.cause(), done_without=without.recall(restarted))
    node = NodeShell(layer, layer_settings, durable, lambda on_result: _executor(settings, lease, on_result), forks,
                     options, validate, way_to_end(settings.self_fencing), mistakes, settings.invited, lease)
    node.afterwards.append(lambda: without.note(node.controller.does_without))
    if node.service.keys is not None:
        node.service.keys.beside = settings.key_file.parent
    _hide_secrets(node.service)
    from crm.daemon.api_sockets import ApiSockets

    tls = _tls(settings)
    sockets = ApiSockets(settings.api)
    node.more_reports += [sockets.reports, reports]
    with contextlib.closing(sockets):
        # The application takes a second to load: it is not to hold up a node that is a member already.
        app = asyncio.ensure_future(asyncio.to_thread(make_app, node.service)) if make_app else None
        preferring = asyncio.ensure_future(priority.prefer_threads(settings.nice))
        leaving = _Leaving(node, settings.shutdown_limit_s)
        supervision.take_signals(leaving)
        if not await _joined(node):
            log.info("asked to leave before it had joined")
            return 0
        leaving.joined = True
        servers = _Servers(await app, settings.api, sockets, tls) if app is not None else None
        try:
            supervision.feed_watchdog(settings.watchdog_ms)
            log.info("crmd %s of cluster %s is up", layer_settings.name, layer_settings.cluster)
            return _left(await node.stopped)
        finally:
            preferring.cancel()
            await node.stop()
            if servers is not None:
                await servers.stop()


def _left(ended: Terminate) -> int:
    """Say why the node has left; the process's exit status."""
    if ended.objection is None:
        log.info("leaving: %s", ended.reason)
        return 0
    log.error("leaving: %s (%s): %s. %s", ended.reason, ended.objection.code, ended.objection.message,
              ended.objection.hint)
    return _RELEASE


def _tls(settings: Settings) -> Tls | None:
    """The TLS of the TCP door, if there is one. Raises SettingsError."""
    if not settings.api.port or not settings.api.tls:
        return None
    from crm.daemon.tls import Tls

    return Tls(settings, settings.api_key())


class _Servers:
    """A server for each door: only TCP has TLS, and a limit that strangers can reach."""

    def __init__(self, app: Any, api: ApiSettings, sockets: ApiSockets, tls: Tls | None) -> None:
        from crm.daemon.web_server import WebServer

        self._running = [WebServer(app, [sockets.unix], None, _UNIX_CONNECTIONS)]
        self._opening: asyncio.Task[None] | None = None

        def serve(tcp: socket.socket) -> None:
            self._running.append(WebServer(app, [tcp], tls.context if tls else None, api.connections))
            if tls is not None:
                tls.watch()

        if api.port:
            self._opening = asyncio.ensure_future(sockets.serve_port(serve))

    async def stop(self) -> None:
        """Answer what is under way, then end."""
        if self._opening is not None:
            self._opening.cancel()
        await asyncio.gather(*(server.stop() for server in self._running))


def _executor(settings: Settings, lease: Path | None, on_result: Callable[[OperationResult], None]) -> Executor:
    defaults = ExecutorSettings()
    state = settings.runtime_folder
    state.mkdir(parents=True, exist_ok=True)
    tools = lay_tools(state / "bin")
    return Executor(ExecutorSettings(ocf_roots=(*settings.ocf_roots, *defaults.ocf_roots), agent_state=state,
                                     tool_folder=tools, operation_limit=settings.operation_limit,
                                     monitor_limit=settings.monitor_limit,
                                     fence_agent_folders=(*settings.fence_agent_folders,
                                                          *defaults.fence_agent_folders),
                                     command_path=f"{tools}:{defaults.command_path}",
                                     stop_orders=lease / ORDERS if lease else None,
                                     extra_environment=(("CRMD_SOCKET", str(settings.api.socket)),
                                                        ("CRMD_NODE", settings.node_name))), on_result)


class _Leaving:
    """What a SIGTERM or SIGINT does. The first: leave gracefully. The second, or the time limit: at once."""

    def __init__(self, node: NodeShell, limit_s: int) -> None:
        self._node = node
        self._limit_s = limit_s
        self._asked = False
        self.joined = False

    def __call__(self) -> None:
        if self._asked or not self.joined:
            self._at_once("asked twice; resources stay as they are")
            return
        self._asked = True
        log.info("asked to leave: resources move away first (once more: leave at once)")
        late = f"resources did not move away within {self._limit_s} s, they stay as they are"
        asyncio.get_running_loop().call_later(self._limit_s, self._at_once, late)
        self._node.service.shut_down()

    def _at_once(self, why: str) -> None:
        if not self._node.stopped.done():
            self._node.stopped.set_result(Terminate(why))


async def _joined(node: NodeShell) -> bool:
    """Have the node join; False if it is told to leave before it has. Raises LayerError."""
    joining: asyncio.Future[Any] = asyncio.ensure_future(node.start())
    await asyncio.wait({joining, node.stopped}, return_when=asyncio.FIRST_COMPLETED)
    if joining.done():
        joining.result()
        return True
    joining.cancel()
    await asyncio.gather(joining, return_exceptions=True)
    return False


def _set_up_logging(settings: Settings) -> None:
    logging.addLevelName(logging.INFO + 5, "NOTICE")
    level = logging.INFO + 5 if settings.log_level == "notice" else getattr(logging, settings.log_level.upper())
    set_up(level, settings.node_name)
    # That it comes and goes with the daemon, once for each door, is no news.
    logging.getLogger("uvicorn").setLevel(max(level, logging.WARNING))


def _hide_secrets(service: ClusterService) -> None:
    """Nothing that the CIB holds as a secret gets into the log, whoever says it."""

    def hide(record: logging.LogRecord) -> bool:
        record.msg, record.args = redacted_text(service.cib(), record.getMessage()), ()
        return True

    for handler in logging.getLogger().handlers:
        handler.addFilter(hide)


def _fail(status: int, message: str, hint: str) -> int:
    print(f"crmd: {message}" + (f"\n  {hint}" if hint else ""), file=sys.stderr)
    return status

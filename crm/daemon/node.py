"""The shell around a controller: turns I/O into events and commands into I/O. Decides nothing.

Everything happens in one event loop; disks have a thread, plans a process of their own. Commands are performed in
order, messages leave in the order in which they were asked for.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import assert_never

from crm.controller import Controller, ControllerOptions, ControllerSnapshot, commands, events
from crm.controller.cluster_state import ClusterConfig, Member, View
from crm.controller.core import NodeIdentity
from crm.controller.execution.rest_watch import RESTLESS
from crm.controller.protocol.codec import BadMessage, UnknownMessage, decode, encode
from crm.controller.protocol.messages import FenceOrder
from crm.controller.replication.requests import Validate
from crm.daemon import machine_load
from crm.daemon.client_jobs import ClientJobs
from crm.daemon.clock import SteadyClock
from crm.daemon.configuration_history import ConfigurationHistory
from crm.daemon.crash_records import CrashRecords
from crm.daemon.fork_server import ForkServer
from crm.daemon.history_records import HistoryRecords
from crm.daemon.layer_keys import LayerKeys
from crm.daemon.lease_holder import LeaseHolder
from crm.daemon.link_reports import link_reports
from crm.daemon.measurements import Measurements
from crm.daemon.node_list_storage import MemberReports, remembered_or_first
from crm.daemon.peer_queries import PeerQueries
from crm.daemon.peer_reports import PeerReports
from crm.daemon.planner import Planner
from crm.daemon.service import ClusterService
from crm.daemon.storage import DurableStorage
from crm.daemon.transition_archive import TransitionArchive
from crm.daemon.transition_queries import TransitionQueries
from crm.daemon.wake_guard import WakeGuard
from crm.daemon.worker import WorkerError
from crm.executor import AlertRequest, Executor, FenceRequest, OperationRequest, OperationResult
from crm.messaging import (
    BeatingLayer,
    LayerError,
    LayerSettings,
    LayerViewChanged,
    ListedLayer,
    ListHeard,
    MessageLayer,
    Received,
    ViewConfirmed,
    ViewDoubted,
)
from crm.model.history import OperationStatus
from crm.model.report import Report, Severity
from crm.model.transition import AgentReference, Transition

log = logging.getLogger("crm.controller")

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "notice": logging.INFO + 5, "warning": logging.WARNING,
           "error": logging.ERROR}
_METADATA_PATIENCE_S = 5.0
_AWAIT_S = 0.02
_CLIENTS_PLANNER_IDLE_S = 30.0
_GENERIC_ERROR = 1


class NodeShell:
    """One running node. `stopped` is set when its part is over, and says why."""

    def __init__(self, layer: MessageLayer, layer_settings: LayerSettings, durable: DurableStorage,
                 make_executor: Callable[[Callable[[OperationResult], None]], Executor], forks: ForkServer,
                 options: ControllerOptions, validate: Validate | None, fence_self: Callable[[str], None],
                 mistakes: CrashRecords, invited: bool = False, lease: Path | None = None) -> None:
        recalled = durable.recall()
        for report in recalled.reports:
            log.log(_LEVELS.get(report.severity, logging.WARNING), "%s. %s", report.message, report.hint)
        nodes = tuple((node.name, node.id) for node in layer_settings.nodes)
        config = ClusterConfig(nodes, layer_settings.quorum.disks_needed(layer_settings.names))
        hard_state = recalled.hard_state
        self._listed_layer = layer if isinstance(layer, ListedLayer) else None
        if self._listed_layer is not None:
            hard_state = remembered_or_first(recalled, layer_settings, invited)
            assert hard_state.nodes is not None
            self._listed_layer.use_nodes(hard_state.nodes)
        identity = NodeIdentity(layer_settings.name, config.id_of(layer_settings.name), layer_settings.incarnation,
                                config)
        extra = {} if validate is None else {"validate": validate}
        self.controller = Controller(identity, hard_state, recalled.document, options, **extra)
        self.controller.recall_receipts(recalled.receipts)
        self.stopped: asyncio.Future[commands.Terminate] = asyncio.get_running_loop().create_future()
        self.executor = make_executor(self._operation_ended)
        self._forks = forks
        self.planner = Planner(forks)
        # Clients have a process of their own to plan: what they ask never stands before what the cluster needs.
        self._clients_planner = Planner(forks, _CLIENTS_PLANNER_IDLE_S, "crmd: clients' planner")
        self._waking = WakeGuard(layer_settings.earliest_loss_ms / 1000, layer.look)
        self._beats_itself = not isinstance(layer, BeatingLayer)
        if isinstance(layer, BeatingLayer):
            layer.before_beat = self._waking.beat
        self.executor.ready = self._awake
        self._check_every_s = layer_settings.heartbeat_ms / 1000
        self._measures = Measurements()
        self._archive = TransitionArchive(durable.folder / "transitions", layer_settings.name)
        self._peers = PeerQueries(layer_settings.name, lambda: self.controller.snapshot().view.names,
                            lambda to, raw: self._outgoing.put_nowait((to, raw)), layer_settings.max_message_bytes)
        configurations = ConfigurationHistory(HistoryRecords(durable.store), self._peers)
        transitions = TransitionQueries(self._archive, self._peers, lambda: self.controller.snapshot().dc, self._names)
        self.service = ClusterService(layer_settings.name, nodes, self._snapshot, self.post, self._clients_planner.plan,
                                      lambda: durable.problem, self.executor, configurations, transitions, self._peers,
                                      self.controller.receipt, self._measured, lambda: len(mistakes.all), self._reports,
                                      ClientJobs(forks).run)
        member_reports = MemberReports(layer_settings, self._listed_layer)
        self.more_reports: list[Callable[[], tuple[Report, ...]]] = [
            lambda: link_reports(layer), lambda: member_reports(self._snapshot())]
        """Who else has to say something about this node."""
        self.afterwards: list[Callable[[], None]] = []
        """What is looked at whenever events were handled."""
        if self._listed_layer is not None:
            self.service.keys = LayerKeys(layer_settings.keys, durable.folder, self._peers, self._listed_layer.use_keys)
        self._lease = self._lease_in(lease, layer_settings.name)
        self._fence_self = fence_self
        self._mistakes = mistakes
        self._layer = layer
        self._durable = durable
        self._events: deque[events.Event] = deque()
        self._handling = False
        self._unknown: set[tuple[str, str]] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._outgoing: asyncio.Queue[tuple[str | None, bytes]] = asyncio.Queue()
        """Messages and to whom; None means everybody."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._described: dict[tuple[str, str | None, str], asyncio.Task[None]] = {}
        self._clock = SteadyClock()
        self.more_reports.append(self._clock.reports)
        if self._lease is not None:
            self.more_reports.append(self._lease.reports)
        self._peer_reports = PeerReports(self._peers, self._found_here, self._incarnations)

    def _lease_in(self, folder: Path | None, name: str) -> LeaseHolder | None:
        if folder is None or self.executor.stop_orders is None:
            return None
        return LeaseHolder(folder, self.executor.stop_orders, name, self.controller.lease_terms,
                           self._waking.check, lambda: self.controller.document)

    def _names(self) -> tuple[str, ...]:
        """The cluster's nodes, as the list of this node says."""
        return tuple(name for name, _ in self.service.nodes())

    async def start(self) -> None:
        """Join the cluster. Raises LayerError when that is impossible."""
        await self._layer.join()
        self._waking.begin()
        self._spawn(self._durable.work())
        self._spawn(self._send_all())
        self._spawn(self._listen())
        self.post(events.Started())
        self._spawn(machine_load.watch(lambda average, cores: self.post(events.LoadMeasured(average, cores)),
                                       self._forks.used_s))
        self._spawn(self._stay_awake())
        self._spawn(self._peer_reports.work())
        if self._lease is not None:
            self._spawn(self._lease.work())
        self._spawn(self.executor.tidy())

    async def stop(self) -> None:
        """Leave at once, whatever runs here; resources stay as they are."""
        for timer in self._timers.values():
            timer.cancel()
        self._peers.close()
        await self._layer.leave()
        await self.executor.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.planner.close()
        self._clients_planner.close()
        self._forks.close()
        self._archive.close()
        self.service.close()
        self._durable.close()

    def post(self, event: events.Event) -> None:
        """Something has happened: the controller takes it when it is its turn, and when this node knows where it is."""
        if self._waking.keeps(event):
            return
        self._events.append(event)
        if self._handling:
            return
        self._handling = True
        try:
            while self._events:
                event = self._events.popleft()
                for command in self.controller.handle(event, self._now()):
                    self._perform(command)
            for look in self.afterwards:
                look()
        except Exception as error:  # whoever called cannot know what was done by half
            self._mistakes.made(_about(event), error, self.controller.snapshot().document.version[:2])
            raise
        finally:
            self._handling = False

    def _snapshot(self) -> ControllerSnapshot:
        """What this node knows; while it has to look first, it knows neither of quorum nor of a leader."""
        seen = self.controller.snapshot()
        if not self._waking.check():
            return seen
        return replace(seen, dc=None, state="election", view=replace(seen.view, quorate=False))

    async def _stay_awake(self) -> None:
        """Notice that this node slept even if nothing else happens."""
        while True:
            self._waking.beat() if self._beats_itself else self._waking.check()
            begun = time.monotonic()
            await asyncio.sleep(self._check_every_s)
            self._measures.loop_delay.add(max(0.0, time.monotonic() - begun - self._check_every_s))

    async def _awake(self) -> None:
        """Wait until this node knows where it is."""
        while self._waking.check():
            await asyncio.sleep(_AWAIT_S)

    def disk_done(self, token: int) -> None:
        """Everything up to that token is on disk."""
        self.post(events.Persisted(token))

    def disk_fails(self, token: int) -> None:
        """The disk does not take what was asked for up to that token."""
        self.post(events.PersistFailed(token))

    def _now(self) -> float:
        return self._clock.now()

    def _perform(self, command: commands.Command) -> None:
        match command:
            case commands.Send(to, message, number):
                self._outgoing.put_nowait((to, encode(message, number)))
            case commands.Broadcast(message, number):
                self._outgoing.put_nowait((None, encode(message, number)))
            case commands.Persist(token, hard_state, document):
                self._durable.persist(token, hard_state, document, self.controller.receipts())
            case commands.MakePlan():
                self._spawn(self._make_plan(command))
            case commands.SetTimer(name, at):
                self._set_timer(name, at)
            case commands.CancelTimer(name):
                self._cancel_timer(name)
            case commands.RunOperation():
                self._spawn(self._run_operation(command))
            case commands.CancelOperation():
                self._cancel_operation(command)
            case commands.RunFencing(order):
                self._spawn(self._run_fencing(order))
            case commands.SendAlert(path, environment, timeout_ms, timestamp_format, at):
                self._alert(AlertRequest(path, environment, timeout_ms, timestamp_format, at))
            case commands.FenceSelf(reason):
                self._fence_self(reason)
            case commands.RequestAnswered():
                self.service.answered(command)
            case commands.TransitionBegun():
                self._spawn(self._recorded(self._archive.begun(command)))
            case commands.TransitionEnded():
                self._spawn(self._recorded(self._archive.ended(command)))
            case commands.StatusChanged(what):
                self._status_changed(what)
            case commands.NodesListed(nodes):
                if self._listed_layer is not None:
                    self._listed_layer.use_nodes(nodes)
            case commands.CibStateAdopted(reign, document):
                self.service.journal.adopted(reign, document)
            case commands.Log(level, message):
                log.log(_LEVELS[level], "%s", message)
            case commands.Terminate():
                if command.let_go and self._lease is not None:
                    self._lease.let_go()
                if not self.stopped.done():
                    self.stopped.set_result(command)
            case _:
                assert_never(command)

    async def _recorded(self, work: Coroutine[None, None, None]) -> None:
        """What is kept of transitions is for people: the cluster goes on without."""
        try:
            await work
        except Exception:
            log.exception("a transition cannot be recorded")

    def _alert(self, request: AlertRequest) -> None:
        try:
            self.executor.alert(request)
        except Exception:  # nobody hears of it, which is no reason to end
            log.exception("the alert agent %s cannot be run", request.path)

    def _status_changed(self, what: str) -> None:
        if what == "transition":
            self._measures.in_transition(self.controller.snapshot().progress is not None, time.monotonic())
        self.service.tell(what)

    def _reports(self) -> tuple[Report, ...]:
        return (*self._own_reports(), *self._peer_reports.reports())

    def _own_reports(self) -> tuple[Report, ...]:
        return tuple(report for told in self.more_reports for report in told())

    def _found_here(self) -> tuple[Report, ...]:
        """What is wrong with this node, for the others; and, if it leads, with its plans."""
        problem = self._durable.problem
        restless = tuple(each for each in self._snapshot().reports if each.code in RESTLESS)
        if not problem:
            return (*self._own_reports(), *restless)
        return (*self._own_reports(), *restless, Report(Severity.ERROR, "disk-trouble", self._peers.name, problem,
                               f"Make room in {self._durable.folder}, or mend its disk: nothing that is acknowledged "
                                                        "counts on this node's disk until it takes changes again"))

    def _incarnations(self) -> dict[str, str]:
        return {member.name: member.incarnation for member in self._snapshot().view.members}

    def _measured(self) -> Measurements:
        self._measures.queues = {"events": len(self._events), "messages": self._outgoing.qsize(),
                                 "operations": len(self.executor.waiting()), "requests": self.service.under_way}
        return self._measures

    def _set_timer(self, name: str, at: float) -> None:
        self._cancel_timer(name)
        self._timers[name] = asyncio.get_running_loop().call_later(max(0.0, at - self._now()), self._fire, name)

    def _cancel_timer(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _fire(self, name: str) -> None:
        if self._waking.check():
            # Kept where it can be cancelled: what is to be looked at first may change everything.
            self._timers[name] = asyncio.get_running_loop().call_later(_AWAIT_S, self._fire, name)
            return
        self._timers.pop(name, None)
        self.post(events.TimerFired(name))

    async def _send_all(self) -> None:
        while True:
            to, raw = await self._outgoing.get()
            if to is None:
                await self._layer.broadcast(raw)
            else:
                await self._layer.send(to, raw)

    async def _listen(self) -> None:
        async for event in self._layer.events():
            if isinstance(event, Received):
                self._received(event)
            elif isinstance(event, ViewDoubted):
                self._waking.doubt(event.since_s)
            elif isinstance(event, ViewConfirmed):
                for kept in self._waking.confirmed(event.since_s):
                    self.post(kept)
                self._peers.members_changed()
            elif isinstance(event, ListHeard):
                self.post(events.NodesHeard(event.peer, event.nodes))
            else:
                if event.silent_s is not None:
                    self._measures.detection.add(event.silent_s)
                self.post(events.ViewInstalled(_view(event)))
                self._peers.members_changed()

    def _received(self, event: Received) -> None:
        if self._peers.received(event.sender, event.message):
            return
        try:
            message, number = decode(event.message)
        except UnknownMessage as error:
            if (event.sender, error.kind) not in self._unknown:
                self._unknown.add((event.sender, error.kind))
                log.info("%s sends messages %r, which only newer releases know; they are let go by", event.sender,
                         error.kind)
            return
        except BadMessage as error:
            log.warning("ignored what %s sent: %s", event.sender, error)
            return
        self.post(events.MessageReceived(event.sender, message, number))

    async def _make_plan(self, command: commands.MakePlan) -> None:
        transition: Transition | None = None
        problem = remedy = ""
        begun = time.monotonic()
        try:
            transition = await self.planner.plan(command.document)
            self._measures.planning.add(time.monotonic() - begun)
        except WorkerError as error:
            log.error("no plan was made of CIB version %s: %s", command.document.version, error)
            problem, remedy = str(error), error.remedy
        except Exception as error:  # a mistake of the engine must not end the node: what runs goes on running
            log.exception("the policy engine failed on CIB version %s", command.document.version)
            problem = f"{type(error).__name__}: {error}"
        self.post(events.PlanReady(command.plan_id, transition, problem, remedy))

    async def _run_operation(self, command: commands.RunOperation) -> None:
        """Have an operation carried out; what cannot even be begun is a failed operation, and ends nobody."""
        try:
            await self._begin_operation(command)
        except Exception as error:
            log.exception("%s cannot be carried out", command.action.key)
            why = f"crmd could not begin it: {type(error).__name__}: {error}"
            self.post(events.OperationEnded(command.call_id, int(OperationStatus.ERROR), _GENERIC_ERROR, why,
                                            started_at=self._now()))

    async def _begin_operation(self, command: commands.RunOperation) -> None:
        action = command.action
        assert action.resource is not None
        describing = self._describe(action.resource)
        if action.operation not in ("monitor", "stop"):
            # The history of a start says which parameters can be reloaded, and metadata knows.
            await asyncio.wait([describing], timeout=_METADATA_PATIENCE_S)
        self.executor.submit(OperationRequest(command.call_id, action.resource, action.operation, action.interval_ms,
                                              action.timeout_ms, action.start_delay_ms, action.attributes, command.key,
                                              action.own_parameters))

    async def _run_fencing(self, order: FenceOrder) -> None:
        try:
            outcome = await self.executor.fence(FenceRequest(
                order.agent, order.verb, order.parameters, order.target, order.port, order.timeout_ms, order.delay_ms,
                order.spread_ms))
        except Exception as error:  # another device, or node, may do it
            log.exception("fencing of %s with %s cannot be carried out", order.target, order.agent)
            self.post(events.FencingEnded(order.order, False, reason=f"{type(error).__name__}: {error}"))
            return
        self.post(events.FencingEnded(order.order, outcome.ok, outcome.output, outcome.reason, outcome.unsupported))

    def _describe(self, agent: AgentReference) -> asyncio.Task[None]:
        key = (agent.standard, agent.provider, agent.type)
        if key not in self._described:
            self._described[key] = self._spawn(self._read_metadata(agent))
        return self._described[key]

    async def _read_metadata(self, agent: AgentReference) -> None:
        try:
            metadata = await self.executor.metadata(agent)
        except ValueError as error:
            log.warning("no metadata of %s:%s: %s", agent.standard, agent.type, error)
            return
        traits = events.AgentTraits(
            frozenset(metadata.names(reloadable=True)), frozenset(metadata.names(private=True)),
            frozenset(metadata.names()), metadata.reload_action is not None)
        self.post(events.AgentDescribed(agent, traits))

    def _cancel_operation(self, command: commands.CancelOperation) -> None:
        for key in self.executor.recurring():
            meant = command.operation is None or key[1:] == (command.operation, command.interval_ms)
            if key.resource == command.resource and meant:
                self.executor.cancel(*key)

    def _operation_ended(self, result: OperationResult) -> None:
        request = result.request
        self.post(events.OperationEnded(request.call_id, int(result.status), int(result.rc), result.exit_reason,
                                        result.output, result.started_at, result.run_ms, result.queue_ms,
                                        request.agent, request.parameters))

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)
        return task

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            if isinstance(error, LayerError):
                log.critical("the message layer has failed", exc_info=error)
                if not self.stopped.done():
                    self.stopped.set_exception(error)
                return
            self._mistakes.made(task.get_name(), error, self.controller.snapshot().document.version[:2])


def _about(event: events.Event) -> str:
    """What an event is, in a word or two."""
    return type(event.message).__name__ if isinstance(event, events.MessageReceived) else type(event).__name__


def _view(event: LayerViewChanged) -> View:
    members = tuple(Member(member.name, member.id, member.joined_at, member.incarnation) for member in event.members)
    return View(event.number, members, event.quorate, event.disks_needed, event.both_halves_quorate)

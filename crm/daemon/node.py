"""The shell around a controller: turns I/O into events and commands into I/O. Decides nothing.

Everything happens in one event loop; disks and plans have a thread each. Commands are performed in order, messages
leave in the order in which they were asked for.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import assert_never

from crm.controller import Controller, Options, commands, events
from crm.controller.core import Identity
from crm.controller.messages import BadMessage, FenceOrder, UnknownMessage, decode, encode
from crm.controller.requests import Validate
from crm.controller.values import Member, Shape, View
from crm.daemon import load
from crm.daemon.durable import Durable
from crm.daemon.kept_configurations import KeptConfigurations
from crm.daemon.layer_keys import LayerKeys
from crm.daemon.led_transitions import LedTransitions
from crm.daemon.measures import Measures
from crm.daemon.members import MemberReports, remembered_or_first
from crm.daemon.peers import Peers
from crm.daemon.planner import Planner, Schedule
from crm.daemon.records import Records
from crm.daemon.service import Service
from crm.daemon.transition_archive import TransitionArchive
from crm.executor import AlertRequest, Executor, FenceRequest, OperationRequest, OperationResult
from crm.messaging import LayerSettings, ListedLayer, ListHeard, MessageLayer, Received, ViewChanged
from crm.model.transition import AgentReference, Transition

log = logging.getLogger("crm.controller")

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "notice": logging.INFO + 5, "warning": logging.WARNING,
           "error": logging.ERROR}
_METADATA_PATIENCE_S = 5.0


class Node:
    """One running node. `stopped` is set when its part is over, and says why."""

    def __init__(self, layer: MessageLayer, layer_settings: LayerSettings, durable: Durable,
                 make_executor: Callable[[Callable[[OperationResult], None]], Executor], schedule: Schedule,
                 options: Options, validate: Validate | None, fence_self: Callable[[str], None],
                 invited: bool = False) -> None:
        recalled = durable.recall()
        for report in recalled.reports:
            log.log(_LEVELS.get(report.severity, logging.WARNING), "%s. %s", report.message, report.hint)
        nodes = tuple((node.name, node.id) for node in layer_settings.nodes)
        shape = Shape(nodes, layer_settings.quorum.needed(layer_settings.names))
        standing = recalled.standing
        self._listed_layer = layer if isinstance(layer, ListedLayer) else None
        if self._listed_layer is not None:
            standing = remembered_or_first(recalled, layer_settings, invited)
            assert standing.nodes is not None
            self._listed_layer.use_nodes(standing.nodes)
        identity = Identity(layer_settings.name, shape.id_of(layer_settings.name), layer_settings.incarnation, shape)
        extra = {} if validate is None else {"validate": validate}
        self.controller = Controller(identity, standing, recalled.document, options, **extra)
        self.controller.recall_receipts(recalled.receipts)
        self.stopped: asyncio.Future[commands.Terminate] = asyncio.get_running_loop().create_future()
        self.executor = make_executor(self._operation_ended)
        self.planner = Planner(schedule)
        self._measures = Measures()
        self._archive = TransitionArchive(durable.folder / "transitions", layer_settings.name)
        self._peers = Peers(layer_settings.name, lambda: self.controller.snapshot().view.names,
                            lambda to, raw: self._outgoing.put_nowait((to, raw)), layer_settings.max_message_bytes)
        configurations = KeptConfigurations(Records(durable.store), self._peers)
        transitions = LedTransitions(self._archive, self._peers, lambda: self.controller.snapshot().dc, self._names)
        self.service = Service(layer_settings.name, nodes, self.controller.snapshot, self.post, self.planner.plan,
                               lambda: durable.problem, self.executor, configurations, transitions, self._peers,
                               self.controller.receipt, self._measured,
                               MemberReports(layer_settings, self._listed_layer))
        if self._listed_layer is not None:
            self.service.keys = LayerKeys(layer_settings.keys, durable.folder, self._peers, self._listed_layer.use_keys)
        self._fence_self = fence_self
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
        self._epoch = time.time() - time.monotonic()

    def _names(self) -> tuple[str, ...]:
        """The cluster's nodes, as the list of this node says."""
        return tuple(name for name, _ in self.service.nodes())

    async def start(self) -> None:
        """Join the cluster. Raises LayerError when that is impossible."""
        await self._layer.join()
        self._spawn(self._durable.work())
        self._spawn(self._send_all())
        self._spawn(self._listen())
        self.post(events.Started())
        self._spawn(load.watch(lambda average, cores: self.post(events.LoadMeasured(average, cores))))
        self._spawn(self._warm_up())
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
        self._archive.close()
        self.service.close()
        self._durable.close()

    def post(self, event: events.Event) -> None:
        """Something has happened: the controller takes it when it is its turn."""
        self._events.append(event)
        if self._handling:
            return
        self._handling = True
        try:
            while self._events:
                for command in self.controller.handle(self._events.popleft(), self._now()):
                    self._perform(command)
        finally:
            self._handling = False

    async def _warm_up(self) -> None:
        """Plan once for nothing: whoever becomes DC in an emergency must not load the policy engine first."""
        try:
            await self.planner.plan(self.controller.snapshot().document)
        except Exception as error:  # the same will be said when a plan is needed
            log.debug("the policy engine cannot plan for the CIB on disk: %s", error)

    def disk_done(self, token: int) -> None:
        """Everything up to that token is on disk."""
        self.post(events.Persisted(token))

    def disk_fails(self, token: int) -> None:
        """The disk does not take what was asked for up to that token."""
        self.post(events.PersistFailed(token))

    def _now(self) -> float:
        # Steps of the wall clock must not disturb timers.
        return self._epoch + time.monotonic()

    def _perform(self, command: commands.Command) -> None:
        match command:
            case commands.Send(to, message, number):
                self._outgoing.put_nowait((to, encode(message, number)))
            case commands.Broadcast(message, number):
                self._outgoing.put_nowait((None, encode(message, number)))
            case commands.Persist(token, standing, document):
                self._durable.persist(token, standing, document, self.controller.receipts())
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
                self.executor.alert(AlertRequest(path, environment, timeout_ms, timestamp_format, at))
            case commands.FenceSelf(reason):
                self._fence_self(reason)
            case commands.Answer():
                self.service.answered(command)
            case commands.TransitionBegun():
                self._spawn(self._archive.begun(command))
            case commands.TransitionEnded():
                self._spawn(self._archive.ended(command))
            case commands.StatusChanged(what):
                self._status_changed(what)
            case commands.NodesListed(nodes):
                if self._listed_layer is not None:
                    self._listed_layer.use_nodes(nodes)
            case commands.CibAdopted(reign, document):
                self.service.journal.adopted(reign, document)
            case commands.Log(level, message):
                log.log(_LEVELS[level], "%s", message)
            case commands.Terminate():
                if not self.stopped.done():
                    self.stopped.set_result(command)
            case _:
                assert_never(command)

    def _status_changed(self, what: str) -> None:
        if what == "transition":
            self._measures.in_transition(self.controller.snapshot().progress is not None, time.monotonic())
        self.service.tell(what)

    def _measured(self) -> Measures:
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
            elif isinstance(event, ListHeard):
                self.post(events.NodesHeard(event.peer, event.nodes))
            else:
                if event.silent_s is not None:
                    self._measures.detection.add(event.silent_s)
                self.post(events.ViewChanged(_view(event)))
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
        problem = ""
        begun = time.monotonic()
        try:
            transition = await self.planner.plan(command.document)
            self._measures.planning.add(time.monotonic() - begun)
        except Exception as error:  # a mistake of the engine must not end the node: what runs goes on running
            log.exception("the policy engine failed on CIB version %s", command.document.version)
            problem = f"{type(error).__name__}: {error}"
        self.post(events.Planned(command.plan_id, transition, problem))

    async def _run_operation(self, command: commands.RunOperation) -> None:
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
        outcome = await self.executor.fence(FenceRequest(
            order.agent, order.verb, order.parameters, order.target, order.port, order.timeout_ms, order.delay_ms,
            order.spread_ms))
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
            log.critical("the daemon has made a mistake and ends; its resources stay as they are", exc_info=error)
            if not self.stopped.done():
                self.stopped.set_exception(error)


def _view(event: ViewChanged) -> View:
    members = tuple(Member(member.name, member.id, member.joined_at, member.incarnation) for member in event.members)
    return View(event.number, members, event.quorate, event.needed, event.splits)

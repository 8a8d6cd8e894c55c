"""What is ordered, run, fenced, and planned."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

ALONE = ("tests/unit/controller/test_alone.py",)
UNANSWERED = ("tests/unit/controller/test_unanswered.py",)
FENCING = ("tests/simulation/test_promises.py",)
COURSE = ("tests/unit/fencing/test_course.py",)
RUN = ("tests/unit/transition/test_run.py",)
EXECUTOR = ("tests/unit/executor",)
SLOW = ("tests/simulation/test_slow_operations.py",)
BACKOFF = ("tests/simulation/test_backoff.py",)
SAFE = ("tests/unit/controller/test_safe_mode.py",)
_F, _M, _C = ("crm/controller/fencing/coordinator.py", "crm/controller/fencing/fencing_member.py",
              "crm/controller/fencing/course.py")
_D, _H, _P, _T = ("crm/controller/execution/transition_runner.py", "crm/controller/execution/local_executor_state.py",
                  "crm/controller/execution/planning.py",
                  "crm/controller/execution/throttle.py")
_R, _X, _Z, _S = ("crm/transition/transition_run.py", "crm/executor/executor.py",
                  "crm/controller/execution/freeze_policy.py",
                  "crm/controller/leadership/self_protection.py")
_B, _A = "crm/controller/execution/backoff.py", "crm/transition/resume.py"

ACTING = (
    Mutant("notifications-dropped", _D, " and not self.run.owes:", ":", ("tests/unit/controller/test_unanswered.py",)),
    Mutant("notifications-owed-for-ever", _R, "left[place] == 0 and self._states[place] is ActionState.WAITING and",
           "self._states[place] is ActionState.WAITING and", ("tests/unit/transition/test_run.py",)),
    # Fencing
    Mutant("fencing-order-of-anyone", _M, "if held is None or held.name != sender or (held.term, held.caretaker) != "
           "(order.term, order.caretaker):", "if held is None:", ALONE),
    Mutant("fencing-any-start", _M, "order.conclusive,\n                             order.incarnation)",
           "order.conclusive,\n                             \"\")", ALONE),
    Mutant("fencing-survives-news", _M,
           "            if meant and record.state == \"success\" and record.action != \"on\":",
           "            if False:", ALONE),
    Mutant("fencing-news-of-former-start", _M,
           "meant = (record.target, record.incarnation) == (core.me.name, core.me.incarnation)",
           "meant = record.target == core.me.name", ALONE),
    Mutant("fencing-failed-ends", _M,
           "            if meant and record.state == \"success\" and record.action != \"on\":",
           "            if meant and record.action != \"on\":", ALONE),
    Mutant("fencing-unfenced-ends", _M,
           "            if meant and record.state == \"success\" and record.action != \"on\":",
           "            if meant and record.state == \"success\":", ALONE),
    Mutant("panic-of-anyone", _M,
           "        if self._core.dc == sender:\n            self._core.emit(FenceSelf(f\"{sender} "
           "asks", "        if True:\n            self._core.emit(FenceSelf(f\"{sender} asks", ALONE),
    Mutant("fencing-result-lost", _M, "        self._unsent.append(report)\n", "", ALONE),
    Mutant("fencing-held-anyway", _F, "            fencing.held = True\n", "", FENCING),
    Mutant("watchdog-here-counts", _F, "outcome = FencingOutcome(not here,", "outcome = FencingOutcome(True,",
           ("tests/unit/controller/test_watchdog.py",)),
    Mutant("fencing-late-is-success", _F, "self._step_over(fencing, FencingOutcome(False, reason=f\"no answer from",
           "self._step_over(fencing, FencingOutcome(True, reason=f\"no answer from", UNANSWERED),
    Mutant("fencing-lost-device-node", _F,
           "self._step_over(fencing, FencingOutcome(False, reason=f\"{node}, which was to do "
           "it, is lost\"))", "self._step_over(fencing, FencingOutcome(True, reason=\"\"))", UNANSWERED),
    Mutant("level-one-of-two", _C, "            return False\n        first = False\n    if action",
           "            pass\n        first = False\n    if action", COURSE),
    Mutant("level-reboots-each", _C, "each = FencingVerb.OFF if action is FencingVerb.REBOOT else action",
           "each = action", COURSE),
    Mutant("level-not-the-next", _C, "            return True\n        first = False\n    return False",
           "            return True\n        return False\n    return False", COURSE),
    Mutant("unfence-one", _C, "                notes.reasons.append(f\"{device.id}: {outcome.reason}\")\n"
           "                return False", "                continue", COURSE),
    Mutant("self-not-ended", _S,
           "            core.emit(FenceSelf(\"quorum is lost, and no-quorum-policy asks for it\"))",
           "            pass", FENCING),
    Mutant("self-never-watched", _S, "            core.set_timer(TIMER, self._relied_on_ms() / 2000)",
           "            pass",
           ("tests/unit/controller/test_watchdog.py",)),
    Mutant("self-too-late", _S, "self._relied_on_ms() / 2000", "self._relied_on_ms() / 1000",
           ("tests/unit/controller/test_watchdog.py",)),
    Mutant("self-with-quorum", _S, "            core.cancel_timer(TIMER)\n            return",
           "            core.cancel_timer(TIMER)", ("tests/unit/controller/test_watchdog.py",)),
    Mutant("watchdog-does-nothing", _S,
           "            self._core.emit(FenceSelf(\"there was no quorum for half of fencing-watchdog-timeout\"))",
           "            pass", ("tests/unit/controller/test_watchdog.py",)),
    # Orders
    Mutant("order-of-anyone", _H, "if held is None or held.name != sender or (held.term, held.caretaker) != "
           "(message.term, message.caretaker):", "if held is None:", ALONE),
    Mutant("order-of-any-term", _H, "(held.term, held.caretaker) != (message.term, message.caretaker):", "False:",
           ALONE),
    Mutant("order-not-refused", _H,
           "            core.send(sender, ActionRefused(message.key, f\"{core.me.name} follows "
           "{core.dc or 'nobody'}, \"\n                                            f\"term {core.hard_state.term}\""
           "))\n", "", ALONE),
    Mutant("forget-nothing", _H,
           "            self._resources.pop(message.resource, None)\n        elif message.resource in",
           "            pass\n        elif message.resource in", ALONE),
    Mutant("failures-not-told", _H, "        if counts and failed:\n", "        if False:\n",
           ("tests/unit/controller/test_orders.py",)),
    Mutant("monitors-go-on", _H, "            self._drop_recurring(action.resource.id)\n        self._last_call",
           "            pass\n        self._last_call", ("tests/unit/controller/test_orders.py",)),
    # Dispatch
    Mutant("lost-is-done", _D, "self._finish(flight, ok=flight.action.operation == \"do_shutdown\")",
           "self._finish(flight, ok=True)", UNANSWERED),
    Mutant("late-is-done", _D, "        self._backoff.failed(action, \"no result within its time limit\")\n"
           "        self._finish(flight, ok=False)", "        self._finish(flight, ok=True)", UNANSWERED),
    Mutant("not-told-beforehand", _D, "        elif is_told_beforehand(action.operation):\n            self._send_when",
           "        elif False:\n            self._send_when", UNANSWERED),
    Mutant("no-time-limit", _D, "        self._in_flight.limit(flight, self._limit_s(action) + self._turn_s(flight))\n",
           "",
           ("tests/unit/controller/test_orders.py",)),
    Mutant("startup-fences-at-once", _D,
           "return max(0.0, self._led_since + self._startup_fencing_delay_s - self._core.now)", "return 0.0", FENCING),
    Mutant("let-go-untold", _D,
           "            self._replication.note(NodeUpdate(action.node_id or core.me.config.id_of(node), "
           "node, {\"expected\": \"down\"}))\n", "", FENCING),
    Mutant("slow-holds-up", "crm/controller/execution/in_flight.py", "SLOW_S = 1.0", "SLOW_S = 1000.0", SLOW),
    Mutant("frozen-goes-on", _Z, "        return without_starts(transition)\n", "        return transition\n",
           ("tests/unit/controller/test_freeze_policy.py",)),
    Mutant("frozen-recovers-what-it-sent", _Z,
           "careful = without_starts(transition, gone) if gone else transition", "careful = transition",
           ("tests/unit/controller/test_freeze_policy.py",)),
    Mutant("frozen-moves-to-unsynced", _Z,
           "return without_moves_to(careful, core.unsynced_members) if core.unsynced_members else careful",
           "return careful",
           ("tests/unit/controller/test_freeze_policy.py",)),
    # Planning
    Mutant("plan-in-safe-mode", _P, "and not self._core.safe_mode and", "and", SAFE),
    Mutant("plan-failure-untold", _P, "            self.reports = (self._unplannable(event),)", "            pass",
           SAFE),
    Mutant("plan-not-again", _P, "            self.want(\"the last planning failed\", delay_s=10.0)\n", "",
           ("tests/unit/controller/test_orders.py",)),
    Mutant("plan-outdated", _P, "        if event.plan_id != self._pending:\n            return\n", "",
           ("tests/unit/controller/test_orders.py",)),
    Mutant("plan-before-joined", _P, "return wanted and self._joining.complete and", "return wanted and", ALONE),
    Mutant("safe-mode-for-ever", "crm/controller/leadership/safe_mode.py", "LIMIT_S = 900.0", "LIMIT_S = 90000.0",
           SAFE),
    Mutant("safe-mode-after-change", "crm/controller/leadership/safe_mode.py",
           "if configuration_version(self._core.document.version) > self._cause.configuration:", "if False:", SAFE),
    Mutant("safe-mode-at-once-over", "crm/controller/leadership/safe_mode.py",
           "if configuration_version(self._core.document.version) > self._cause.configuration:",
           "if configuration_version(self._core.document.version) >= self._cause.configuration:", SAFE),
    Mutant("safe-mode-after-cleanup", "crm/controller/leadership/safe_mode.py",
           "        self.end(\"a cleanup was asked for\")\n", "        pass\n", SAFE),
    Mutant("safe-mode-elsewhere", "crm/controller/controller.py",
           "        self._core.broadcast(messages.EndSafeMode(self._core.hard_state.term))\n", "", SAFE),
    # Transition
    Mutant("run-any-input", _R, "if self._missing[place] or self._states[place] is not ActionState.WAITING:",
           "if self._states[place] is not ActionState.WAITING:", RUN),
    Mutant("run-after-failure", _R, "if ok or self.transition.synapses[dependent].priority >= INFINITY:", "if True:",
           RUN),
    Mutant("run-never-after-failure", _R, "if ok or self.transition.synapses[dependent].priority >= INFINITY:",
           "if ok:", RUN),
    Mutant("run-aborted-goes-on", _R, "if not self._survives_abort(place):",
           "if False:", RUN),
    Mutant("run-no-batch", _R, "return 0 < limits.batch <= len(self._in_flight)", "return False", RUN),
    Mutant("run-node-limit", _R, "        if 0 < limits.of(node) <= self.jobs[node]:\n            return False\n", "",
           RUN),
    Mutant("run-migration-limit", _R,
           "return not (_is_migration(action) and 0 < limits.migration <= self.migrations[node])", "return True", RUN),
    Mutant("run-late-results", _R, "        if action is None:\n            return False\n        self._load",
           "        if action is None:\n            return True\n        self._load", RUN),
    Mutant("run-held", _R, "        if synapse.action.id in limits.held:\n            return False\n", "", BACKOFF),
    Mutant("adopt-misfits", "crm/controller/execution/transition_runner.py", "        if misfits:\n",
           "        if False:\n",
           ("tests/unit/controller/test_orders.py",)),
    Mutant("start-rests-on-expired", "crm/transition/safety_orderings.py", ", *synapse.rests_on])}", "])}",
           ("tests/unit/transition/test_caution.py",)),
    Mutant("start-rests-on-nothing", "crm/policy_engine/output/expired_failures.py", "        if monitor.expired:",
           "        if False:", ("tests/unit/policy_engine/test_histories.py",)),
    # Back-off
    Mutant("backoff-never", _B, "return 0.0 if failures < _AT_ONCE else", "return 0.0 if True else", BACKOFF),
    Mutant("backoff-cleanup", _B, "            del self._failing[key]\n\n    def held",
           "            pass\n\n    def held",
           BACKOFF),
    Mutant("backoff-change", _B, "            self._configuration = configuration\n            self.forget()",
           "            self._configuration = configuration", BACKOFF),
    Mutant("backoff-stops", _B, "                         and synapse.action.operation not in _NEVER_HELD)",
           ")", ("tests/unit/controller/test_orders.py",)),
    Mutant("backoff-success", _B, "            del self._failing[_key(action)]", "            pass",
           ("tests/unit/controller/test_orders.py",)),
    Mutant("throttle-blind", _T, "        if Level.HIGH in levels.values():\n", "        if False:\n",
           ("tests/unit/controller/test_throttle.py",)),
    # Executor
    Mutant("executor-two-at-once", _X, "        if lane.task is None:\n            lane.task =",
           "        if True:\n            lane.task =", EXECUTOR),
    Mutant("executor-monitor-goes-on", _X, "            self._cancel_recurring_of(request.resource)\n",
           "            pass\n", EXECUTOR),
    Mutant("executor-cancelled-reports", _X,
           "        if recurring.cancelled:\n            return\n        if not result",
           "        if not result", EXECUTOR),
    Mutant("executor-no-repeat", _X, "        recurring.last = result\n        self._repeat_after(recurring, "
           "recurring.request.interval_ms)", "        recurring.last = result", EXECUTOR),
    Mutant("executor-repeats-news", _X, "        news = not result.tells_the_same_as(recurring.last)",
           "        news = True", EXECUTOR),
    Mutant("executor-mistake-ends", _X, "        except Exception as error:\n            log.exception(\"the %s of %s",
           "        except ZeroDivisionError as error:\n            log.exception(\"the %s of %s", EXECUTOR),
    Mutant("executor-stop-unknown", _X,
           "return replace(result, status=Status.DONE, rc=ExitCode.OK) if known is None else "
           "result", "return replace(result, status=Status.DONE, rc=ExitCode.OK)", EXECUTOR),
    Mutant("executor-new-parameters", _X, "        request = self._starts.as_started(ordered)",
           "        request = ordered",
           EXECUTOR),
)

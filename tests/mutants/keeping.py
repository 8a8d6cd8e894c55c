"""What disks keep, what is not done twice, who may come in, and what a mistake leads to."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

ALONE = ("tests/unit/controller/test_alone.py",)
DURABLE = ("tests/unit/daemon/test_storage.py",)
INVARIANTS = ("tests/unit/controller/test_invariants.py",)
MISTAKES = ("tests/unit/daemon/test_crash_records.py",)
SUPERVISOR = ("tests/unit/daemon/test_supervisor.py",)
WAKING = ("tests/unit/daemon/test_wake_guard.py",)
LOOKS = ("tests/unit/messaging/test_embedded.py", "tests/unit/messaging/test_contract.py")
_W = "crm/daemon/wake_guard.py"
DOORS = ("tests/unit/api",)
REQUESTS = ("tests/simulation/test_requests.py", "tests/unit/controller/test_alone.py")
_D, _R, _Q, _O = ("crm/daemon/storage.py", "crm/controller/replication/idempotency.py",
                  "crm/controller/replication/requests.py",
                  "crm/api/auth/authentication.py")
_I, _M, _S, _C = ("crm/controller/invariants.py", "crm/daemon/crash_records.py", "crm/cli/daemon/supervisor.py",
                  "crm/controller/core.py")

KEEPING = (
    # Disks
    Mutant("disk-votes-unwritten", _D, "        if hard_state != self._written:\n", "        if False:\n", DURABLE),
    Mutant("disk-receipts-unwritten", _D, "        if self._receipts_due != self._written_receipts:\n",
           "        if False:\n", DURABLE),
    Mutant("disk-done-too-early", _D,
           "                self._failing(token)\n                await asyncio.sleep(RETRY_S)",
           "                self._done(token)\n                await asyncio.sleep(RETRY_S)", DURABLE),
    Mutant("disk-not-again", _D, "                await asyncio.sleep(RETRY_S)\n                self._wake.set()\n",
           "                await asyncio.sleep(RETRY_S)\n", DURABLE),
    Mutant("disk-slow-unsaid", _D, "        if not done:\n", "        if False:\n", DURABLE),
    Mutant("disk-former-term", _D, "        if document is not None and document.without_status().digest() == "
           "self._stored_digest:", "        if True:", DURABLE),
    Mutant("disk-backup-is-current", _D, "        if reports or document is None:\n", "        if False:\n", DURABLE),
    Mutant("disk-two-daemons", _D, "            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)\n", "", DURABLE),
    Mutant("disk-votes-damaged", _D, "        except (OSError, ValueError, KeyError, TypeError) as error:\n"
           "            raise CibError(", "        except (OSError, ValueError, KeyError, TypeError) as error:\n"
           "            return HardState()\n            raise CibError(", DURABLE),
    Mutant("disk-holds-up", _C, "            if meanwhile is not None:\n                meanwhile()",
           "            pass", ALONE),
    Mutant("disk-goes-on-early", _C, "due = [each for each in self._durable_waits if each.token <= token]",
           "due = list(self._durable_waits)", ("tests/unit/controller/test_orders.py",)),
    # Receipts and requests
    Mutant("receipt-of-lost-change", _R, "if (each.term, each.version[:2]) <= (cib_term, version[:2]) and "
           "each.version[:2] <= version[:2]))", "if True))", ALONE),
    Mutant("receipt-of-another", _Q, "        if receipt.key != key:\n", "        if False:\n", REQUESTS),
    Mutant("receipt-ignored", _Q, "        if receipt is None or key is None:\n            return False",
           "        if True:\n            return False", REQUESTS),
    Mutant("receipt-unbounded", _R, "        while len(self._kept) > KEPT:\n", "        while False:\n", REQUESTS),
    Mutant("receipt-for-ever", _R, "return found if found is not None and now - found.at < KEPT_S else None",
           "return found", REQUESTS),
    Mutant("receipt-not-kept", "crm/controller/replication/replication.py", "        self._keep(update.receipt)\n", "",
           REQUESTS),
    Mutant("seen-any-term", _C, "return seen.term is None or seen.term in self._terms_of_configuration()",
           "return True", REQUESTS),
    Mutant("seen-any-version", _Q, "            if not core.is_present(seen):\n", "            if False:\n", REQUESTS),
    Mutant("change-without-quorum", _Q, "        if core.leadership.caretaker and cluster_option(",
           "        if False and cluster_option(", ("tests/unit/controller/test_orders.py",)),
    Mutant("change-unchecked", _Q, "            self._validate(document)\n", "",
           ("tests/unit/controller/test_orders.py",)),
    Mutant("change-forgotten", _Q, "            if leader == keep:\n", "            if True:\n", ALONE),
    # Invariants
    *(Mutant(f"invariant-{place}", _I, old, new, INVARIANTS) for place, (old, new) in enumerate((
        ("if held and held.term != core.hard_state.term else \"\"", "if False else \"\""),
        ("same = member is not None and member.incarnation == held.incarnation", "same = member is not None"),
        ("if held is None or held.caretaker != core.view.quorate:", "if True:"),
        ("return \"\" if core.hard_state.cib_term == held.term else", "return \"\" if True else"),
        ("return \"\" if hard_state.cib_term <= hard_state.term else", "return \"\" if True else"),
        ("        if version > own:", "        if False:"),
        ("if parts.runner.idle:", "if True:"),
        ("if promises else \"\"", "if False else \"\""),
        ("if targets else \"\"", "if False else \"\""),
        ("if parts.planning.pending else \"\"", "if False else \"\""),
        ("if not parts.core.safe_mode or parts.runner.run is None:", "if True:"),
        ("if joined <= now.names else (", "if True else ("),
        ("if now.hard_state.term < last.hard_state.term else \"\"", "if False else \"\""),
        ("and document.version < last.document.version", "and False"),
        ("        elif core.document is not last.document:", "        elif False:"),
        ("return \"\" if core.enough(kept) else", "return \"\" if True else"),
        ("if now.term == last.term and changed else \"\"", "if False else \"\""),
    ))),
    Mutant("invariants-unchecked", "crm/controller/controller.py", "        self._invariants.check()\n", "",
           INVARIANTS),
    # Mistakes
    Mutant("mistake-never-safe", _M, "MOST = 3", "MOST = 4", MISTAKES),
    Mutant("mistake-soon-safe", _M, "        if len(recent) < MOST:", "        if len(recent) < MOST - 1:", MISTAKES),
    Mutant("mistake-old-counts", _M, "if abs(self._clock() - each.at) <= WINDOW_S]", "]", MISTAKES),
    Mutant("mistake-by-hand", _M, "self._read() if restarted else ()", "self._read()", MISTAKES),
    Mutant("mistake-goes-on", _M, "            log.error(\"%s cannot be written: %s\", self._path, failure)\n        "
           "self._end()", "            log.error(\"%s cannot be written: %s\", self._path, failure)", MISTAKES),
    Mutant("mistake-unbounded", _M, "(self._clock(), where, text, configuration))[-KEPT:]",
           "(self._clock(), where, text, configuration))", MISTAKES),
    Mutant("mistake-full-disk", _M, "        except OSError as failure:", "        except KeyError as failure:",
           MISTAKES),
    Mutant("mistake-is-an-end", _S, "_OF_ITS_OWN_WILL = (0, 76, 130)", "_OF_ITS_OWN_WILL = (0, 70, 76, 130)",
           SUPERVISOR),
    Mutant("mistake-unsaid", _S, "        os.environ[_RESTARTED] = \"1\"\n", "", SUPERVISOR),
    Mutant("not-started-is-an-end", _S, "    status = _NOT_STARTED\n    try:\n        _become",
           "    status = 0\n    try:\n"
           "        _become", SUPERVISOR),
    Mutant("store-is-an-end", _S, " and _RESTARTED not in os.environ", "", SUPERVISOR),
    # A daemon that slept
    Mutant("waking-never", _W, "        if slept and not self._slept:", "        if False:", WAKING),
    Mutant("waking-beats-first", _W, "        self.check()\n        self._beat_at, ", "        self._beat_at, ",
           WAKING),
    Mutant("waking-at-each-event", _W, "            self._slept = True\n", "", WAKING),
    Mutant("waking-monotonic", _W, "time.clock_gettime(time.CLOCK_BOOTTIME)", "time.monotonic()", WAKING),
    Mutant("waking-any-confirmation", _W, "if self._since_s is None or since_s < self._since_s:",
           "if self._since_s is None:", WAKING),
    Mutant("waking-earlier-doubt", _W, "self._since_s = max(since_s, self._since_s or since_s)",
           "self._since_s = self._since_s or since_s", WAKING),
    Mutant("waking-own-first", _W, "[*self._views, *self._told, *self._own]", "[*self._own, *self._views, *self._told]",
           WAKING),
    Mutant("waking-told-before", _W, "            self._told.clear()\n", "", WAKING),
    Mutant("waking-unbounded", _W, "        if len(self._told) < MOST_TOLD:", "        if True:", WAKING),
    Mutant("waking-limit", "crm/messaging/layer.py", "return EARLIEST_LOSS * self.failure_limit_ms",
           "return float(self.failure_limit_ms)", WAKING),
    Mutant("waking-queued-begins", "crm/executor/executor.py", "                await self.ready()\n",
           "                pass\n", ("tests/unit/executor/test_executor.py",)),
    Mutant("waking-fencing-begins", "crm/executor/fence_agents.py", "        await ready()\n", "",
           ("tests/unit/fencing/test_agents.py",)),
    Mutant("waking-beat-untold", "crm/messaging/embedded/layer.py", "            self.before_beat()\n", "",
           ("tests/unit/messaging/test_embedded.py",)),
    # What a layer answers to a look
    Mutant("look-old-links-count", "crm/messaging/embedded/layer.py",
           "self._looking_since_s is not None and not self._agreement.own_sessions() & self._before_look:",
           "self._looking_since_s is not None:", LOOKS),
    Mutant("look-unanswered", "crm/messaging/embedded/layer.py", "        self._confirm_if_newer()\n        waiting,",
           "        waiting,", LOOKS),
    # Doors
    Mutant("door-any-token", "crm/api/auth/tokens.py",
           "or not hmac.compare_digest(_encode(_signature(key, body)), signature):", "or False:",
           DOORS),
    Mutant("door-any-scope", _O, "        if not found.scope.covers(wanted):\n", "        if False:\n", DOORS),
    Mutant("door-revoked", _O, "return self._clock() < ends_at and not set(identities).intersection(self._revoked())",
           "return self._clock() < ends_at", DOORS),
    Mutant("door-expired", _O, "return self._clock() < ends_at and not", "return not", DOORS),
    Mutant("door-guessing", _O, "                self._failures.take(_address(scope), self._clock())\n",
           "                pass\n", DOORS),
    Mutant("door-flood", _O, "        if wait := self._requests.take(address, now):\n", "        if wait := 0.0:\n",
           DOORS),
    Mutant("door-big-bodies", _O, "        if limits.declared_bytes(scope) > most:\n", "        if False:\n",
           ("tests/unit/api/test_limits.py",)),
    Mutant("door-any-user", _O,
           "        if self._settings.admin_group in groups:\n            return Principal(user, groups, "
           "\"unix socket\"", "        if True:\n            return Principal(user, groups, \"unix socket\"", DOORS),
    Mutant("door-certificates-write", _O, "scope = Scope.WRITE if admin or listed else Scope.READ",
           "scope = Scope.WRITE", DOORS),
)

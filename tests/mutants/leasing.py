"""Leases: who renews, when the keeper acts, who waits."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

LEASES = ("tests/unit/controller/test_leases.py",)
DEADLINES = ("tests/unit/keeper/test_deadlines.py",)
KEEPER = ("tests/unit/keeper/test_keeper.py",)
SIMULATED = ("tests/simulation/test_leases.py",)
_L, _D, _H, _K, _S = ("crm/controller/leadership/leases.py", "crm/keeper/deadlines.py", "crm/keeper/lease_rules.py",
                      "crm/keeper/keeper.py", "crm/keeper/stop_all.py")
_R = "crm/controller/leadership/lease_records.py"
OTHER_TERMS = "tests/simulation/test_lost_under_other_terms.py"

LEASING = (
    Mutant("lease-nobody-waits", _L, "max(0.0, since + held_ms / 1000 - self._core.now)", "0.0", LEASES),
    Mutant("lease-wait-too-short", "crm/controller/leadership/lease_terms.py", "return self.limit_ms + self.stop_ms",
           "return self.limit_ms", LEASES),
    Mutant("lease-margin-forgotten", _L, "return terms.total_ms + margin_ms if", "return terms.total_ms if", LEASES),
    Mutant("lease-loss-noted-late", _L, "dict.fromkeys(gone, core.now)", "dict.fromkeys(gone, core.now - 3.0)", LEASES),
    Mutant("lease-strangers-forgotten", _L, "dict.fromkeys(set(core.me.config.names) - set(core.view.names), core.now)",
           "()", LEASES),
    Mutant("lease-back-is-enough", _L, "math.inf if name in self._here else ", "", LEASES),
    Mutant("lease-shorter-at-once", _R, "if held is None or wanted > held or self._has_settled(name, held):",
           "if held != wanted:", LEASES),
    Mutant("lease-longer-later", _R, "wanted > held or ", "", LEASES),
    Mutant("lease-not-acknowledged", _R, "configuration_version(has) >= configuration_version(version)", "True",
           LEASES),
    Mutant("lease-forgotten-by-disks", _L, "            core.stand(leases=leases)\n", "", (OTHER_TERMS,)),
    Mutant("lease-present-terms-count", "crm/controller/leadership/joining.py",
           "max(held_ms or 0.0, self._leases.promised_ms(name))",
           "self._leases.promised_ms(name)", (OTHER_TERMS,)),
    Mutant("lease-held-without-quorum", _H, "    if terms.quorate:\n", "    if True:\n", (*DEADLINES, *SIMULATED)),
    Mutant("lease-held-in-doubt", _H, "    if in_doubt:\n", "    if False:\n", DEADLINES),
    Mutant("lease-renewed-too-late", _D,
           "return lease.state is not LeaseState.HELD or now_ns - lease.held_ns <= lease.limit_ms"
           " * 1_000_000", "return True", DEADLINES),
    Mutant("lease-silent-while-stopping", _D,
           "    if lease.state in BY_ITSELF and now_ns - lease.alive_ns <= _SILENT_MS *"
           " 1_000_000:", "    if lease.state in BY_ITSELF:", DEADLINES),
    Mutant("lease-daemon-lives-on", _K, "                os.kill(daemon, signal.SIGKILL)", "                pass",
           KEEPER),
    Mutant("lease-no-force", _K, "        end_processes(left)\n", "", KEEPER),
    Mutant("lease-spares-nobody", "crm/keeper/orders.py", "and order.resource not in spared", "", KEEPER),
    Mutant("lease-order-lost", _S,
           "return any(other.began_ns >= order.started_ns for other in left if other is not order)",
           "return False", KEEPER),
    Mutant("lease-order-before-time", _S, "(at_once or not _is_needed(order, left.values()))",
           "not _is_needed(order, left.values())", KEEPER),
    Mutant("lease-rules-looked-at-once", "crm/daemon/lease_holder.py", "if (version != self._reviewed or due) and",
           "if version != self._reviewed and", ("tests/unit/daemon/test_lease.py",)),
    Mutant("lease-log-needed", _S, "        except OSError:  # a full disk is no reason not to stop things\n"
           "            return Path(os.devnull).open(\"ab\")", "        finally:\n            pass", KEEPER),
    Mutant("lease-says-at-any-price", "crm/keeper/log_line.py", "if any(state & select.POLLOUT for _, state in "
           "waiting.poll(0)):", "if True:", KEEPER),
)

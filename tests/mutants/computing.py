"""Breaks of the promises about processes beside the daemon: plans, explanations, and what they may cost."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_W, _F, _P, _J = ("crm/daemon/worker.py", "crm/daemon/fork_server.py", "crm/daemon/planner.py",
                  "crm/daemon/client_jobs.py")
_T = "crm/transition/transition_run.py"
WORKERS = ("tests/unit/daemon/test_workers.py",)
WAITING = ("tests/unit/transition/test_waiting_for_nodes.py",)

COMPUTING = (
    Mutant("worker-frozen-for-ever", _W, "still >= STILL_LOOKS):", "False):", WORKERS),
    Mutant("worker-plans-for-ever", _W, "now_s > end_s or", "False or", WORKERS),
    Mutant("worker-answers-late", _W, "            # An answer that nobody takes would be taken for that of the next "
           "request.\n            self.close()\n", "", WORKERS),
    Mutant("worker-death-is-ours", _W, "except (OSError, EOFError, pickle.UnpicklingError) as error:",
           "except pickle.UnpicklingError as error:", WORKERS),
    Mutant("worker-lives-on", "crm/keeper/parent_death.py",
           "    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, "
           "0) != 0:", "    if libc.prctl(_PR_SET_PDEATHSIG, 0, 0, 0, 0) != 0:", WORKERS),
    Mutant("worker-keeps-sockets", _F, "    die_with(parent)\n    keep_only(control)\n", "    die_with(parent)\n",
           WORKERS),
    Mutant("worker-is-load", _F, "with_children=True) + sum(each.used_s() for each in self._workers)",
           "with_children=True)", WORKERS),
    Mutant("worker-was-load", _F, "with_children=True) + sum", "with_children=False) + sum", WORKERS),
    Mutant("forks-never-again", _F, "                worker = self._forked_anew(request)\n", "                raise\n",
           WORKERS),
    Mutant("planner-dies-once", _P, "TRIES = 2", "TRIES = 1", WORKERS),
    Mutant("planner-tries-for-ever", _P, "TRIES = 2", "TRIES = 99", WORKERS),
    Mutant("planner-old-cib", "crm/cib/cib_parts.py",
           "return ModelCache(known.configuration, {key: value for key, value in "
           "known.node_states.items() if key not in ids})", "return known", WORKERS),
    Mutant("planner-old-configuration", "crm/cib/cib_parts.py", "        return ModelCache()\n", "        pass\n",
           WORKERS),
    Mutant("planner-forgets-parts", _P, "await self._forks.worker(self._servant, self._title), Sender()",
           "await self._forks.worker(self._servant, self._title), self._sender", WORKERS),
    Mutant("job-any-memory", _J,
           "        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))\n",
           "", WORKERS),
    Mutant("run-parks-for-ever", _T, "            while waiting and room > 0:",
           "            while waiting and room > 1:",
           WAITING),
    Mutant("run-overfills", _T, "return limits.of(node) - self._load.jobs[node]", "return limits.of(node)", WAITING),
)

"""What people operate a cluster by: a lone start, revoked tokens, keys, what nodes say of each other."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

LONE = ("tests/simulation/test_two_nodes.py",)
TOKENS = ("tests/unit/api/test_authentication.py",)
KEYS = ("tests/unit/daemon/test_layer_keys.py",)
REPORTS = ("tests/unit/daemon/test_peer_reports.py",)
WITHOUT = ("tests/unit/daemon/test_known_absences.py",)
OUTCOME = ("tests/unit/api/test_outcome.py",)
_C, _L, _T, _K, _P = ("crm/controller/core.py", "crm/controller/leadership/lone_start.py", "crm/cib/token_lists.py",
                      "crm/daemon/layer_keys.py", "crm/daemon/peer_reports.py")

OPERATING = (
    Mutant("lone-word-ignored", _L, "        core.said_off.add(event.target)\n", "", LONE),
    Mutant("lone-never-waits", _C, "return self.both_halves_quorate and cares and not self.caught_up", "return False",
           LONE),
    Mutant("lone-unsaid", _C, "self.waits_for = tuple(sorted(missing)) if waits else ()", "self.waits_for = ()", LONE),
    Mutant("lone-waits-though-told-not-to", _C, "return self.both_halves_quorate and cares and not self.caught_up",
           "return self.both_halves_quorate and not self.caught_up", LONE),
    Mutant("lone-any-start-follows", "crm/daemon/known_absences.py", "if restarted else []", "", WITHOUT),
    Mutant("token-revocation-undone", _T, "for option in (REVOKED, ISSUED):", "for option in (ISSUED,):", TOKENS),
    Mutant("token-good-unlisted", _T, "for option in (REVOKED, ISSUED):", "for option in (REVOKED,):", TOKENS),
    Mutant("keys-only-too-soon", _K, '"prove": (key, *others)', '"prove": (key,)', KEYS),
    Mutant("keys-proved-too-soon", _K, '"accept": (*others, key)', '"accept": (key, *others)', KEYS),
    Mutant("keys-words", _K, "return key if plain else _HEX + key.hex().encode()", "return key", KEYS),
    Mutant("reports-of-the-former", _P, "if here.get(name) == incarnation for report in told)",
           "if name in here for report in told)", REPORTS),
    Mutant("reports-told-once", _P, "            with contextlib.suppress(RequestRefused):\n                await",
           "            self._told[name] = here[name], own\n            with contextlib.suppress(RequestRefused):\n                await",
           REPORTS),
    Mutant("reports-unbounded", _P, 'for each in about["reports"][:MOST_REPORTS])', 'for each in about["reports"])',
           REPORTS),
    Mutant("deletion-always-well", "crm/api/views/change_outcome.py",
           'if seen.found is None and any(failure.operation == "stop" for failure in seen.failures):', "if False:",
           OUTCOME),
)

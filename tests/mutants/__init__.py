"""Small breaks of what the README promises, each of which the tests must notice: `python -m tests.mutants`.

    mutant     one break, and what must notice it
    agreeing   election, replication, joining, agreement on views
    acting     fencing, transition, executor, planning
    computing  processes beside the daemon, waiting actions
    keeping    disks, receipts, doors, mistakes
    operating  a lone start, tokens, keys, what nodes say of each other
    leasing    leases without fencing: renewal, keeper, waits
    planning   the planner: placing, ordering, reading the status, explaining
    __main__   applies them one by one to a copy of the tree, runs, tells which survived
"""

from tests.mutants.acting import ACTING
from tests.mutants.agreeing import AGREEING
from tests.mutants.computing import COMPUTING
from tests.mutants.keeping import KEEPING
from tests.mutants.leasing import LEASING
from tests.mutants.mutant import Hunt, Mutant
from tests.mutants.operating import OPERATING
from tests.mutants.planning import PLANNING

MUTANTS: tuple[Mutant, ...] = (*AGREEING, *ACTING, *COMPUTING, *KEEPING, *LEASING,
                               *OPERATING, *PLANNING)

__all__ = ["MUTANTS", "Hunt", "Mutant"]

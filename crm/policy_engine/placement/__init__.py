"""Who should run where, and in which role.

Scores of every resource on every node come from constraints, stickiness, failures and health (`criteria`), are spread
along colocations (`affinity`), and decide the assignment of each primitive (`primitives`). Groups, clones and bundles
are assigned by assigning what is in them; `promotion` then chooses which instances of a clone are promoted: a role
ranks an instance, it never moves one.

Resources are assigned in CIB order, each after those that it must be placed with. The assignment changes the tree
(`Resource.assigned`, `next_role`) in place: scores of later resources depend on it at every step.
"""

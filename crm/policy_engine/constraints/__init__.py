"""Constraints as relations between resources of the expanded tree: names looked up, tags and sets spelled out.

    colocations              colocation constraints: what is placed with what, or away from it
    contradictions           colocations that contradict each other: two resources must be on one node by some, and
                             never are by another
    cross_constraint_cycles  circles and contradictions of constraints with each other and with groups, found without
                             making a plan
    cycles                   constraints that go round in a circle: `a` before `b` before `a`, or `a` with `b` with `a`
    locations                location constraints: which score a resource gets on which node, and for which role
    lookup                   which resources a name in a constraint means
    orders                   ordering constraints: which action of one resource comes before which of another
    tickets                  ticket constraints: what may run only while the site holds a ticket, and what happens when
                             it is lost

Apart from placement and ordering because both need them, and because what is wrong with a constraint is best said where
its words are still at hand. Nothing here decides where a resource goes.
"""

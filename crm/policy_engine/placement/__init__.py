"""Who should run where, and in which role.

    assign_all         assigning every resource of a cluster, in the order that the placement strategy asks for
    assignment         putting a primitive (or everything in a collective) on a node, and taking it off again
    bundles            bundles: the containers are placed like instances of a clone, addresses and connections follow,
                       and what runs inside is bound to the guest node of its container
    candidates         tables of candidates: which nodes one resource could run on, compared, copied, looked up
    capacity           capacities of nodes and what resources use of them
    clones             clones: after what they depend on, their instances are spread over the nodes; see `instances` and
                       `promotion`
    colocation_scores  colocations at work: the lists that apply to a resource, how placed primaries change a
                       dependent's scores, and how the preferences of dependents are merged into a primary's before it
                       is placed
    criteria           what speaks for and against each node before anything is placed
    groups             groups: members are placed one after the other; being colocated, they end up where the first one
                       goes
    instances          where the instances of a collective (a clone's instances, a bundle's containers) go
    location_scores    location constraints at work: their scores added to candidates, of a resource and of what is in
                       it
    placement          what placing needs to know and keeps
    primitives         where one primitive goes: its colocations first, then the best candidate that remains
    promotion          which instances of a clone become promoted
    utilization        capacity as a criterion: nodes too small for a resource and what must go with it are out
    weights            scores by node while they are merged

Scores of every resource on every node come from constraints, stickiness, failures and health (`criteria`), are spread
along colocations (`affinity`), and decide the assignment of each primitive (`primitives`). Groups, clones and bundles
are assigned by assigning what is in them; `promotion` then chooses which instances of a clone are promoted: a role
ranks an instance, it never moves one.

Resources are assigned in CIB order, each after those that it must be placed with. The assignment changes the tree
(`Resource.assigned`, `next_role`) in place: scores of later resources depend on it at every step.
"""

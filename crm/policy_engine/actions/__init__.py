"""What must be done: actions, the relations between them, and what follows from both.

    action                an action that could be part of a transition, and its relations to others
    action_graph          the actions of one planning pass and the orderings between them, as they are collected
    apply_orderings       from orderings to relations between actions
    collective_state      the state of a collective's action: what its members' actions need and can do, seen as one
    collectives           actions of groups, clones and bundles: their members' actions, and milestones around them
    config_changes        what changed in the configuration since an operation was run
    fencing_actions       fencing: which nodes, in what order, and what has to wait for it
    implicit_constraints  orderings (and colocations) that follow from what a resource is, not from a constraint
    lifecycle             from decisions to actions: what takes each primitive from its role and node to those it will
                          have
    migration             live migration: `migrate_to` on the source, `migrate_from` on the target, in place of a stop
                          and a start
    notifications         notifications: telling a clone's instances what is about to happen, and what has happened, to
                          any of them
    probe_orders          what must wait for probes beyond the resource's own start
    probes                probes: asking nodes for the state of resources that they have not reported on
    propagate             from relations between actions to what is required and what is possible
    recurring             recurring operations: made, left alone or cancelled as the role that a resource will have asks
                          for
    relation              how two actions are related: "first" comes before "then", and what else one means for the
                          other
    relation_effects      what each kind of relation between two actions means for their need and possibility
    remote                actions on remote and guest nodes depend on the connection that leads there, and that on its
                          container
    selection             which actions, and which of their inputs, belong into a transition
    task_names            names of tasks: what completes what, and what a collective's task is to its members

Actions are made from the decisions of `place` and the history; relations say "this before that" and what one action
means for another (needed because of it, impossible without it). `settle` spreads need and possibility along the
relations until nothing changes. This is Pacemaker's own notion of a plan, kept because its outputs (which optional
actions are shown, in what order actions are numbered) can only be had from it: a trial that decided first and made
actions once afterwards could not reproduce them for migrations, notifications and bundles.
"""

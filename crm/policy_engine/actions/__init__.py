"""What must be done: actions, the relations between them, and what follows from both.

Actions are made from the decisions of `place` and the history; relations say "this before that" and what one action
means for another (needed because of it, impossible without it). `settle` spreads need and possibility along the
relations until nothing changes. This is Pacemaker's own notion of a plan, kept because its outputs (which optional
actions are shown, in what order actions are numbered) can only be had from it: a trial that decided first and made
actions once afterwards could not reproduce them for migrations, notifications and bundles.
"""

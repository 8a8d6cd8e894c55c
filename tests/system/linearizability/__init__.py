"""Real daemons in trouble, clients that compare and set, and an exact judge of what they were told.

    history   what clients asked, when, and what they were told: data only
    judge     whether one order explains all of it: pure
    clients   threads that read and append, each through any node
    cluster   five machines with registers in their CIB, and the troubles

Run it for hours: `python -m tests.system.linearizability --seconds 300 --runs 10`. CI runs a short one.
"""

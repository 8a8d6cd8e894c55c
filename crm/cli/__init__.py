"""The commands. Thin: they ask a daemon and print. What only talks to a daemon imports the standard library alone, and
little of it, because scripts and agents call it by the hundred."""

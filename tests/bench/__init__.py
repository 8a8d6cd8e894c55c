"""Measurements, each a function that prints a table: `python -m tests.bench NAME`. Not tests: nothing here can fail.

They measure real daemons on loopback with the demo's machines, so they need neither root nor a network.
`python -m tests.bench.invariants` stands alone: it handles the events of a simulated cluster once more.
"""

"""Runs agents on this node. Knows agents and processes, never the cluster."""

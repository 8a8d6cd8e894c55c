"""Public helpers to test clusters and CIBs."""

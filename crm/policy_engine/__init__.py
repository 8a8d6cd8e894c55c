"""Pure: what should run where, and the transition that makes it so."""

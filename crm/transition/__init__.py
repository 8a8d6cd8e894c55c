"""Sans-I/O: runs a transition graph: what is ready, in flight, done; also drives simulation."""

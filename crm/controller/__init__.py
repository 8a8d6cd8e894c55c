"""Sans-I/O state machine of one node: election, join, CIB replication, attributes. handle(event, now) -> commands."""

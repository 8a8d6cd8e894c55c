"""Beside `crmd`: the process that watches over a daemon.

    lease_keeping  the supervisor's part in the lease
    supervisor     watches over one daemon: starts it, starts it again when it is killed, ends when it ends of its own
                   will
"""

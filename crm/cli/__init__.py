"""The commands. Thin: they ask a daemon and print. What only talks to a daemon imports the standard library alone, and
little of it, because scripts and agents call it by the hundred.

    crmctl_commands  the subcommands of `crmctl`, and the texts that they print
    daemon           beside `crmd`: the process that watches over a daemon
    demo             `crmctl demo`: a cluster of three nodes on this machine, without root, that keeps a real web
                     service running
    monitor          what `crm_mon` shows: sections of a cluster's state, as text, XML or HTML
    pacemaker        the tools that Pacemaker has, under its names, with its options, texts, XML and exit statuses
    setup            setting up a cluster on machines: `crmctl cluster init` and `join`, and the files that they write
    simulation       the parts of `crm_simulate`: its options, its input, its output
    connection       how commands ask: the daemon of this node over its unix socket, or a cluster elsewhere (CRMD_URL)
                     over TLS
    crmctl           `crmctl`: the command for people
    crmd             `crmd`: the daemon of a node, and the small process that watches over it
    release          which crmd this is, for `--version` of every command
    simulate         `crm_simulate`: what would the cluster do with this CIB, and what would come of it?
    terminal         the border between what commands say and the terminal that it is said to
"""

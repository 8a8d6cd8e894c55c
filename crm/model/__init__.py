"""What a cluster is: frozen data and its arithmetic. Imports nothing of crm; knows no XML, no clock, no I/O.

    attributes   sets of name-value pairs as a CIB has them
    cib          a whole CIB as frozen data: configuration and status, in the order of the document
    constraints  constraints as they are configured
    dates        moments of the calendar: ISO 8601 text to epoch seconds, calendar arithmetic, and the fields that rules
                 ask for
    digest       the digest of an operation's parameters
    history      what the status section records
    lease        the lease of a node as the status has it: how long after its loss the node may still run what it ran
    release      what a release of crmd understands, and whether a node of one release may join a cluster of another
    report       reports: what is wrong with a configuration or an input, said so that its author can mend it
    resources    resources as they are configured: primitives, groups, clones, bundles, templates and operations
    rules        rules: conditions under which a constraint or a set of attributes counts
    score        scores: whole numbers between -INFINITY and INFINITY with the field's saturating arithmetic
    text         text from outside made fit to be kept and shown: in XML, in logs, on terminals
    transition   a transition: the graph of actions that takes the cluster from how it is to how it should be
    values       how words of a CIB become numbers, truth values and times
"""

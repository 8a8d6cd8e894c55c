"""The parts of `crm_simulate`: its options, its input, its output.

    arguments   the command line of `crm_simulate`, as Pacemaker's tool has it, to a request
    cib_input   where `crm_simulate` gets its CIB from
    injections  changes that `crm_simulate` is asked to pretend: nodes, tickets, quorum, results of operations
    text        what `crm_simulate` tells, as text: sections as Pacemaker's tool prints them
    xml         what `crm_simulate` tells, as XML
"""

"""The settled plan put into its outputs: the transition, its XML and dot texts, and the summary for people.

    change_summary    what a transition will change, for people: one line for each node and resource that it affects
    dot               the plan as a graph to draw (dot): bold what is done, dashed what should be but cannot
    expired_failures  which actions of a transition rest on something whose failure has merely expired
    graph_xml         the transition as XML text, as Pacemaker's scheduler writes it
    notices           what `crm_simulate` remarks when it has read a status
    transition_graph  the transition: required actions as synapses, with what an executor has to know of each
"""

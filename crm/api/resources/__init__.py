"""The REST resources: one file of routes for each.

    agent_routes       agents: which there are on which nodes, and what they say about themselves
    attribute_routes   node attributes: permanent ones stand in the configuration, transient ones last as long as their
                       node is here
    audit_routes       the audit log over HTTP, for administrators
    cib_routes         the CIB as XML: read it, put a new one, change it in part
    cluster_routes     the cluster as a whole: one picture of everything
    event_routes       server-sent events: a snapshot, then every change, resumable at any node
    fencing_routes     fencing: its history, doing it, saying that it was done by hand, and which device can fence which
                       node
    health_routes      yes or no, for load balancers and monitoring: 200 or 503, with a word why
    history_routes     earlier configurations: which are kept, what changed between them, and going back to one
    member_routes      the list of the cluster's nodes
    monitor_routes     the state as people and `crm_mon` want to see it: sections of text, or the same as XML or HTML
    node_routes        nodes: what they are and do; standby, online, maintenance
    object_routes      the configured objects of every kind as JSON: list, read, create, replace, change in part, delete
    operation_routes   what was done on the nodes, and what of it failed: the history that plans are made from
    option_routes      cluster options one by one, for tools that set a single one
    resource_routes    resources: where they run, moving them for a while, cleaning up after failures
    simulation_routes  what would happen if: changes, losses of nodes, failures of resources, tickets, tried on a
                       pretended cluster
    status_routes      everything that is known about one resource, or about one node, in one answer
    task_routes        tasks over HTTP: begin one, look at it, wait for it, cancel it; at any node, whichever has it
    ticket_routes      tickets: what this site may run
    token_routes       tokens and client certificates for the API over TCP: making them, taking them back before their
                       time
    transition_routes  the transitions that were carried out: inputs, graphs, times, outcomes
"""

"""Answers that take more than this node's CIB: other nodes, other processes, files.

    audit_trail     reading the audit log: who changed what and who was turned away, of all nodes, the newest first
    bounded_xpath   XPath of clients, evaluated so that it can be ended: nobody's expression holds the event loop
    cluster_agents  the agents of all nodes: which are installed where, and what one says about itself wherever it is
    off_loop        work that takes long, done beside the event loop: heartbeats and other requests go on meanwhile
    xpath_worker    the process that evaluates one XPath and ends (`crm.api.queries.bounded_xpath`)
"""

"""From the cluster's state to the values that answers consist of. Pure.

    answer_values       the shapes of answers, and what the bodies of requests have in common
    change_outcome      what came of a change to a resource, for people
    cluster_view        from a CIB to what people want to see of the cluster
    metrics             `/metrics` for Prometheus: the names and labels of `ha_cluster_exporter`, so that its dashboards
                        work, and our own
    object_shapes       JSON of configured objects: checked against their dataclasses, made from them, described in the
                        OpenAPI document
    openapi             the OpenAPI document, completed: what holds for all routes is said here once and not at each of
                        them
    plan_values         the shape of plans: what would be done and why, what is interrupted, what is fenced, what to
                        think of first
    transition_graph    a transition that was carried out, as a graph to draw
    waiting_operations  operations of all nodes that wait for their turn, and for what
"""

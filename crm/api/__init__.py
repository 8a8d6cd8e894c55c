"""REST over the daemon (FastAPI). Holds no state. Start at `app.create`; a request goes through `middleware` and `auth`
to a route of `resources`, which answers from `views`, and writes through `writing`.

    auth        who asks, and what they may do: authentication, tokens, scopes, access control lists
    middleware  what every request goes through, and what all answers have in common
    queries     answers that take more than this node's CIB: other nodes, other processes, files
    resources   the REST resources: one file of routes for each
    tasks       work that takes longer than an answer, and is asked about later
    views       from the cluster's state to the values that answers consist of
    writing     how changes are made: looked at first, planned or committed, with the reason when they are refused
    app         the REST API of one node as an ASGI application
    service     what the API needs of a node: the border to `crm.daemon`, so small that tests have a node of their own
"""

"""Changes of a configuration, made from what somebody asks for: pure, the present document in, a change out.

    cluster  what people ask of a cluster, said as changes of its CIB
    objects  what people ask of resources, nodes and tickets, as changes of a document: values set within objects
    verbs    the verbs of `cibadmin` on a tree
"""

"""The objects of a configuration as typed values, which the API speaks as JSON: resources, constraints, alerts, roles …

    catalogue        the kinds of objects that a configuration holds
    cluster_objects  the smaller objects: tags, alerts, permissions, fencing levels, defaults
    codec            between XML elements and typed values
    conditions       rules and sets of attributes that count only when a rule holds
    constraints      constraints as they are configured
    effects          what a constraint does, in words
    json_shape       how JSON is checked against the dataclasses of this package: nothing may be there that has no field
    object_changes   changes of a document that create, replace and delete objects
    resources        resources as they are configured
    write_context    what an object is written into: the ids that are taken there, and the objects that it may take into
                     itself

Each kind is a dataclass whose fields say where in the XML they stand (`codec`); `catalogue` lists the kinds with the
section that they live in, `changes` makes changes of a document from them, `effects` says in words what a constraint
does. It is apart from `crm.model`, which is what the policy engine plans with: there names are resolved and rules are
parsed, here everything is as its author wrote it, so that it can be written back. Nothing here decides or validates
more than shapes.
"""

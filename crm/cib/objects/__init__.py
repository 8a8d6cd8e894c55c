"""The objects of a configuration as typed values, which the API speaks as JSON: resources, constraints, alerts, roles …

Each kind is a dataclass whose fields say where in the XML they stand (`codec`); `catalogue` lists the kinds with the
section that they live in, `changes` makes changes of a document from them, `effects` says in words what a constraint
does. It is apart from `crm.model`, which is what the policy engine plans with: there names are resolved and rules are
parsed, here everything is as its author wrote it, so that it can be written back. Nothing here decides or validates
more than shapes.
"""

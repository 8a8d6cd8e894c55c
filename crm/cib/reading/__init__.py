"""From the XML of a CIB to the model (`crm.model`).

    attributes   reading what every part of a CIB is made of: sets of name-value pairs and rules, references followed
    cib_reader   from the XML of a CIB to the model: the only reader, tolerant by design
    constraints  reading the constraints section, in document order
    resources    reading the resources section: primitives, groups, clones, bundles, templates and their operations
    status       reading the status section: node states with their operation histories, and tickets
"""

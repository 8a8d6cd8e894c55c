"""What controllers say to each other, and how it is written; who sends which message when: `PROTOCOL.md`.

    clock_skew     clocks of nodes differ: what a node says of times is brought to the leader's clock before it is
                   recorded
    codec          how messages are written: a name, a number, then JSON
    keys           names of the field: transition keys, operation keys, ids of history entries, failure attributes
    message_dedup  numbers on messages: one that is delivered twice is taken once, and one that comes after a later one
                   not at all
    messages       what controllers say to each other; how it is written: `crm.controller.protocol.codec`
    releases       nodes of different releases in one cluster
"""

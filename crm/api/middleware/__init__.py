"""What every request goes through, and what all answers have in common.

    audit             the audit log: who asked for which change, when, through which door, and what came of it; and who
                      was turned away
    blocking_queries  blocking queries and freshness: what every answer says of the state it was read from, and waiting
                      for a newer one
    idempotency       idempotency keys: a write that is sent again, because its answer got lost, is answered and not
                      done again
    limits            how much the API takes: listeners, requests from one address over TCP; bytes, depth and seconds of
                      one body
    paging            lists in pages: `?limit=` so many entries, `?after=` the last one seen
    problems          errors as RFC 9457 has them: a stable code, what happened, where, and what to do next
    routing           how routes come together: one flat list of routes that take only what they know
    unstorable        refuses bodies with characters that XML cannot hold, wherever they stand
"""

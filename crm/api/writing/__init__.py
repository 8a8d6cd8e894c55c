"""How changes are made: looked at first, planned or committed, with the reason when they are refused.

    agent_review      looks at resources before they are written
    agent_validation  asks a resource's own agent whether it could work so
    cleanup           forgetting failures: of one resource or of all, on one node or everywhere; or what would follow
                      from that
    commit            how every write goes: tried on the present CIB first, refused with reasons, planned only (dry run)
                      or committed
    cycle_checks      looks for constraints and fencing levels that cannot work before they are written
    fencing_plans     what fencing a node would do, or saying that it is off: planned, and nothing done to any node
    write_checks      all that is looked at before something is written: agents, circles, missing devices
"""

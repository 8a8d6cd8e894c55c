"""The subcommands of `crmctl`, and the texts that they print.

    access_commands      `crmctl tag|alert|role|user|user-group|fence-level|defaults …`
    api_calls            what the commands of `crmctl` have in common
    api_requests         requests of the API with JSON, as all commands of `crmctl` make them
    clock_text           moments as people read them: the time alone today, with the date before
    command_parser       argparse for people: a word that is not known is answered with the nearest one that is, not
                         with all of them
    detail_text          the text of `crmctl status NAME`: all that is known about one resource or node
    explain_command      `crmctl explain`: why a resource is where it is, or why it is not running; of the live cluster
                         or of a CIB file
    explain_text         explanations laid out for a terminal: what becomes of it, why, node by node, role, actions
    failover_test        `crmctl failover-test`: what a cluster would do if nodes were lost, resources failed, nodes
                         went into standby
    failover_text        failover tests laid out for a terminal
    fence_command        `crmctl fence`: fence a node, say that it is off, look at the history, and see who can fence
                         whom
    object_commands      `crmctl constraint|property|node|ticket|agent …`: the objects beside resources
    object_definitions   what `crmctl` can do with configured objects of any kind
    plan_commands        `crmctl plan`, `apply`, `simulate`, `history …`: look before you leap, and go back
    plan_text            a plan as people read it: what changes, what is interrupted, what is fenced, each step with its
                         reason, warnings
    resource_commands    `crmctl resource …`: create, look at, change and delete resources, and tell them what to do
    result_commands      `crmctl operation …`, `failure …`, `audit`: what agents did, what of it failed, and who changed
                         what
    status_overview      the text of `crmctl status`: what people need first, from the API's answer
    task_commands        `crmctl wait`, `crmctl task …`: what takes time
    task_progress        waiting for a task of the API: silently, or with a line that says how far it is
    token_commands       `crmctl token` and `crmctl certificate`: for the REST API over TCP
    transition_commands  `crmctl transition …`: what the cluster did, step by step, and whether it would do the same
                         again
    wait_until_idle      what came of a change that concerns a node or many resources
"""

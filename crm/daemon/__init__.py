"""The shell around the controller: turns I/O into events and commands into I/O; settings; start and stop.

    api_settings           the settings of the REST API: its doors, and how much it takes from whoever comes
    api_sockets            the API's sockets
    certificates           the cluster's own certificate authority, made from the key that all nodes share
    client_jobs            what clients ask that takes long, computed by processes of its own: explanations and previews
    clock                  a clock that neither jumps nor goes back, and follows the machine's wall clock all the same
    configuration_history  the earlier configurations of the whole cluster
    crash_records          a daemon's own mistakes: written down on disk, then the daemon ends as if it were killed
    errors                 the error of a request that was not carried out: one for all that is asked of a daemon
    event_log              the states that this node's CIB went through, for those who want to hear of changes as they
                           happen
    fork_server            makes workers: a small process, forked off before the daemon had threads, sockets or secrets,
                           that forks again
    history_records        what a node has kept of the past: earlier configurations
    known_absences         without whom this node decides: kept for a daemon that follows a killed one of the same
                           supervisor
    layer_keys             the key that nodes prove to each other, and how it is changed without a stop
    lease_holder           this node's lease: renewed as long as the event loop turns and the view is quorate and not in
                           doubt
    link_reports           what is wrong between this node and others, for people: names, keys, lists
    log                    the daemon's log: written by a thread, so that a reader that stands still (a full pipe) holds
                           up nobody else
    machine_load           this machine's load, looked at regularly
    main                   `crmd` itself: start, serve, stop
    measurements           what a node measures of itself: how long planning, transitions and the detection of lost
                           nodes took, and its queues
    node                   the shell around a controller: turns I/O into events and commands into I/O. Decides nothing
    node_list_storage      the list of the cluster's nodes at one daemon
    peer_queries           what the daemons of a cluster ask each other beside its business
    peer_reports           what is wrong with other nodes, as they say themselves
    planner                plans in a process of its own, one at a time
    priority               where processors are busy the daemon comes first
    self_fencing           a node ends itself: at once, without asking anybody, because others rely on it
    service                what the API and the socket tools call, on any node
    settings               the settings of a node: one TOML file, every setting with a default, its unit in its name,
                           and a description
    settings_section       what every section of the settings file is, and the error that wrong settings are
    storage                what a node's disk keeps: its vote, and the CIB with the term of its writing
    supervision            the message layer's listening socket outlives the daemon
    tls                    the TLS of the API's TCP door: whose certificate it shows, whose it accepts
    transition_archive     the transitions that this node has led, on disk
    transition_format      a transition on its way from one process to another: rows of plain values, some hundred at a
                           time
    transition_queries     the transitions of the whole cluster
    wake_guard             a daemon that slept looks before it acts
    web_server             the web server of the API, in the daemon's own loop
    worker                 the daemon's side of one worker: asked over a socket, ended when it takes too long, or stands
                           still
    worker_process         the inner side of a worker: a process that computes what its daemon asks for, one request
                           after the other
"""

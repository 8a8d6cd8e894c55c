"""The shell around the controller: turns I/O into events and commands into I/O; settings; start and stop.

    main      the process: start, signals, exit statuses     node      events in, commands out
    service   what the API calls                             storage   votes and CIB on disk, grouped writes
    supervision  the listening socket outlives a killed daemon
    planner   the policy engine in a process of its own       settings  one TOML file (api_settings, section)
    fork_server, worker, worker_process   how processes beside the daemon are made, asked and ended; client_jobs  for
    clients
    event_log   what happened to the CIB, for listeners        measurements  durations and queues, for metrics
    log       written by a thread: its reader may stand still
    peers, peer_reports  what daemons ask and tell each other beside the cluster's business
    known_absences  what a daemon knows of the one before it that was killed
    web_server  the API's sockets, patience with clients     tls, certificates  the TCP door, the cluster's authority
"""

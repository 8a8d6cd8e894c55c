"""The shell around the controller: turns I/O into events and commands into I/O; settings; start and stop.

    main      the process: start, signals, exit statuses     node      events in, commands out
    service   what the API calls                             durable   votes and CIB on disk, grouped writes
    supervision  the listening socket outlives a killed daemon
    planner   the policy engine in a thread                  settings  one TOML file (api_settings, section)
    journal   what happened to the CIB, for listeners        measures  durations and queues, for metrics
    web_server  the API's sockets, patience with clients     tls, certificates  the TCP door, the cluster's authority
"""

"""The shell around the controller: turns I/O into events and commands into I/O; settings; start and stop.

    main      the process: start, signals, exit statuses     node      events in, commands out
    service   what the API calls                             durable   votes and CIB on disk, grouped writes
    supervision  the listening socket outlives a killed daemon
    planner   the policy engine in a thread                  settings  one TOML file
"""

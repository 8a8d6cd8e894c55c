"""The shell around the controller: turns I/O into events and commands into I/O; settings; start and stop."""

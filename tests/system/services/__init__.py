"""Real services, run by Debian's unmodified agents: what each is, what happens to it, what must hold afterwards."""

"""Real services under the cluster, by Debian's unmodified agents: what each is, what happens to it, what must hold after."""

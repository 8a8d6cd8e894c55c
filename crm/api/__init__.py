"""REST over the daemon (FastAPI). Holds no state."""

"""pacemaker."""

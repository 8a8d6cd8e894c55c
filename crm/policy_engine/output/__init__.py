"""The settled plan put into its outputs: the transition, its XML and dot texts, and the summary for people."""

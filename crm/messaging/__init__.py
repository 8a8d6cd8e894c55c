"""The pluggable message layer: who is here, are we quorate, and bytes between members. Never resources."""

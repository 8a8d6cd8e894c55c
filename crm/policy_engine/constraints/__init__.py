"""Constraints as relations between resources of the expanded tree: names looked up, tags and sets spelled out.

Apart from placement and ordering because both need them, and because what is wrong with a constraint is best said where
its words are still at hand. Nothing here decides where a resource goes.
"""

"""How two actions are related: "first" comes before "then", and what else one means for the other.

A relation is a set of these bits. Plain integers, not an enum: a plan tests them millions of times.
"""

from __future__ import annotations

from typing import Final, TypeAlias

Relation: TypeAlias = int

NONE: Final = 0
ORDERED: Final = 1 << 0
"""First comes before then, when both happen."""
IF_FIRST_UNMIGRATABLE: Final = 1 << 1
"""Counts only when first is not part of a live migration."""
THEN_NEEDS_FIRST: Final = 1 << 2
"""When then is required, so is first."""
FIRST_REQUIRES_THEN: Final = 1 << 3
"""When first is required, so is then."""
PROMOTED_THEN_NEEDS_FIRST: Final = 1 << 4
"""When then is required and its resource is promoted, first is required."""
UNMIGRATABLE_THEN_BLOCKS: Final = 1 << 5
"""First can be done only if then can, as part of a migration."""
UNRUNNABLE_FIRST_BLOCKS: Final = 1 << 6
"""Then can be done only if first can."""
FIRST_ELSE_THEN: Final = 1 << 7
"""When first cannot be done, then becomes a real action outside the migration."""
FIRST_REQUIRES_THEN_ON_SAME_NODE: Final = 1 << 8
"""When first is required, so is then for the instance on the same node."""
NESTED_REMOTE_PROBE: Final = 1 << 9
"""A container's start before the probe of the connection into it; void when the container is stopping."""
RESTART: Final = 1 << 10
"""First is the stop half of a restart (or of a chain of stops) whose other half is then."""
SERIALIZE: Final = 1 << 11
"""Not both at once."""
SAME_NODE: Final = 1 << 12
"""Counts only when both are on one node."""
THEN_SHOWS_FIRST: Final = 1 << 13
"""When then is required, first belongs into the transition even if it is not required."""
FIRST_SHOWS_THEN: Final = 1 << 14
"""When first is required and can be done, then belongs into the transition."""
ASYMMETRIC: Final = 1 << 15
"""Ordered by the user for one direction only."""
SAME_NODE_OR_TARGET: Final = 1 << 16
"""Counts on one node, or when then is a migration to first's node."""
MIN_RUNNABLE: Final = 1 << 17
"""First is one of several of which some must be possible."""
REQUIRED_ON_SAME_NODE: Final = 1 << 18
"""Counts only if first is required and on the same node."""
GUEST_ALLOWED: Final = 1 << 19
"""Counts even if first runs on the guest that then creates."""
THEN_CANCELS_FIRST: Final = 1 << 20
"""When then is required, first is not."""

"""How JSON is checked against the dataclasses of this package: nothing may be there that has no field."""

from __future__ import annotations

from typing import Final

SHAPE: Final = {"extra": "forbid", "use_attribute_docstrings": True}
"""Read by pydantic: an unknown name is an error, and the texts below fields are their descriptions."""

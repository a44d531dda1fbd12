"""Select: which nodes are entities, and which of their values identify them."""

from kgalign.select.profile import select

__all__ = ["select"]

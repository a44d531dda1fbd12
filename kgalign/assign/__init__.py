"""Assign: which pairs are matches, decided globally."""

from kgalign.assign.matching import assign

__all__ = ["assign"]

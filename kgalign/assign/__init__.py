"""Assign: which pairs are matches, decided globally."""

from kgalign.assign.clusters import cut_to_size, cut_warnings
from kgalign.assign.matching import assign

__all__ = ["assign", "cut_to_size", "cut_warnings"]

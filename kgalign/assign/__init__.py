"""Assign: which pairs are matches, decided globally, what is to be expected of them, and what to look at."""

from kgalign.assign.clusters import cut_to_size, cut_warnings
from kgalign.assign.matching import assign
from kgalign.assign.promise import hold_back, with_expectation

__all__ = ["assign", "cut_to_size", "cut_warnings", "hold_back", "with_expectation"]

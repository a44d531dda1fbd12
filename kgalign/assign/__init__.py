"""Assign: which pairs are matches, decided globally, and what is to be expected of them."""

from kgalign.assign.matching import assign
from kgalign.assign.promise import hold_back, with_expectation

__all__ = ["assign", "hold_back", "with_expectation"]

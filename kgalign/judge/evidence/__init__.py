"""Tier 1: the evidence. A prior learned over many graphs, moved by the graphs at hand, and able to say
why.
"""

from kgalign.judge.evidence.model import Evidence, judge

__all__ = ["Evidence", "judge"]

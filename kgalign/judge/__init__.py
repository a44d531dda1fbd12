"""Judge: what the evidence says of each candidate pair."""

from kgalign.judge.evidence import judge

__all__ = ["judge"]

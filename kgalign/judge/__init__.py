"""Judge: what the evidence says of each candidate pair, and the votes where it is not sure.

Asking a language model is in :mod:`kgalign.judge.llm`, which is imported where one is asked.
"""

from kgalign.judge.evidence import judge
from kgalign.judge.join import no_hearing, with_votes

__all__ = ["judge", "no_hearing", "with_votes"]

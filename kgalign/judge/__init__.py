"""Judge: what the evidence says of each candidate pair, and the votes where it is not sure.

Asking a language model is in :mod:`kgalign.judge.llm` and asking a student in :mod:`kgalign.judge.student`;
each is imported where one is asked.
"""

from kgalign.judge.evidence import judge
from kgalign.judge.votes.with_votes import no_hearing, no_opinion, with_student, with_votes

__all__ = ["judge", "no_hearing", "no_opinion", "with_student", "with_votes"]

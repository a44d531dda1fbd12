"""How good a run is, answered from a few looks: precision, recall, what is certain, and where to look
next.
"""

from kgalign.estimate.answers import Answer, Answers, answers_of_decisions, answers_of_gold, answers_of_people
from kgalign.estimate.cases import Cases, cases_of
from kgalign.estimate.certifying import Certificate, certify
from kgalign.estimate.intervals import Interval, precision, recall
from kgalign.estimate.looking import Aim, as_worklist, is_open, looked_up, next_cases, next_pairs
from kgalign.estimate.strata import Design, Seen, Strata, design, seen
from kgalign.estimate.summary import Estimate, Share, estimate_run

__all__ = [
    "Aim",
    "Answer",
    "Answers",
    "Cases",
    "Certificate",
    "Design",
    "Estimate",
    "Interval",
    "Seen",
    "Share",
    "Strata",
    "answers_of_decisions",
    "answers_of_gold",
    "answers_of_people",
    "as_worklist",
    "cases_of",
    "certify",
    "design",
    "estimate_run",
    "is_open",
    "looked_up",
    "next_cases",
    "next_pairs",
    "precision",
    "recall",
    "seen",
]

"""The content-addressed store of votes."""

from kgalign.ledger.figures import Statistics
from kgalign.ledger.keys import judging_name, key_of, vote_key
from kgalign.ledger.spending import Used, answers_by, used
from kgalign.ledger.statistics import summarise
from kgalign.ledger.store import FILE, Counts, Ledger
from kgalign.ledger.verifying import Verification, verify

__all__ = [
    "FILE",
    "Counts",
    "Ledger",
    "Statistics",
    "Used",
    "Verification",
    "answers_by",
    "judging_name",
    "key_of",
    "summarise",
    "used",
    "verify",
    "vote_key",
]

"""What people decide: one store in the run folder, read from and written to the formats that curators use."""

from kgalign.decisions.decision import Decision, Relation, Verdict
from kgalign.decisions.folding import Contradiction, Standing, standing
from kgalign.decisions.read import Reading, read_decisions
from kgalign.decisions.store import FILE, Decisions, read_all

__all__ = [
    "FILE",
    "Contradiction",
    "Decision",
    "Decisions",
    "Reading",
    "Relation",
    "Standing",
    "Verdict",
    "read_all",
    "read_decisions",
    "standing",
]

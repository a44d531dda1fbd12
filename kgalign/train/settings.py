"""What decides which examples are made, and how."""

from dataclasses import dataclass

from kgalign.records.votes import QuestionKind
from kgalign.train.labels import SourceName
from kgalign.train.selection import Choice
from kgalign.train.targets import Target


@dataclass(frozen=True, slots=True)
class Settings:
    """How examples are chosen and what their targets are."""

    sources: tuple[SourceName, ...] = ()
    """Who gives the answers; empty for all that the runs have."""
    kinds: tuple[QuestionKind, ...] = (QuestionKind.SELECT, QuestionKind.VERIFY)
    choose: Choice = "random"
    size: int | None = None
    """Most examples of all splits together; None for no limit."""
    share: float | None = None
    """Share of the labelled entities to ask about; None for all of them."""
    none_share: float = 0.25
    """Share of the questions whose answer is none or no."""
    target: Target = "answer"
    min_confidence: float = 0.0
    drop_easy: bool = False
    """Whether to leave out what the evidence is sure of and the label agrees with."""
    synthetic: float = 0.0
    """Synthetic negatives per other example of the training split."""
    valid: float = 0.1
    test: float = 0.1
    seed: int = 0

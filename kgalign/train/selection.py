"""Which examples to learn from: at random, by retrieval, by the evidence's doubt, by errors.

DistillER (2602.05452, section 4) ranks queries by how near their nearest candidate is and labels the head,
rich in matches, and the tail, rich in entities without one: ``blocking-max``, its best; by the mean of the
two nearest: ``retrieval``. TailorMatch (2409.08185, section 5) takes the examples that are most like those
that the model gets wrong: ``errors``.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from kgalign.arrays import Doubles
from kgalign.errors import InputError
from kgalign.train.labels import Label
from kgalign.train.runs import Run
from kgalign.train.splitting import drawn
from kgalign.train.targets import entity_texts
from kgalign.values.text import fold, gram_rows, idf, weigh

Choice = Literal["random", "retrieval", "blocking-max", "uncertain", "errors"]
CHOICES: tuple[Choice, ...] = ("random", "retrieval", "blocking-max", "uncertain", "errors")
_PER_ERROR = 10
"""Neighbours of each error where no size is given."""
_CHARACTERS = 1000
"""Of an entity's text that are compared."""


class Selection:
    """Chooses among the labels of some runs.

    :param runs: the runs, by their numbers in the labels.
    :param seed: draws what is chosen at random, and between equals.
    """

    def __init__(self, runs: Sequence[Run], seed: int) -> None:
        self._runs, self._seed = runs, seed

    def at_random(self, labels: Sequence[Label], count: int | None) -> list[Label]:
        """So many of the labels, or all of them, in an order drawn by their IRIs."""
        return sorted(labels, key=self._mark)[:count]

    def by(self, choice: Choice, labels: Sequence[Label], count: int | None, head: float) -> list[Label]:
        """So many of the labels.

        :param head: share that is taken from the head of a ranking, the rest from its tail.
        """
        if choice == "random" or count is None or count >= len(labels):
            return self.at_random(labels, count)
        if choice == "uncertain":
            return sorted(labels, key=lambda each: (-self._doubt(each), self._mark(each)))[:count]
        nearest = 1 if choice == "blocking-max" else 2
        ranked = sorted(labels, key=lambda each: (-self._similarity(each, nearest), self._mark(each)))
        first = round(head * count)
        return [*ranked[:first], *ranked[len(ranked) - (count - first) :]]

    def like_errors(
        self, labels: Sequence[Label], validation: Sequence[Label], count: int | None
    ) -> tuple[list[Label], int]:
        """The labels that are most like what the runs got wrong, each error's nearest in turn.

        :param validation: labels of the validation split; only what gold or people say is held against a run.
        :returns: the labels, and how many errors there were.
        :raises InputError: nothing to compare with, or no errors.
        """
        known = [each for each in validation if each.origin in ("gold", "person") and each.closed]
        if not known:
            raise InputError(
                "The validation split has no gold links and no decisions of people to find errors by",
                "Give gold links with --gold, or choose examples in another way",
            )
        errors = [each for each in known if self._is_wrong(each)]
        if not errors:
            raise InputError(
                f"The runs got none of the {len(known):,} known entities of the validation split wrong",
                "Choose examples in another way, such as --choose uncertain",
            )
        wanted = min(len(labels), _PER_ERROR * len(errors) if count is None else count)
        order = self._nearest(errors, labels)
        chosen: dict[int, None] = {}
        # Each error's nearest, then each one's second …: no error has all to itself.
        for column in order.T:
            for place in column.tolist():
                if len(chosen) == wanted:
                    return [labels[each] for each in chosen], len(errors)
                chosen.setdefault(place)
        return [labels[each] for each in chosen], len(errors)

    def _nearest(self, errors: Sequence[Label], labels: Sequence[Label]) -> np.ndarray:
        """(errors, labels) numbers of the labels, the most alike first, by character trigrams."""
        counts = [gram_rows([self._text(each) for each in part]) for part in (errors, labels)]
        weights = idf(*counts)
        rows, others = (weigh(each, weights) for each in counts)
        alike: Doubles = np.asarray((rows @ others.T).toarray(), dtype=np.float64)
        marks = np.argsort(np.argsort([self._mark(each) for each in labels]))
        return np.stack([np.lexsort((marks, -np.round(row, 9))) for row in alike])

    def _is_wrong(self, label: Label) -> bool:
        """Whether the run linked the entity otherwise, or not at all, or where it has no partner."""
        linked = set(self._runs[label.run].linked.get(label.left, ()))
        return linked != set(label.partners)

    def _similarity(self, label: Label, nearest: int) -> float:
        return float(self._runs[label.run].similarity[label.left, :nearest].mean())

    def _doubt(self, label: Label) -> float:
        return float(self._runs[label.run].doubt[label.left])

    def _text(self, label: Label) -> str:
        texts = entity_texts(self._runs[label.run].left, label.left, None)
        return fold(" ".join(texts)[:_CHARACTERS])

    def _mark(self, label: Label) -> int:
        return drawn(self._seed, "choose", self._runs[label.run].iri(label.left))


def balanced(
    chosen: Sequence[Label], share: float, mark: Callable[[Label], int]
) -> tuple[list[tuple[Label, bool]], int]:
    """Each label with whether its partner is offered, so that a set share of the answers is none.

    Entities without a partner come first; where they are too few, partners of others are left out; where
    they are too many, some are dropped.

    :param mark: decides which.
    :returns: the labels in their order, and how many were dropped.
    """
    without = [each for each in chosen if not each.partners]
    having = len(chosen) - len(without)
    most = len(without) if share >= 1 else round(share * having / (1 - share))
    if len(without) >= most:
        kept = {id(each) for each in sorted(without, key=mark)[:most]}
        pairs = [(each, bool(each.partners)) for each in chosen if each.partners or id(each) in kept]
        return pairs, len(chosen) - len(pairs)
    missing = round(share * len(chosen)) - len(without)
    # Without the partner something else must be known to be wrong.
    can = [each for each in chosen if each.partners and (each.closed or each.wrong)]
    left_out = {id(each) for each in sorted(can, key=mark)[:missing]}
    return [(each, bool(each.partners) and id(each) not in left_out) for each in chosen], 0

"""What the evidence of the runs holds of the questions of a test.

It knows the probability of each pair that was compared; what is left of an entity's options is none of them.

It knows more than a question shows, and is not asked where that answers it: where the run was told of a pair
(known links), and where "none" is right and it has found the entity a partner that is not offered. Most
questions to which "none" is right are made by leaving the partner out: who has seen it says so without a look
at what is offered.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kgalign.links.pairs import PairIndex, entity_ids
from kgalign.train.data import Example, number_of
from kgalign.train.runs import LEAST, Run


@dataclass(frozen=True, slots=True)
class Pairs:
    """The pairs of entities that a question is about, one for each option in the order shown."""

    left: tuple[str, ...]
    right: tuple[str, ...]


class Records:
    """What one run has on record of some questions.

    :param run: the finished run.
    :param test: the questions.
    """

    def __init__(self, run: Run, test: Sequence[Example]) -> None:
        self.run = run
        iris = sorted({iri for example in test for iri in (example.case, *example.entities)})
        self._left, self._right = (
            {iri: int(id) for iri, id in zip(iris, entity_ids(side, iris), strict=True) if id >= 0}
            for side in (run.left, run.right)
        )
        self._index = PairIndex(run.evidence.left, run.evidence.right)

    def pairs(self, example: Example) -> Pairs | None:
        """The pairs that a question is about; None where the run does not know its entities.

        An example names its entities in the order in which they are shown, the one whose partner is sought
        first; where its partner asks that comes second, and the first stands among the options only if it is
        the answer.
        """
        rest, options = example.entities[1:], len(example.options)
        if example.case not in self._left or not rest or example.entities[0] != example.case:
            return None
        if len(rest) == options and all(each in self._right for each in rest):
            return Pairs((example.case,) * options, rest)
        asker, shown = rest[0], rest[1:]
        if asker not in self._right or not all(each in self._left for each in shown):
            return None
        place = number_of(example, example.answer)
        if len(rest) == options and place:
            shown = (*shown[: place - 1], example.case, *shown[place - 1 :])
        return Pairs(shown, (asker,) * options) if len(shown) == options else None

    def evidence(self, example: Example) -> list[float] | None:
        """Probability of none of the options, then of each; None where it knows nothing, or was told."""
        pairs = self.pairs(example)
        if pairs is None:
            return None
        if not number_of(example, example.answer) and self._has_another(pairs):
            return None
        left = np.array([self._left[each] for each in pairs.left], dtype=np.int32)
        right = np.array([self._right[each] for each in pairs.right], dtype=np.int32)
        rows = self._index.rows(left, right)
        there = rows >= 0
        if self.run.evidence.given[rows[there]].any():
            return None
        some = np.zeros(len(rows))
        some[there] = self.run.evidence.probability[rows[there]]
        found = np.concatenate([[max(LEAST, 1 - float(some.sum()))], some])
        return [float(each) for each in found / found.sum()]

    def _has_another(self, pairs: Pairs) -> bool:
        """Whether the evidence has a partner for who asks that is none of the options."""
        run = self.run
        if len(set(pairs.left)) == 1:
            partner = run.likeliest(self._left[pairs.left[0]])
            return partner >= 0 and partner not in {self._right[each] for each in pairs.right}
        asker = self._right[pairs.right[0]]
        lefts = np.array(run.rivals(asker), dtype=np.int32)
        rows = self._index.rows(lefts, np.full(len(lefts), asker, dtype=np.int32))
        odds = run.evidence.probability[rows].astype(np.float64)
        if not len(odds) or odds.max() < 1 - odds.sum():
            return False
        return int(lefts[odds.argmax()]) not in {self._left[each] for each in pairs.left}


def evidence_of(records: Sequence[Records], test: Sequence[Example]) -> dict[str, list[float]]:
    """Id of each question that the evidence is asked → probability of none of its options, then of each.

    Where no run knows a question, it is what the example says.
    """
    said: dict[str, list[float]] = {}
    for example in test:
        knowing = [each for each in records if each.pairs(example) is not None]
        found = next(filter(None, (each.evidence(example) for each in knowing)), None)
        if not knowing and example.evidence is not None:
            found = list(example.evidence)
        if found is not None:
            said[example.id] = found
    return said

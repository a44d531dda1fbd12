"""What the runs have on record of the questions of a test: what the evidence holds, what the votes came to.

The evidence knows the probability of each pair that was compared; what is left of an entity's options is
none of them. The teacher's answer to a question is what its votes on the entity came to in the run: which of
the options it chose there, or none of these.

Both know more than a question shows, and are not asked where that answers it: where the run was told of a
pair (known links), and where "none" is right and they have found the entity a partner that is not offered.
Most questions to which "none" is right are made by leaving the partner out: who has seen it says so without
a look at what is offered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kgalign.ledger import Ledger
from kgalign.links.pairs import PairIndex, entity_ids
from kgalign.records.votes import NONE, Decision
from kgalign.train.compare_answers import Answers
from kgalign.train.compare_sets import number_of
from kgalign.train.data import Example
from kgalign.train.runs import Run

_LEAST = 0.01
"""Least probability of having no partner, as the judge has it."""
_ANSWERED = ("match", "no_match", "undecided")


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
        found = np.concatenate([[max(_LEAST, 1 - float(some.sum()))], some])
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

    @cached_property
    def _decisions(self) -> dict[str, Decision]:
        if self.run.judging is None:
            return {}
        with Ledger.open(self.run.ledger, write=False) as ledger:
            decisions = ledger.decisions(self.run.judging.name)
            return {each.case: each for each in decisions if each.outcome in _ANSWERED}

    def teacher(self, example: Example) -> tuple[int, list[str]] | None:
        """What the votes chose, and the cases they were on; None where nobody was asked about the entity."""
        pairs = self.pairs(example)
        if pairs is None:
            return None
        both = list(zip(pairs.left, pairs.right, strict=True))
        # Where entities may have several partners each pair is a case.
        decided = [
            self._decisions.get(left) or self._decisions.get(f"{left} {right}") for left, right in both
        ]
        own = self._decisions.get(example.case) or decided[0]
        if own is None or own.case.split(" ")[0] != example.case:
            return None
        if not number_of(example, example.answer) and own.chosen not in (NONE, *pairs.right):
            return None
        if own.chosen in pairs.right and example.case not in pairs.left:
            return None
        likely = [
            (-decision.probability, number)
            for number, (decision, (_, right)) in enumerate(zip(decided, both, strict=True), start=1)
            if decision is not None and decision.chosen == right
        ]
        cases = [own.case, *(each.case for each in decided if each is not None)]
        return (min(likely)[1] if likely else 0), list(dict.fromkeys(cases))

    def spent(self, cases: Sequence[str]) -> tuple[int, int, int, float]:
        """Calls, tokens read and written, and seconds of the votes on some cases."""
        judging = self.run.judging
        if judging is None or not cases:
            return 0, 0, 0, 0.0
        calls = read = written = 0
        seconds = 0.0
        with Ledger.open(self.run.ledger, write=False) as ledger:
            for vote in ledger.votes(judging.name, cases=cases):
                calls += 1
                read += vote.prompt_tokens
                written += vote.completion_tokens
                seconds += vote.seconds
        return calls, read, written, seconds


def ask_evidence(records: Sequence[Records], test: Sequence[Example]) -> Answers:
    """What the evidence of the runs holds of a test; where no run knows a question, what the example says."""
    said: dict[str, list[float]] = {}
    for example in test:
        knowing = [each for each in records if each.pairs(example) is not None]
        found = next(filter(None, (each.evidence(example) for each in knowing)), None)
        if not knowing and example.evidence is not None:
            found = list(example.evidence)
        if found is not None:
            said[example.id] = found
    choices = {id: int(np.argmax(each)) for id, each in said.items()}
    return Answers(choices, probabilities=said)


def ask_teacher(records: Sequence[Records], test: Sequence[Example]) -> Answers:
    """What the votes of the runs came to on the entities of a test.

    Calls, tokens and seconds are those of all votes on these entities; the seconds of calls that were under
    way at once are added up.
    """
    choices: dict[str, int] = {}
    cases: list[dict[str, None]] = [{} for _ in records]
    for example in test:
        for number, each in enumerate(records):
            found = each.teacher(example)
            if found is not None:
                choices[example.id] = found[0]
                cases[number].update(dict.fromkeys(found[1]))
                break
    spent = [each.spent(list(asked)) for each, asked in zip(records, cases, strict=True)]
    return Answers(
        choices,
        calls=sum(each[0] for each in spent),
        tokens_in=sum(each[1] for each in spent),
        tokens_out=sum(each[2] for each in spent),
        seconds=sum(each[3] for each in spent),
    )


def teacher_name(records: Sequence[Records]) -> str:
    """The model or models that voted, empty for none."""
    judgings = [each.run.judging for each in records if each.run.judging is not None]
    names = dict.fromkeys(f"{each.model} with {each.adapter}" if each.adapter else each.model
                          for each in judgings)  # fmt: skip
    return " + ".join(names)

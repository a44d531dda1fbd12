"""What the runs have on record of the questions of a test: what the evidence holds, what the votes came to.

The teacher's answer to a question is what its votes on the entity came to in the run: which of the options it
chose there, or none of these. Like the evidence (:mod:`kgalign.train.recorded`) it is not asked where it has
seen more than the question shows.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from bench.compare.answers import Answers
from kgalign.ledger import Ledger
from kgalign.records.votes import NONE, Decision
from kgalign.train.data import Example, number_of
from kgalign.train.recorded import Records, evidence_of

_ANSWERED = ("match", "no_match", "undecided")


class Voted(Records):
    """What one run has on record of some questions, its votes among it."""

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
    """What the evidence of the runs holds of a test."""
    said = evidence_of(records, test)
    choices = {id: int(np.argmax(each)) for id, each in said.items()}
    return Answers(choices, probabilities=said)


def ask_teacher(records: Sequence[Voted], test: Sequence[Example]) -> Answers:
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


def teacher_name(records: Sequence[Voted]) -> str:
    """The model or models that voted, empty for none."""
    judgings = [each.run.judging for each in records if each.run.judging is not None]
    names = dict.fromkeys(f"{each.model} with {each.adapter}" if each.adapter else each.model
                          for each in judgings)  # fmt: skip
    return " + ".join(names)

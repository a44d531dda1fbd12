"""Pairs of answers to prefer one by: what a case came to, against a vote that said otherwise.

Both answers of a pair are to the same question and have the same form; they differ in the choice alone, so
that nothing is learned but the choice: neither to be shorter nor to cite more.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kgalign.errors import InputError, RunError
from kgalign.judge.asking.questions import LIKELIHOOD, PAIR
from kgalign.ledger import FILE, Ledger
from kgalign.ledger.query import OnRecord, cases, find_judging
from kgalign.records.votes import NONE, Decision, Direction, Status, Vote, known_partner
from kgalign.train.targets import answer_text

VALID_SHARE = 0.1
_DECIDED = ("match", "no_match")


@dataclass(frozen=True, slots=True)
class Pair:
    """A question, the answer that its case came to, and one that was given."""

    case: str
    entities: tuple[str, ...]
    question: tuple[Mapping[str, str], ...]
    chosen: str
    rejected: str
    template: str
    template_hash: str
    probability: float
    """Of what the case came to."""


@dataclass(slots=True)
class Pairs:
    """Pairs to learn from and to measure on, and what was counted on the way."""

    train: list[Pair] = field(default_factory=list)
    valid: list[Pair] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def templates(self) -> dict[str, str]:
        """Name and version of each prompt → SHA-256 of its text."""
        return {each.template: each.template_hash for each in (*self.train, *self.valid)}

    @property
    def digest(self) -> str:
        """SHA-256 of all pairs, in order."""
        hashed = hashlib.sha256()
        for split, pairs in (("train", self.train), ("valid", self.valid)):
            for each in pairs:
                texts = [split, each.case, *(message["content"] for message in each.question)]
                line = json.dumps([*texts, each.chosen, each.rejected])
                hashed.update(line.encode() + b"\n")
        return hashed.hexdigest()


def read_pairs(
    runs: Iterable[Path], *, judging: str | None = None, sure: float = 0.9, seed: int = 0
) -> Pairs:
    """The pairs of the votes of some runs.

    A tenth of the cases is kept apart to measure on, drawn by a hash of case and seed; pairs to learn from
    that show one of their entities are left out.

    Args:
        runs: run folders, or ledger files.
        judging: name of the judging; the latest one of each if None.
        sure: least probability of what a case came to.
        seed: draws the cases that are kept apart.

    Raises:
        RunError: a run has no votes on record, or they can't be read.
        InputError: no vote was against what its case came to.
    """
    found: dict[str, list[Pair]] = {}
    counts = {"cases": 0, "cases_unclear": 0, "votes": 0, "votes_failed": 0, "votes_unusable": 0}
    for run in runs:
        with Ledger.open(_ledger(run), write=False) as ledger:
            for each in cases(ledger, find_judging(ledger, judging).name):
                counts["cases"] += 1
                found.setdefault(each.case, []).extend(_pairs(each, sure, counts))
    every = [pair for case in sorted(found) for pair in found[case]]
    if not every:
        raise InputError(
            f"None of {counts['votes']} votes in the runs was against what a case clearly came to",
            "Ask more questions, a weaker model, or lower --sure",
        )
    kept_apart = {case for case in found if _draw(case, seed) < VALID_SHARE}
    valid = [pair for pair in every if pair.case in kept_apart]
    shown = {entity for pair in valid for entity in pair.entities}
    train = [pair for pair in every if pair.case not in kept_apart and shown.isdisjoint(pair.entities)]
    if not train:  # a handful of cases: there is nothing to keep apart
        train, valid = every, []
    counts |= {
        "pairs": len(train),
        "valid": len(valid),
        "left_out_shared": len(every) - len(train) - len(valid),
    }
    return Pairs(train, valid, counts)


def _ledger(run: Path) -> Path:
    path = run if run.is_file() else run / FILE
    if not path.is_file():
        raise RunError(f"{run} has no votes on record", "Give a run folder of `kgalign run --judge llm`")
    return path


def _draw(case: str, seed: int) -> float:
    hashed = hashlib.blake2b(case.encode("utf8", "surrogatepass"), key=str(seed).encode()[:64], digest_size=8)
    return int.from_bytes(hashed.digest()) / 2**64


def _pairs(found: OnRecord, sure: float, counts: dict[str, int]) -> Iterator[Pair]:
    """One pair for each vote that was against what the case came to."""
    if known_partner(found.case) is not None:
        return  # a control, which comes to nothing
    decision = found.decision
    counts["votes"] += len(found.votes)
    counts["votes_failed"] += sum(vote.answer.status is Status.FAILED for vote in found.votes)
    if decision is None or decision.outcome not in _DECIDED or certainty(decision) < sure:
        counts["cases_unclear"] += 1
        return
    for vote in found.votes:
        if vote.answer.status is Status.FAILED:
            continue
        if vote.question.template in (PAIR, LIKELIHOOD):  # nothing was written, and so nothing is preferred
            counts["votes_unusable"] += 1
            continue
        if vote.answer.status is not Status.OK or vote.answer.choice is None:
            counts["votes_unusable"] += 1
            continue
        wanted = wanted_choice(vote, decision)
        if wanted is None or wanted == vote.answer.choice:
            continue
        question = vote.question
        yield Pair(
            case=question.case,
            entities=(question.asker, *question.options),
            question=tuple({"role": each.role, "content": each.content} for each in question.messages),
            chosen=_text(vote, wanted),
            rejected=_text(vote, vote.answer.choice),
            template=question.template,
            template_hash=question.template_hash,
            probability=certainty(decision),
        )


def certainty(decision: Decision) -> float:
    """Probability of what a case came to: of the chosen option, or of none."""
    if decision.outcome == "match":
        return decision.probability
    return 1.0 - max(decision.probabilities[1:], default=0.0)


def wanted_choice(vote: Vote, decision: Decision) -> str | None:
    """What a vote should have chosen, by what its case came to: an IRI, or ``NONE``.

    None where the decision does not tell: a right entity that is not the case's partner may have another left
    one among those that are shown.
    """
    question = vote.question
    partner = decision.chosen if decision.outcome == "match" else NONE
    if question.direction is Direction.LEFT_ASKS:
        return partner if partner in question.options else NONE
    left = question.case.partition(" ")[0]
    if question.asker == partner:
        return left if left in question.options else None
    return NONE if question.options == (left,) else None


def _text(vote: Vote, choice: str) -> str:
    labels, options = vote.question.labels, vote.question.options
    label = labels[-1] if choice == NONE else labels[options.index(choice)]
    return answer_text(label)

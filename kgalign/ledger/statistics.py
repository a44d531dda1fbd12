"""What a judging's votes say of the judge: does the order decide, does it make things up, what did it cost?

Everything is a pure function of votes and decisions. Votes are taken case by case in one pass, and of each
case a few numbers are kept; so they may be more than fit into memory.
"""

import itertools
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from scipy.special import chdtrc

from kgalign.ledger.figures import (
    Agreement,
    Controls,
    Flips,
    Place,
    Positions,
    Rates,
    Round,
    Saved,
    Spending,
    Spread,
    Statistics,
)
from kgalign.ledger.stance import disagree, is_right, left_of, partners, stance
from kgalign.records.votes import NONE, Decision, QuestionKind, Status, Vote, known_partner

_DECIDED = ("match", "no_match")
"""Outcomes by which the votes settle a case."""
_CHANGES = ("same_link", "both_none", "link_to_none", "none_to_link", "changed_partner", "unsettled")
_COUNTED = ("votes", "counted", "none", "settled", "with_decision", "tokens")


def summarise(votes: Iterable[Vote], decisions: Iterable[Decision]) -> Statistics:
    """Count one judging.

    :param votes: those that count, all votes on a case together, as :meth:`Ledger.votes` gives them.
    :param decisions: those that count.
    """
    known = {decision.case: decision for decision in decisions}
    flips, positions, rates, spending, rounds = _Flips(), _Positions(), _Rates(), _Spending(), _Rounds()
    controls = _Controls()
    total = 0
    for case, group in itertools.groupby(votes, key=lambda vote: vote.question.case):
        of_case = list(group)
        if known_partner(case) is not None:
            controls.add(of_case)
            continue
        decision = known.get(case)
        total += len(of_case)
        flips.add(of_case)
        positions.add(of_case, decision)
        rates.add(of_case)
        spending.add(of_case)
        rounds.add(of_case, decision)
    return Statistics(
        votes=total,
        cases=len(spending.calls),
        outcomes=_sorted(Counter(decision.outcome for decision in known.values())),
        stopped=_sorted(Counter(decision.stopped for decision in known.values())),
        flips=flips.result(),
        positions=positions.result(),
        rates=rates.result(),
        spending=spending.result(),
        saved=saved(known.values()),
        agreement=agreement(known.values()),
        rounds=rounds.result(),
        controls=controls.result(),
    )


def saved(decisions: Iterable[Decision]) -> Saved:
    """What stopping early saved."""
    complete = [decision for decision in decisions if decision.stopped in ("sure", "most")]
    asked = sum(decision.asked for decision in complete)
    most = sum(max(decision.most, decision.asked) for decision in complete)
    early = sum(decision.stopped == "sure" and decision.asked < decision.most for decision in complete)
    return Saved(len(complete), early, asked, most, most - asked, _share(most - asked, most))


def agreement(decisions: Iterable[Decision]) -> Agreement:
    """What the votes changed in what the evidence had chosen."""
    count: Counter[str] = Counter()
    for decision in decisions:
        if decision.outcome not in _DECIDED:
            count["unsettled"] += decision.asked > 0
            continue
        before = decision.evidence_choice
        after = decision.chosen if decision.outcome == "match" else NONE
        if before == after:
            count["both_none" if after == NONE else "same_link"] += 1
        elif NONE in (before, after):
            count["link_to_none" if after == NONE else "none_to_link"] += 1
        else:
            count["changed_partner"] += 1
    settled = count.total() - count["unsettled"]
    return Agreement(
        **{name: count[name] for name in _CHANGES},
        share=_share(count["same_link"] + count["both_none"], settled),
    )


def places(options: int, chosen: Sequence[int], none: int, winner: Sequence[tuple[int, int]]) -> Positions:
    """The table of one number of options.

    :param options: how many were shown, at least two.
    :param chosen: (options,) how often each place was chosen.
    :param none: how often none of them was.
    :param winner: (options,) how often the one that won in the end stood at each place and was chosen there.
    """
    total = sum(chosen)
    expected = total / options
    chi_square = sum((count - expected) ** 2 / expected for count in chosen) if total else None
    return Positions(
        options=options,
        votes=total + none,
        none=none,
        places=tuple(
            Place(number, count, expected, stood, there)
            for number, (count, (stood, there)) in enumerate(zip(chosen, winner, strict=True), start=1)
        ),
        chi_square=chi_square,
        degrees=options - 1,
        p=None if chi_square is None else float(chdtrc(options - 1, chi_square)),
    )


@dataclass(slots=True)
class _Controls:
    count: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, votes: Sequence[Vote]) -> None:
        for vote in votes:
            kind, right = vote.question.kind.value, is_right(vote)
            self.count[kind, "votes"] += 1
            self.count[kind, "counted"] += right is not None
            self.count[kind, "right"] += bool(right)

    def result(self) -> tuple[Controls, ...]:
        names = ("votes", "counted", "right")
        kinds = sorted({kind for kind, _ in self.count})
        return tuple(Controls(kind, **{name: self.count[kind, name] for name in names}) for kind in kinds)


@dataclass(slots=True)
class _Flips:
    cases: int = 0
    flipped: int = 0
    pairs: int = 0
    apart: int = 0
    contradicted: int = 0

    def add(self, votes: Sequence[Vote]) -> None:
        asked: defaultdict[tuple[str, frozenset[str]], Counter[str]] = defaultdict(Counter)
        for vote in votes:
            if _counts(vote) and vote.question.kind is QuestionKind.SELECT:
                question = vote.question
                asked[question.asker, frozenset(question.options)][vote.answer.choice or NONE] += 1
        again = [choices for choices in asked.values() if choices.total() > 1]
        self.cases += bool(again)
        self.flipped += any(len(choices) > 1 for choices in again)
        for choices in again:
            same = sum(count * (count - 1) // 2 for count in choices.values())
            pairs = choices.total() * (choices.total() - 1) // 2
            self.pairs += pairs
            self.apart += pairs - same
        self.contradicted += disagree(each for each in map(stance, votes) if each)

    def result(self) -> Flips:
        return Flips(
            cases=self.cases,
            flipped=self.flipped,
            rate=_share(self.flipped, self.cases),
            pairs=self.pairs,
            pairs_apart=self.apart,
            pairwise=_share(self.apart, self.pairs),
            contradicted=self.contradicted,
        )


@dataclass(slots=True)
class _Positions:
    chosen: Counter[tuple[int, int]] = field(default_factory=Counter)
    """By number of options and place, 0 for none of them."""
    stood: Counter[tuple[int, int]] = field(default_factory=Counter)
    won: Counter[tuple[int, int]] = field(default_factory=Counter)

    def add(self, votes: Sequence[Vote], decision: Decision | None) -> None:
        winner = decision.chosen if decision and decision.outcome == "match" else NONE
        for vote in votes:
            question, answer = vote.question, vote.answer
            options = len(question.options)
            if not _counts(vote) or question.kind is not QuestionKind.SELECT or options < 2:
                continue
            place = answer.place if answer.choice != NONE else 0
            self.chosen[options, place] += 1
            # Where the other side asks, its right answer is the case's own entity, if it is what won.
            right = winner if winner in question.options else _own(vote, winner)
            if right in question.options:
                stands = question.options.index(right) + 1
                self.stood[options, stands] += 1
                self.won[options, stands] += place == stands

    def result(self) -> tuple[Positions, ...]:
        return tuple(
            places(
                options,
                [self.chosen[options, place] for place in range(1, options + 1)],
                self.chosen[options, 0],
                [(self.stood[options, place], self.won[options, place]) for place in range(1, options + 1)],
            )
            for options in sorted({options for options, _ in self.chosen})
        )


@dataclass(slots=True)
class _Rates:
    status: defaultdict[tuple[str, str, str], Counter[Status]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    shortened: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    cut_short: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def add(self, votes: Sequence[Vote]) -> None:
        for vote in votes:
            kind = vote.model, vote.adapter, vote.question.template
            self.status[kind][vote.answer.status] += 1
            self.shortened[kind] += vote.question.shortened
            self.cut_short[kind] += vote.cut_short

    def result(self) -> tuple[Rates, ...]:
        return tuple(self._one(kind, self.status[kind]) for kind in sorted(self.status))

    def _one(self, kind: tuple[str, str, str], status: Counter[Status]) -> Rates:
        total = status.total()
        answers = total - status[Status.FAILED]
        return Rates(
            model=kind[0],
            adapter=kind[1],
            template=kind[2],
            votes=total,
            status={each.value: status[each] for each in Status},
            hallucinated=_share(status[Status.NOT_OFFERED] + status[Status.INVENTED], answers) or 0.0,
            unusable=_share(status[Status.CUT_OFF] + status[Status.UNREADABLE], answers) or 0.0,
            failed=_share(status[Status.FAILED], total) or 0.0,
            shortened=self.shortened[kind],
            cut_short=self.cut_short[kind],
        )


@dataclass(slots=True)
class _Spending:
    calls: list[int] = field(default_factory=list)
    sums: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Figure → its sum over the votes of each case."""
    attempts: int = 0

    def add(self, votes: Sequence[Vote]) -> None:
        self.calls.append(len(votes))
        for name in ("prompt_tokens", "completion_tokens", "cached_tokens", "seconds"):
            self.sums[name].append(sum(getattr(vote, name) for vote in votes))
        self.sums["tokens"].append(self.sums["prompt_tokens"][-1] + self.sums["completion_tokens"][-1])
        self.attempts += sum(vote.attempts for vote in votes)

    def result(self) -> Spending:
        return Spending(
            cases=len(self.calls),
            calls=_spread(self.calls),
            prompt_tokens=_spread(self.sums["prompt_tokens"]),
            completion_tokens=_spread(self.sums["completion_tokens"]),
            cached_tokens=_spread(self.sums["cached_tokens"]),
            tokens=_spread(self.sums["tokens"]),
            seconds=_spread(self.sums["seconds"]),
            attempts=self.attempts,
        )


@dataclass(slots=True)
class _Rounds:
    count: defaultdict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    seconds: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, votes: Sequence[Vote], decision: Decision | None) -> None:
        chosen = decision.chosen if decision and decision.outcome == "match" else NONE
        settled = decision is not None and decision.outcome in _DECIDED
        for vote in votes:
            count = self.count[vote.question.number]
            count["votes"] += 1
            count["tokens"] += vote.prompt_tokens + vote.completion_tokens
            self.seconds[vote.question.number] += vote.seconds
            said = stance(vote)
            if said is None:
                continue
            count["counted"] += 1
            count["none"] += said.speaks_for == NONE
            if settled:
                right = chosen if chosen in partners(vote.question) else NONE
                count["settled"] += 1
                count["with_decision"] += said.speaks_for == right

    def result(self) -> tuple[Round, ...]:
        return tuple(
            Round(number=number, seconds=self.seconds[number], **{name: count[name] for name in _COUNTED})
            for number, count in sorted(self.count.items())
        )


def _counts(vote: Vote) -> bool:
    return vote.answer.status is Status.OK and vote.answer.choice is not None


def _own(vote: Vote, winner: str) -> str:
    """The case's own entity, where the winner asks for its partner."""
    return left_of(vote.question.case) if winner and vote.question.asker == winner else NONE


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _spread(figures: Sequence[float]) -> Spread:
    if not figures:
        return Spread(0.0, 0.0, 0.0, 0.0)
    return Spread(
        float(sum(figures)), statistics.fmean(figures), float(statistics.median(figures)), float(max(figures))
    )


def _sorted(count: Counter[str]) -> dict[str, int]:
    return dict(sorted(count.items()))

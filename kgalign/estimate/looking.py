"""Which cases to look at next, so that the intervals shrink fastest."""

from enum import StrEnum

import numpy as np

from kgalign.arrays import Doubles, Flags, Positions
from kgalign.estimate.answers import Answer, Answers
from kgalign.estimate.cases import Cases
from kgalign.estimate.intervals import ratio_of, rest_of
from kgalign.estimate.strata import Design, Strata, expectation, seen
from kgalign.records import Worklist

_FLAT = 2.0
"""Looks that a guess is worth in each stratum while it is chosen where to look, half of it by the run's
probabilities and half by a coin: a stratum of which the run is too sure is looked at all the same."""


class Aim(StrEnum):
    """Of what the interval is to shrink."""

    BOTH = "both"
    PRECISION = "precision"
    RECALL = "recall"


def next_pairs(plan: Design, answers: Answers, looks: int, aim: Aim = Aim.BOTH) -> Worklist:
    """The cases to look at next, the most useful first, each with the pair to show.

    They are the first ones of each stratum's order that are not known; which stratum is next is chosen look
    by look, as if the looks before had found what is to be expected. ``doubt`` is how probable it is that
    the case is decided wrongly, and rises and falls: the order is that of use.

    :param looks: how many at most; fewer where fewer are open.
    """
    rows = np.array(next_cases(plan, answers, looks, aim), dtype=np.int64)
    return as_worklist(plan.cases, answers, rows)


def next_cases(plan: Design, answers: Answers, looks: int, aim: Aim = Aim.BOTH) -> list[int]:
    """Numbers of the cases to look at next, the most useful first."""
    looked = seen(plan, answers)
    open_ = is_open(answers, aim)
    waiting = [iter(order[open_[order]].tolist()) for order in plan.orders]
    found: list[int] = []
    sample = looked.sample.copy()
    if aim is Aim.PRECISION:
        sample[..., :2], sample[..., 2] = looked.judged, 0
    closed = np.zeros(len(waiting), dtype=bool)
    while len(found) < looks and not closed.all():
        gains = np.where(closed, -1.0, gain(plan.strata, sample, aim))
        stratum = int(gains.argmax())
        if gains[stratum] < 0:
            break
        case = next(waiting[stratum], None)
        if case is None:
            closed[stratum] = True
            continue
        found.append(case)
        rest = rest_of(plan.strata.size, sample, _guess(plan.strata))
        sample[stratum] += rest.share[stratum]
    return found


def is_open(answers: Answers, aim: Aim = Aim.BOTH) -> Flags:
    """(n,) cases of which something is to be found out; of precision the link is enough."""
    wanted = (Answer.UNKNOWN,) if aim is Aim.PRECISION else (Answer.UNKNOWN, Answer.WRONG)
    found: Flags = np.isin(answers.answer, wanted)
    return found


def looked_up(plan: Design, gold: Answers, looks: int, aim: Aim = Aim.BOTH) -> Answers:
    """What is known after so many looks, each at the case that is asked next, with gold as the person."""
    answer = np.full(len(plan.cases), Answer.UNKNOWN, dtype=np.int8)
    sample = np.zeros((len(plan.orders), 3))
    for _ in range(looks):
        gains = gain(plan.strata, sample, aim)
        if not (gains >= 0).any():
            break
        stratum = int(gains.argmax())
        case = plan.orders[stratum][int(sample[stratum].sum())]
        answer[case] = gold.answer[case]
        sample[stratum, answer[case]] += 1
    return Answers(answer)


def gain(strata: Strata, sample: Doubles, aim: Aim) -> Doubles:
    """(…, h) by how much a look at each stratum lessens the variance of what is aimed at; -1 where all is
    seen.

    :param sample: (…, h, 3) what was seen, as in :class:`kgalign.estimate.strata.Seen`.
    """
    rest = rest_of(strata.size, sample, _guess(strata))
    right = rest.share[..., 1]
    total = max(strata.size[strata.linked].sum(), 1.0)
    single = np.zeros_like(right)
    if aim is not Aim.RECALL:
        single += np.where(strata.linked, right * (1 - right), 0.0) / total**2
    if aim is not Aim.PRECISION:
        single += ratio_of(rest, sample)[2]
    less = rest.count / (rest.weight + 1) - (rest.count - 1) / (rest.weight + 2)
    pointless = (rest.count <= 0) | ((aim is Aim.PRECISION) & ~strata.linked)
    return np.where(pointless, -1.0, single * (rest.weight + rest.count) * less)


def _guess(strata: Strata) -> Doubles:
    """(h, 3) what is thought of each stratum while it is chosen where to look."""
    coin = expectation(np.full(len(strata.size), 0.5), strata.linked, others=strata.others)
    return _FLAT * ((strata.expect + coin) / 2 + 2 * coin * strata.share[:, None])


def as_worklist(cases: Cases, answers: Answers, rows: Positions) -> Worklist:
    """The cases as rows to look at, in the order given: the link, or the likeliest pair, and the
    runner-up.
    """
    begin = np.searchsorted(cases.case, np.arange(len(cases) + 1))
    shown, second = np.empty(len(rows), dtype=np.int64), np.full(len(rows), -1, dtype=np.int64)
    for place, case in enumerate(rows.tolist()):
        pairs = np.arange(begin[case], begin[case + 1])
        others = pairs[pairs != cases.best[case]]
        others = others[np.argsort(-cases.probability[others], kind="stable")]
        ranked = [int(cases.best[case]), *others[:2].tolist()]
        if answers.answer[case] == Answer.WRONG and len(ranked) > 1:
            ranked = ranked[1:]  # its link is known to be wrong: what else might it be?
        shown[place], second[place] = ranked[0], ranked[1] if len(ranked) > 1 else -1
    return _listed(cases, shown, second)


def _listed(cases: Cases, shown: Positions, second: Positions) -> Worklist:
    there = (second >= 0) & (not cases.by_right)  # the list names runners-up of the right side alone
    linked = np.isin(shown, cases.link)
    chance = cases.probability[shown]
    return Worklist(
        left=cases.left[shown],
        right=cases.right[shown],
        linked=linked,
        probability=chance.astype(np.float32),
        second=np.where(there, cases.right[second], -1).astype(np.int32),
        second_probability=np.where(there, cases.probability[second], 0.0).astype(np.float32),
        doubt=np.where(linked, 1 - chance, chance).astype(np.float32),
    )

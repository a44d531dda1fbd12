"""How good estimates from a few looks are, with gold as the person: coverage, and looks beside plain ones."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from bench import child
from bench.results import table
from bench.sets import Set
from kgalign.arrays import Doubles, Flags
from kgalign.errors import RunError
from kgalign.estimate import (
    Aim,
    Answer,
    Answers,
    Cases,
    Design,
    Interval,
    Seen,
    Strata,
    answers_of_gold,
    cases_of,
    certify,
    design,
    precision,
    recall,
)
from kgalign.estimate.looking import gain
from kgalign.estimate.strata import expectation
from kgalign.evaluate import read_pairs
from kgalign.links.pairs import PairIndex, pair_ids
from kgalign.run.finished import Finished

CONFIDENCE = 0.95
WIDTH = 0.02
"""Looking goes on until an interval reaches no further than this to both sides, in the mean of the two."""
FIXED = (50, 100, 200)
"""Looks after which coverage is counted, whatever the width."""
CERTIFIED = (50, 100, 200, 400)
"""Looks after which certificates are."""
ASKED = 0.95

HEAD = (
    *("set", "cases", "links", "precision", "looks", "plain", "ratio", "covered", "recall", "looks", "plain"),
    *("ratio", "covered", "plain pairs", *(f"both at {looks}" for looks in FIXED), "certified", "wrongly"),
)


@dataclass(frozen=True, slots=True)
class Needed:
    """Looks until the interval is narrow enough, over the seeds."""

    truth: float
    looks: float
    """Median over the seeds."""
    plain: float
    """Of cases drawn plainly at random."""
    covered: float
    """Share of the seeds whose interval holds the truth then."""
    plain_covered: float

    @property
    def ratio(self) -> float:
        """Looks, as a share of the plain ones."""
        return self.looks / self.plain

    def cells(self) -> list[str]:
        """As it is shown."""
        looks = [f"{self.looks:,.0f}", f"{self.plain:,.0f}", f"{self.ratio:.2f}"]
        return [f"{self.truth:.3f}", *looks, f"{self.covered:.3f}"]


@dataclass(frozen=True, slots=True)
class Row:
    """One set."""

    set: str
    cases: int
    links: int
    precision: Needed
    recall: Needed
    pairs: float
    """Looks for the same at pairs of candidates that are drawn plainly at random."""
    fixed: tuple[tuple[float, float], ...]
    """Coverage of precision and of recall after each of :data:`FIXED`, looking for both."""
    certified: float
    """Share of the seeds for which something is certified after the last of :data:`CERTIFIED`."""
    wrongly: float
    """Share of the seeds for which something that is not true was certified after any of them."""

    def cells(self) -> list[str]:
        """The row as it is shown."""
        fixed = [f"{both[0]:.3f} / {both[1]:.3f}" for both in self.fixed]
        return [
            self.set, f"{self.cases:,}", f"{self.links:,}", *self.precision.cells(), *self.recall.cells(),
            f"{self.pairs:,.0f}", *fixed, f"{self.certified:.3f}", f"{self.wrongly:.3f}",
        ]  # fmt: skip


def measure(
    sets: Sequence[Set], seeds: int, runs: Path, limit: float, tell: Callable[[Row | str], None]
) -> tuple[list[Row], list[str]]:
    """Estimate each set once per seed.

    :param runs: folder of run folders, by the names of the sets; those that are missing are made there.
    :param limit: seconds that a run may take.
    :returns: the rows, and why other sets have none.
    """
    rows, skipped = [], []
    for each in sets:
        try:
            row = _row(each, _run(each, runs, limit), seeds)
        except RunError as error:
            skipped.append(f"{each.name}: {error.args[0]}")
            tell(skipped[-1])
            continue
        rows.append(row)
        tell(row)
    return rows, skipped


def _run(each: Set, runs: Path, limit: float) -> Finished:
    folder = runs / each.name
    if not (folder / "verdicts.parquet").exists():
        cost = child.kgalign("run", each.left, each.right, "-o", folder, "--quiet", *each.options)
        if cost.status:
            raise RunError(cost.error or f"exit code {cost.status}", "See the run")
    finished = Finished(folder)
    if (seconds := sum(step.seconds for step in finished.record.steps.values())) > limit:
        raise RunError(f"a run takes {seconds:.0f} s", "Give a higher --limit")
    return finished


def _row(each: Set, run: Finished, seeds: int) -> Row:
    cases, gold = _with_gold(each, run)
    if not (gold.answer == Answer.RIGHT).any():
        raise RunError("no link is right", "Nothing can be estimated")
    plans = [design(cases, seed) for seed in range(seeds)]
    draws = Draws(plans, gold)
    linked = cases.linked
    everything = _plain(cases, gold, seeds, np.ones(len(cases), dtype=bool))
    links = _plain(cases, gold, seeds, linked)
    right = float((gold.answer == Answer.RIGHT).sum())
    truths = right / linked.sum(), right / (right + (gold.answer == Answer.MISSED).sum())
    certified, wrongly = _certificates(plans, gold, draws)
    return Row(
        set=f"{each.name} (closed)" if each.closed else each.name,
        cases=len(cases),
        links=int(linked.sum()),
        precision=_needed(precision, truths[0], draws, links, Aim.PRECISION),
        pairs=_pairs_needed(cases, run, each, seeds),
        recall=_needed(recall, truths[1], draws, everything, Aim.RECALL),
        fixed=_fixed(draws, truths),
        certified=certified,
        wrongly=wrongly,
    )


def _with_gold(each: Set, run: Finished) -> tuple[Cases, Answers]:
    """The cases of which the gold knows something, and what it says of them."""
    gold = read_pairs(each.gold)
    left, right = pair_ids(run.left, run.right, gold)
    verdicts = run.verdicts
    told = np.isin(verdicts.left, left) | np.isin(verdicts.right, right) | each.closed
    cases = cases_of(verdicts, run.alignment, told)
    return cases, answers_of_gold(cases, (run.left, run.right), gold)


class Draws:
    """Many samples side by side: what was seen by each so far, stratum by stratum."""

    def __init__(self, plans: Sequence[Design], gold: Answers) -> None:
        self.strata = plans[0].strata
        strata = range(len(plans[0].orders))
        self._found = [np.stack([gold.answer[plan.orders[h]] for plan in plans]) for h in strata]
        self._seeds = np.arange(len(plans))
        self.restart()

    def restart(self) -> None:
        """Forget all looks."""
        self.sample = np.zeros((len(self._seeds), len(self._found), 3))

    def look(self, aim: Aim, looks: int = 1) -> None:
        """So many more looks of each, each where it helps most."""
        for _ in range(looks):
            self._look(aim)

    def _look(self, aim: Aim) -> None:
        stratum = gain(self.strata, self.sample, aim).argmax(axis=1)
        place = self.sample.sum(axis=-1)[self._seeds, stratum].astype(np.int64)
        for h in np.unique(stratum).tolist():
            who = np.flatnonzero((stratum == h) & (place < self._found[h].shape[1]))
            self.sample[who, h, self._found[h][who, place[who]]] += 1

    def seen(self) -> Seen:
        """What the estimators take."""
        return _seen(self.sample, self.strata)


class Plain:
    """Many plain random samples side by side, of one stratum without an order of use."""

    def __init__(self, counts: Doubles, expect: Doubles, seeds: int) -> None:
        self.strata = Strata(
            np.array([counts.sum()]), np.array([True]), expect[None, Answer.RIGHT], expect[None], True
        )
        self._counts = counts.astype(np.int64)
        self._random = np.random.default_rng(0)
        self._seeds = seeds
        self.restart()

    def restart(self) -> None:
        """Forget all looks."""
        self.sample = np.zeros((self._seeds, 1, 3))

    def look(self, aim: Aim, looks: int = 1) -> None:
        """So many more looks of each."""
        for own in self.sample[:, 0]:
            own += self._random.multivariate_hypergeometric(self._counts - own.astype(np.int64), looks)

    def seen(self) -> Seen:
        """What the estimators take."""
        return _seen(self.sample, self.strata)


def _seen(sample: Doubles, strata: Strata) -> Seen:
    right = sample[..., Answer.RIGHT] * strata.linked
    wrong = sample.sum(axis=-1) * strata.linked - right
    links = np.stack([wrong, right], axis=-1)
    return Seen(sample, links, sample, links)


def _plain(cases: Cases, gold: Answers, seeds: int, rows: Flags) -> Plain:
    """Plain samples of some cases."""
    expect = expectation(cases.chance[rows], cases.linked[rows], others=True).mean(axis=0)
    return Plain(np.bincount(gold.answer[rows], minlength=3).astype(np.float64), expect, seeds)


def _needed(
    estimator: Callable[[Strata, Seen, float], Interval], truth: float, draws: Draws, plain: Plain, aim: Aim
) -> Needed:
    looks, covered = _until_narrow(estimator, truth, draws, aim)
    plain_looks, plain_covered = _until_narrow(estimator, truth, plain, Aim.BOTH)
    return Needed(truth, looks, plain_looks, covered, plain_covered)


def _until_narrow(
    estimator: Callable[[Strata, Seen, float], Interval], truth: float, draws: Draws | Plain, aim: Aim
) -> tuple[float, float]:
    """Median looks until the interval is narrow, and the share of the seeds whose interval is true then."""
    draws.restart()
    seeds = len(draws.sample)
    needed, covered = np.full(seeds, np.nan), np.zeros(seeds, dtype=bool)
    wanted = draws.strata.linked if aim is Aim.PRECISION else np.ones_like(draws.strata.linked)
    total, looks = int(draws.strata.size[wanted].sum()), 0
    while np.isnan(needed).any() and looks < total:
        more = min(max(5, looks // 25), total - looks)
        draws.look(aim, more)
        looks += more
        found = estimator(draws.strata, draws.seen(), CONFIDENCE)
        new = np.isnan(needed) & (found.half <= WIDTH)
        needed[new], covered[new] = looks, _holds(found, truth)[new]
    return float(np.median(np.where(np.isnan(needed), total, needed))), float(covered.mean())


def _holds(found: Interval, truth: float) -> "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]":
    return (found.low <= truth + 1e-9) & (truth <= found.high + 1e-9)


def _pairs_needed(cases: Cases, run: Finished, each: Set, seeds: int) -> float:
    """Looks at plain pairs until the interval of recall is narrow, over the pairs."""
    found = pair_ids(run.left, run.right, read_pairs(each.gold))
    right = PairIndex(*found).rows(cases.left, cases.right) >= 0
    linked = np.zeros(len(right), dtype=bool)
    linked[cases.link[cases.linked]] = True
    answer = np.where(right, np.where(linked, Answer.RIGHT, Answer.MISSED), Answer.NEITHER)
    expect = expectation(cases.probability, linked, others=False).mean(axis=0)
    plain = Plain(np.bincount(answer, minlength=3).astype(np.float64), expect, min(seeds, 50))
    truth = float((answer == Answer.RIGHT).sum() / right.sum())
    return _until_narrow(recall, truth, plain, Aim.BOTH)[0]


def _fixed(draws: Draws, truths: tuple[float, float]) -> tuple[tuple[float, float], ...]:
    draws.restart()
    found = []
    for looks in range(1, FIXED[-1] + 1):
        draws.look(Aim.BOTH)
        if looks in FIXED:
            held = (
                _holds(estimator(draws.strata, draws.seen(), CONFIDENCE), truth)
                for estimator, truth in zip((precision, recall), truths, strict=True)
            )
            first, second = (float(each.mean()) for each in held)
            found.append((first, second))
    return tuple(found)


def _certificates(plans: Sequence[Design], gold: Answers, draws: Draws) -> tuple[float, float]:
    """Shares of the seeds for which something is certified at the end, and something untrue ever was."""
    chance, linked = plans[0].cases.chance, plans[0].cases.linked
    right = gold.answer == Answer.RIGHT

    def true(threshold: float) -> bool:
        return bool(right[linked & (chance >= threshold)].mean() >= ASKED)

    draws.restart()
    at_last, wrongly = np.zeros(len(plans), dtype=bool), np.zeros(len(plans), dtype=bool)
    for looks in range(1, CERTIFIED[-1] + 1):
        draws.look(Aim.PRECISION)
        if looks not in CERTIFIED:
            continue
        for seed, plan in enumerate(plans):
            found = certify(plan, _told(plan, gold, draws.sample[seed]), ASKED, CONFIDENCE, ahead=False)
            said = [each.threshold for each in found if each.certified]
            at_last[seed] = bool(said)
            wrongly[seed] |= not all(map(true, said))
    return float(at_last.mean()), float(wrongly.mean())


def _told(plan: Design, gold: Answers, sample: Doubles) -> Answers:
    """What one seed knows."""
    answer = np.full(len(plan.cases), Answer.UNKNOWN, dtype=np.int8)
    for order, looks in zip(plan.orders, sample.sum(axis=-1).astype(int), strict=True):
        answer[order[:looks]] = gold.answer[order[:looks]]
    return Answers(answer)


def as_markdown(rows: Sequence[Row], skipped: Sequence[str], seeds: int) -> str:
    """The table, with what it comes to."""
    one = partial(_summary, rows)
    left_out = f"Left out: {'; '.join(skipped)}." if skipped else "No set is left out."
    at = sorted(min(both) for row in rows for both in row.fixed)
    low = sum(each < 0.93 for each in at)
    fixed = f"{at[0]:.3f} at least, below .93 in {low} of {len(at)}" if at else "none"
    return "\n\n".join(
        [
            f"{seeds} seeds a set, gold as the person. `looks`: median until the interval of "
            f"{CONFIDENCE:.0%} reaches ±{WIDTH:g}; `plain`: the same interval, with cases (for precision: "
            "links) drawn plainly at random, `plain pairs`: with pairs of candidates; `covered`: share of "
            "the seeds whose interval holds the truth then. `both at`: coverage of precision / recall after "
            "so many looks for both. `certified`: share of the seeds for which a precision of "
            f"{ASKED:g} is certified of half of the links or more after "
            f"{CERTIFIED[-1]} looks; `wrongly`: for which that was not true, after any of "
            f"{', '.join(map(str, CERTIFIED))} looks. A case is an entity with its candidates (cora_split: a "
            "pair); recall is over the candidates.",
            f"Precision: {one('precision')}. Recall: {one('recall')}. {_beside_pairs(rows)} Coverage "
            f"after a fixed number of looks: {fixed}. {left_out}",
            table(HEAD, [row.cells() for row in rows]),
        ]
    )


def _summary(rows: Sequence[Row], name: str) -> str:
    each: list[Needed] = [getattr(row, name) for row in rows]
    if not each:
        return "no set"
    ratios = np.array([one.ratio for one in each])
    covered = np.array([one.covered for one in each])
    third = int((ratios <= 1 / 3).sum())
    return (
        f"{np.median(ratios):.2f} of the plain looks in the median, a third or less on {third} of "
        f"{len(each)} sets; covered {covered.mean():.3f} in the mean, {covered.min():.3f} at least, "
        f"below .93 on {int((covered < 0.93).sum())}"
    )


def _beside_pairs(rows: Sequence[Row]) -> str:
    ratios = np.array([row.recall.looks / row.pairs for row in rows])
    if not len(ratios):
        return ""
    third = int((ratios <= 1 / 3).sum())
    return (
        f"Of the looks at plain pairs recall takes {np.median(ratios):.2f} in the median, a third or less on "
        f"{third}."
    )


def as_json(rows: Sequence[Row]) -> str:
    """All figures."""
    return json.dumps([asdict(row) for row in rows], indent=1) + "\n"

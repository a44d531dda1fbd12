"""Trust in each source, per property, learned without gold: whom the others bear out.

A source is right, near or wrong about an item. For each property the model learns, by
expectation-maximisation, how often each source is one of the three, and how near is near. In the expectation
step every claim is judged by what the *other* sources make of its item, never by itself: a source can't vouch
for its own values, and one that says much doesn't gain by it. Weighing sources by agreement is the idea of
CRH (Li et al., SIGMOD 2014) and of AccuVote (Dong et al., VLDB 2009); the third outcome is for numbers, where
nearly right is common.

A value that is given less exactly (whole degrees, a bare year) bears out each finer value that it could stand
for, by as much as its coarseness allows: to agree on a whole degree is no great coincidence.
"""

from dataclasses import dataclass, replace

import numpy as np

from kgalign.arrays import Doubles, Flags, Positions, join, numbered, place_in_run, run_starts, unique
from kgalign.fusion.trust.contests import Scale, Table, finite_rows
from kgalign.fusion.trust.faults import Mended, covers

_RIGHT, _NEAR, _WRONG = 0.7, 0.2, 0.1
"""Belief before any claim is compared."""
_BELIEF = 4.0
"""How many claims the pooled belief of all sources counts for in each source."""
_FEWEST_VALUES = 20
"""Values from which on it is asked what is strange among them."""
_CLEAR = 0.2
"""Difference of how far two claims are borne out, from which on one counts as the better."""
_FEWEST_AGES = 20
"""Items from which on it is asked whether newer values are better."""
_ROUNDS, _SMALL = 100, 1e-4
_NEAREST, _FARTHEST = 1e-4, 1 / 30
"""Bounds of what is near, as a share of the room in which the values lie."""
_BULK, _STRANGEST = 3.0, 1e-3
"""Deviations from the median (as of a normal distribution) within which nearly all values lie, and the least
odds of a value beyond them: strange values exist, but are likelier mistakes."""
_MOST_CANDIDATES = 64
"""Candidates of an item that are weighed; of more, those with the most sources."""


@dataclass(frozen=True, slots=True)
class Trust:
    """What was learned of each source for one property or pair; (sources,) arrays."""

    right: Doubles
    """Share of claims that are the truth as exactly as they are given."""
    near: Doubles
    """Share that is close to it."""
    spread: Doubles
    """How near: mean distance; log ratios, differences or kilometres, as the table's scale is."""
    compared: Doubles
    """How many claims others could judge; 0: nothing was learned, the belief stands."""
    told_apart: bool
    """Whether three or more sources meet, so that it shows who is wrong; with two it doesn't."""
    newer: float
    """Log-odds of the newest value of an item against its oldest; 0 where age doesn't tell."""

    @property
    def trust(self) -> Doubles:
        """(sources,) right or near."""
        return self.right + self.near


@dataclass(frozen=True, slots=True)
class Candidates:
    """The distinct values of each item, and every claim of the item beside each of them."""

    item: Positions
    first: Positions
    """(k,) item, and the first claim that says the value."""
    claim: Positions
    candidate: Positions
    """(p,) pairs of a claim and a candidate of its item."""
    same: Flags
    """(p,) the claim says the candidate."""
    covers: Flags
    """(p,) the claim says it less exactly."""
    within: Flags
    """(p,) the candidate says the claim less exactly."""
    distance: Doubles
    """(p,) infinite where it can't be told."""
    speaker: Positions
    """(n,) number of each claim's (item, source)."""
    weight: Doubles
    """(n,) one over the claims of the speaker: who says two things says each by half."""

    def __len__(self) -> int:
        return len(self.item)


def candidates_of(mended: Mended) -> Candidates:
    """The candidates of each item."""
    table = mended.table
    # Of those who say the same, one who says it exactly speaks first.
    order = np.lexsort((np.arange(len(table)), mended.coarse, table.key, table.item))
    new = run_starts(table.item[order], table.key[order])
    number = np.empty(len(table), np.int64)
    number[order] = np.cumsum(new) - 1
    first, item = order[new], table.item[order][new]
    pairs = numbered(table.item, table.source)
    support = np.bincount(unique(number << np.int64(32) | table.source) >> 32, minlength=len(first))
    keep = _top(item, support)
    claim, place = join(table.item, item[keep])
    candidate = keep[place]
    renumber = np.full(len(first), -1)
    renumber[keep] = np.arange(len(keep))
    same = number[claim] == candidate
    first, item, candidate = first[keep], item[keep], renumber[candidate]
    with np.errstate(invalid="ignore"):
        distance = (
            table.distance(claim, first[candidate])
            if table.scale != Scale.NONE
            else np.full(len(claim), np.inf)
        )
    distance = np.where(np.isfinite(distance), distance, np.inf)
    less, within = np.zeros(len(claim), bool), np.zeros(len(claim), bool)
    if table.scale != Scale.NONE:
        rows = np.flatnonzero(mended.coarse[claim] & ~same)
        less[rows] = covers(table, claim[rows], first[candidate[rows]])
        rows = np.flatnonzero(mended.coarse[first[candidate]] & ~same)
        within[rows] = covers(table, first[candidate[rows]], claim[rows])
    weight = 1.0 / np.bincount(pairs)[pairs]
    return Candidates(item, first, claim, candidate, same, less, within, distance, pairs, weight)


def _top(item: Positions, support: Positions) -> Positions:
    """Candidates that are weighed, in their order."""
    order = np.lexsort((np.arange(len(item)), -support, item))
    return np.sort(order[place_in_run(item[order]) < _MOST_CANDIDATES])


class Model:
    """Claims and candidates of one table, ready to be weighed.

    :param age: (n,) when each claim was made, NaN where that is unknown; any unit.
    """

    def __init__(self, mended: Mended, age: Doubles | None = None) -> None:
        self.mended = mended
        self.table = table = mended.table
        self.candidates = candidates_of(mended)
        self.distinct = max(2, len(unique(table.key)))
        self.spatial = table.scale != Scale.NONE
        self.room = table.room() if self.spatial else 1.0
        self.axes = table.numbers.shape[1]
        self.cells = self._cells()
        self.fresh = self._freshness(age)
        self.plausible = self._plausibility()
        pairs = self.candidates
        code = pairs.speaker[pairs.claim] * np.int64(max(len(pairs), 1)) + pairs.candidate
        self._speaks = numbered(code)
        self._firsts = np.full(int(self._speaks.max(initial=-1)) + 1, len(code))
        np.minimum.at(self._firsts, self._speaks, np.arange(len(code)))

    def _cells(self) -> Doubles:
        """(n,) how many different values a coarse claim chose from; 1 where it is not coarse."""
        cells = np.ones(len(self.table))
        rows = np.flatnonzero(self.mended.coarse)
        if self.spatial and len(rows):
            widths = self.table.widths()
            if self.table.scale == Scale.LOG:
                widths = np.array([float(np.nanpercentile(self.table.numbers, 95))])
            cells[rows] = np.maximum(np.prod(widths / self.table.grain[rows], axis=1), 2.0)
        return cells

    def _choices(self, trust: Trust) -> float:
        """How many values can be told apart: the distinct ones; of numbers as many as fit into the room."""
        if not self.spatial:
            return float(self.distinct)
        spread = float(np.exp(np.log(trust.spread).mean()))
        width = 2 * np.pi * spread**2 if self.axes == 2 else 2 * spread
        return max(float(self.distinct), self.room / width)

    def _plausibility(self) -> Doubles:
        """(k,) log-odds of each candidate by how far it lies outside of most values; at most 0."""
        log_odds = np.zeros(len(self.candidates))
        if not self.spatial or not len(self.table):
            return log_odds
        with np.errstate(divide="ignore", invalid="ignore"):
            numbers = np.log(self.table.numbers) if self.table.scale == Scale.LOG else self.table.numbers
        finite = numbers[finite_rows(numbers)]
        if len(finite) < _FEWEST_VALUES:
            return log_odds
        median = np.median(finite, axis=0)
        spread = 1.4826 * np.median(np.abs(finite - median), axis=0)
        spread = np.where(spread > 0, spread, np.inf)
        away = np.abs(numbers[self.candidates.first] - median) / spread
        far = np.nan_to_num(away.max(axis=1), nan=_BULK, posinf=np.inf)
        return np.asarray(np.clip((_BULK**2 - far**2) / 2, np.log(_STRANGEST), 0.0))

    def _freshness(self, age: Doubles | None) -> Doubles:
        """(n,) from -0.5 for the oldest claim of an item to 0.5 for the newest; NaN where age tells nothing.

        Claims with a fault are out: what is wrong with them is not their age.
        """
        size = len(self.table)
        if age is None or not size:
            return np.full(size, np.nan)
        items = int(self.table.item[-1]) + 1
        known = np.isfinite(age) & ~(self.mended.coarse | self.mended.altered | self.mended.broken)
        high, low = np.full(items, -np.inf), np.full(items, np.inf)
        np.maximum.at(high, self.table.item[known], age[known])
        np.minimum.at(low, self.table.item[known], age[known])
        with np.errstate(invalid="ignore", divide="ignore"):
            wide = (high - low)[self.table.item]
            return np.where(known & (wide > 0), (age - low[self.table.item]) / wide - 0.5, np.nan)

    def _candidate_freshness(self) -> Doubles:
        """(k,) mean of each candidate's claims, 0 where unknown: to be said often must not make it new."""
        pairs = self.candidates
        rows = np.flatnonzero(pairs.same & np.isfinite(self.fresh[pairs.claim]))
        whole = np.bincount(pairs.candidate[rows], self.fresh[pairs.claim[rows]], len(pairs))
        return np.asarray(whole / np.maximum(np.bincount(pairs.candidate[rows], minlength=len(pairs)), 1))

    def likelihood(self, trust: Trust) -> tuple[Doubles, Doubles, Doubles]:
        """(p,) of each claim if the candidate is true, by outcome: right, near, wrong; chance has 1."""
        pairs = self.candidates
        source = self.table.source[pairs.claim]
        right, near = trust.right[source], trust.near[source]
        coarse = self.mended.coarse[pairs.claim]
        # A coarse value is one of few: of no more, that is, than can be told apart.
        choices = self._choices(trust)
        cells = np.minimum(self.cells, choices)
        atoms = np.where(coarse, cells[pairs.claim], choices)
        atoms = np.where(pairs.within, cells[pairs.first[pairs.candidate]], atoms)
        as_right = np.where(pairs.same | pairs.covers | pairs.within, (right + near) * atoms, 0.0)
        as_near = np.zeros(len(pairs.claim))
        if self.spatial:
            # What is told in whole grains can't be nearer than these let it be.
            grains = (self.room / self.cells) ** (1 / self.axes) / 2
            spread = np.where(
                coarse, np.maximum(trust.spread[source], grains[pairs.claim]), trust.spread[source]
            )
            density = np.exp(-pairs.distance / spread)
            density /= 2 * np.pi * spread**2 if self.axes == 2 else 2 * spread
            told = pairs.same | pairs.covers | pairs.within
            as_near = np.where(told & coarse | pairs.same | pairs.within, 0.0, near * density * self.room)
        wrong = np.maximum(1 - right - near, 1e-6)
        spoilt = self.mended.broken[pairs.claim] | ~self.table.fits[pairs.claim]
        return np.where(spoilt, 0.0, as_right), np.where(spoilt, 0.0, as_near), wrong

    def logs(self, trust: Trust) -> tuple[Doubles, Doubles]:
        """(p,) weighed log-likelihood of each claim beside each candidate, and (n,) if it is wrong."""
        parts = self.likelihood(trust)
        weight = self.candidates.weight
        wrong = np.log(np.maximum(1 - trust.trust, 1e-6))[self.table.source]
        return np.log(sum(parts, np.zeros(1))) * weight[self.candidates.claim], wrong * weight

    def posterior(self, trust: Trust) -> Doubles:
        """(k,) probability that each candidate is true; what is missing to 1 in an item: none of them is."""
        pairs = self.candidates
        logs, wrong = self.logs(trust)
        total = np.bincount(pairs.candidate, logs, len(pairs)) - np.log(self._choices(trust))
        total += self.plausible
        if trust.newer:
            total += trust.newer * self._candidate_freshness()
        items = int(self.table.item[-1]) + 1 if len(self.table) else 0
        none = np.bincount(self.table.item, wrong, items)
        peak = none.copy()
        np.maximum.at(peak, pairs.item, total)
        score = np.exp(total - peak[pairs.item])
        whole = np.bincount(pairs.item, score, items) + np.exp(none - peak)
        return np.asarray(score / whole[pairs.item])

    def judged(self, trust: Trust) -> Doubles:
        """(p,) probability of each candidate by the other sources alone; 0 where no other says it."""
        pairs = self.candidates
        logs, wrong = self.logs(trust)
        total = (np.bincount(pairs.candidate, logs, len(pairs)) + self.plausible)[pairs.candidate]
        own = np.bincount(self._speaks, logs)[self._speaks]
        said = np.bincount(self._speaks, pairs.same)[self._speaks] > 0
        firsts = self._firsts
        sayers = np.bincount(pairs.candidate[firsts], said[firsts], len(pairs))
        others = sayers[pairs.candidate] - said > 0
        score = np.where(others, total - own - np.log(self._choices(trust)), -np.inf)
        none = np.bincount(self.table.item, wrong)[self.table.item]
        none -= np.bincount(self.candidates.speaker, wrong)[self.candidates.speaker]
        peak = none.copy()
        np.maximum.at(peak, pairs.claim, score)
        part = np.exp(score - peak[pairs.claim])
        whole = np.bincount(pairs.claim, part, len(self.table)) + np.exp(none - peak)
        return np.asarray(part / whole[pairs.claim])


def learn(mended: Mended, age: Doubles | None = None) -> tuple[Model, Trust]:
    """Learn the trust in each source for one table; the order of sources and claims makes no difference."""
    model = Model(mended, age)
    trust = _unlearned(model)
    for _ in range(_ROUNDS):
        new = _maximise(model, trust)
        moved = float(np.abs(np.concatenate([new.right - trust.right, new.near - trust.near])).max(initial=0))
        trust = new
        if moved < _SMALL:
            break
    return model, _with_age(model, trust)


def _unlearned(model: Model) -> Trust:
    sources = model.table.sources
    near = _NEAR if model.spatial else 0.0
    right = np.full(sources, _RIGHT + _NEAR - near)
    wide = model.room ** (1 / max(model.axes, 1))
    speakers = unique(model.table.item.astype(np.int64) << 32 | model.table.source)
    together = np.bincount(speakers >> 32) if speakers.size else np.zeros(1)
    return Trust(
        right,
        np.full(sources, near),
        np.full(sources, wide / 100),
        np.zeros(sources),
        bool((together >= 3).any()),
        0.0,
    )


def _maximise(model: Model, trust: Trust) -> Trust:
    pairs, table = model.candidates, model.table
    judged = model.judged(trust) * pairs.weight[pairs.claim]
    right, near, wrong = model.likelihood(trust)
    share = judged / (right + near + wrong)
    source = table.source[pairs.claim]
    counts = np.stack([np.bincount(source, share * part, table.sources) for part in (right, near, wrong)])
    start = np.array([_RIGHT, _NEAR, _WRONG]) if model.spatial else np.array([_RIGHT + _NEAR, 0.0, _WRONG])
    pooled = counts.sum(axis=1) + _BELIEF * start
    pooled /= pooled.sum()
    belief = counts + _BELIEF * pooled[:, None]
    shares = belief / belief.sum(axis=0)
    spread = trust.spread
    if model.spatial:
        finite = np.isfinite(pairs.distance)
        amount = np.where(finite, share * near, 0.0)
        far = np.bincount(source, amount * np.where(finite, pairs.distance, 0.0), table.sources)
        seen = np.bincount(source, amount, table.sources)
        wide = model.room ** (1 / model.axes)
        mean = (far.sum() + _BELIEF * wide / 100) / (seen.sum() + _BELIEF)
        spread = (far + _BELIEF * mean) / (seen + _BELIEF) / model.axes
        spread = np.clip(spread, _NEAREST * wide, _FARTHEST * wide)
    return Trust(shares[0], shares[1], spread, counts.sum(axis=0), trust.told_apart, 0.0)


def _with_age(model: Model, trust: Trust) -> Trust:
    """Whether age tells more than the sources do.

    Of each item's newest and oldest claim, where the other sources bear out one far more than the other,
    which is it? That is set against what the trust in the two sources lets expect: a source that is good and
    often edited must not make age look good.
    """
    pairs, table = model.candidates, model.table
    right, near, wrong = model.likelihood(trust)
    share = model.judged(trust) * (right + near) / (right + near + wrong)
    borne = np.bincount(pairs.claim, share, len(table))
    newest, oldest = (_one_per_item(table, where) for where in (model.fresh >= 0.5, model.fresh <= -0.5))
    both = (newest >= 0) & (oldest >= 0)
    newest, oldest = newest[both], oldest[both]
    parted = np.abs(borne[newest] - borne[oldest]) > _CLEAR
    newest, oldest = newest[parted], oldest[parted]
    good, other = trust.trust[table.source[newest]], trust.trust[table.source[oldest]]
    ahead, behind = good * (1 - other), other * (1 - good)
    expected = (ahead + 1e-9) / (ahead + behind + 2e-9)
    won = float((borne[newest] > borne[oldest]).sum())
    surprise = won - float(expected.sum())
    if len(newest) < _FEWEST_AGES or abs(surprise) < 3 * np.sqrt(float((expected * (1 - expected)).sum())):
        return trust
    lost, hoped = len(newest) - won, float(expected.sum())
    newer = np.log((won + 1) / (lost + 1)) - np.log((hoped + 1) / (len(newest) - hoped + 1))
    return replace(trust, newer=float(newer))


def _one_per_item(table: Table, where: Flags) -> Positions:
    """(items,) the first of the marked claims of each item, -1 where none is."""
    found = np.full(int(table.item.max(initial=-1)) + 1, -1)
    rows = np.flatnonzero(where)[::-1]
    found[table.item[rows]] = rows
    return found

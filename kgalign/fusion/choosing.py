"""Which value of an item stays, by the trust learned: the likeliest; in a tie the more exact or preferred.

Sources that can't be told apart leave rival values nearly equally likely. What small odds remain then come
from how often each source speaks, not from how good it is; so the tie is called one, and it is said so.
"""

from dataclasses import dataclass

import numpy as np

from kgalign.arrays import Doubles, Flags, Positions, run_starts
from kgalign.fusion.reasons import Fates, Reason, Rule
from kgalign.fusion.trust import Model, Trust
from kgalign.records.fused import Role
from kgalign.values import ValueKind

_CLOSE = 1e-9
_KNOWN = 3.0
"""Odds from which on a value is known to be better, where sources can't be told apart: substantial evidence
on the scale of Jeffreys."""
_STEPS = 3
"""From a year over a month and a day to a moment."""


@dataclass(frozen=True, slots=True)
class _Ranked:
    """The candidates of a model, ready to be chosen from."""

    worth: Doubles
    """(k,) probability that the candidate is true, times how exactly it is written."""
    spokesman: Positions
    """(k,) the claim that says it best; -1 where it is only what a faulty claim was put right to."""
    rough: Doubles
    """(k,) how inexact it is; 0 where it is as exact as others."""
    preferred: Flags
    """(k,) whether the preferred source says it."""
    winner: Positions
    """(items,) the candidate that stays."""
    margin: float
    """Odds up to which two candidates are in a tie."""


def choose(model: Model, trust: Trust, fates: Fates, prefer: int | None = None) -> None:
    """Keep of each item the value that is likeliest right as it is written; note the fate of each claim.

    :param model: the claims of one property, or of two that belong together.
    :param prefer: the source whose value stays in a tie.
    """
    table, mended, pairs = model.table, model.mended, model.candidates
    if not len(table):
        return
    posterior = model.posterior(trust)
    ranked = _rank(model, trust, posterior, prefer)
    winner, spokesman = ranked.winner, ranked.spokesman
    several = np.bincount(pairs.item, minlength=len(winner)) > 1
    writes = np.where(spokesman >= 0, spokesman, pairs.first)[winner]
    role = np.full(len(table), Role.LOST, np.uint8)
    reason = _why_lost(model, ranked, posterior)
    chosen = winner[table.item[pairs.claim]] == pairs.candidate
    agree = pairs.claim[chosen & (pairs.same | pairs.covers)]
    role[agree], reason[agree] = Role.AGREES, Reason.SAME
    reason[pairs.claim[chosen & pairs.covers]] = Reason.LESS_EXACT
    turned = mended.altered.copy()
    turned[writes] = False
    role[turned] = Role.LOST
    reason[turned] = Reason.SWAPPED if table.numbers.shape[1] == 2 else Reason.LESS_LIKELY
    role[writes], reason[writes] = Role.WRITTEN, Reason.WRITTEN
    rule = np.where(several, Rule.TRUST, Rule.ONLY)[table.item]
    fates.note(table.rows, role, reason, rule, _confidence(model, posterior))


def _confidence(model: Model, posterior: Doubles) -> Doubles:
    """(n,) probability that what a claim says is true, be it less exactly than another says it."""
    pairs = model.candidates
    says = pairs.same | pairs.covers
    return np.minimum(np.bincount(pairs.claim, posterior[pairs.candidate] * says, len(model.table)), 1.0)


def _rank(model: Model, trust: Trust, posterior: Doubles, prefer: int | None) -> _Ranked:
    pairs, table = model.candidates, model.table
    spokesman = _spokesmen(model, trust, prefer)
    worth = posterior * _exactness(model, trust)
    support = np.bincount(pairs.candidate, pairs.same * 1.0, len(pairs))
    likely = -np.round(worth / _CLOSE)
    first = np.lexsort((np.arange(len(pairs)), -support, likely, spokesman < 0, pairs.item))
    ahead = first[run_starts(pairs.item[first])]
    best = np.empty(int(table.item[-1]) + 1, np.int64)
    best[pairs.item[ahead]] = ahead
    leading = best[pairs.item]
    margin = 1 + _CLOSE if trust.told_apart else _KNOWN
    tied = worth * margin >= worth[leading] - _CLOSE
    tied &= (spokesman >= 0) == (spokesman[leading] >= 0)
    rough = _roughness(model)
    preferred = np.zeros(len(pairs), bool)
    if prefer is not None:
        preferred[pairs.candidate[pairs.same & (table.source[pairs.claim] == prefer)]] = True
    order = np.lexsort(
        (
            np.arange(len(pairs)),
            -support,
            likely,
            ~preferred & tied,
            np.where(tied, rough, 0),
            ~tied,
            pairs.item,
        )
    )
    place = np.empty(len(pairs), np.int64)
    place[order] = np.arange(len(pairs))
    winner = np.empty(len(best), np.int64)
    chosen = order[run_starts(pairs.item[order])]
    winner[pairs.item[chosen]] = _refined(model, chosen, place)
    return _Ranked(worth, spokesman, rough, preferred, winner, margin)


def _why_lost(model: Model, ranked: _Ranked, posterior: Doubles) -> Positions:
    """(n,) the reason of each claim, were it to lose."""
    table, mended, pairs = model.table, model.mended, model.candidates
    said = np.full(len(table), -1)
    said[pairs.claim[pairs.same]] = pairs.candidate[pairs.same]
    winner = ranked.winner[table.item]
    reason = np.full(len(table), Reason.LESS_LIKELY, np.int64)
    equal = (said >= 0) & (ranked.worth[said] * ranked.margin >= ranked.worth[winner] - _CLOSE)
    inexact = mended.coarse & (table.kind == ValueKind.NUMBER)
    reason[inexact & (said >= 0) & (posterior[said] >= posterior[winner])] = Reason.COARSE
    reason[equal] = Reason.TIE
    reason[equal & ranked.preferred[winner] & ~ranked.preferred[said]] = Reason.TIE_PREFERRED
    reason[equal & (ranked.rough[winner] < ranked.rough[said])] = Reason.TIE_EXACT
    for flag, why in (
        (mended.broken, Reason.CUT),
        (mended.altered & (table.numbers.shape[1] == 2), Reason.SWAPPED),
        (~table.fits, Reason.NO_KIND),
    ):
        reason[flag] = why
    return reason


def _roughness(model: Model) -> Doubles:
    """(k,) of dates the days that are given, of numbers whether all who give it give it less exactly."""
    first, table = model.candidates.first, model.table
    if table.kind == ValueKind.DATE:
        return np.asarray(np.nan_to_num(table.grain[first, 0], nan=np.inf))
    return np.asarray(model.mended.coarse[first], np.float64)


def _refined(model: Model, best: Positions, place: Positions) -> Positions:
    """Instead of a value that is less exact, the best of those that it could stand for, if any."""
    pairs = model.candidates
    of_claim = np.full(len(model.table), -1)
    of_claim[pairs.claim[pairs.same]] = pairs.candidate[pairs.same]
    coarse, fine = of_claim[pairs.claim[pairs.covers]], pairs.candidate[pairs.covers]
    coarse, fine = coarse[coarse >= 0], fine[coarse >= 0]
    order = np.argsort(-place[fine], kind="stable")
    finer = np.arange(len(pairs))
    finer[coarse[order]] = fine[order]
    for _ in range(_STEPS):
        best = finer[best]
    return best


def _spokesmen(model: Model, trust: Trust, prefer: int | None) -> Positions:
    """(k,) the claim that says each candidate best, as it is written: of an intact source, the most trusted.

    Of sources that can't be told apart the preferred one comes first; where nothing else tells, the term that
    comes first. -1 where a candidate is only what a faulty claim was put right to.
    """
    pairs, table = model.candidates, model.table
    spokesman = np.full(len(pairs), -1)
    rows = np.flatnonzero(pairs.same & ~model.mended.altered[pairs.claim])
    claim = pairs.claim[rows]
    source = table.source[claim]
    theirs = np.round(trust.trust[source] / _CLOSE)
    favoured = source == (-1 if prefer is None else prefer)
    order = np.lexsort((-claim, favoured, theirs) if trust.told_apart else (-claim, theirs, favoured))
    spokesman[pairs.candidate[rows[order]]] = claim[order]
    return spokesman


def _exactness(model: Model, trust: Trust) -> Doubles:
    """(k,) chance that a candidate, where it is true, is near the truth as it is written.

    A number that only looks exact (52.0 from a source that cuts degrees off) lies anywhere in its cell; a
    date says by itself how exact it is, and is true as it stands.
    """
    exact = np.ones(len(model.candidates))
    first = model.candidates.first
    coarse = model.mended.coarse[first]
    if model.table.kind != ValueKind.NUMBER or not coarse.any():
        return exact
    fine = np.bincount(model.table.source, ~model.mended.coarse, model.table.sources) > 0
    spread = float(trust.spread[fine].min()) if fine.any() else float(trust.spread.min())
    near = 2 * np.pi * spread**2 if model.axes == 2 else 2 * spread
    cell = model.room / model.cells[first[coarse]]
    exact[coarse] = np.minimum(1.0, near / cell)
    return exact

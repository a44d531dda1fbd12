"""The global decision: the pairs that together are likeliest, each entity at most as often as allowed."""

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from kgalign.arrays import Doubles, Flags, Positions, connected, run_starts
from kgalign.assign.clusters import hold_together
from kgalign.base.cores import in_order
from kgalign.config import AssignConfig, JudgeConfig, RetrieveConfig
from kgalign.links.cardinality import choose
from kgalign.rdf.graph import Ids
from kgalign.records import Alignment, Outcome, Verdicts

_FLOOR = 0.02
"""Pairs less probable than this are matches nowhere and are left to nobody."""
_K = RetrieveConfig().k
_PART = 1 << 10
"""Pairs with rivals that are decided at once, and the others of the last group."""
_BATCH = 1 << 16
"""Pairs that are decided one part after the other, and the others of the last part: some 60 ms of work."""


def assign(
    verdicts: Verdicts,
    n_left: int,
    n_right: int,
    config: AssignConfig,
    judge: JudgeConfig,
    *,
    k: int = _K,
) -> Alignment:
    """Choose the matches and what is left to people.

    One-to-one is a maximum-weight matching over the candidates, in which every entity may also stay
    alone: the sum of the probabilities, that is the expected number of right links, is the largest
    there can be. Where one side may have several partners, each entity of the other side takes its
    best; many-to-many takes every pair on its own, as far as clusters hold together
    (:func:`~kgalign.assign.clusters.hold_together`). Given pairs stand whatever speaks against them, and
    whatever the cardinality: they take their entities out of the race.

    :param n_left: number of left entities; ``n_right`` of right ones.
    :param k: candidates that were looked for, for each entity.
    :returns: matches (probability at least ``judge.match_probability``) and undecided pairs (at
        least ``judge.undecided_probability``), sorted by left and right entity.
    """
    several = verdicts.notes.get("several_right", 0.0), verdicts.notes.get("several_left", 0.0)
    cardinality, reason = choose(config.cardinality, *several)
    alive = _alive(verdicts, cardinality, min(_FLOOR, judge.undecided_probability), judge)
    a, b = verdicts.left[alive], verdicts.right[alive]
    weight = verdicts.probability[alive].astype(np.float64)
    if cardinality == "one-to-one":
        kept = _matching(a, b, weight, n_left, n_right)
    elif cardinality == "one-to-many":
        kept = _best(b, a, weight)
    elif cardinality == "many-to-one":
        kept = _best(a, b, weight)
    else:
        kept = np.ones(len(alive), dtype=bool)
    rows = np.concatenate([np.flatnonzero(verdicts.given), alive[kept]])
    probability = verdicts.probability[rows]
    outcome = _outcomes(verdicts, rows, judge)
    shown = (probability >= judge.undecided_probability) | verdicts.given[rows]
    rows, outcome = rows[shown], outcome[shown]
    order = np.lexsort((verdicts.right[rows], verdicts.left[rows]))
    rows, outcome = rows[order], outcome[order]
    found = Alignment(
        left=verdicts.left[rows],
        right=verdicts.right[rows],
        probability=verdicts.probability[rows],
        outcome=outcome,
        verdict=rows.astype(np.int32),
        cardinality=cardinality,
        reason=reason,
    )
    if cardinality != "many-to-many":
        return found
    return hold_together(found, verdicts, judge.match_probability, k)


def _outcomes(verdicts: Verdicts, rows: Positions, judge: JudgeConfig) -> npt.NDArray[np.uint8]:
    """What becomes of pairs that were chosen: a match, or one of the ways in which a pair stays open.

    Where the votes were to decide and came to nothing the pair is undecided, however probable. Where they
    could not be had, the evidence decides as it does without them.
    """
    voted = verdicts.voted[rows]
    missing = np.isin(voted, (Outcome.NOT_ASKED, Outcome.FAILED))
    open_ = np.where(missing, voted, Outcome.UNDECIDED)
    match = (verdicts.probability[rows] >= judge.match_probability) & (voted != Outcome.UNDECIDED)
    outcome = np.where(verdicts.given[rows], Outcome.CONFIRMED, np.where(match, Outcome.MATCH, open_))
    return outcome.astype(np.uint8)


def _alive(verdicts: Verdicts, cardinality: str, floor: float, judge: JudgeConfig) -> Positions:
    """Rows in the race: probable enough, not refused by votes, not given, neither entity taken by a given
    pair.
    """
    given = verdicts.given
    refused = (verdicts.voted == Outcome.NO_MATCH) & (verdicts.probability < judge.match_probability)
    alive = (verdicts.probability >= floor) & ~given & ~refused
    if cardinality in ("one-to-one", "many-to-one"):
        alive &= ~np.isin(verdicts.left, verdicts.left[given])
    if cardinality in ("one-to-one", "one-to-many"):
        alive &= ~np.isin(verdicts.right, verdicts.right[given])
    return np.flatnonzero(alive)


def _best(node: Ids, other: Ids, weight: Doubles) -> Flags:
    """The best pair of each node; equal ones go by the other end."""
    order = np.lexsort((other, -weight, node))
    first = np.ones(len(order), dtype=bool)
    first[1:] = node[order][1:] != node[order][:-1]
    kept = np.zeros(len(node), dtype=bool)
    kept[order[first]] = True
    return kept


def _matching(a: Ids, b: Ids, weight: Doubles, n_left: int, n_right: int) -> Flags:
    """Maximum-weight matching in which every left entity may stay alone, at weight 0.

    Only entities with rivals need the solver: a pair that is alone at both ends is taken as it is.
    """
    left_count, right_count = np.bincount(a, minlength=n_left), np.bincount(b, minlength=n_right)
    kept: Flags = (left_count[a] == 1) & (right_count[b] == 1)
    open_ = np.flatnonzero(~kept)
    if not len(open_):
        return kept
    # What no chain of rivals joins is decided apart: the solver's time grows with the square of its rows.
    group = connected(a[open_], n_left + b[open_].astype(np.int64), n_left + n_right)[a[open_]]
    order = open_[np.argsort(group, kind="stable")]
    starts = np.flatnonzero(run_starts(np.sort(group)))
    firsts = starts[run_starts(starts // _PART)]
    batches = np.split(order, firsts[run_starts(firsts // _BATCH)][1:])
    bounds = np.split(firsts, np.flatnonzero(run_starts(firsts // _BATCH))[1:])
    parts = (
        (a[rows], b[rows], weight[rows], cuts[1:] - cuts[0])
        for rows, cuts in zip(batches, bounds, strict=True)
    )
    for rows, chosen in zip(batches, in_order(_solved_each, parts, heavy=True), strict=True):
        kept[rows] = chosen
    return kept


def _solved_each(part: tuple[Ids, Ids, Doubles, Positions]) -> Flags:
    """Which pairs are in the matchings of some groups of rivals: left and right ends, weights, and where a
    group begins that is decided by itself.
    """
    a, b, weight, cuts = part
    split = (np.split(column, cuts) for column in (a, b, weight))
    return np.concatenate([_solved(*each) for each in zip(*split, strict=True)])


def _solved(a: Ids, b: Ids, weight: Doubles) -> Flags:
    """Which pairs are in the matching of all of them."""
    rows, row = np.unique(a, return_inverse=True)
    columns, column = np.unique(b, return_inverse=True)
    # The solver wants a full matching of least cost with positive costs: each row gets a column of
    # its own for staying alone, and a constant on all of a row's costs changes nothing.
    alone = np.arange(len(rows))
    cost = np.concatenate([3.0 - weight, np.full(len(rows), 3.0)])
    where = np.concatenate([row, alone]), np.concatenate([column, len(columns) + alone])
    matrix: csr_array = coo_array((cost, where), shape=(len(rows), len(columns) + len(rows))).tocsr()
    chosen_row, chosen_column = min_weight_full_bipartite_matching(matrix)
    partner = np.full(len(rows), -1, dtype=np.int64)
    partner[chosen_row] = chosen_column
    found: Flags = partner[row] == column
    return found

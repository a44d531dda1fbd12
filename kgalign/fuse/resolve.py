"""The default policy: one value where there can be one, chosen by learned trust; all of them elsewhere.

It knows no gold and no property by name, coordinates apart. Values that belong together are resolved as one.
Where sources say one value each and agree often enough for that to mean something, the likeliest value stays;
where things have many values, all stay but for near-duplicates. Every claim gets a role and a reason, so that
nothing is lost without a word.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from kgalign.arrays import Doubles, Positions, run_starts
from kgalign.fuse.claims import Claims
from kgalign.fuse.contests import Table, joint_table, table_of
from kgalign.fuse.faults import Fault, Mended, find_faults
from kgalign.fuse.joint import Joint, find_joint
from kgalign.fuse.trust import Model, Trust, learn
from kgalign.fuse.values import Kind, Values, merge_near, read_values
from kgalign.rdf.graph import Ids
from kgalign.rdf.vocabulary import OWL_SAME_AS, RDF_TYPE

_FUNCTIONAL = 0.9
"""Sources' items over their distinct values, from which on a property is taken to have one value."""
_AGREED = 0.5
"""Share of nodes that others bear out, below which different nodes are taken to be no conflict."""
_MANY = frozenset({RDF_TYPE, OWL_SAME_AS})
"""Properties that have many values whatever the data shows."""
_CLOSE = 1e-9
_NEAR = 3.0
"""Spreads of a source within which values are near."""
_STEPS = 3
"""From a year over a month and a day to a moment."""


class Role(IntEnum):
    """What became of a claim."""

    WRITTEN = 0
    """Its value is written as this claim has it."""
    AGREES = 1
    """It says what is written, in other clothes or less exactly."""
    LOST = 2


class Rule(IntEnum):
    """By what an item was decided."""

    ONLY = 0
    """There is one value only."""
    TRUST = 1
    UNION = 2


REASONS = (
    "its value is written",
    "it says the same as what is written",
    "it says the same less exactly",
    "another value is likelier by the trust learned in the sources",
    "it is nearly the same text as one that is written",
    "the two values of this source are swapped here",
    "this source gives the number less exactly than it looks",
    "the number was cut off at the mark of the thousands",
    "the value is not of the kind that the others are",
    "it has no partner among the values that belong together with it",
)
"""Why a claim has its role, by number."""
(
    _IS_WRITTEN,
    _SAME,
    _LESS_EXACT,
    _LESS_LIKELY,
    _NEARLY,
    _IS_SWAPPED,
    _IS_COARSE,
    _IS_CUT,
    _NO_KIND,
    _ALONE,
) = range(len(REASONS))


@dataclass(frozen=True, slots=True)
class Learned:
    """What was learned of the sources for one property, or two that belong together."""

    properties: tuple[int, ...]
    joint: Joint | None
    trust: Trust | None
    """None where nothing was weighed: the property has many values."""
    weight: Doubles | None
    """(sources,) trust that policies may go by: right or near, and as it is written; less for each claim that
    a fault has spoilt, made inexact or turned round."""
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Resolution:
    """What became of every claim."""

    role: npt.NDArray[np.uint8]
    """(n,) a :class:`Role` each."""
    reason: npt.NDArray[np.uint8]
    """(n,) index into :data:`REASONS`."""
    rule: npt.NDArray[np.uint8]
    """(n,) the :class:`Rule` of the claim's item."""
    confidence: Doubles
    """(n,) probability that what the claim says is true, or near enough; NaN where nothing was weighed."""
    learned: tuple[Learned, ...]

    def written(self) -> Positions:
        """Rows of the claims that are written."""
        return np.flatnonzero(self.role == Role.WRITTEN)

    def faults(self) -> tuple[Fault, ...]:
        """The faults of all sources."""
        return tuple(fault for each in self.learned for fault in each.faults)


def resolve_default(claims: Claims, age: Doubles | None = None) -> Resolution:
    """Resolve all claims by the default policy.

    Args:
        claims: what the sources say.
        age: (n,) when each claim was made, NaN where that is unknown; any unit. It counts only where newer
            values turn out to be borne out more often than older ones.
    """
    values = read_values(claims.terms, claims.value)
    size = len(claims)
    result = Resolution(
        role=np.zeros(size, np.uint8),
        reason=np.zeros(size, np.uint8),
        rule=np.zeros(size, np.uint8),
        confidence=np.full(size, np.nan),
        learned=(),
    )
    joints = find_joint(claims, values)
    taken = {property for joint in joints for property in joint.properties}
    learned = [_joint(claims, values, joint, age, result) for joint in joints]
    for property in np.unique(claims.property).tolist():
        if property not in taken:
            learned.append(_single(claims, values, property, age, result))
    return Resolution(result.role, result.reason, result.rule, result.confidence, tuple(learned))


def _joint(claims: Claims, values: Values, joint: Joint, age: Doubles | None, result: Resolution) -> Learned:
    table = joint_table(claims, values, joint)
    mended = find_faults(table)
    alone = np.isin(claims.property, joint.properties)
    alone[table.rows] = False
    has = np.isin(claims.subject, table.subject)
    result.role[alone & has] = Role.LOST
    result.reason[alone & has] = _ALONE
    result.rule[alone & has] = Rule.TRUST
    model, trust = learn(mended, _ages(age, table))
    _decide(model, trust, result)
    for property in joint.properties:
        rest = table_of(claims, values, property, alone & ~has)
        if len(rest):
            _decide(*learn(find_faults(rest), _ages(age, rest)), result)
    return Learned(joint.properties, joint, trust, _weight(mended, trust), mended.faults)


def _single(
    claims: Claims, values: Values, property: int, age: Doubles | None, result: Resolution
) -> Learned:
    table = table_of(claims, values, property)
    if table.kind == Kind.DATE and not table.fits.all():
        rows = table.rows[:, 0]
        again = read_values(claims.terms, claims.value[rows], years=True)
        values = _replaced(values, rows, again)
        table = table_of(claims, values, property)
    if table.kind == Kind.TEXT:
        table = _near_texts_as_one(table, claims)
    functional = _functional(table) and claims.text(property) not in _MANY
    if not functional:
        _unite(table, claims, result)
        return Learned((property,), None, None, None, ())
    mended = find_faults(table)
    model, trust = learn(mended, _ages(age, table))
    if table.kind == Kind.NODE and float(trust.compared.sum()) > 0:
        weights = trust.compared / trust.compared.sum()
        if float((trust.right * weights).sum()) < _AGREED:
            _unite(table, claims, result)
            return Learned((property,), None, None, None, mended.faults)
    _decide(model, trust, result)
    return Learned((property,), None, trust, _weight(mended, trust), mended.faults)


def _weight(mended: Mended, trust: Trust) -> Doubles:
    """(sources,) trust, times the share of claims that no fault touches."""
    table = mended.table
    inexact = mended.coarse & (table.kind == Kind.NUMBER)
    intact = ~(inexact | mended.altered | mended.broken | ~table.fits)
    said = np.bincount(table.source, minlength=table.sources)
    share = np.bincount(table.source, intact, table.sources) / np.maximum(said, 1)
    return np.asarray(trust.trust * np.where(said > 0, share, 1.0))


def _replaced(values: Values, rows: Positions, again: Values) -> Values:
    """The values with some read again; their keys stay apart from all others."""
    kind, key, number, grain = (
        values.kind.copy(),
        values.key.copy(),
        values.number.copy(),
        values.grain.copy(),
    )
    kind[rows], number[rows], grain[rows] = again.kind, again.number, again.grain
    key[rows] = again.key + (int(values.key.max(initial=-1)) + 1)
    return Values(kind, key, number, grain, values.language)


def _ages(age: Doubles | None, table: Table) -> Doubles | None:
    if age is None:
        return None
    with np.errstate(all="ignore"):
        return np.asarray(np.fmax.reduce(age[table.rows], axis=1))


def _functional(table: Table) -> bool:
    """Whether the sources hold that a thing has one value of this property."""
    if not len(table):
        return True
    speakers = np.unique(np.stack([table.item, table.source]), axis=1).shape[1]
    said = np.unique(np.stack([table.item, table.source, table.key]), axis=1).shape[1]
    return bool(speakers >= _FUNCTIONAL * said)


def _near_texts_as_one(table: Table, claims: Claims) -> Table:
    """Texts of one item that nearly are the same get the same key."""
    key = table.key.copy()
    for rows in _items(table):
        if len(rows) > 1 and (table.key[rows] != table.key[rows[0]]).any():
            texts = [claims.text(claims.value[row]) for row in table.rows[rows, 0].tolist()]
            order = sorted(range(len(rows)), key=lambda place: texts[place])
            leader = merge_near([texts[place] for place in order])
            for place, first in zip(order, leader, strict=True):
                key[rows[place]] = key[rows[order[first]]]
    return Table(
        table.properties,
        table.kind,
        table.scale,
        table.rows,
        table.item,
        table.subject,
        table.source,
        key,
        table.numbers,
        table.grain,
        table.fits,
        table.sources,
    )


def _items(table: Table) -> list[Positions]:
    starts = np.flatnonzero(run_starts(table.item))
    return np.split(np.arange(len(table)), starts[1:]) if len(table) else []


def _unite(table: Table, claims: Claims, result: Resolution) -> None:
    """Keep every value once: of equal ones the first in order of the sources, by name, is written."""
    order = np.lexsort((np.arange(len(table)), table.key, table.item))
    new = run_starts(table.item[order], table.key[order])
    rows = table.rows[order, 0]
    leader = rows[new][np.cumsum(new) - 1]
    same = claims.value[rows] == claims.value[leader]
    result.rule[rows] = Rule.UNION
    result.role[rows] = np.where(new, Role.WRITTEN, Role.AGREES)
    result.reason[rows] = np.where(
        new, _IS_WRITTEN, np.where(same | (table.kind != Kind.TEXT), _SAME, _NEARLY)
    )


def _decide(model: Model, trust: Trust, result: Resolution) -> None:
    """Keep of each item the value that is likeliest right as it is written."""
    table, mended, pairs = model.table, model.mended, model.candidates
    if not len(table):
        return
    posterior = model.posterior(trust)
    spokesman = _spokesmen(model, trust)
    worth = posterior * _exactness(model, trust)
    support = np.bincount(pairs.candidate, pairs.same * 1.0, len(pairs))
    rank = np.lexsort((np.arange(len(pairs)), -support, -np.round(worth / _CLOSE), spokesman < 0, pairs.item))
    best = rank[run_starts(pairs.item[rank])]
    winner = np.empty(int(table.item[-1]) + 1, np.int64)
    winner[pairs.item[best]] = _refined(model, best, worth)
    several = np.bincount(pairs.item, minlength=len(winner)) > 1
    writes = np.where(spokesman >= 0, spokesman, pairs.first)[winner]
    rows = table.rows
    result.rule[rows] = np.where(several, Rule.TRUST, Rule.ONLY)[table.item][:, None]
    result.confidence[rows] = _confidence(model, trust, posterior)[:, None]
    role = np.full(len(table), Role.LOST, np.uint8)
    reason = np.full(len(table), _LESS_LIKELY, np.uint8)
    for flag, why in (
        (mended.coarse & (table.kind == Kind.NUMBER), _IS_COARSE),
        (mended.broken, _IS_CUT),
        (mended.altered & (table.numbers.shape[1] == 2), _IS_SWAPPED),
        (~table.fits, _NO_KIND),
    ):
        reason[flag] = why
    chosen = winner[table.item[pairs.claim]] == pairs.candidate
    agree = pairs.claim[chosen & (pairs.same | pairs.covers)]
    role[agree], reason[agree] = Role.AGREES, _SAME
    reason[pairs.claim[chosen & pairs.covers]] = _LESS_EXACT
    turned = mended.altered.copy()
    turned[writes] = False
    role[turned] = Role.LOST
    reason[turned] = _IS_SWAPPED if table.numbers.shape[1] == 2 else _LESS_LIKELY
    role[writes], reason[writes] = Role.WRITTEN, _IS_WRITTEN
    result.role[rows], result.reason[rows] = role[:, None], reason[:, None]


def _confidence(model: Model, trust: Trust, posterior: Doubles) -> Doubles:
    """(n,) probability that a claim is true or near: what it says, could stand for, or comes close to."""
    pairs = model.candidates
    with np.errstate(invalid="ignore"):
        close = pairs.same | pairs.covers | (pairs.distance <= _NEAR * float(np.median(trust.spread)))
    return np.minimum(np.bincount(pairs.claim, posterior[pairs.candidate] * close, len(model.table)), 1.0)


def _refined(model: Model, best: Positions, worth: Doubles) -> Positions:
    """Instead of a value that is less exact, the likeliest of those that it could stand for, if any."""
    pairs = model.candidates
    of_claim = np.full(len(model.table), -1)
    of_claim[pairs.claim[pairs.same]] = pairs.candidate[pairs.same]
    coarse, fine = of_claim[pairs.claim[pairs.covers]], pairs.candidate[pairs.covers]
    coarse, fine = coarse[coarse >= 0], fine[coarse >= 0]
    order = np.lexsort((-fine, np.round(worth[fine] / _CLOSE)))
    finer = np.arange(len(pairs))
    finer[coarse[order]] = fine[order]
    for _ in range(_STEPS):
        best = finer[best]
    return best


def _spokesmen(model: Model, trust: Trust) -> Positions:
    """(k,) the claim that says each candidate best, as it is written: of an intact source, the most trusted.

    -1 where a candidate is only what a faulty claim was put right to.
    """
    pairs, table = model.candidates, model.table
    spokesman = np.full(len(pairs), -1)
    rows = np.flatnonzero(pairs.same & ~model.mended.altered[pairs.claim])
    claim = pairs.claim[rows]
    order = np.lexsort((-claim, np.round(trust.trust[table.source[claim]] / _CLOSE)))
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
    if model.table.kind != Kind.NUMBER or not coarse.any():
        return exact
    fine = np.bincount(model.table.source, ~model.mended.coarse, model.table.sources) > 0
    spread = float(trust.spread[fine].min()) if fine.any() else float(trust.spread.min())
    near = 2 * np.pi * spread**2 if model.axes == 2 else 2 * spread
    cell = model.room / model.cells[first[coarse]]
    exact[coarse] = np.minimum(1.0, near / cell)
    return exact


def describe(claims: Claims, faults: Sequence[Fault]) -> list[str]:
    """The faults in words, one line each, sorted."""
    return sorted(
        f"{claims.sources[fault.source]}, "
        f"{' and '.join(claims.text(property) for property in fault.properties)}: {fault.text}"
        for fault in faults
    )


def written_values(claims: Claims, resolution: Resolution) -> dict[tuple[int, int], Ids]:
    """(subject, property) → the term ids that are written, sorted."""
    rows = resolution.written()
    found: dict[tuple[int, int], list[int]] = {}
    for subject, property, value in zip(
        claims.subject[rows].tolist(),
        claims.property[rows].tolist(),
        claims.value[rows].tolist(),
        strict=True,
    ):
        found.setdefault((subject, property), []).append(value)
    return {key: np.unique(np.array(each, np.int32)) for key, each in found.items()}

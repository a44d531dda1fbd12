"""The default policy: one value where there can be one, chosen by learned trust; all of them elsewhere.

It knows no gold. Values that belong together are resolved as one. Where sources say one value each and agree
often enough for that to mean something, the likeliest value stays; where things have many values, all stay
but for near-duplicates. What that means for each kind of value is in
docs/decisions/0014-what-fusion-decides-by-default.md. Every claim gets a role and a reason: nothing
is dropped without one.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import Doubles, Positions, numbered, run_starts, unique
from kgalign.base.memory import give_back
from kgalign.fusion.choosing import choose
from kgalign.fusion.claims import Claims
from kgalign.fusion.multiplicity import Habit, as_they_are_meant, habit_of
from kgalign.fusion.near import Judge, leaders, near_codes_of, near_texts_of
from kgalign.fusion.paired_properties import Joint, find_joint
from kgalign.fusion.reasons import Fates, Reason, Rule
from kgalign.fusion.trust import Trust, learn
from kgalign.fusion.trust.contests import Table, joint_table, table_at
from kgalign.fusion.trust.faults import Fault, Mended, find_faults
from kgalign.rdf.graph import Ids
from kgalign.rdf.vocabulary import SKOS
from kgalign.records.fused import Role
from kgalign.values import ValueKind, Values, read_values

_MANY = 1 << 16
"""Claims of a property before which what was freed is given back: what they take would not fit into it."""

_AGREED = 0.5
"""Share of values that others bear out, below which different values are taken to be no conflict."""

_FEWEST_NAMED = 20
"""Things that two sources name, from which on it is asked whether they ever agree."""
_PREFERRED = SKOS + "prefLabel"


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
    """(n,) a :class:`~kgalign.fusion.reasons.Reason` each."""
    rule: npt.NDArray[np.uint8]
    """(n,) the :class:`~kgalign.fusion.reasons.Rule` of the claim's item."""
    confidence: Doubles
    """(n,) probability that what the claim says is the truth of its item, be it less exactly than another
    says it; NaN where nothing was weighed.

    It is the posterior of the model in :mod:`kgalign.fusion.trust` over the values that are said of the item
    and "none of them": what contradicts each other shares one whole. Two values that are merely near each
    other are two, so rivals by two sources that can't be told apart have at most a half each. It rests on
    agreement alone, which sources that copy from each other have too."""
    learned: tuple[Learned, ...]


def resolve_default(claims: Claims, age: Doubles | None = None, prefer: int | None = None) -> Resolution:
    """Resolve all claims by the default policy.

    :param age: (n,) when each claim was made, NaN where that is unknown; any unit. It counts only where newer
        values turn out to be borne out more often than older ones.
    :param prefer: index of the source whose value stays in a tie: where no source is known to be better.
        Without one the order of the sources makes no difference.
    """
    work = _Work(claims, read_values(claims.terms, claims.value), age, prefer, Fates.of(len(claims)))
    joints = find_joint(claims, work.values)
    taken = {property for joint in joints for property in joint.properties}
    learned = [_joint(work, joint) for joint in joints]
    order = np.argsort(claims.property, kind="stable")
    cuts = np.flatnonzero(run_starts(claims.property[order]))
    for rows in np.split(order, cuts[1:]) if len(order) else ():
        if len(rows) > _MANY:
            give_back()
        if int(claims.property[rows[0]]) not in taken:
            learned.append(_single(work, rows))
    fates = work.fates
    return Resolution(fates.role, fates.reason, fates.rule, fates.confidence, tuple(learned))


@dataclass(frozen=True, slots=True)
class _Work:
    """What is resolved, and what came of it so far."""

    claims: Claims
    values: Values
    age: Doubles | None
    prefer: int | None
    fates: Fates

    @property
    def favourite(self) -> int:
        """The preferred source, -1 for none."""
        return -1 if self.prefer is None else self.prefer

    def ages(self, table: Table) -> Doubles | None:
        if self.age is None:
            return None
        with np.errstate(all="ignore"):
            return np.asarray(np.fmax.reduce(self.age[table.rows], axis=1))

    def weigh(self, table: Table) -> tuple[Mended, Trust]:
        """Learn the trust in the sources, choose by it."""
        mended = find_faults(table, self.prefer)
        model, trust = learn(mended, self.ages(table))
        choose(model, trust, self.fates, self.prefer)
        return mended, trust


def _joint(work: _Work, joint: Joint) -> Learned:
    claims = work.claims
    table = joint_table(claims, work.values, joint)
    alone = np.isin(claims.property, joint.properties)
    alone[table.rows] = False
    has = np.isin(claims.subject, table.subject)
    lost = np.flatnonzero(alone & has)
    work.fates.role[lost], work.fates.reason[lost] = Role.LOST, Reason.ALONE
    work.fates.rule[lost] = Rule.TRUST
    mended, trust = work.weigh(table)
    for property in joint.properties:
        rest = np.flatnonzero(alone & ~has & (claims.property == property))
        if len(rest):
            work.weigh(table_at(claims, rest, work.values.take(rest)))
    return Learned(joint.properties, joint, trust, _weight(mended, trust), mended.faults)


def _single(work: _Work, rows: Positions) -> Learned:
    claims = work.claims
    values = as_they_are_meant(claims, rows, work.values.take(rows))
    table = table_at(claims, rows, values)
    habit = habit_of(claims, table)
    exact = table
    if table.kind == ValueKind.TEXT and habit != Habit.ONE_TEXT:
        table = _near_as_one(table, claims, near_codes_of if habit == Habit.CODES else near_texts_of)
    learned = Learned(table.properties, None, None, None, ())
    if habit in (Habit.MANY, Habit.CODES):
        _unite(work, table)
    elif habit == Habit.ONE_TEXT:
        _keep_one_text(work, table)
    else:
        learned = _weighed(work, table, habit)
    if table is not exact:
        _say_how_near(work, exact, table, habit)
    if table.kind == ValueKind.TEXT:
        _untagged_agree(work, rows, values)
    return learned


def _weighed(work: _Work, table: Table, habit: Habit) -> Learned:
    """Choose by trust; keep all where sources are found to speak of different things."""
    mended, trust = work.weigh(table)
    compared = float(trust.compared.sum())
    if (habit == Habit.ONE_IF_AGREED or _are_names_of_two(work, table, trust)) and compared > 0:
        agreed = float((trust.right * trust.compared).sum()) / compared
        if agreed < _AGREED:
            work.fates.confidence[table.rows] = np.nan
            _unite(work, table)
            return Learned(table.properties, None, None, None, mended.faults)
    if table.kind == ValueKind.NODE and not trust.told_apart:
        _keep_several(work, table)
    return Learned(table.properties, None, trust, _weight(mended, trust), mended.faults)


def _are_names_of_two(work: _Work, table: Table, trust: Trust) -> bool:
    """Whether these are names by two sources, enough of them to see whether the two mean the same by one.

    SKOS allows a concept one preferred label in a language, and one stays.
    """
    if table.kind != ValueKind.TEXT or trust.told_apart:
        return False
    speakers = unique(table.item.astype(np.int64) << 32 | table.source) >> 32
    several = int((np.bincount(speakers) > 1).sum())
    return several >= _FEWEST_NAMED and _PREFERRED not in map(work.claims.text, table.properties)


def _keep_several(work: _Work, table: Table) -> None:
    """Keep all nodes of items of which one source by itself names several: it sees no contradiction there."""
    order = np.lexsort((table.key, table.source, table.item))
    item, source = table.item[order], table.source[order]
    says = run_starts(item, source, table.key[order])
    speaker = np.cumsum(run_starts(item, source)) - 1
    several = np.zeros(len(table), bool)
    several[order] = (np.bincount(speaker, says) > 1)[speaker] if len(speaker) else False
    whole = np.bincount(table.item, several) > 0
    rows = np.flatnonzero(whole[table.item])
    if len(rows):
        work.fates.confidence[table.rows[rows]] = np.nan
        _unite(work, table.take(rows))


def _weight(mended: Mended, trust: Trust) -> Doubles:
    """(sources,) trust, times the share of claims that no fault touches."""
    table = mended.table
    inexact = mended.coarse & (table.kind == ValueKind.NUMBER)
    intact = ~(inexact | mended.altered | mended.broken | ~table.fits)
    said = np.bincount(table.source, minlength=table.sources)
    share = np.bincount(table.source, intact, table.sources) / np.maximum(said, 1)
    return np.asarray(trust.trust * np.where(said > 0, share, 1.0))


def _near_as_one(table: Table, claims: Claims, near: Judge) -> Table:
    """Texts of one item that nearly are the same get the same key."""

    def texts(places: Positions) -> list[str]:
        found: list[str] = claims.terms.value.take(pa.array(claims.value[table.rows[places, 0]])).to_pylist()
        return found

    return replace(table, key=table.key[leaders(table.item, table.key, texts, near)])


def _unite(work: _Work, table: Table) -> None:
    """Keep every value once, written as the preferred source has it, else as most sources have it."""
    term = work.claims.value[table.rows[:, 0]]
    spoken = _times(table.item, term)
    order = np.lexsort((term, -spoken, table.source != work.favourite, table.key, table.item))
    new = run_starts(table.item[order], table.key[order])
    leads = np.zeros(len(table), bool)
    leads[order[new]] = True
    role = np.where(leads, Role.WRITTEN, Role.AGREES)
    work.fates.note(table.rows, role, np.where(leads, Reason.WRITTEN, Reason.SAME), Rule.UNION)


def _keep_one_text(work: _Work, table: Table) -> None:
    """Keep one text of each item: what most sources say, else the preferred source's, else the longest."""
    claims = work.claims
    term = claims.value[table.rows[:, 0]]
    length = pc.utf8_length(claims.terms.value.take(pa.array(term))).to_numpy(zero_copy_only=False)
    support = _times(table.item, table.key)
    order = np.lexsort((term, -length, table.source != work.favourite, -support, table.item))
    new = run_starts(table.item[order])
    winner = np.empty(len(table), np.int64)
    winner[order] = order[new][np.cumsum(new) - 1]
    same = table.key == table.key[winner]
    written = winner == np.arange(len(table))
    role = np.where(written, Role.WRITTEN, np.where(same, Role.AGREES, Role.LOST))
    reason = np.where(written, Reason.WRITTEN, np.where(same, Reason.SAME, Reason.ONE_TEXT))
    several = np.bincount(table.item, ~same) > 0
    work.fates.note(table.rows, role, reason, np.where(several, Rule.ONE_TEXT, Rule.ONLY)[table.item])


def _times(item: Positions, what: Ids | Positions) -> Positions:
    """(n,) how many rows of the item say the same."""
    order = np.lexsort((what, item))
    group = np.cumsum(run_starts(item[order], what[order])) - 1
    times = np.empty(len(item), np.int64)
    times[order] = np.bincount(group)[group] if len(group) else 0
    return times


def _say_how_near(work: _Work, exact: Table, table: Table, habit: Habit) -> None:
    """Tell what is the same, written differently, from what is only nearly the same as what is written."""
    rows, fates = table.rows[:, 0], work.fates
    written = fates.role[rows] == Role.WRITTEN
    groups = numbered(table.item, table.key)
    key = np.full(int(groups.max(initial=-1)) + 1, -1)
    key[groups[written]] = exact.key[written]
    agrees = (fates.role[rows] == Role.AGREES) & (fates.reason[rows] == Reason.SAME)
    nearly = agrees & (exact.key != key[groups])
    fates.reason[rows[nearly]] = Reason.SAME_CODE if habit == Habit.CODES else Reason.NEARLY


def _untagged_agree(work: _Work, rows: Positions, values: Values) -> None:
    """A text without a language says the same as one of another source that is written with its language."""
    claims, fates = work.claims, work.fates
    tagged = np.flatnonzero((values.language >= 0) & (fates.role[rows] <= Role.AGREES))
    plain = np.flatnonzero((values.language < 0) & (values.kind == ValueKind.TEXT.code))
    if not len(tagged) or not len(plain):
        return
    most = np.int64(values.bare.max()) + 1
    said = claims.subject[rows].astype(np.int64) * most + values.bare
    texts, first = np.unique(said[tagged], return_index=True)
    # A text that only its own source tags is said twice by that source, and stays so.
    source = claims.source[rows]
    several = np.zeros(len(texts), bool)
    at = np.searchsorted(texts, said[tagged])
    one = source[tagged[first]]
    np.logical_or.at(several, at, source[tagged] != one[at])
    place = np.minimum(np.searchsorted(texts, said[plain]), len(texts) - 1)
    found = (texts[place] == said[plain]) & (several[place] | (one[place] != source[plain]))
    agree = rows[plain[found]]
    fates.role[agree], fates.reason[agree] = Role.AGREES, Reason.NO_LANGUAGE

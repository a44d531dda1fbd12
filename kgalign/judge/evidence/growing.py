"""The evidence of a run that grows: weights stay, and only what is new or has other neighbours is compared.

Pairs of entities that are what they were keep how they compare. What follows from all pairs (who leads whom,
what is believed) is worked out again by the same weights, so that a pair that nothing new touches gets the
very verdict that it had. Where the weights don't fit what is new they are learned again, and said to be.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kgalign.arrays import Doubles, unique
from kgalign.base import scratch
from kgalign.judge.evidence import Known, associate, generic, levels
from kgalign.judge.evidence.applied import BESIDE, OWN, Applied, learned_of
from kgalign.judge.evidence.correspond import AttributeComparisons, Correspondence
from kgalign.judge.evidence.levels import Codes
from kgalign.judge.evidence.neighbours import Neighbours
from kgalign.judge.evidence.texts import Texts, prepare
from kgalign.links.pairs import PairIndex
from kgalign.records import Candidates, Profile, Verdicts
from kgalign.records.growth import Growth
from kgalign.records.learned import Learned, LearnedColumn

_ROUNDS = 2
"""Times that neighbours are looked at: what is new may have new neighbours."""
_MORE_ROUNDS = 3
"""Times more where all is weighed again: neighbours weigh otherwise then."""
_MOST_NEW = 0.5
"""Share of new and changed entities of a side beyond which all is learned anew."""
_MOST_MOVED = 0.005
"""Share of the expected matches beyond which weights are not left as they are: all is weighed again.

F1 moves by about as much at most, and that is how near a run that grew is to be to one from nothing.
"""
_MOST_DRIFT = 0.25
"""Share of matches that reach other levels than they would, beyond which all is learned anew."""
_ENOUGH = 30.0
"""Expected matches among what is new from which their levels are looked at."""
_COMMON = 0.1
"""Share of entities that have an attribute from which one that was not there asks for learning anew."""


@dataclass(frozen=True, slots=True)
class Before:
    """What is known of the run before."""

    left: Profile
    right: Profile
    learned: Learned
    verdicts: Verdicts


@dataclass(frozen=True, slots=True)
class Grown:
    """The state of evidence that grew, or why it has to be learned anew."""

    learned: Learned | None
    why: str = ""


class _Sides:
    """Both sides and their pairs now, and where each pair stood before."""

    def __init__(
        self,
        left: Profile,
        right: Profile,
        candidates: Candidates,
        before: Before,
        growth: tuple[Growth, Growth],
    ) -> None:
        self.left, self.right, self.before, self.growth = left, right, before, growth
        self.candidates, self.a, self.b = candidates, candidates.left, candidates.right
        then = PairIndex(before.learned.left, before.learned.right)
        self.row = then.rows(growth[0].before[self.a], growth[1].before[self.b])
        """(c,) row of each pair among those before, -1 for one that is new or has an entity that changed."""
        self.new = np.flatnonzero(self.row < 0)
        self.kept = np.flatnonzero(self.row >= 0)


def can_grow(left: Profile, right: Profile, before: Before, growth: tuple[Growth, Growth]) -> str:
    """Why nothing that was learned before can be used here; empty where it can.

    It is told from the sides alone, before anything is compared.
    """
    for side, profile, each in zip(("left", "right"), (left, right), growth, strict=True):
        share = each.fresh.sum() / max(len(profile), 1)
        if share > _MOST_NEW:
            much = f"more than {_MOST_NEW:.0%} is much"
            return f"{share:.0%} of the {side} entities are new or changed, and {much}"
    learned = before.learned
    if not learned.columns:
        return "nothing was learned before"
    if any(learned.free) or any(
        len(unique(each)) < len(each) for each in (learned.left_thing, learned.right_thing)
    ):
        return "several records of one thing were found before, and what is new may be more of them"
    return _other_attributes(before, left, right)


def _other_attributes(before: Before, left: Profile, right: Profile) -> str:
    """Why the attributes of the sides ask for learning anew; empty where they don't."""
    used = [each for each in before.learned.columns if each.left_attribute >= 0]
    for side, was, now, indices in (
        ("left", before.left, left, {each.left_attribute for each in used}),
        ("right", before.right, right, {each.right_attribute for each in used}),
    ):
        old = {each.path: each for each in was.attributes}
        new = {each.path: each for each in now.attributes}
        for each in (was.attributes[index] for index in sorted(indices)):
            if each.path not in new or new[each.path].kind is not each.kind:
                return f"the attribute {'/'.join(each.path)} of the {side} side is gone, or of another kind"
        for path, attribute in new.items():
            if path not in old and attribute.coverage >= _COMMON:
                return f"the {side} side has a new attribute, {'/'.join(path)}"
    return ""


def grow(
    left: Profile,
    right: Profile,
    candidates: Candidates,
    known: Known,
    before: Before,
    growth: tuple[Growth, Growth],
) -> Grown:
    """The state of the evidence by the weights of a run before, or why they don't do.

    :param known: what is certain of the candidates.
    """
    why = can_grow(left, right, before, growth)
    if why:
        return Grown(None, why)
    sides = _Sides(left, right, candidates, before, growth)
    learned, looked_at = _compared(sides), len(sides.new)
    beside = any(each.role == BESIDE for each in learned.columns)
    applied = Applied(left, right, candidates, known.given, learned, refused=known.refused)
    applied.conclude()
    neighbours = Neighbours(left, right, candidates.left, candidates.right)
    for _ in range(_ROUNDS if beside and neighbours.any else 0):
        learned, looked_at = _with_neighbours(sides, learned, neighbours, applied.expected)
        applied.take(learned)
        applied.conclude()
    why = _other_levels(learned, sides, applied.expected)
    if why:
        return Grown(None, why)
    believed = applied.expected
    applied.weigh_again()
    moved = float(np.abs(applied.expected - believed).sum() / max(applied.expected.sum(), 1e-9))
    told = {"grown": _told(growth, looked_at, len(sides.a)), "weights": _said_of_weights(moved)}
    figures = {**learned.figures, "compared": float(len(sides.new)), "judged_again": float(looked_at)}
    figures["drift"] = moved
    if moved > _MOST_MOVED:
        for _ in range(_MORE_ROUNDS if beside and neighbours.any else 0):
            learned, looked_at = _with_neighbours(sides, learned, neighbours, applied.expected)
            applied.take(learned)
            applied.weigh_again()
        learned = learned_of(applied, figures)
    return Grown(replace(learned, figures=figures, notes=told))


def _said_of_weights(moved: float) -> str:
    what = f"weighing all pairs again moves {moved:.2%} of the matches"
    if moved > _MOST_MOVED:
        return f"weighed again: {what}, and more than {_MOST_MOVED:.1%} is much"
    return f"those of the run before: {what}"


def _compared(sides: _Sides) -> Learned:
    """The state with what each pair shares: taken over, and measured for what is new."""
    before, new = sides.before.learned, sides.new
    texts = prepare(sides.left, sides.right)
    found = generic.Generic(sides.left, sides.right, texts).measure(sides.a[new], sides.b[new])
    shared = dict(zip(generic.MEASURES, found, strict=True))
    measured = scratch.empty((len(before.measures), len(sides.a)), np.float32)
    for place, name in enumerate(before.measures):
        measured[place, sides.kept] = before.measured[place, sides.row[sides.kept]]
        measured[place, new] = shared[name]
    columns = tuple(_renumbered(each, sides) for each in before.columns)
    codes = scratch.full((len(before.codes), len(sides.a)), levels.MISSING, np.uint8)
    for place, then in enumerate(before.codes):
        codes[place, sides.kept] = then[sides.row[sides.kept]]
    rest = columns[len(before.columns) - len(before.codes) :]
    for place, reached in zip(_places(rest, OWN), _own_codes(sides, rest, texts), strict=True):
        codes[place, new] = reached
    return replace(
        before,
        left=sides.a,
        right=sides.b,
        measured=measured,
        columns=columns,
        codes=codes,
        left_thing=np.arange(len(sides.left), dtype=np.int32),
        right_thing=np.arange(len(sides.right), dtype=np.int32),
        constants={**before.constants, "even": sides.before.verdicts.notes["even"]},
        weights=_weights(sides.before.verdicts),
    )


def _weights(verdicts: Verdicts) -> tuple[tuple[float, ...], ...]:
    """What levels add on the mean, of the features that compare something."""
    apart = ("prior", "rivals", "alone")
    return tuple(each.weights for each in verdicts.features if each.kind not in apart)


def _places(columns: Sequence[LearnedColumn], role: str) -> list[int]:
    return [place for place, each in enumerate(columns) if each.role == role]


def _renumbered(column: LearnedColumn, sides: _Sides) -> LearnedColumn:
    """A column by the numbers that its attributes have now."""

    def now(attribute: int, was: Profile, profile: Profile) -> int:
        if attribute < 0:
            return attribute
        path = was.attributes[attribute].path
        return next(place for place, each in enumerate(profile.attributes) if each.path == path)

    return replace(
        column,
        left_attribute=now(column.left_attribute, sides.before.left, sides.left),
        right_attribute=now(column.right_attribute, sides.before.right, sides.right),
    )


def _own_codes(
    sides: _Sides, columns: Sequence[LearnedColumn], texts: tuple[Texts, Texts]
) -> Iterator[Codes]:
    """The levels that new pairs reach in the comparisons of attributes, one after the other."""
    a, b = sides.a[sides.new], sides.b[sides.new]
    for each in columns:
        if each.role != OWN:
            continue
        if each.kind == associate.KIND:
            yield associate.levels_of(_association(sides, each), a, b).codes
            continue
        if each.kind == generic.KINDS[generic.MEANING]:
            cosine = generic.meaning(sides.candidates)
            none = np.zeros(len(sides.a), dtype=np.float32)
            yield levels.encode(generic.near((none if cosine is None else cosine)[sides.new]))
            continue
        pair = Correspondence(each.left_attribute, each.right_attribute, 0.0, 0.0, 0, each.factor)
        yield AttributeComparisons(sides.left, sides.right, texts, [pair]).levels_of(pair, a, b).codes


def _association(sides: _Sides, column: LearnedColumn) -> associate.Association:
    """Which values go together, by what matched before: the values that are new may go with others."""
    sure = np.flatnonzero(sides.row >= 0)
    sure = sure[sides.before.verdicts.probability[sides.row[sure]] >= associate.SURE]
    ends = column.left_attribute, column.right_attribute
    return associate.of_pairs(sides.left, sides.right, ends, sides.a[sure], sides.b[sure])


def _with_neighbours(
    sides: _Sides, learned: Learned, neighbours: Neighbours, believed: Doubles
) -> tuple[Learned, int]:
    """The state with what neighbours say of pairs that are new, or have new or other ones beside them."""
    touched = sides.growth[0].touched[sides.a] | sides.growth[1].touched[sides.b]
    touched[sides.new] = True
    rows = np.flatnonzero(touched)
    if not len(rows):
        return learned, 0
    rest = learned.columns[len(learned.columns) - len(learned.codes) :]
    codes = scratch.gather([learned.codes])
    for place, found in zip(_places(rest, BESIDE), neighbours.compare(believed, rows), strict=True):
        codes[place, rows] = found.codes
    return replace(learned, codes=codes), len(rows)


def _other_levels(learned: Learned, sides: _Sides, believed: Doubles) -> str:
    """Why the weights don't fit what is new: its matches reach other levels; empty where they fit.

    How far two sets of matches are apart in a comparison is the share of them that reach other levels (total
    variation), less what chance alone makes of so few.
    """
    kept, new = sides.kept, sides.new
    fresh = believed[new]
    if fresh.sum() < _ENOUGH:
        return ""
    rest = learned.columns[len(learned.columns) - len(learned.codes) :]
    for column, codes in zip(rest, learned.codes, strict=True):
        if column.role != OWN:
            continue
        shares = [_shares(codes[rows], believed[rows], len(column.labels)) for rows in (kept, new)]
        chance = np.sqrt((len(column.labels) + 1) / (2 * np.pi * fresh.sum()))
        apart = float(np.abs(shares[0] - shares[1]).sum() / 2 - chance)
        if apart > _MOST_DRIFT:
            return f"matches among what is new reach other levels of '{column.name}' than those before"
    return ""


def _shares(codes: Codes, weight: Doubles, labels: int) -> Doubles:
    """(labels + 1,) share of matches at each level, and of those with nothing to compare at the end."""
    level = np.minimum((codes.astype(np.int64) + levels.STEPS // 2) // levels.STEPS, labels)
    sums: Doubles = np.asarray(np.bincount(level, weights=weight, minlength=labels + 1), dtype=np.float64)
    return sums / max(float(sums.sum()), 1e-9)


def _told(growth: tuple[Growth, Growth], looked_at: int, pairs: int) -> str:
    sides = (
        f"{each.new:,} new, {each.changed:,} changed and {each.gone:,} gone on the {side}"
        for side, each in zip(("left", "right"), growth, strict=True)
    )
    return f"{'; '.join(sides)}; {looked_at:,} of {pairs:,} pairs judged by what was learned before"

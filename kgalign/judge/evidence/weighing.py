"""What is believed of the pairs by what each measure is worth: sums over columns that are made part by part.

Only a few scalar columns cover all pairs at once; what is weighed lies in mapped columns, and is looked up
for a part of the pairs at a time.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from kgalign.arrays import Doubles, Flags, Positions, unique
from kgalign.base import memory, scratch
from kgalign.judge.evidence import associate, decoys, generic, levels, parts, twins
from kgalign.judge.evidence.base_rate import base_shift
from kgalign.judge.evidence.competition import dominant
from kgalign.judge.evidence.ends import Ends
from kgalign.judge.evidence.leading import Lead
from kgalign.judge.evidence.levels import Codes, Levels
from kgalign.judge.evidence.measures import Coded, Made, Measure, Measures, Picked
from kgalign.judge.evidence.prior import Prior, load_prior, with_meaning
from kgalign.rdf.graph import Ids
from kgalign.records import Candidates, Floats, Profile

HALF = 0.5
"""What a learned log-odd counts beside the prior's where pairs compete: they say the same in part."""
CERTAIN = 20.0
"""Log-odds of a pair that is known."""
_FREE_LEAD = 1.0
"""Log-odds that a pair leads by, at least, where an entity may have several partners."""
_SUMS = ("pooled", "for", "against")
"""What the final model weighs of all other comparisons: sums of what their levels are worth."""
_BESIDE = ("surprise", "neighbours")
"""What the final model weighs of the comparisons of neighbours, as measures."""


@dataclass(frozen=True, slots=True)
class Column:
    """One comparison: its levels as codes, and what each code is worth."""

    name: str
    kind: str
    labels: tuple[str, ...]
    codes: Codes
    worth: Floats
    """(256,) natural log-odds."""
    every: Doubles
    """(256,) how many pairs have each code."""
    attributes: tuple[int, int] = (-1, -1)
    """As in :class:`Comparison`."""

    def look_up(self, rows: slice | Positions = slice(None)) -> Floats:
        """(r,) what each pair's level is worth, of all pairs or of some."""
        return self.worth.take(self.codes[rows])


def column_of(found: Levels) -> Column:
    """A comparison as a column that is worth nothing yet."""
    return coded(found.of.name, found.of.kind, found.of.labels, found.codes, found.of.attributes)


def coded(
    name: str, kind: str, labels: tuple[str, ...], codes: Codes, attributes: tuple[int, int] = (-1, -1)
) -> Column:
    """A column of levels that is worth nothing yet."""
    every = np.zeros(256)
    for rows in parts.parts_of(len(codes)):
        every += levels.count(codes[rows])
    return Column(name, kind, labels, codes, np.zeros(256, dtype=np.float32), every, attributes)


class Weighing(ABC):
    """What is believed of the candidates, by measures and by columns of levels."""

    def __init__(
        self,
        left: Profile,
        right: Profile,
        candidates: Candidates,
        given: Flags,
        *,
        refused: Flags | None = None,
        prior: Prior | None = None,
    ) -> None:
        self.left, self.right, self.candidates, self.given = left, right, candidates, given
        self.refused = np.zeros(len(given), dtype=bool) if refused is None else refused
        self.a, self.b = candidates.left, candidates.right
        self.size = len(self.a)
        self.prior = prior or load_prior()
        self.cosine = generic.meaning(candidates)
        if self.cosine is not None:
            self.prior = with_meaning(self.prior)
        self.things = [np.arange(len(each), dtype=np.int32) for each in (left, right)]
        self.alone = self.alike = list(self.things)
        self.free = [False, False]
        self.line = decoys.Line()
        self.ends = Ends(self.a), Ends(self.b)
        self._grouped: tuple[list[Ids], tuple[Ends, Ends]] = self.alone, self.ends
        # Known pairs tell nothing of how common matches are; of what is only mentioned nothing is said.
        self._open = parts.column(self._told, self.size)
        self._sure = bool(given.any() or self.refused.any())
        self._log_odds, self._moved = np.zeros(0), 0.0
        self.start_measures: dict[str, Measure] = {}
        self.final_measures: dict[str, Measure] = {}
        self.pooled: list[Column] = []
        self.columns: list[Column] = []
        self.beside: list[Column] = []

    def _told(self, rows: slice) -> Flags:
        found: Flags = self._both_described(rows) & ~self.given[rows]
        return found

    def _both_described(self, rows: slice | Positions) -> Flags:
        """(r,) pairs of two of which something is said: others are no links."""
        described: Flags = self.left.described[self.a[rows]] & self.right.described[self.b[rows]]
        return described

    def _things(self) -> list[Ids | None]:
        """Per side, the things of entities; None where each is one of its own."""
        return [None if now is alone else now for now, alone in zip(self.things, self.alone, strict=True)]

    def _thing_ends(self) -> tuple[Ends, Ends]:
        """The pairs by the things at their ends."""
        held, ends = self._grouped
        if any(now is not then for now, then in zip(self.things, held, strict=True)):
            made = [
                own if thing is None else Ends(thing[own.node])
                for thing, own in zip(self._things(), self.ends, strict=True)
            ]
            ends = made[0], made[1]
            self._grouped = list(self.things), ends
        return ends

    # What the prior says.

    def _add_from_candidates(self) -> None:
        """Take what retrieval found of each pair for measures, too."""
        self.start_measures[generic.SAME_IRI] = generic.same_iri(self.candidates)
        if self.cosine is not None:
            self.start_measures[generic.MEANING] = self.cosine

    def _pooled(self, names: Iterable[str]) -> list[Column]:
        """The measures of all values of a kind as columns."""
        return [self._as_column(name) for name in names]

    def _as_column(self, name: str) -> Column:
        measure = self.start_measures[name]
        return column_of(levels.in_parts(lambda rows: generic.level_of(name, measure[rows]), self.size))

    def _weigh_by_prior(self) -> None:
        self.start_measures |= generic.leads(self.start_measures, self.ends, self._things(), self.free)
        by_prior: Doubles = parts.column(lambda rows: self._start_of(rows, {}), self.size)
        self.shift, _ = self._shift(by_prior)
        self.by_prior, self._prior_part = parts.columns(partial(self._by_prior_of, by_prior), self.size)
        self._let_go()

    def _start_of(
        self, rows: slice | Positions, leads: Mapping[str, Measure], part: slice = slice(None)
    ) -> Doubles:
        """(r,) log-odds by the prior; the rest as of :class:`.Measures`."""
        measures = Measures(self.start_measures, rows, leads, part)
        return self.prior.start.log_odds(measures, self.absolute[rows], generic.MEASURES)

    def _by_prior_of(self, by_prior: Doubles, rows: slice) -> tuple[Doubles, Floats]:
        """What the prior says, how common matches are counted in, and what it adds in the final model."""
        moved = by_prior[rows] + self.shift
        return moved, self.prior.final.shapes["prior"].look_up(moved.astype(np.float32))

    def _prior_measure(self, rows: slice | Positions) -> Floats:
        """(r,) what the prior says as a measure of the final model."""
        found: Floats = self.by_prior[rows].astype(np.float32)
        return found

    @cached_property
    def absolute(self) -> Doubles:
        """(c,) log-odds by the measures that need no rivals: they stay, whoever competes."""
        return parts.column(
            lambda rows: twins.absolute(self.prior.start, Measures(self.start_measures, rows, {})), self.size
        )

    def _by_prior_now(self) -> tuple[dict[str, Measure], Doubles, Floats, float]:
        """What the prior says, to come back to."""
        return dict(self.start_measures), self.by_prior, self._prior_part, self.shift

    def _take_by_prior(self, held: tuple[dict[str, Measure], Doubles, Floats, float]) -> None:
        self.start_measures, self.by_prior, self._prior_part, self.shift = held

    def _weighed(self, columns: Sequence[Column]) -> list[Column]:
        """The columns with what their levels are worth, by what is expected now."""
        found = []
        rows = np.flatnonzero(self.top)
        expected = self.expected[rows]
        for each in columns:
            sums = levels.add_up(each.codes[rows], expected, each.every)
            # Types are few and the same for all: matches that never were seen between two say much.
            counts = 1.0 if each.name == associate.TYPES else self.prior.counts
            found.append(replace(each, worth=levels.worth(sums, len(each.labels), counts)))
        return found

    # What is believed.

    @property
    def log_odds(self) -> Doubles:
        """(c,) what is believed, before some of it is excluded."""
        if self._moved:
            log_odds, moved = self._log_odds, self._moved
            self._log_odds, self._moved = parts.column(lambda rows: log_odds[rows] + moved, self.size), 0.0
        return self._log_odds

    def believe(self, log_odds: Doubles, top: Flags | None = None, moved: float = 0.0) -> None:
        """Take log-odds for what is believed, as far as pairs don't exclude each other.

        :param log_odds: (c,) they become the evidence's own, and stay as they are.
        :param top: (c,) pairs that win by them, if that is known.
        :param moved: what is to be added to all of them.
        """
        self._log_odds, self._moved = log_odds, moved
        if self._sure:
            self._log_odds, self._moved = (
                parts.column(partial(self._certainly, log_odds, moved), self.size),
                0.0,
            )
        self.top = self._winners(self.log_odds) if top is None or self._sure else top
        self.expected = parts.column(self._expected, self.size)

    def _certainly(self, log_odds: Doubles, moved: float, rows: slice) -> Doubles:
        """(r,) log-odds of some pairs, where some are certain."""
        found = log_odds[rows] + moved
        found[self.refused[rows]] = -CERTAIN
        found[self.given[rows]] = CERTAIN
        return found

    def _expected(self, rows: slice) -> Doubles:
        top = np.flatnonzero(self.top[rows])
        found = np.zeros(len(self.a[rows]))
        found[top] = 1 / (1 + np.exp(-(self._log_odds[rows][top] + self._moved)))
        return found

    def _winners(self, log_odds: Doubles) -> Flags:
        """(c,) pairs that win where they compete: all pairs of the records of two things that do."""
        one = not self.free[0], not self.free[1]
        ends = self._thing_ends()
        taken = dominant(*ends, log_odds, *one)
        if ends is self.ends:
            return taken
        chosen = np.flatnonzero(taken)
        left, right = ends[0].node, ends[1].node
        # All rows of the two things that were taken for each other.
        node, other = (left, right) if one[1] else (right, left)
        partner = np.full(int(node.max()) + 1, -1, dtype=np.int32)
        partner[node[chosen]] = other[chosen]
        found: Flags = partner[node] == other
        return found

    def _shift(self, log_odds: Doubles) -> tuple[float, Flags | None]:
        """How much more or less common matches are here than where the prior was learned, and who wins."""
        won = self._winners(log_odds)
        return base_shift(log_odds[won & self._open], self.prior.base), won

    # What is weighed.

    def measures(self) -> dict[str, Measure]:
        """What the final model weighs, (c,) each, by what is expected now."""
        self.pooled, self.columns = self._weighed(self.pooled), self._weighed(self.columns)
        self.beside = self._weighed(self.beside)
        self.total = parts.column(self._total, self.size)
        made = {name: Made(partial(self._sum, place), self.size) for place, name in enumerate(_SUMS)}
        found: dict[str, Measure] = {"prior": Made(self._prior_measure, self.size), **made}
        found.update(self._measures_beside())
        for end, side in (("left", 0), ("right", 1)):
            least = _FREE_LEAD if self.free[side] else None
            ends, thing = self.ends[1 - side], self._things()[side]
            found[f"lead of the {end} one"] = Lead(ends, self.ends[side].node, self.total, thing, least=least)
        return found

    def _sum(self, place: int, rows: slice | Positions) -> Floats:
        return self._sums(rows)[place]

    def _sums(self, rows: slice | Positions) -> tuple[Floats, Floats, Floats]:
        """What the columns add to some pairs, as :data:`_SUMS` has it."""
        pooled = np.zeros(len(self.a[rows]), dtype=np.float32)
        for column in self.pooled:
            pooled += column.look_up(rows)
        return pooled, *self._for_and_against(rows)

    def _for_and_against(self, rows: slice | Positions) -> tuple[Floats, Floats]:
        speaks_for, against = np.zeros((2, len(self.a[rows])), dtype=np.float32)
        for column in self.columns:
            if column.name != associate.TYPES:
                worth = column.look_up(rows)
                speaks_for += np.maximum(worth, 0)
                against += np.minimum(worth, 0)
        return speaks_for, against

    def _total(self, rows: slice) -> Floats:
        """(r,) that by which pairs compete."""
        speaks_for, against = self._for_and_against(rows)
        speaks_for += against
        speaks_for *= np.float32(HALF)
        total = self._prior_measure(rows) + speaks_for
        for column in self.beside:
            total += np.float32(HALF) * column.look_up(rows)
        return total

    def _measures_beside(self) -> Mapping[str, Coded]:
        """What neighbours say, as measures: NaN where there is nothing to compare."""
        scale = (np.arange(256) / np.float32(levels.STEPS)).astype(np.float32)
        scale[levels.MISSING] = np.nan
        if not self.beside:
            nothing = Coded(scratch.full(self.size, levels.MISSING, np.uint8), scale)
            return dict.fromkeys(_BESIDE, nothing)
        return {name: Coded(each.codes, scale) for name, each in zip(_BESIDE, self.beside, strict=True)}

    def conclude(self, *, held: bool = False) -> None:
        """Weigh all that is known so far, and take it for what is believed.

        :param held: whether it is held against decoys, which takes as long again.
        """
        self.final_measures = {}
        self.final_measures = self.measures()
        # A few matches teach what they happen to have in common: then the prior's own log-odds count.
        known = float(self.given.sum())
        matches = float((self.expected[~self.given] if known else self.expected).sum()) + known
        self.reliance = matches / (matches + self.prior.matches)
        log_odds = parts.column(self._by_all_of, self.size)
        self.final_shift, won = self._shift(log_odds)
        self.line = decoys.Line()
        self.believe(log_odds, won, self.final_shift)
        if held:
            self._hold_against_decoys()
        self._let_go()

    def _let_go(self) -> None:
        """Let go of the pages of what lies in files, and of what was freed."""
        scratch.release_all()
        memory.give_back()

    def _by_all_of(self, rows: slice) -> Doubles:
        """(r,) log-odds by all measures, before how common matches are is counted in."""
        return self._joined(self._added(rows), rows, self.by_prior[rows])

    def _added(self, rows: slice | Positions, anew: Mapping[str, Floats] | None = None) -> dict[str, Floats]:
        """What each measure of the final model adds to some pairs.

        :param anew: (r,) measures that are others than those of all pairs.
        """
        held = dict(zip(_SUMS, self._sums(rows), strict=True)) | dict(anew or {})
        return {
            name: shape.look_up(held[name]) if name in held else self.adds(name, rows)
            for name, shape in self.prior.final.shapes.items()
        }

    def _joined(self, added: Mapping[str, Floats], rows: slice | Positions, by_prior: Doubles) -> Doubles:
        """(r,) log-odds of some rows by what each measure of the final model adds, and by the prior's own."""
        log_odds = np.zeros(len(by_prior))
        for name in self.prior.final.shapes:
            log_odds += added[name]
        log_odds += self.prior.final.intercept
        if any(each.name == associate.TYPES for each in self.columns):
            log_odds += self.by_type(rows)
        log_odds *= self.reliance
        log_odds += (1 - self.reliance) * by_prior
        return log_odds

    def adds(self, name: str, rows: slice | Positions) -> Floats:
        """(r,) what a measure of the final model adds."""
        measure, shape = self.final_measures[name], self.prior.final.shapes[name]
        if name == "prior":
            found: Floats = self._prior_part[rows]
            return found
        if isinstance(measure, Coded):
            return shape.look_up(measure.values).take(measure.codes[rows])
        return shape.look_up(measure[rows])

    def by_type(self, rows: slice | Positions) -> Doubles:
        """(r,) what speaks against pairs because of the types of the two, learned from all matches.

        It counts in full: a city is no country, however much else agrees.
        """
        found = np.zeros(len(self.a[rows]))
        for each in self.columns:
            if each.name == associate.TYPES:
                found = found + np.minimum(each.look_up(rows), 0)
        return found

    # Held against decoys.

    def best_and_wrong(self, further: float) -> tuple[Flags, Doubles]:
        """(c,) the best pairs, and (d,) log-odds of decoys (:mod:`.decoys`), before either is held against
        the other.
        """
        left, right = self._thing_ends()
        one = not self.free[0], not self.free[1]
        alone = (left, right) == self.ends
        best = (self.top if alone else dominant(left, right, self.log_odds, *one)) & self._open
        several = tuple(
            free or len(unique(each)) < len(each) for free, each in zip(self.free, self.things, strict=True)
        )
        again = self._match_again
        # Where things have several records, what is as like as they are is no decoy, gathered or not.
        groups = [self.records_of_one(side, twins.LIKE) for side in (0, 1)] if any(several) else self.alike
        alike = groups[0][self.a], groups[1][self.b]
        found = decoys.decoys(left.node, right.node, alike, best, self.expected, again, further, several)
        return best, found

    def _hold_against_decoys(self) -> None:
        """Stretch and move what is believed by what wrong best pairs look like here."""
        best, wrong = self.best_and_wrong(self.prior.wrong.further)
        # Decoys say anew how common matches are: what was taken for it is left out.
        shift = self.final_shift
        line = decoys.line_of(self.log_odds[best] - shift, wrong - shift, self.prior.wrong, self.prior.base)
        self.line = decoys.Line(line.stretch, line.move - line.stretch * shift)
        # The line rises: who won still wins.
        self.believe(self._on_the_line(self.log_odds), self.top)

    def _on_the_line(self, log_odds: Doubles) -> Doubles:
        return parts.column(lambda rows: self._line_of(log_odds[rows]), self.size)

    def _line_of(self, log_odds: Doubles) -> Doubles:
        return self.line.stretch * log_odds + self.line.move

    def _match_again(self, rows: Positions) -> tuple[Doubles, Flags]:
        """Log-odds and best pairs where only some rows are there."""
        ends = Ends(self.a[rows]), Ends(self.b[rows])
        log_odds = self._log_odds_among(rows, ends)
        grouped = [
            own if thing is None else Ends(thing[own.node])
            for thing, own in zip(self._things(), ends, strict=True)
        ]
        best = dominant(grouped[0], grouped[1], log_odds, not self.free[0], not self.free[1])
        return log_odds, best

    def _log_odds_among(self, rows: Positions, ends: tuple[Ends, Ends]) -> Doubles:
        """(r,) log-odds where only some rows are there: leads are others then, the rest stays."""
        things = self._things()
        start = {
            name: Picked(self.start_measures[name], rows) for name in generic.of_leads(self.start_measures)
        }
        leads = generic.leads(start, ends, things, self.free)
        by_prior = parts.column(lambda part: self._start_of(rows[part], leads, part) + self.shift, len(rows))
        total = parts.column(
            lambda part: self.total[rows[part]] + by_prior[part] - self._prior_measure(rows[part]), len(rows)
        )
        ahead = {
            "lead of the right one": Lead(ends[0], ends[1].node, total, things[1]),
            "lead of the left one": Lead(ends[1], ends[0].node, total, things[0]),
        }

        def again(part: slice) -> Doubles:
            anew = {name: each[part] for name, each in ahead.items()}
            anew["prior"] = by_prior[part].astype(np.float32)
            added = self._added(rows[part], anew)
            return self._joined(added, rows[part], by_prior[part]) + self.final_shift

        return parts.column(again, len(rows))

    @abstractmethod
    def records_of_one(self, side: int, reach: twins.Reach) -> Ids:
        """(n,) the thing that each entity of a side is a record of (:mod:`.twins`)."""

"""The evidence as a state: what is believed of the pairs, and what each measure is worth so far.

It starts from what any two entities share, weighed as the prior says (:mod:`.prior`). From the pairs that
this makes probable it learns which properties correspond and what their levels are worth (:mod:`.levels`),
counts in neighbours that match, and lets pairs compete (:mod:`.competition`); then again, until little moves.
How common matches are here shifts all of it (:mod:`.base_rate`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kgalign.arrays import Doubles, Flags, Positions
from kgalign.base.cores import in_order, slices
from kgalign.base.progress import Progress
from kgalign.judge.evidence import associate, decoys, generic, levels, twins
from kgalign.judge.evidence.base_rate import base_shift, lower_bound
from kgalign.judge.evidence.comparisons import Comparison
from kgalign.judge.evidence.competition import dominant, lead
from kgalign.judge.evidence.correspond import AttributeComparisons
from kgalign.judge.evidence.levels import Codes
from kgalign.judge.evidence.measures import Measures
from kgalign.judge.evidence.neighbours import Neighbours
from kgalign.judge.evidence.prior import Prior, load_prior, with_meaning
from kgalign.judge.evidence.texts import Texts, prepare
from kgalign.links.cardinality import choose
from kgalign.rdf.graph import Ids
from kgalign.records import Candidates, Floats, Profile

_PART = 100_000
"""Pairs that are measured at once."""
_AGREE = 0.7
"""Similarity from which two attributes say the same in the same words: what goes with what adds nothing."""
_HALF = 0.5
"""What a learned log-odd counts beside the prior's where pairs compete: they say the same in part."""
CERTAIN = 20.0
"""Log-odds of a pair that is known."""
_GATHERINGS = 2
_FREE_SHARE = 0.4
"""Share of things with several records from which all records of a side are taken to have a partner."""
_SEVERAL = ("several_left", "several_right")
_PERHAPS = 0.15
"""Share of things with several records from which it is looked whether it stands up to decoys."""
_DOUBT = 3.0
"""Matched things with one record that are thought of beside those that are seen: a few tell little."""
_FREE_LEAD = 1.0
"""Log-odds that a pair leads by, at least, where an entity may have several partners."""


@dataclass(frozen=True, slots=True)
class Column:
    """One comparison: its levels as codes, and what each code is worth."""

    name: str
    kind: str
    labels: tuple[str, ...]
    codes: Codes
    worth: Floats
    """(256,) natural log-odds."""
    attributes: tuple[int, int] = (-1, -1)
    """As in :class:`Comparison`."""

    def look_up(self) -> Floats:
        """(c,) what each pair's level is worth."""
        found: Floats = self.worth[self.codes]
        return found


class Evidence:
    """Judges the candidates of two sides; :func:`judge` is the way in."""

    def __init__(
        self,
        left: Profile,
        right: Profile,
        candidates: Candidates,
        given: Flags,
        *,
        refused: Flags | None = None,
        iterations: int = 3,
        prior: Prior | None = None,
    ) -> None:
        self.left, self.right, self.candidates, self.given = left, right, candidates, given
        self.refused = np.zeros(len(given), dtype=bool) if refused is None else refused
        self.a, self.b = candidates.left, candidates.right
        self.prior = prior or load_prior()
        self.cosine = generic.meaning(candidates)
        if self.cosine is not None:
            self.prior = with_meaning(self.prior)
        self.iterations = iterations
        self.things = [np.arange(len(each), dtype=np.int32) for each in (left, right)]
        self.alone = self.alike = list(self.things)
        self.free = [False, False]
        self.factors: dict[tuple[int, int], float] = {}
        self.line = decoys.Line()

    # What is measured before anything is learned.

    def start(self) -> None:
        """Measure what any two entities share, and weigh it by the prior."""
        self.texts: tuple[Texts, Texts] = prepare(self.left, self.right)
        shared = generic.Generic(self.left, self.right, self.texts)
        ends = ((self.a[part], self.b[part]) for part in slices(len(self.a), _PART))
        parts = list(in_order(shared.measure_ends, ends, heavy=True))
        self.start_measures = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        self._add_from_candidates()
        self.shared = shared
        self._weigh_by_prior()
        self.pooled = [self._column(generic.level_of(n, self.start_measures[n])) for n in generic.COMPARED]
        self.columns: list[Column] = []
        self.beside: list[Column] = []
        self.believe(self.by_prior.copy())

    def _add_from_candidates(self) -> None:
        """Take what retrieval found of each pair for measures, too."""
        self.start_measures[generic.SAME_IRI] = generic.same_iri(self.candidates)
        if self.cosine is not None:
            self.start_measures[generic.MEANING] = self.cosine

    def _weigh_by_prior(self) -> None:
        leads = generic.leads(self.start_measures, self.a, self.b, self.things, self.free)
        for name, ahead in leads.items():
            self.start_measures[name] = ahead()
        by_prior = self.prior.start.log_odds(self.start_measures)
        self.shift = self._shift(by_prior)
        self.by_prior = by_prior + self.shift

    def _column(self, comparison: Comparison) -> Column:
        codes = levels.encode(comparison)
        nothing = np.zeros(256, dtype=np.float32)
        told = comparison.name, comparison.kind, comparison.labels
        return Column(*told, codes, nothing, comparison.attributes)

    def _weighed(self, columns: Sequence[Column]) -> list[Column]:
        """The columns with what their levels are worth, by what is expected now."""
        found = []
        for each in columns:
            sums = levels.add_up(each.codes, self.expected)
            # Types are few and the same for all: matches that never were seen between two say much.
            counts = 1.0 if each.name == associate.TYPES else self.prior.counts
            worth = levels.worth(sums, len(each.labels), counts)
            found.append(replace(each, worth=worth))
        return found

    def _forget_texts(self) -> None:
        """Let go of what only measuring and learning needs: what is believed stays as it is."""
        del self.texts, self.shared, self.correspondences

    # What is believed.

    def believe(self, log_odds: Doubles) -> None:
        """Take log-odds for what is believed, as far as pairs don't exclude each other.

        :param log_odds: (c,) they become the evidence's own.
        """
        log_odds[self.refused] = -CERTAIN
        log_odds[self.given] = CERTAIN
        self.log_odds = log_odds
        self.top = self._winners(self.log_odds)
        self.expected = np.where(self.top, 1 / (1 + np.exp(-self.log_odds)), 0.0)

    def _winners(self, log_odds: Doubles) -> Flags:
        """(c,) pairs that win where they compete: all pairs of the records of two things that do."""
        one = not self.free[0], not self.free[1]
        if all(now is alone for now, alone in zip(self.things, self.alone, strict=True)):
            return dominant(self.a, self.b, log_odds, *one)
        left, right = self.things[0][self.a], self.things[1][self.b]
        chosen = np.flatnonzero(dominant(left, right, log_odds, *one))
        # All rows of the two things that were taken for each other.
        node, other = (left, right) if one[1] else (right, left)
        partner = np.full(int(node.max()) + 1, -1, dtype=np.int32)
        partner[node[chosen]] = other[chosen]
        found: Flags = partner[node] == other
        return found

    def several(self, side: int) -> float:
        """How many matched things have several records on a side: a lower bound of their share.

        The largest over the types of entities: where people have several records, their addresses need not.
        Wilson's bound (1927) at one standard error, over the expected number of matched things.
        """
        profile = (self.left, self.right)[side]
        thing, entity = (self.things[0][self.a], self.things[1][self.b])[side], (self.a, self.b)[side]
        chance = np.zeros(len(profile))
        np.maximum.at(chance, entity, np.where(self._both_described(), self.expected, 0.0))
        of = np.full(len(chance), -1, dtype=np.int64)
        of[entity] = thing
        order = np.lexsort((-chance, of))
        place = np.arange(len(order)) - np.searchsorted(of[order], of[order], "left")
        type_of = profile.entity_type[order] + 1
        counts = [
            np.bincount(type_of[here], chance[order[here]], minlength=len(profile.types) + 1)
            for here in (place == 0, place == 1)
        ]
        bounds = [lower_bound(second, first + _DOUBT, 1.0) for first, second in zip(*counts, strict=True)]
        return max(bounds, default=0.0)

    def _both_described(self) -> Flags:
        """(c,) pairs of two of which something is said: others are no links."""
        described: Flags = self.left.described[self.a] & self.right.described[self.b]
        return described

    def _within(self, first: Ids, second: Ids, side: int) -> Doubles:
        """(t,) log-odds of pairs within a side, by the measures that pairs across have too."""
        within = twins.absolute(self.prior.start, self.shared.measure(first, second, (side, side)))
        compared = self.correspondences.compare(first, second, (side, side))
        for column, each in zip(self.columns, compared, strict=False):
            within = within + _HALF * column.worth[levels.encode(each)]
        return within

    def settle(self, asked: str) -> dict[str, float]:
        """Take records of one thing for one where the evidence is for it, or where it was asked for.

        Elsewhere what is believed is held against decoys.

        :returns: how many matched things have several records on a side, for the notes.
        """
        sides = {"one-to-one": [], "one-to-many": [1], "many-to-one": [0]}.get(asked, [0, 1])
        figures = dict.fromkeys(_SEVERAL, 0.0)
        before = list(self.things)
        keep = [False, False]
        if sides and self.join_records(sides):
            self.alike = list(self.things)
            figures = {
                name: self.several(side) if side in sides else 0.0 for side, name in enumerate(_SEVERAL)
            }
            if asked == "auto" and max(figures.values()) >= _PERHAPS:
                # Among look-alikes much is believed that decoys take back.
                self.conclude(held=True)
                figures = {
                    name: self.several(side) if share >= _PERHAPS else share
                    for side, (name, share) in enumerate(figures.items())
                }
            keep = self._chosen(asked, figures)
            self.things = [
                now if kept else then for now, then, kept in zip(self.things, before, keep, strict=True)
            ]
            self._weigh_by_prior()
        if not any(keep):
            self.conclude()
            self._forget_texts()
            self.conclude(held=True)
            return figures
        if sum(keep) == 1 and (asked != "auto" or max(figures.values()) >= _FREE_SHARE):
            # Each record of the side with several takes its best partner on the other.
            self.free = keep
        for _ in range(_GATHERINGS):
            self.join_records([side for side in (0, 1) if keep[side]], twins.GATHER)
            self.alike = list(self.things)
        self.conclude(held=True)
        self._forget_texts()
        return figures

    @staticmethod
    def _chosen(asked: str, figures: dict[str, float]) -> list[bool]:
        """Per side, whether a thing may have several records there."""
        chosen, _ = choose(asked, figures["several_right"], figures["several_left"])
        return [chosen in ("many-to-one", "many-to-many"), chosen in ("one-to-many", "many-to-many")]

    def join_records(self, sides: Sequence[int], reach: twins.Reach = twins.SEARCH) -> bool:
        """Take records of one thing within the sides for one, and judge again what competes.

        :returns: whether there are any.
        """
        found = {side: self.records_of_one(side, reach) for side in sides}
        joined = any(len(np.unique(each)) < len(each) for each in found.values())
        for side, each in found.items():
            self.things[side] = each
        if joined or reach is not twins.SEARCH:
            self._weigh_by_prior()
            self.conclude()
            self.conclude()
        return joined

    def records_of_one(self, side: int, reach: twins.Reach) -> Ids:
        """(n,) the thing that each entity of a side is a record of (:mod:`.twins`)."""
        learned = np.zeros(len(self.a))
        for column in self.columns[: len(self.correspondences.found)]:
            learned += column.look_up()
        across = twins.absolute(self.prior.start, self.start_measures) + _HALF * learned
        usual = twins.weighted_quantile(across, self.expected, reach.usual)
        node, member = ((self.b, self.a), (self.a, self.b))[side]
        found = twins.rivals_of_one(node, member, self.total, across >= usual, reach)
        if not len(found.row):
            return np.arange(len((self.left, self.right)[side]), dtype=np.int32)
        ok = twins.hold_together(found, self._within(found.first, found.second, side), across, reach)
        return twins.grouped(found.first[ok], found.second[ok], len((self.left, self.right)[side]))

    def _shift(self, log_odds: Doubles) -> float:
        """How much more or less common matches are here than where the prior was learned."""
        known = self._both_described() & ~self.given
        return base_shift(log_odds[self._winners(log_odds) & known], self.prior.base)

    # What is learned here.

    def learn(self, progress: Progress) -> None:
        """Learn correspondences, what goes with what, and what neighbours tell, round by round."""
        with progress.task("judge by evidence", self.iterations + 2, "rounds") as task:
            self._learn_attributes()
            self.conclude()
            task.advance()
            self._learn_attributes()
            self.conclude()
            task.advance()
            neighbours = Neighbours(self.left, self.right, self.a, self.b)
            for _ in range(self.iterations if neighbours.any else 0):
                self.beside = [self._column(each) for each in neighbours.compare(self.expected)]
                self.conclude()
                task.advance()

    def _learn_attributes(self) -> None:
        left, right, a, b = self.left, self.right, self.a, self.b
        learned = AttributeComparisons.learned(left, right, self.texts, a, b, self.expected)
        self.correspondences = learned
        self.factors = {(each.left, each.right): each.factor for each in learned.found}
        found = [self._column(each) for each in learned.compare(a, b)]
        taken = {(each.left, each.right) for each in learned.found if each.agreement >= _AGREE}
        for each in associate.learn(left, right, a, b, self.expected, taken):
            found.append(self._column(associate.compare(each, a, b)))
        if self.cosine is not None:
            found.append(self._column(generic.near(self.cosine)))
        self.columns = found

    def measures(self) -> dict[str, Floats]:
        """What the final model weighs, (c,) each, by what is expected now."""
        self.pooled, self.columns = self._weighed(self.pooled), self._weighed(self.columns)
        self.beside = self._weighed(self.beside)
        pooled, speaks_for, against = np.zeros((3, len(self.a)), dtype=np.float32)
        for column in self.pooled:
            pooled += column.look_up()
        for column in self.columns:
            if column.name != associate.TYPES:
                worth = column.look_up()
                speaks_for += np.maximum(worth, 0)
                against += np.minimum(worth, 0)
        found = {
            "prior": self.by_prior.astype(np.float32),
            "pooled": pooled,
            "for": speaks_for,
            "against": against,
        }
        total = found["prior"] + _HALF * (found["for"] + found["against"])
        for name, column in zip(("surprise", "neighbours"), self.beside, strict=False):
            found[name] = np.where(
                column.codes == levels.MISSING, np.nan, column.codes / np.float32(levels.STEPS)
            ).astype(np.float32)
            total = total + _HALF * column.look_up()
        if not self.beside:
            found["surprise"] = found["neighbours"] = np.full(len(self.a), np.nan, dtype=np.float32)
        self.total = total.astype(np.float64)
        ends = (("left", self.b, self.things[0][self.a]), ("right", self.a, self.things[1][self.b]))
        for (end, node, thing), free in zip(ends, self.free, strict=True):
            ahead = lead(node, thing, self.total)
            ahead = np.maximum(ahead, _FREE_LEAD) if free else ahead
            found[f"lead of the {end} one"] = ahead.astype(np.float32)
        return found

    def best_and_wrong(self, further: float) -> tuple[Flags, Doubles]:
        """(c,) the best pairs, and (d,) log-odds of decoys (:mod:`.decoys`), before either is held against
        the other.
        """
        known = self._both_described() & ~self.given
        left, right = self.things[0][self.a], self.things[1][self.b]
        best = dominant(left, right, self.log_odds, not self.free[0], not self.free[1]) & known
        several = tuple(
            free or len(np.unique(each)) < len(each)
            for free, each in zip(self.free, self.things, strict=True)
        )
        again = self._match_again
        # Where things have several records, what is as like as they are is no decoy, gathered or not.
        groups = [self.records_of_one(side, twins.LIKE) for side in (0, 1)] if any(several) else self.alike
        alike = groups[0][self.a], groups[1][self.b]
        return best, decoys.decoys(left, right, alike, best, self.expected, again, further, several)

    def _hold_against_decoys(self) -> None:
        """Stretch and move what is believed by what wrong best pairs look like here."""
        best, wrong = self.best_and_wrong(self.prior.wrong.further)
        # Decoys say anew how common matches are: what was taken for it is left out.
        shift = self.final_shift
        line = decoys.line_of(self.log_odds[best] - shift, wrong - shift, self.prior.wrong, self.prior.base)
        self.line = decoys.Line(line.stretch, line.move - line.stretch * shift)
        self.believe(self.line.stretch * self.log_odds + self.line.move)

    def _match_again(self, rows: Positions) -> tuple[Doubles, Flags]:
        """Log-odds and best pairs where only some rows are there."""
        log_odds = self._log_odds_among(rows)
        ends = self.things[0][self.a[rows]], self.things[1][self.b[rows]]
        return log_odds, dominant(*ends, log_odds, not self.free[0], not self.free[1])

    def _log_odds_among(self, rows: Positions) -> Doubles:
        """(r,) log-odds where only some rows are there: leads are others then, the rest stays."""
        a, b = self.a[rows], self.b[rows]
        start = Measures(self.start_measures, rows, {})
        leads = generic.leads(start, a, b, self.things, self.free)
        by_prior = self.prior.start.log_odds(Measures(self.start_measures, rows, leads)) + self.shift
        total = self.total[rows] + by_prior - self.final_measures["prior"][rows]
        anew = {
            "prior": lambda: by_prior.astype(np.float32),
            "lead of the right one": lambda: lead(a, self.things[1][b], total).astype(np.float32),
            "lead of the left one": lambda: lead(b, self.things[0][a], total).astype(np.float32),
        }
        log_odds = self.prior.final.log_odds(Measures(self.final_measures, rows, anew))
        log_odds += self.by_type()[rows]
        log_odds *= self.reliance
        log_odds += (1 - self.reliance) * by_prior
        log_odds += self.final_shift
        return log_odds

    def by_type(self) -> Doubles:
        """(c,) what speaks against a pair because of the types of the two, learned from all matches.

        It counts in full: a city is no country, however much else agrees.
        """
        found = np.zeros(len(self.a))
        for each in self.columns:
            if each.name == associate.TYPES:
                found = found + np.minimum(each.look_up(), 0)
        return found

    def conclude(self, *, held: bool = False) -> None:
        """Weigh all that is known so far, and take it for what is believed.

        :param held: whether it is held against decoys, which takes as long again.
        """
        self.final_measures = {}
        self.final_measures = self.measures()
        # A few matches teach what they happen to have in common: then the prior's own log-odds count.
        matches = float(self.expected[~self.given].sum()) + float(self.given.sum())
        self.reliance = matches / (matches + self.prior.matches)
        log_odds = self._by_all()
        self.final_shift = self._shift(log_odds)
        self.line = decoys.Line()
        log_odds += self.final_shift
        self.believe(log_odds)
        if held:
            self._hold_against_decoys()

    def _by_all(self) -> Doubles:
        """(c,) log-odds by all measures, before how common matches are is counted in."""
        log_odds = self.prior.final.log_odds(self.final_measures)
        log_odds += self.by_type()
        log_odds *= self.reliance
        log_odds += (1 - self.reliance) * self.by_prior
        return log_odds

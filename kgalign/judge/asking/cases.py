"""Whom to ask about: the entities of whose partner the evidence is not sure, widest doubt first."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kgalign.arrays import Doubles, Flags, Positions, run_starts
from kgalign.config import VotesConfig
from kgalign.links.cardinality import choose
from kgalign.records import Profile, Verdicts

_WORTH = 0.005
"""A candidate less probable than this is not shown: it costs tokens and can only mislead."""
_RULED_OUT = -19.0
"""Natural log-odds down from which a pair is no match for certain, as what people refused."""
_NONE = 0.01
"""Least prior of having no partner: the evidence knows the candidates alone."""
_RIVALS = 3


@dataclass(frozen=True, slots=True)
class Case:
    """One entity whose partner is in doubt, and who it may be."""

    name: str
    """IRI of the left entity; where it may have several partners, each pair is a case of its own and the IRI
    of the right one follows after a space."""
    left: int
    left_iri: str
    options: tuple[int, ...]
    """Right entities, the likeliest first."""
    rows: tuple[int, ...]
    """Rows of these pairs in the verdicts."""
    prior: Doubles
    """(options + 1,) probability of having none of them, then of each; sums to 1."""
    rivals: tuple[tuple[int, ...], ...]
    """For each option the other left entities that it may belong to, the likeliest first."""
    has_relations: bool
    several: bool
    """Whether it is one pair on its own, because entities may have several partners."""

    @property
    def contested(self) -> tuple[int, ...]:
        """Numbers, from 1, of the options that may belong to other left entities as well."""
        return tuple(number for number, others in enumerate(self.rivals, start=1) if others)

    @property
    def doubt(self) -> float:
        """How much the likeliest hypothesis leaves open, 0 to 1."""
        return 1.0 - float(self.prior.max())


def find_cases(
    verdicts: Verdicts, left: Profile, right: Profile, rules: VotesConfig, cardinality: str = "auto"
) -> list[Case]:
    """The cases to ask about, widest doubt first; equal ones by name.

    Pairs that are known from the start are never in doubt, and neither are their entities where they may have
    but one partner.

    :param cardinality: as in the configuration; ``auto`` is decided as everywhere, by the evidence.
    """
    if rules.ask == "none" or not len(verdicts):
        return []
    figures = verdicts.notes.get("several_right", 0.0), verdicts.notes.get("several_left", 0.0)
    chosen, _ = choose(cardinality, *figures)
    finder = _Finder(verdicts, left, right, rules, chosen)
    return sorted(finder.all(), key=lambda case: (-case.doubt, case.name))


class _Finder:
    """Cuts the verdicts into cases."""

    def __init__(
        self, verdicts: Verdicts, left: Profile, right: Profile, rules: VotesConfig, cardinality: str
    ) -> None:
        self.rules = rules
        self.cardinality = cardinality
        self.open = _open(verdicts, cardinality)
        self.left, self.right = verdicts.left, verdicts.right
        self.probability = verdicts.probability.astype(np.float64)
        self.log_odds = verdicts.log_odds
        self.iri = left.entity_iri, right.entity_iri
        self.related = related(left), related(right)
        rows = self.open[np.lexsort((self.left[self.open], -self.log_odds[self.open], self.right[self.open]))]
        self.by_right = rows
        self.right_start = np.searchsorted(self.right[rows], np.arange(len(right) + 1))

    def all(self) -> Iterator[Case]:
        """The cases, in no order that counts."""
        if self.cardinality in ("one-to-many", "many-to-many"):
            for row in self._doubtful_pairs().tolist():
                yield self._pair(row)
        else:
            yield from map(self._entity, self._doubtful_entities())

    def _doubtful_pairs(self) -> Positions:
        probability = self.probability[self.open]
        if self.rules.ask == "all":
            return self.open[probability >= _WORTH]
        return self.open[np.minimum(probability, 1 - probability) >= self.rules.doubt]

    def _doubtful_entities(self) -> Iterator[Positions]:
        """Rows of each left entity in doubt, the likeliest first.

        Doubt is computed for all at once: most entities are clear, and no case is made for them.
        """
        rows = self.open[np.lexsort((self.right[self.open], -self.log_odds[self.open], self.left[self.open]))]
        if not len(rows):
            return
        start = np.flatnonzero(run_starts(self.left[rows]))
        end = np.append(start[1:], len(rows))
        place = np.arange(len(rows)) - np.repeat(start, end - start)
        shown = (place < self.rules.options) & ((self.probability[rows] >= _WORTH) | (place == 0))
        odds = np.where(shown, self.probability[rows], 0.0)
        some, best = np.add.reduceat(odds, start), np.maximum.reduceat(odds, start)
        none = np.maximum(_NONE, 1 - some)
        doubt = 1 - np.maximum(none, best) / (none + some)
        asked = np.ones(len(start), dtype=bool) if self.rules.ask == "all" else doubt >= self.rules.doubt
        for first, last in zip(start[asked].tolist(), end[asked].tolist(), strict=True):
            yield rows[first:last][shown[first:last]]

    def _entity(self, rows: Positions) -> Case:
        odds = self.probability[rows]
        prior = np.concatenate([[max(_NONE, 1.0 - float(odds.sum()))], odds])
        return self._case(rows.tolist(), prior / prior.sum(), several=False)

    def _pair(self, row: int) -> Case:
        yes = float(np.clip(self.probability[row], 1e-6, 1 - 1e-6))
        return self._case([row], np.array([1 - yes, yes]), several=True)

    def _case(self, rows: list[int], prior: Doubles, *, several: bool) -> Case:
        left = int(self.left[rows[0]])
        iri = str(self.iri[0][left].as_py())
        options = tuple(int(self.right[row]) for row in rows)
        return Case(
            name=f"{iri} {self.iri[1][options[0]].as_py()}" if several else iri,
            left=left,
            left_iri=iri,
            options=options,
            rows=tuple(rows),
            prior=prior,
            rivals=tuple(self._rivals(left, option) for option in options),
            has_relations=bool(self.related[0][left]) and any(self.related[1][option] for option in options),
            several=several,
        )

    def _rivals(self, left: int, option: int) -> tuple[int, ...]:
        """Other left entities for a right one; none where several of them may be right."""
        if self.cardinality != "one-to-one":
            return ()
        rows = self.by_right[self.right_start[option] : self.right_start[option + 1]][: _RIVALS + 1]
        others = (int(self.left[row]) for row in rows if self.probability[row] >= _WORTH)
        return tuple(other for other in others if other != left)[:_RIVALS]


def _open(verdicts: Verdicts, cardinality: str) -> Positions:
    """Rows that may be asked about: not known either way, and neither entity taken by a given pair."""
    given = verdicts.given
    taken = given | (verdicts.log_odds <= _RULED_OUT)
    if cardinality in ("one-to-one", "many-to-one"):
        taken |= np.isin(verdicts.left, verdicts.left[given])
    if cardinality in ("one-to-one", "one-to-many"):
        taken |= np.isin(verdicts.right, verdicts.right[given])
    return np.flatnonzero(~taken)


def related(profile: Profile) -> Flags:
    """(n,) whether an entity has relations to others, in either direction."""
    related = np.zeros(len(profile), dtype=bool)
    related[profile.edge_head] = True
    related[profile.edge_tail] = True
    return related

"""What is merged in a run, pair by pair, and which of these merges an IRI stands for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa

from kgalign.arrays import Flags, flags, unique
from kgalign.errors import InputError
from kgalign.explain import bare, is_node, nearest
from kgalign.fusion import MINTED, Canonical, minted_members
from kgalign.links.known import node_texts, same_within
from kgalign.links.pairs import PairIndex, entity_ids, is_link, pair_ids
from kgalign.rdf.graph import Graph, Ids
from kgalign.records import Alignment, Outcome, Profile
from kgalign.records.fused import SIDES, Fusion
from kgalign.records.names import Names

_Members = tuple[Ids, Ids]
"""Term ids of the left and of the right graph."""


@dataclass(frozen=True, slots=True)
class Merge:
    """Two nodes that one link makes one, or that one link made one before it was taken back."""

    left: str
    right: str
    """IRIs, or ``_:label``; both of one side where a graph itself says that they are one."""
    sides: tuple[int, int]
    """0 for the left graph, 1 for the right one."""
    terms: tuple[int, int]
    """Term ids in these graphs."""
    known: bool
    """Whether the input says so."""

    @property
    def pair(self) -> tuple[str, str]:
        """The two texts."""
        return self.left, self.right

    def is_one(self, fusion: Fusion) -> bool:
        """Whether the two are one node of a fused graph."""
        places = fusion.left_term, fusion.right_term
        (side, other), (term, other_term) = self.sides, self.terms
        return bool(places[side][term] == places[other][other_term])


@dataclass(frozen=True)
class Merges:
    """All merges of a run."""

    profiles: tuple[Profile, Profile]
    alignment: Alignment
    taken: frozenset[tuple[str, str]]
    """What was taken back already, which counts all the same."""
    within: bool
    """Whether nodes of one graph are merged where it says so itself."""
    load: Callable[[], tuple[Graph, Graph]] = field(repr=False)
    """Gives the two graphs, which not everything needs."""
    names: Names
    """What the run that this one grew from calls things."""
    canonical: Canonical
    """How the fused graph of this one is named."""

    @cached_property
    def graphs(self) -> tuple[Graph, Graph]:
        """The left and the right graph."""
        return self.load()

    def of(self, iri: str, other: str | None = None) -> list[Merge]:
        """The merges that an entity is part of, or that a minted IRI stands for.

        :param other: what it is merged with, where only this is wanted.
        :raises InputError: there is no such entity, or nothing is merged with it.
        """
        found = self._with(iri)
        if other is None:
            if not found:
                raise InputError(f"{iri} is not merged with anything", "There is nothing to take back")
            return found
        beside = {each.pair for each in self._with(other)}
        both = [each for each in found if each.pair in beside]
        if not both:
            raise InputError(
                f"No link holds {iri} and {other} together",
                "If they are one thing, then through others: take back all links of one of the two",
            )
        return both

    def under_minted(self, iri: str) -> list[Merge]:
        """The merges that a minted or a kept IRI stands for, as things are or were before; none if none."""
        kept = iri in self.names.name.to_pylist()
        if not iri.startswith(MINTED) and not kept:
            return []
        linked = self._rows(is_link(self.alignment))
        for rows in (linked, self._rows(is_link(self.alignment) | self._taken_rows)):
            members = minted_members(
                iri,
                self.graphs,
                rows,
                self._within_terms,
                names=self.names if kept else None,
                canonical_side=self.canonical if kept else "mint",
            )
            if members is not None:
                return self._touching(members)
        return []

    def _with(self, iri: str) -> list[Merge]:
        members = self._nodes(iri)
        if members is None:
            found = self.under_minted(iri)
            if not found:
                self._refuse(iri)
            return found
        return self._touching(members)

    def _nodes(self, iri: str) -> _Members | None:
        """The term of an entity of this name on either side, or of a node that its graph says is another."""
        text = bare(iri)
        found: list[Ids] = []
        for side, profile in enumerate(self.profiles):
            entity = entity_ids(profile, [text])
            terms = profile.entity_term[entity[entity >= 0]]
            if not len(terms) and self.within and len(self._within_terms[side][0]):
                nodes = unique(np.concatenate(self._within_terms[side]))
                terms = nodes[[each == text for each in node_texts(self.graphs[side], nodes)]]
            found.append(terms.astype(np.int32))
        return (found[0], found[1]) if len(found[0]) or len(found[1]) else None

    @cached_property
    def _taken_rows(self) -> Flags:
        """(l,) rows of the alignment that were rejected because they were taken back."""
        rows = PairIndex(self.alignment.left, self.alignment.right).rows(
            *pair_ids(*self.profiles, sorted(self.taken))
        )
        taken = flags(len(self.alignment), rows[rows >= 0].astype(np.int32))
        taken &= self.alignment.outcome == Outcome.REJECTED
        return taken

    @cached_property
    def _within_terms(self) -> tuple[tuple[Ids, Ids], tuple[Ids, Ids]]:
        """What each graph says is one within itself, taken back or not."""
        if not self.within:
            none = np.empty(0, np.int32)
            return (none, none), (none, none)
        return same_within(self.graphs[0]), same_within(self.graphs[1])

    def _rows(self, rows: Flags) -> _Members:
        """Rows of the alignment as term ids."""
        left, right = self.profiles
        return (
            left.entity_term[self.alignment.left[rows]],
            right.entity_term[self.alignment.right[rows]],
        )

    def _touching(self, members: _Members) -> list[Merge]:
        """The merges with an end among some nodes."""
        wanted = is_link(self.alignment) | self._taken_rows
        left, right = self._rows(np.ones(len(self.alignment), bool))
        rows = np.flatnonzero(wanted & (np.isin(left, members[0]) | np.isin(right, members[1])))
        texts = [
            profile.entity_iri.take(pa.array(ids[rows])).to_pylist()
            for profile, ids in zip(self.profiles, (self.alignment.left, self.alignment.right), strict=True)
        ]
        known = self.alignment.outcome[rows] == Outcome.CONFIRMED
        found = [
            Merge(a, b, (0, 1), (int(left[row]), int(right[row])), bool(is_known))
            for a, b, row, is_known in zip(*texts, rows.tolist(), known, strict=True)
        ]
        if self.within:
            for side, (first, second) in enumerate(self._within_terms):
                rows = np.flatnonzero(np.isin(first, members[side]) | np.isin(second, members[side]))
                names = [node_texts(self.graphs[side], ids[rows]) for ids in (first, second)]
                ends = zip(*names, first[rows].tolist(), second[rows].tolist(), strict=True)
                found += [Merge(a, b, (side, side), (i, j), True) for a, b, i, j in ends]
        return found

    def _refuse(self, iri: str) -> None:
        """Say why an IRI stands for no merge."""
        text = bare(iri)
        if text.startswith(MINTED):
            raise InputError(
                f"Nothing is one under the minted IRI {text}",
                "Such IRIs change with what they stand for: `fused.ttl` has those of this run",
            )
        for side, graph in zip(SIDES, self.graphs, strict=True):
            if is_node(graph, text):
                raise InputError(
                    f"{text} is a node of the {side} graph, but not merged with anything",
                    "There is nothing to take back",
                )
        raise InputError(
            f"{text!r} is no entity of either side", f"The nearest are {nearest(self.profiles, text)}"
        )

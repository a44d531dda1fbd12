"""Why a pair was linked, or was not: the evidence of its verdict, feature by feature."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pyarrow as pa
from rapidfuzz import fuzz, process

from kgalign.arrays import unique
from kgalign.errors import InputError
from kgalign.evaluate.mistakes import Named, named
from kgalign.explain.explanation import HEADINGS, Explanation, Line, Neighbour, PairExplanation
from kgalign.explain.finding import Spaces, bare, find
from kgalign.explain.people import People, Word
from kgalign.explain.values import (
    chain,
    compared,
    edges,
    for_models,
    record,
    same_iri,
    shown,
)
from kgalign.links.pairs import LINKED, PairIndex, entity_ids, is_link
from kgalign.rdf.graph import Graph, TermKind
from kgalign.records import Alignment, Candidates, Feature, Hearing, Outcome, Profile, Verdicts
from kgalign.records.votes import NONE, Direction, QuestionKind, Vote

__all__ = [
    "HEADINGS",
    "Explainer",
    "Explanation",
    "Line",
    "PairExplanation",
    "Side",
    "bare",
    "is_node",
    "nearest",
]

Side = Literal["left", "right"]

_VERBS = {"match": "linked with", "confirmed": "linked with", "rejected": "taken apart by a person from"}
_MOST_VALUES = 4
_MOST_TOLD = 20
"""Values of a property in a record."""
_MOST_PAIRS = 3
_MOST_MEANT = 10
"""Entities of one name that are listed."""
_MOST_LINKS = 6
"""Links of a chain that are shown."""
_NEAREST = 3
_NOT_YET = "this run doesn't hold to it yet: the same `kgalign run` again does"


class Explainer:
    """Explains the pairs of one run."""

    def __init__(
        self,
        left: Profile,
        right: Profile,
        candidates: Candidates,
        verdicts: Verdicts,
        alignment: Alignment,
        *,
        match_probability: float = 0.5,
        hearing: Hearing | None = None,
        votes: Callable[[str], Iterable[Vote]] = lambda case: (),
        are_one: Callable[[Side, int, int], bool] | None = None,
        people: People | None = None,
        spaces: Spaces | None = None,
    ) -> None:
        """Take what a run found.

        :param verdicts: with the votes in them.
        :param hearing: what each vote added, where a language model was asked.
        :param votes: gives the votes on a case, by its name in the ledger.
        :param are_one: whether two entities of a side are one node of the fused graph, where there is one.
        :param people: who said what of pairs and entities.
        :param spaces: prefixes by which entities may be named.
        """
        self.left, self.right = left, right
        self.candidates, self.verdicts, self.alignment = candidates, verdicts, alignment
        self._threshold = match_probability
        self._hearing, self._votes, self._are_one = hearing, votes, are_one
        self._people = people or People()
        self._spaces = spaces or {}
        self._candidate = PairIndex(candidates.left, candidates.right)
        self._verdict = PairIndex(verdicts.left, verdicts.right)
        self._aligned = PairIndex(alignment.left, alignment.right)
        linked = is_link(alignment)
        self._links = (alignment.left[linked], alignment.right[linked])

    def entity(self, iri: str, side: Side | None = None) -> Explanation:
        """Explain what an entity was linked with, and what came next.

        :param iri: its IRI, a CURIE, its label, or the last part of its IRI.
        :raises InputError: no side has such an entity, the nearest are in the remedy; or there are several.
        """
        found, number = self._find(iri, side)
        profile = self.left if found == "left" else self.right
        own = self.verdicts.left if found == "left" else self.verdicts.right
        rows = np.flatnonzero(own == number)
        rows = rows[np.argsort(-self.verdicts.log_odds[rows], kind="stable")]
        outcomes = {row: self._outcome_of(row) for row in rows.tolist()}
        chosen = [row for row, outcome in outcomes.items() if outcome is not None][:_MOST_PAIRS]
        rest = [row for row, outcome in outcomes.items() if outcome is None]
        pairs = [self._pair(row, "chosen") for row in chosen]
        pairs += [self._pair(row, "runner-up") for row in rest[: 1 if chosen else 2]]
        asked = named(profile, number)
        alone = () if pairs else self._people.of_entity(asked.iri, ("left", "right").index(found))
        return Explanation((asked,), self._sum_up(asked, found, pairs, len(rows)), tuple(pairs), alone)

    def pair(self, first: str, second: str, side: Side | None = None) -> Explanation:
        """Explain one pair, its IRIs in either order; of two of one side, say what became of each.

        Each may be named as in :meth:`entity`.

        :param side: whose entity the first is, where both sides have both.
        :raises InputError: one of them is no entity, or not of the side that was named, or there are several.
        """
        first, second = self._pair_of_iris(first, second, side)
        ends = self._ends(first, second, side)
        if ends is None:
            return self._of_one_side(first, second, side)
        a, b = named(self.left, ends[0]), named(self.right, ends[1])
        row = self._verdict.row(*ends)
        if row < 0:
            summary = f"{shown(a)} and {shown(b)} were never a candidate pair: no channel retrieved it"
            return Explanation((a, b), summary + same_iri(a, b), (), self._people.of_pair(a.iri, b.iri))
        pair = self._pair(row, "asked")
        known = ", which was known from the start" if pair.given else ""
        summary = f"{shown(a)} and {shown(b)}: {pair.outcome}{known}, probability {pair.probability:.3f}"
        return Explanation((a, b), summary + same_iri(a, b), (pair,))

    def is_entity(self, iri: str) -> bool:
        """Whether a side has an entity of this IRI."""
        return _number(self.left, iri) >= 0 or _number(self.right, iri) >= 0

    def _find(self, iri: str, side: Side | None) -> tuple[Side, int]:
        sides: list[tuple[Side, Profile]] = [("left", self.left), ("right", self.right)]
        searched = [(name, profile) for name, profile in sides if side in (None, name)]
        for name, profile in searched:
            if (number := _number(profile, iri)) >= 0:
                return name, number
        found = [(name, number) for name, profile in searched for number in find(profile, iri, self._spaces)]
        if found:
            return self._only(iri, found)
        if side and self.is_entity(iri):
            other = "right" if side == "left" else "left"
            raise InputError(
                f"{bare(iri)!r} is no entity of the {side} side", f"It is one of the {other} side"
            )
        where = f"the {side} side" if side else "either side"
        near = nearest([profile for _, profile in searched], bare(iri))
        raise InputError(f"{bare(iri)!r} is no entity of {where}", f"The nearest are {near}")

    def _only(self, text: str, found: Sequence[tuple[Side, int]]) -> tuple[Side, int]:
        """The one entity that is meant; of two that are linked with each other the left one.

        :raises InputError: there are several.
        """
        if len(found) == 1 or (len(found) == 2 and self._are_linked(*found)):
            return found[0]
        sides = {"left": self.left, "right": self.right}
        named_ones = [f"{side} {shown(named(sides[side], number))}" for side, number in found[:_MOST_MEANT]]
        more = f" and {len(found) - _MOST_MEANT:,} more" if len(found) > _MOST_MEANT else ""
        raise InputError(
            f"{len(found):,} entities go by the name {text!r}: {', '.join(named_ones)}{more}",
            "Give the IRI of one of them",
        )

    def _are_linked(self, first: tuple[Side, int], second: tuple[Side, int]) -> bool:
        if (first[0], second[0]) != ("left", "right"):
            return False
        left, right = self._links
        return bool(((left == first[1]) & (right == second[1])).any())

    def _pair_of_iris(self, first: str, second: str, side: Side | None) -> tuple[str, str]:
        """The IRIs of two entities, however they are named; names are looked up on different sides first."""
        if self.is_entity(first) and self.is_entity(second):
            return first, second
        for of_first, of_second in ((self.left, self.right), (self.right, self.left)):
            if side not in (None, "left" if of_first is self.left else "right"):
                continue
            found = find(of_first, first, self._spaces), find(of_second, second, self._spaces)
            if len(found[0]) == len(found[1]) == 1:
                return named(of_first, found[0][0]).iri, named(of_second, found[1][0]).iri
        ends = self._find(first, side), self._find(second, None)
        sides = {"left": self.left, "right": self.right}
        a, b = (named(sides[of], number).iri for of, number in ends)
        return a, b

    def _ends(self, first: str, second: str, side: Side | None) -> tuple[int, int] | None:
        """The left and the right entity that two IRIs name; None where both are of one side only."""
        for of_first, left, right in (("left", first, second), ("right", second, first)):
            ends = _number(self.left, left), _number(self.right, right)
            if side in (None, of_first) and min(ends) >= 0:
                return ends
        self._find(first, side)
        self._find(second, None)
        return None

    def _of_one_side(self, first: str, second: str, side: Side | None) -> Explanation:
        """What became of two entities of one side, and what holds them together."""
        side, a = self._find(first, side)
        _, b = self._find(second, side)
        profile = self.left if side == "left" else self.right
        one, other = named(profile, a), named(profile, b)
        told = self.entity(first, side)
        if a == b:
            twice = f"{shown(one)} was given twice, and is an entity of the {side} side only"
            return Explanation((one,), f"{twice}; {told.summary}", told.pairs)
        links = chain(self._links, ("left", "right").index(side), a, b)
        rows = [self._verdict.row(*link) for link in links]
        beside = *told.pairs[:1], *self.entity(second, side).pairs[:1]
        pairs = tuple(self._pair(row, "chosen") for row in rows[:_MOST_LINKS] if row >= 0) or beside
        summary = (
            f"{shown(one)} and {shown(other)} are both entities of the {side} side, and such are not "
            f"compared; the one was linked with {self._partners(side, a)}, the other with "
            f"{self._partners(side, b)}; {self._holding(side, a, b, bool(links))}"
        )
        return Explanation((one, other), summary, pairs)

    def _partners(self, side: Side, entity: int) -> str:
        """What an entity was linked with, in words."""
        own, others = self._links if side == "left" else self._links[::-1]
        profile = self.right if side == "left" else self.left
        partners = [shown(named(profile, each)) for each in others[own == entity].tolist()]
        more = f" and {len(partners) - _MOST_PAIRS:,} more" if len(partners) > _MOST_PAIRS else ""
        return ", ".join(partners[:_MOST_PAIRS]) + more if partners else "nothing"

    def _holding(self, side: Side, first: int, second: int, linked: bool) -> str:
        """What makes two entities of a side one thing, in words."""
        by_links = "links hold them together" if linked else "no links hold them together"
        if self._are_one is None:
            return by_links
        if self._are_one(side, first, second) == linked:
            return f"{by_links}, and they are {'one thing' if linked else 'two things'} in the fused graph"
        if linked:
            return f"{by_links}, but they are two things in the fused graph"
        return f"{by_links}, but by what a graph itself calls the same they are one thing in the fused graph"

    def _outcome_of(self, row: int) -> Outcome | None:
        """What the alignment says of a verdict's pair, None where it does not hold it."""
        place = self._aligned.row(int(self.verdicts.left[row]), int(self.verdicts.right[row]))
        return Outcome(int(self.alignment.outcome[place])) if place >= 0 else None

    def _sum_up(self, asked: Named, side: Side, pairs: Sequence[PairExplanation], candidates: int) -> str:
        name = shown(asked)
        if not candidates:
            return f"{name} ({side}) has no candidates: no channel retrieved any"
        chosen = [pair for pair in pairs if pair.role == "chosen"]
        count = f"{candidates:,} candidate{'s' if candidates > 1 else ''}"
        if not chosen:
            return f"{name} ({side}) was linked with none of its {count}"
        partner = chosen[0].right if side == "left" else chosen[0].left
        verb = _VERBS.get(chosen[0].outcome, "left undecided with")
        same = same_iri(chosen[0].left, chosen[0].right)
        return f"{name} ({side}) was {verb} {shown(partner)}, one of {count}{same}"

    def _pair(self, row: int, role: Literal["chosen", "runner-up", "asked"]) -> PairExplanation:
        left, right = int(self.verdicts.left[row]), int(self.verdicts.right[row])
        place = self._candidate.row(left, right)
        channels = self.candidates.channels
        ranks = self.candidates.channel_rank[place].tolist() if place >= 0 else [0] * len(channels)
        ends, given = (named(self.left, left), named(self.right, right)), bool(self.verdicts.given[row])
        return PairExplanation(
            role=role,
            left=ends[0],
            right=ends[1],
            outcome=self._outcome_in_words(row),
            given=given,
            probability=float(self.verdicts.probability[row]),
            log_odds=float(self.verdicts.log_odds[row]),
            rank=int(self.candidates.rank[place]) if place >= 0 else 0,
            ranks=dict(zip(channels, ranks, strict=True)),
            lines=tuple(self._lines(row, left, right)),
            neighbours=tuple(self._neighbours(left, right)),
            for_models=(
                *for_models(self.left, left, "left", _MOST_VALUES),
                *for_models(self.right, right, "right", _MOST_VALUES),
            ),
            left_record=tuple(record(self.left, left, _MOST_TOLD)),
            right_record=tuple(record(self.right, right, _MOST_TOLD)),
            decided=tuple(self._said(row, ends[0].iri, ends[1].iri, given)),
        )

    def _said(self, row: int, left: str, right: str, given: bool) -> Iterator[Word]:
        """Who said what of a pair; where the run doesn't hold to it yet, it says so."""
        linked = self._outcome_of(row) in LINKED
        for word in self._people.of_pair(left, right, given=given):
            same = word.verdict == "same" and word.relation == "exact"
            broken = not given if same else linked and word.verdict != "unsure"
            yield replace(word, note=word.note or _NOT_YET) if broken else word

    def _outcome_in_words(self, row: int) -> str:
        outcome = self._outcome_of(row)
        if outcome is None and self.verdicts.voted[row] >= 0:
            outcome = Outcome(int(self.verdicts.voted[row]))
            if outcome is Outcome.MATCH:
                return "no match: probable, but another pair took its place"
        if outcome is not None:
            return outcome.name.lower().replace("_", " ")
        if self.verdicts.probability[row] < self._threshold:
            return "no match"
        return "no match: probable, but another pair took its place"

    def _lines(self, row: int, left: int, right: int) -> Iterator[Line]:
        """The features that had something to compare or to add: prior, weightiest evidence first, rivals."""
        shares = self.verdicts.contribution[row].astype(np.float64)
        levels = self.verdicts.level[row]
        features = self.verdicts.features
        order = sorted(range(len(features)), key=lambda i: (_place(features[i]), -abs(shares[i]), i))
        running = 0.0
        for number in order:
            level, share = int(levels[number]), float(shares[number])
            if level < 0 and share == 0.0:
                continue
            feature = features[number]
            if feature.kind == "votes":
                for line in self._vote_lines(row, share, running):
                    running = line.running
                    yield line
                continue
            running += share
            values = (
                compared(self.left, left, feature, 0, _MOST_VALUES),
                compared(self.right, right, feature, 1, _MOST_VALUES),
            )
            meaning = feature.levels[level] if 0 <= level < len(feature.levels) else ""
            yield Line(feature.name, feature.kind, meaning, *values, share, running, _sigmoid(running))

    def _vote_lines(self, row: int, total: float, running: float) -> Iterator[Line]:
        """Each vote on a pair, in the order in which they were cast; what they add sums to ``total``."""
        hearing = self._hearing
        place = -1 if hearing is None else int(np.searchsorted(hearing.row, row))
        if hearing is None or place >= len(hearing.row) or hearing.row[place] != row:
            return
        case = str(hearing.case[place].as_py())
        told = {vote.question.number: vote for vote in self._votes(case)}
        mine = np.flatnonzero(hearing.vote_row == row)
        for number, share in zip(
            hearing.vote_number[mine].tolist(), hearing.vote_log_odds[mine].tolist(), strict=True
        ):
            running += share
            asked, left, right = self._told(told.get(number))
            yield Line(f"vote {number + 1}", "vote", asked, left, right, share, running, _sigmoid(running))

    def _told(self, vote: Vote | None) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        """What a vote was asked, and its answer on the side of what could be chosen."""
        if vote is None:
            return "not in the ledger any more", (), ()
        question, choice = vote.question, vote.answer.choice
        asked = f"{question.kind}, {question.direction.replace('-', ' ')}, {question.view}"
        right_asks = question.direction is Direction.RIGHT_ASKS
        if choice is None:
            answer = str(vote.answer.status)
        elif choice == NONE:
            answer = "no" if question.kind is QuestionKind.VERIFY else "none of them"
        else:
            profile = self.left if right_asks else self.right
            number = _number(profile, choice)
            name = named(profile, number).name if number >= 0 else choice
            answer = f"yes, {name}" if question.kind is QuestionKind.VERIFY else name
        return (asked, (answer,), ()) if right_asks else (asked, (), (answer,))

    def _neighbours(self, left: int, right: int) -> Iterator[Neighbour]:
        """Linked neighbours of the two, in the order of the left one's relations."""
        beside: dict[int, str] = {}
        for relation, entity in edges(self.right, right):
            beside.setdefault(entity, relation)
        shown = 0
        for relation, entity in edges(self.left, left):
            for partner in self._links[1][self._links[0] == entity].tolist():
                if partner in beside and shown < _MOST_VALUES:
                    shown += 1
                    names = named(self.left, entity).name, named(self.right, partner).name
                    yield Neighbour(relation, names[0], beside[partner], names[1])


def _number(profile: Profile, iri: str) -> int:
    return int(entity_ids(profile, [bare(iri)])[0])


def nearest(profiles: Sequence[Profile], text: str) -> str:
    """The entities whose IRI or name comes nearest to a text, for a message."""
    found: dict[str, float] = {}
    for profile in profiles:
        iris = profile.entity_iri.to_pylist()
        for column in (iris, profile.entity_name.to_pylist()):
            for _, score, place in process.extract(text, column, scorer=fuzz.ratio, limit=_NEAREST):
                found[iris[place]] = max(score, found.get(iris[place], 0.0))
    ordered = sorted(found, key=lambda iri: (-found[iri], iri))[:_NEAREST]
    return ", ".join(ordered) or "none: there are no entities"


def is_node(graph: Graph, iri: str) -> bool:
    """Whether a graph has a node of this IRI, entity or not."""
    terms = unique(np.concatenate([graph.subject, graph.object]))
    terms = terms[graph.terms.kind[terms] != TermKind.LITERAL]
    return iri in graph.terms.value.take(pa.array(terms)).to_pylist()


def _sigmoid(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds)) if log_odds > -700 else 0.0


def _place(feature: Feature) -> int:
    """Where a feature stands in the waterfall: what was expected, evidence, rivals, a student, votes."""
    return {"prior": 0, "rivals": 2, "alone": 3, "student": 4, "votes": 5}.get(feature.kind, 1)

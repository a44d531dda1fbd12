"""Why a pair was linked, or was not: the evidence of its verdict, feature by feature."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from rapidfuzz import fuzz, process

from kgalign.base.notebook import Html, html, html_table
from kgalign.errors import InputError
from kgalign.evaluate.mistakes import Named, named
from kgalign.explain.people import People, Word
from kgalign.explain.values import ForModels, chain, compared, edges, for_models, same_iri, shown
from kgalign.links.pairs import LINKED, PairIndex, entity_ids, is_link
from kgalign.rdf.graph import Graph
from kgalign.records import Alignment, Candidates, Feature, Hearing, Outcome, Profile, Verdicts
from kgalign.records.votes import NONE, Direction, QuestionKind, Vote

Side = Literal["left", "right"]

HEADINGS = ("evidence", "level", "left", "right", "adds", "sum", "probability")
"""What a line of the waterfall says, in order; see :meth:`Line.cells`."""
_VERBS = {"match": "linked with", "confirmed": "linked with", "rejected": "taken apart by a person from"}
_MOST_VALUES = 4
_MOST_PAIRS = 3
_MOST_LINKS = 6
"""Links of a chain that are shown."""
_NEAREST = 3
_NOT_YET = "this run doesn't hold to it yet: the same `kgalign run` again does"


@dataclass(frozen=True, slots=True)
class Line:
    """One step of the waterfall."""

    feature: str
    kind: str
    level: str
    """What the level reached means; empty where there was nothing to compare."""
    left: tuple[str, ...]
    right: tuple[str, ...]
    """Some of the values that were compared, where the feature compares values of attributes."""
    contribution: float
    """Natural log-odds that it adds."""
    running: float
    """Sum of the log-odds so far."""
    probability: float
    """What the sum so far means, ``1 / (1 + exp(-running))``."""

    def cells(self) -> tuple[str, ...]:
        """What stands below :data:`HEADINGS`."""
        return (
            self.feature,
            self.level or "nothing to compare",
            " | ".join(self.left),
            " | ".join(self.right),
            f"{self.contribution:+.2f}",
            f"{self.running:+.2f}",
            f"{self.probability:.3f}",
        )


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Two linked entities that stand next to the two of a pair."""

    left_relation: str
    left: str
    right_relation: str
    right: str
    """IRIs of the relations (``^`` before one that points here), names of the neighbours."""

    def __str__(self) -> str:
        return f"{self.left_relation} {self.left} ~ {self.right_relation} {self.right}"


@dataclass(frozen=True, slots=True)
class PairExplanation:
    """Why one candidate pair has its outcome."""

    role: Literal["chosen", "runner-up", "asked"]
    left: Named
    right: Named
    outcome: str
    given: bool
    """Whether the pair was known from the start."""
    probability: float
    """Calibrated, as the verdict has it; 1 for a pair known from the start, whatever its evidence."""
    log_odds: float
    rank: int
    """Among the left entity's candidates; 0 where it is none of them."""
    ranks: dict[str, int]
    """Channel → rank, 0 where the channel did not retrieve the pair."""
    lines: tuple[Line, ...]
    neighbours: tuple[Neighbour, ...]
    for_models: tuple[ForModels, ...] = ()
    """Values of the two that give orders to a model, or look like a part of its prompt."""
    decided: tuple[Word, ...] = ()
    """Who said what of the two: people, files of known links, the graphs themselves."""

    def headline(self) -> tuple[str, ...]:
        """Its role and outcome, and what was known of the pair before anything was compared, in lines."""
        known = " (known from the start)" if self.given else ""
        ranks = ", ".join(f"{channel} {rank or '-'}" for channel, rank in self.ranks.items())
        return (
            f"{self.role}: {self.outcome}{known}",
            *map(str, self.decided),
            f"left  {self.left.iri}  {self.left.name}",
            f"right {self.right.iri}  {self.right.name}",
            f"log-odds {self.log_odds:+.2f}, probability {self.probability:.4f}",
            f"retrieved at rank {self.rank or '-'} ({ranks})",
        )


@dataclass(frozen=True, slots=True)
class Explanation:
    """What there is to say about an entity or a pair."""

    asked: tuple[Named, ...]
    summary: str
    """One sentence."""
    pairs: tuple[PairExplanation, ...]
    decided: tuple[Word, ...] = ()
    """What was said of what was asked for, and stands with none of the pairs."""

    def to_dict(self) -> dict[str, Any]:
        """The same as plain dictionaries and lists, for JSON."""
        return asdict(self)

    def __repr__(self) -> str:
        return f"<Explanation: {self.summary}>"

    def _repr_html_(self) -> str:
        words = "".join(f"<p>{html(each, 1000)}</p>" for each in map(str, self.decided))
        return f"<p>{html(self.summary, 2000)}</p>{words}" + "".join(map(_as_html, self.pairs))


def _as_html(pair: PairExplanation) -> str:
    """A pair for a notebook: what it is, the waterfall with a bar for what each line adds, neighbours."""
    role, *rest = (html(each, 300) for each in pair.headline())
    most = max((abs(line.contribution) for line in pair.lines), default=0.0) or 1.0
    rows = [
        [*map(html, line.cells()[:4]), _bar(line.contribution / most), *line.cells()[4:]]
        for line in pair.lines
    ]
    table = html_table((*HEADINGS[:4], "", *HEADINGS[4:]), rows)
    beside = "".join(f"<br>neighbours: {html(each, 200)}" for each in map(str, pair.neighbours))
    beside += "".join(f"<br>look at: {html(each, 400)}" for each in map(str, pair.for_models))
    return f"<p><b>{role}</b><br>{'<br>'.join(rest)}</p>{table}<p><small>{beside}</small></p>"


def _bar(share: float) -> Html:
    """A bar as long as what a line adds, green for the pair and red against it."""
    colour = "#2a9d4a" if share > 0 else "#c8402f"
    return Html(f'<div style="width:{abs(share) * 6:.2f}em;height:.7em;background:{colour}"></div>')


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
    ) -> None:
        """Take what a run found.

        :param verdicts: with the votes in them.
        :param hearing: what each vote added, where a language model was asked.
        :param votes: gives the votes on a case, by its name in the ledger.
        :param are_one: whether two entities of a side are one node of the fused graph, where there is one.
        :param people: who said what of pairs and entities.
        """
        self.left, self.right = left, right
        self.candidates, self.verdicts, self.alignment = candidates, verdicts, alignment
        self._threshold = match_probability
        self._hearing, self._votes, self._are_one = hearing, votes, are_one
        self._people = people or People()
        self._candidate = PairIndex(candidates.left, candidates.right)
        self._verdict = PairIndex(verdicts.left, verdicts.right)
        self._aligned = PairIndex(alignment.left, alignment.right)
        linked = is_link(alignment)
        self._links = (alignment.left[linked], alignment.right[linked])

    def entity(self, iri: str, side: Side | None = None) -> Explanation:
        """Explain what an entity was linked with, and what came next.

        :raises InputError: no side has such an entity; the nearest ones are in the remedy.
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

        :param side: whose entity the first is, where both sides have both.
        :raises InputError: one of them is no entity, or not of the side that was named.
        """
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
        if side and self.is_entity(iri):
            other = "right" if side == "left" else "left"
            raise InputError(
                f"{bare(iri)!r} is no entity of the {side} side", f"It is one of the {other} side"
            )
        where = f"the {side} side" if side else "either side"
        near = nearest([profile for _, profile in searched], bare(iri))
        raise InputError(f"{bare(iri)!r} is no entity of {where}", f"The nearest are {near}")

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


def bare(iri: str) -> str:
    """An IRI without the angle brackets that it may have been copied with."""
    return iri[1:-1] if iri.startswith("<") and iri.endswith(">") else iri


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
    terms = np.unique(np.concatenate([graph.subject, graph.object]))
    return iri in graph.terms.value.take(pa.array(terms)).to_pylist()


def _sigmoid(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds)) if log_odds > -700 else 0.0


def _place(feature: Feature) -> int:
    """Where a feature stands in the waterfall: what was expected, evidence, rivals, a student, votes."""
    return {"prior": 0, "rivals": 2, "alone": 3, "student": 4, "votes": 5}.get(feature.kind, 1)

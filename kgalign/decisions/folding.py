"""What holds of all decisions: the last word on each pair, and where the words contradict each other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from kgalign.decisions.decision import Decision, Relation, Verdict

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two that are said to be different, and are one by what is said of others."""

    different: Decision
    same: tuple[Decision, ...]
    """The chain that makes them one, from the left one to the right one."""
    weakest: Decision
    """Of the chain: the one to which the method gave the least probability; the oldest where it gave none."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What people say, all in all."""

    said: tuple[Decision, ...]
    """The last decision of each person on each pair, in the order in which they came, without what was
    undone. That a merge is taken back is said beside what else a person says of the pair."""
    disagreements: tuple[tuple[Decision, ...], ...]
    """The last decisions on pairs of which people say different things; none of them counts."""
    contradictions: tuple[Contradiction, ...]
    undos: tuple[Decision, ...]
    """Those that hold."""
    _counting: tuple[Decision, ...]

    @property
    def same(self) -> list[Pair]:
        """Pairs that are one, sorted."""
        return self._of(Verdict.SAME)

    @property
    def apart(self) -> list[Pair]:
        """Pairs that are not one, sorted: those that correspond in another way than exactly as well."""
        other = {each.pair for each in self._counting if _is_other(each)}
        return sorted({*self._of(Verdict.DIFFERENT), *other})

    @property
    def unsure(self) -> list[Pair]:
        """Pairs of which a person can't tell, sorted."""
        return self._of(Verdict.UNSURE)

    @property
    def alone(self) -> list[Pair]:
        """Entities to which nothing corresponds, with the other side empty; sorted."""
        return self._of(Verdict.NOTHING)

    @property
    def taken(self) -> list[Decision]:
        """Merges that were taken back, the last word on each pair, sorted by pair.

        They are no votes: they hold until they are undone, whatever else is said of the pair.
        """
        last = {each.pair: each for each in self.said if each.takes_back}
        return [last[pair] for pair in sorted(last)]

    def _of(self, verdict: Verdict) -> list[Pair]:
        return sorted(
            {each.pair for each in self._counting if each.verdict is verdict and not _is_other(each)}
        )


def in_force(decisions: Iterable[Decision]) -> list[Decision]:
    """Those that were not undone, undos among them, in their order."""
    ordered = list(decisions)
    gone: set[str] = set()
    for each in reversed(ordered):  # a later undo decides whether an earlier one counts
        if each.undoes and each.id not in gone:
            gone.add(each.undoes)
    # An id is a digest of all that was said: none is made where nothing was undone.
    return [each for each in ordered if each.id not in gone] if gone else ordered


def standing(decisions: Iterable[Decision]) -> Standing:
    """Fold decisions, in the order in which they were made.

    Of each person the last word on a pair counts; an undo takes one back, and an undo of an undo gives it
    back. Where the last words of several people on a pair differ, none counts. Merges that were taken back
    stand apart from all this.
    """
    ordered = in_force(decisions)
    last: dict[tuple[Pair, str, bool], Decision] = {}
    for each in ordered:
        if not each.undoes:
            key = each.pair, each.by, each.takes_back
            last.pop(key, None)
            last[key] = each
    by_pair: dict[Pair, list[Decision]] = {}
    votes = [each for each in last.values() if not each.takes_back]
    for each in votes:
        by_pair.setdefault(each.pair, []).append(each)
    agreed: list[list[Decision]] = []
    split: list[list[Decision]] = []
    for own in by_pair.values():
        (agreed if len({_word(each) for each in own}) == 1 else split).append(own)
    counting = [own[-1] for own in agreed]
    return Standing(
        said=tuple(last.values()),
        disagreements=tuple(map(tuple, split)),
        contradictions=tuple(_contradictions(counting)),
        undos=tuple(each for each in ordered if each.undoes),
        _counting=tuple(counting),
    )


def _word(decision: Decision) -> tuple[Verdict, Relation]:
    """What is said; how two correspond that don't is no part of it."""
    same = decision.verdict is Verdict.SAME
    return decision.verdict, decision.relation if same else Relation.EXACT


def _is_other(decision: Decision) -> bool:
    return decision.verdict is Verdict.SAME and decision.relation is not Relation.EXACT


def _contradictions(counting: Sequence[Decision]) -> list[Contradiction]:
    """Pairs that are different and hang together by links; the shortest chain of each."""
    if not any(each.verdict is Verdict.DIFFERENT for each in counting):
        return []
    import networkx as nx

    links = nx.Graph()
    for number, each in enumerate(counting):
        if each.verdict is Verdict.SAME and not _is_other(each):
            links.add_edge((0, each.left), (1, each.right), decision=each, number=number)
    thing = {end: number for number, ends in enumerate(nx.connected_components(links)) for end in ends}
    found = []
    for each in counting:
        one, other = ends = (0, each.left), (1, each.right)
        if each.verdict is not Verdict.DIFFERENT or one not in thing or thing[one] != thing.get(other):
            continue
        edges = [links.edges[a, b] for a, b in pairwise(nx.shortest_path(links, *ends))]
        chain = tuple(edge["decision"] for edge in edges)
        weakest = min(edges, key=lambda edge: (_sureness(edge["decision"]), edge["number"]))
        found.append(Contradiction(each, chain, weakest["decision"]))
    return found


def _sureness(decision: Decision) -> float:
    return 1.0 if decision.probability is None else decision.probability

"""Splits by entity: no entity is shown in two of train, valid and test.

Entities hang together where one is a candidate of the other, and in most graphs all of them do in the end.
What is the same is never parted; small components stay whole; larger ones are grown into pieces along their
densest edges, so that few questions lose an option to another split. Which piece goes where is decided by
hashes of IRIs and the seed: the same entities, the same splits.
"""

import hashlib
import heapq
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kgalign.train.data import Split

_PIECES = 5
"""Least pieces of a split of evaluation, so that it is not one corner of the graph. On abt_buy, with 10 % of
1,076 cases in the test: 5 pieces lose 17 % of its nearest candidates to other splits, 20 lose 41 %, and cases
drawn one by one 89 %."""


@dataclass(frozen=True, slots=True)
class Together:
    """A labelled entity and whom its questions show."""

    case: str
    tied: tuple[str, ...]
    """IRIs of its partners: never parted from it."""
    near: tuple[str, ...]
    """IRIs of its nearest candidates: better not parted from it."""
    held_out: bool = False
    """Whether it must be in the test split."""


def drawn(*parts: object) -> int:
    """A number as good as random that the parts decide: 64 bits of their hash."""
    text = "\n".join(str(part) for part in parts).encode("utf8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def split_entities(cases: Sequence[Together], *, valid: float, test: float, seed: int) -> dict[str, Split]:
    """IRI → split, for all entities that the cases name.

    Args:
        cases: labelled entities.
        valid: share of the cases for validation, 0 to 1.
        test: share for the test; without meaning where cases are held out for it.
        seed: draws the splits.
    """
    graph = _Graph(cases, seed)
    held_out = graph.held_out
    shares: list[tuple[Split, float]] = [] if held_out else [("test", test)]
    shares.append(("valid", valid))
    splits: dict[int, Split] = dict.fromkeys(held_out, "test")
    total = sum(graph.cases.values()) - sum(graph.cases[each] for each in held_out)
    wanted = [(split, share * total) for split, share in shares if share > 0]
    size = max(1, math.floor(min((quota for _, quota in wanted), default=total) / _PIECES))
    pieces = graph.pieces(size, held_out)
    for split, quota in wanted:
        filled = 0
        while filled < quota and (piece := next(pieces, None)) is not None:
            splits.update(dict.fromkeys(piece, split))
            filled += sum(graph.cases[each] for each in piece)
    for piece in pieces:
        splits.update(dict.fromkeys(piece, "train"))
    splits.update(_shown_only(graph, splits))
    return {iri: splits[group] for iri, group in graph.group.items()}


def _shown_only(graph: "_Graph", splits: Mapping[int, Split]) -> dict[int, Split]:
    """The splits of entities that are options alone: where they are missed most, case by case.

    The splits of evaluation have few cases; an option that is taken from them weighs more.
    """
    cases = dict.fromkeys(splits.values(), 0)
    for group, split in splits.items():
        cases[split] += graph.cases[group]
    found: dict[int, Split] = {}
    for group, edges in graph.edges.items():
        if graph.cases[group]:
            continue
        wanted: dict[Split, float] = {}
        for other, weight in edges.items():
            if graph.cases[other]:
                split = splits[other]
                wanted[split] = wanted.get(split, 0.0) + weight / cases[split]
        if wanted:
            found[group] = max(wanted, key=lambda split: (wanted[split], split))
    return found


class _Graph:
    """Groups of entities that are the same, and how closely they hang together."""

    def __init__(self, cases: Sequence[Together], seed: int) -> None:
        iris = list(dict.fromkeys(iri for each in cases for iri in (each.case, *each.tied, *each.near)))
        number = {iri: i for i, iri in enumerate(iris)}
        root = list(range(len(iris)))

        def find(node: int) -> int:
            while root[node] != node:
                root[node] = root[root[node]]
                node = root[node]
            return node

        for each in cases:
            for iri in each.tied:
                root[find(number[iri])] = find(number[each.case])
        self.group = {iri: find(i) for iri, i in number.items()}
        self.cases: dict[int, int] = dict.fromkeys(self.group.values(), 0)
        self.edges: dict[int, dict[int, float]] = {group: {} for group in self.cases}
        self.rank: dict[int, int] = {}
        self.held_out: set[int] = set()
        for iri, group in self.group.items():
            mark = drawn(seed, "split", iri)
            self.rank[group] = min(mark, self.rank.get(group, mark))
        for each in cases:
            own = self.group[each.case]
            self.cases[own] += 1
            if each.held_out:
                self.held_out.add(own)
            for iri in each.near:
                other = self.group[iri]
                if other != own:
                    for a, b in ((own, other), (other, own)):
                        self.edges[a][b] = self.edges[a].get(b, 0.0) + 1.0

    def pieces(self, size: int, without: Iterable[int]) -> Iterator[list[int]]:
        """Groups in pieces of ``size`` cases or a little more, each grown from one of its groups."""
        taken = set(without)
        found = []
        for start in sorted(self.rank, key=lambda group: (self.rank[group], group)):
            if start not in taken:
                found.append(self._grown(start, size, taken))
        # Those that were grown first hold what is easily told apart, and what hangs together with everything
        # is left for the last: in the order of their growth they would make a test that is too easy.
        found.sort(key=lambda piece: drawn("piece", *(self.rank[group] for group in piece)))
        yield from found

    def _grown(self, start: int, size: int, taken: set[int]) -> list[int]:
        """A piece: what is most closely tied to it comes next."""
        piece: list[int] = []
        count = 0
        reach = {start: 0.0}
        heap = [(0.0, self.rank[start], start)]
        while heap and count < size:
            weight, _, group = heapq.heappop(heap)
            if group in taken or -weight != reach[group]:
                continue
            taken.add(group)
            piece.append(group)
            count += self.cases[group]
            for other, tie in self.edges[group].items():
                if other not in taken:
                    # A group with many ties everywhere is no nearer to this piece than to others.
                    reach[other] = reach.get(other, 0.0) + tie / len(self.edges[other])
                    heapq.heappush(heap, (-reach[other], self.rank[other], other))
        return piece

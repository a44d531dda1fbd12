"""Made worlds: small pairs of graphs cut from sets, in which it is known what is true and what is not.

Each world is a pair of N-Triples texts and its true links, made from a set by a seed: few entities, most of
them without a partner, none with one, graphs that have nothing to do with each other, records copied, names
taken away, IRIs that say nothing, sides swapped, twenty against thousands.
"""

import gzip
import hashlib
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from bench.sets import Set
from kgalign.links.gold import read_pairs
from kgalign.values.predicates import name_rank

_LINE = re.compile(r"^(<[^>]*>|_:\S+)\s+(<[^>]*>)\s+(.*?)\s*\.\s*$")
_TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
_DEPTH = 3
_MOST_STATEMENTS = 60
"""A node that says more than this is no part of another one."""
_MOST_MENTIONS = 8

Triple = tuple[str, str, str]
Link = tuple[str, str]


@dataclass(frozen=True, slots=True)
class World:
    """A pair of graphs and what is true of them."""

    name: str
    kind: str
    set: str
    left: tuple[Triple, ...]
    right: tuple[Triple, ...]
    gold: frozenset[Link]
    lefts: frozenset[str]
    rights: frozenset[str]
    """The entities of which all true links are in ``gold``, by IRI; links of others are not counted."""
    cardinality: str = "one-to-one"

    def swapped(self) -> "World":
        """The same with the right side on the left."""
        other = {"one-to-many": "many-to-one", "many-to-one": "one-to-many"}
        return World(
            f"{self.name}, swapped",
            "swapped",
            self.set,
            self.right,
            self.left,
            frozenset((b, a) for a, b in self.gold),
            self.rights,
            self.lefts,
            other.get(self.cardinality, self.cardinality),
        )


class Source:
    """A set, held so that parts of it can be cut out."""

    def __init__(self, each: Set) -> None:
        self.name = each.name
        self.gold = sorted(set(read_pairs(each.gold)))
        self.sides = tuple(
            _Side([path, *also], {f"<{pair[column]}>" for pair in self.gold})
            for column, (path, also) in enumerate(
                ((each.left, each.left_also), (each.right, each.right_also))
            )
        )
        lefts, rights = Counter(a for a, _ in self.gold), Counter(b for _, b in self.gold)
        self.single = [(a, b) for a, b in self.gold if lefts[a] == rights[b] == 1]
        """The links whose entities have no other."""

    def cut(self, seed: str, sizes: tuple[int, int], partnered: int, kind: str) -> World | None:
        """A world of so many entities a side, some of them each other's; None where the set has too few."""
        alone = sizes[0] - partnered, sizes[1] - partnered
        if min(alone) < 0 or len(self.single) < partnered + sum(alone):
            return None
        drawn = random.Random(f"{self.name} {seed}").sample(self.single, partnered + sum(alone))
        pairs = drawn[:partnered]
        lefts = [a for a, _ in drawn[: sizes[0]]]
        rights = [b for _, b in pairs + drawn[sizes[0] :]]
        return World(
            f"{self.name} {seed}",
            kind,
            self.name,
            self.sides[0].about(lefts),
            self.sides[1].about(rights),
            frozenset(pairs),
            frozenset(lefts),
            frozenset(rights),
        )


class _Side:
    """The statements of one side, by the nodes that they are about."""

    def __init__(self, files: Sequence[Path], main: set[str]) -> None:
        self.main = main
        self.rows: list[Triple] = []
        self.of: dict[str, list[int]] = defaultdict(list)
        self.mentions: dict[str, list[int]] = defaultdict(list)
        for path in files:
            with gzip.open(path, "rt", encoding="utf8") as lines:
                for line in lines:
                    if match := _LINE.match(line):
                        self._add((match[1], match[2], match[3]))

    def _add(self, row: Triple) -> None:
        self.of[row[0]].append(len(self.rows))
        if not row[2].startswith('"'):
            self.mentions[row[2]].append(len(self.rows))
        self.rows.append(row)

    def about(self, iris: Iterable[str]) -> tuple[Triple, ...]:
        """What is said of some entities, and of the nodes that hang on them, but of no other entity."""
        seen = {f"<{iri}>" for iri in iris}
        level, kept = sorted(seen), set[int]()
        for depth in range(_DEPTH + 1):
            found: list[str] = []
            for node in level:
                kept.update(self.of.get(node, ()))
                if depth < _DEPTH:
                    found += [each for each in self._parts(node) if each not in seen]
                    seen.update(found)
            level = found
        return tuple(self.rows[row] for row in sorted(kept))

    def _parts(self, node: str) -> list[str]:
        rows = [self.rows[row] for row in self.of.get(node, ())]
        ends = [end for _, predicate, end in rows if predicate != _TYPE and not end.startswith('"')]
        back = self.mentions.get(node, ())
        if len(back) <= _MOST_MENTIONS:
            ends += [self.rows[row][0] for row in back]
        few = (end for end in ends if len(self.of.get(end, ())) <= _MOST_STATEMENTS)
        return [end for end in dict.fromkeys(few) if end not in self.main]


def _copied(
    rows: Sequence[Triple], iris: Iterable[str], dice: random.Random
) -> tuple[tuple[Triple, ...], dict[str, list[str]]]:
    """Each entity two to four times, each time without some of what is said of it."""
    copies = {
        f"<{iri}>": [f"<{iri}>"] + [f"<{iri}-copy{n}>" for n in range(dice.randint(1, 3))]
        for iri in sorted(iris)
    }
    found: list[Triple] = []
    for subject, predicate, end in rows:
        for place, copy in enumerate(copies.get(subject, [subject])):
            if place and predicate != _TYPE and dice.random() < 0.1:
                continue
            found.append((copy, predicate, end))
    return tuple(found), {iri[1:-1]: [copy[1:-1] for copy in each] for iri, each in copies.items()}


def copied(world: World, sides: tuple[bool, bool], seed: str) -> World:
    """The world with the records of one side, or of both, there several times."""
    dice = random.Random(f"{world.name} {seed}")
    left, lefts = _copied(world.left, world.lefts if sides[0] else (), dice)
    right, rights = _copied(world.right, world.rights if sides[1] else (), dice)
    gold = {(a, b) for x, y in world.gold for a in lefts.get(x, [x]) for b in rights.get(y, [y])}
    names = {(False, True): "one-to-many", (True, False): "many-to-one", (True, True): "many-to-many"}
    return replace(
        world,
        name=f"{world.name}, copied {'both' if all(sides) else 'left' if sides[0] else 'right'}",
        kind="both sides copied" if all(sides) else "one side copied",
        left=left,
        right=right,
        gold=frozenset(gold),
        lefts=frozenset(each for iri in world.lefts for each in lefts.get(iri, [iri])),
        rights=frozenset(each for iri in world.rights for each in rights.get(iri, [iri])),
        cardinality=names[sides],
    )


def without_names(world: World) -> World:
    """The world without the labels, titles and names of its entities."""
    left, right = (
        tuple(row for row in rows if name_rank(row[1][1:-1]) is None) for rows in (world.left, world.right)
    )
    return replace(world, name=f"{world.name}, no names", kind="no names", left=left, right=right)


def opaque(world: World) -> World:
    """The world with IRIs that say nothing."""

    def hidden(iri: str) -> str:
        return "http://opaque.example/" + hashlib.sha256(iri.encode()).hexdigest()[:16]

    def rows(given: Sequence[Triple], mine: frozenset[str]) -> tuple[Triple, ...]:
        def node(term: str) -> str:
            return f"<{hidden(term[1:-1])}>" if term[1:-1] in mine and term.startswith("<") else term

        return tuple((node(s), p, node(o)) for s, p, o in given)

    return replace(
        world,
        name=f"{world.name}, opaque",
        kind="opaque IRIs",
        left=rows(world.left, world.lefts),
        right=rows(world.right, world.rights),
        gold=frozenset((hidden(a), hidden(b)) for a, b in world.gold),
        lefts=frozenset(map(hidden, world.lefts)),
        rights=frozenset(map(hidden, world.rights)),
    )


def unrelated(one: World, other: World) -> World:
    """The left side of one world against the right side of another that it has nothing to do with."""
    return World(
        f"{one.name} / {other.name}",
        "unrelated",
        one.set,
        one.left,
        other.right,
        frozenset(),
        one.lefts,
        other.rights,
    )


SIZES = (5, 15, 40, 100)
ALONE = (0.0, 0.5, 0.9, 1.0)


def battery(
    sources: Sequence[Set], families: Callable[[str], str], *, quick: bool, seed: int = 0
) -> Iterable[World]:
    """All worlds, set by set; ``quick`` makes about a third of them."""
    held = lru_cache(maxsize=2)(Source)
    before: World | None = None
    for number, each in enumerate(sources):
        source = held(each)
        for size in SIZES[1::2] if quick else SIZES:
            for alone in ALONE:
                partnered = 0 if alone == 1 else max(1, round(size * (1 - alone)))
                name = f"{size}, {alone:.0%} alone, seed {seed}"
                world = source.cut(name, (size, size), partnered, _kind(size, alone))
                if world is None:
                    continue
                yield world
                if size == (15 if quick else 40) and alone == 0.5:
                    yield from _variants(world, quick)
                if size == 15 and alone == 0:
                    if before is not None and families(before.set) != families(world.set):
                        yield unrelated(before, world)
                        yield unrelated(world, before)
                    before = world
        if not quick or number % 3 == 0:
            lopsided = source.cut(
                f"20 against many, seed {seed}", (20, min(5000, len(source.single) - 18)), 2, ""
            )
            if lopsided is not None and len(lopsided.rights) >= 500:
                yield replace(lopsided, kind="20 against many, 2 partners")


def _variants(world: World, quick: bool) -> Iterable[World]:
    yield copied(world, (False, True), "copies")
    yield copied(world, (True, True), "copies")
    if not quick:
        yield copied(world, (True, False), "copies")
        yield without_names(world)
        yield opaque(world)
    yield world.swapped()


def _kind(size: int, alone: float) -> str:
    if alone == 1:
        return "no true link"
    return f"{size} a side" + (f", {alone:.0%} alone" if alone else "")

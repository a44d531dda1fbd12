"""Which property and class of one graph corresponds to which of the other: learned from linked nodes.

Two properties correspond where linked nodes agree in their values more than nodes paired at random do.
Values are compared in two ways. As keys: linked nodes, equal IRIs, and literals that fold to the same
text or number; chance is then counted exactly, over all pairs of nodes that are not linked. And by
nearness, in a sample: numbers after a change of unit, dates as far as both go, texts by edit distance;
chance is then measured with partners exchanged. Neither way depends on the order of the links or on
which graph is called left.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches

import numpy as np
import pyarrow as pa

from kgalign.correspondences import INVERSE, SAME, Kind, Override, PropertyMatch, Vocabularies
from kgalign.errors import ConfigError
from kgalign.fuse.vocabulary_classes import match_classes, types_of, with_given_classes
from kgalign.fuse.vocabulary_evidence import Learning
from kgalign.fuse.vocabulary_facts import Links, Side
from kgalign.rdf.graph import Graph, Ids

_INVERSE_WORTH = 0.8
"""An inverse counts less than a direct correspondence: where both fit, the direct one is meant."""


def align_vocabularies(
    left: Graph,
    right: Graph,
    links_left: Ids,
    links_right: Ids,
    *,
    overrides: Iterable[Override] = (),
    class_overrides: Iterable[Override] = (),
    one_to_one: bool = True,
    least_support: int = 4,
) -> Vocabularies:
    """Learn the correspondences of properties and classes from linked nodes.

    ``rdf:type`` and ``owl:sameAs`` are no properties here. A property that both graphs use under one IRI
    corresponds to itself. Beyond 30,000 links a sample is looked at, always the same one.

    Args:
        left: one graph.
        right: the other.
        links_left: (l,) term ids of linked nodes in the left graph, each linked with ...
        links_right: (l,) ... the node at the same place, a term id in the right graph.
        overrides: what the user says of properties; it wins over what the data says.
        class_overrides: what the user says of classes.
        one_to_one: whether two properties given for one are an error.
        least_support: linked pairs with both properties from which a correspondence is learned.

    Raises:
        ConfigError: the overrides contradict each other.
    """
    given, given_classes = list(dict.fromkeys(overrides)), list(dict.fromkeys(class_overrides))
    _check(given, "properties", one_to_one)
    _check(given_classes, "classes", one_to_one)
    links = Links.of(left, right, links_left, links_right)
    learning = Learning(Side(left, links, 0), Side(right, links, 1), links, least_support)
    found = _with_given(_choose(learning.matches(given)), given, learning)
    properties = tuple(learning.describe(match) for match in found)
    classes = with_given_classes(match_classes(left, right, links, least_support), given_classes)
    warnings = [
        *_unknown(given, "property", [_iris(graph, graph.predicate) for graph in (left, right)]),
        *_unknown(given_classes, "class", [_iris(graph, types_of(graph)[1]) for graph in (left, right)]),
    ]
    kept = tuple(sorted({a or b.removeprefix(INVERSE) for a, b in given + given_classes if not (a and b)}))
    return Vocabularies(properties, classes, tuple(warnings), kept)


def _choose(matches: list[PropertyMatch]) -> list[PropertyMatch]:
    """Keep the best of each property, and mark a one-to-one part; what is one IRI comes first."""

    def worth(match: PropertyMatch) -> float:
        # Many facts with a fair agreement say more than a few with a perfect one.
        turned = _INVERSE_WORTH if match.inverse else 1.0
        return round(turned * match.score * math.sqrt(match.support), 9)

    best: dict[tuple[int, str], float] = {}
    for match in matches:
        for end in ((0, match.left), (1, match.right)):
            best[end] = max(best.get(end, 0.0), worth(match))
    kept = [
        match
        for match in matches
        if match.left == match.right
        or worth(match) >= max(best[0, match.left], best[1, match.right])
        or (match.score >= 0.5 and worth(match) >= min(best[0, match.left], best[1, match.right]))
        or (match.score >= 0.5 and match.relation in ("narrower", "broader"))
    ]
    taken: set[tuple[int, str]] = set()
    result = []
    for match in sorted(
        kept,
        key=lambda m: (m.left != m.right or m.inverse, -worth(m), sorted((m.left, m.right)), m.inverse),
    ):
        ends = {(0, match.left), (1, match.right)}
        same = match.left == match.right and not match.inverse
        chosen = not ends & taken and (same or match.score >= 0.2)
        taken |= ends if chosen else set()
        result.append(replace(match, chosen=chosen))
    return _sorted(result)


def _sorted(matches: Iterable[PropertyMatch]) -> list[PropertyMatch]:
    return sorted(
        matches,
        key=lambda m: (not m.given, not m.chosen, -m.score, sorted((m.left, m.right)), m.left, m.inverse),
    )


def _with_given(
    matches: list[PropertyMatch], given: Sequence[Override], learning: Learning
) -> tuple[PropertyMatch, ...]:
    """Put what the user says in place of what was learned of these properties."""
    lefts = {a for a, _ in given if a}
    rights = {b.removeprefix(INVERSE) for _, b in given if b}
    learned = {(m.left, m.right, m.inverse): m for m in matches}
    result = [m for m in matches if m.left not in lefts and m.right not in rights]
    for a, b in given:
        if not (a and b):
            continue
        inverse, iri = b.startswith(INVERSE), b.removeprefix(INVERSE)
        found = learned.get((a, iri, inverse))
        cell = learning.cell(a, b)
        if found is None and cell in learning.evidence:
            found = learning.match(*divmod(cell, learning.sides[1].width), cell)
        if found is None:
            found = PropertyMatch(
                a, iri, "exact", inverse, 1.0, max(0, learning.support(cell)), 0.0, 0.0, 0.0, 0.0,
                (Kind.TEXT, Kind.TEXT), SAME, (), (), True,
            )  # fmt: skip
        result.append(replace(found, relation="exact", score=1.0, chosen=True, given=True))
    return tuple(_sorted(result))


def _check(given: Sequence[Override], what: str, one_to_one: bool) -> None:
    """Refuse overrides that say two things of one."""
    faults = []
    for side in (0, 1):
        said: dict[str, list[str]] = {}
        for pair in given:
            if key := pair[side].removeprefix(INVERSE):
                said.setdefault(key, []).append(pair[1 - side])
        for key, others in said.items():
            if len(others) > 1 and (one_to_one or "" in others):
                named = " and ".join(f"to {other}" if other else "to nothing" for other in others)
                faults.append(f"{key} is mapped {named}")
    if any(not a and not b for a, b in given):
        faults.append("an entry names neither side")
    if faults:
        raise ConfigError(faults, f"The mapping of {what}")


def _unknown(given: Sequence[Override], what: str, known: Sequence[frozenset[str]]) -> list[str]:
    """One sentence for each IRI that its side does not use, with the nearest that it does."""
    warnings = []
    for pair in given:
        for side, iri in zip(("left", "right"), pair, strict=True):
            iri, there = iri.removeprefix(INVERSE), known[side == "right"]
            if not iri or iri in there:
                continue
            near = get_close_matches(iri, sorted(there), 1, 0.6)
            hint = f"; did you mean {near[0]}?" if near else ""
            warnings.append(f"The {side} graph has no {what} {iri}{hint}")
    return warnings


def _iris(graph: Graph, terms: Ids) -> frozenset[str]:
    return frozenset(graph.terms.value.take(pa.array(np.unique(terms))).to_pylist())

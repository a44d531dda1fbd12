"""Which property and class of one graph corresponds to which of the other: learned from linked nodes.

Two properties correspond where linked nodes agree in their values more than nodes paired at random do.
Values are compared in two ways. As keys: linked nodes, equal IRIs, and literals that fold to the same
text or number; chance is then counted exactly, over all pairs of nodes that are not linked. And by
nearness, in a sample: numbers after a change of unit, dates as far as both go, texts by edit distance;
chance is then measured with partners exchanged. Neither way depends on the order of the links or on
which graph is called left.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from kgalign.arrays import unique
from kgalign.fusion.vocabulary.classes import choose_classes, match_classes, types_of
from kgalign.fusion.vocabulary.facts import Links, Side
from kgalign.fusion.vocabulary.learning import INVERSE_WORTH, Learning
from kgalign.fusion.vocabulary.overrides import Said, check, said_of, unknown
from kgalign.rdf.graph import Graph, Ids
from kgalign.rdf.names import local_name
from kgalign.records.vocabularies import INVERSE, SAME, Override, PropertyMatch, Vocabularies
from kgalign.values import ValueKind

_DOUBTED_WORTH = 0.5
"""What is doubted counts less than what is not: where both fit, the other is meant."""


def align_vocabularies(
    left: Graph,
    right: Graph,
    links_left: Ids,
    links_right: Ids,
    *,
    overrides: Iterable[Override] = (),
    class_overrides: Iterable[Override] = (),
    keep: Iterable[str] = (),
    one_to_one: bool = True,
    least_support: int = 4,
) -> Vocabularies:
    """Learn the correspondences of properties and classes from linked nodes.

    ``rdf:type`` and ``owl:sameAs`` are no properties here. A property that both graphs use under one IRI
    corresponds to itself. Beyond 30,000 links a sample is looked at, always the same one.

    An override may name what neither graph uses, such as a property of a standard vocabulary: that is the
    new name of the other end, and of all that is learned to correspond to it.

    :param links_left: (l,) term ids of linked nodes in the left graph, each linked with ...
    :param links_right: (l,) ... the node at the same place, a term id in the right graph.
    :param overrides: what the user says of properties; it wins over what the data says.
    :param class_overrides: what the user says of classes.
    :param keep: IRIs of properties and classes that shall stay as they are.
    :param one_to_one: whether two properties given for one are an error.
    :param least_support: linked pairs with both properties from which a correspondence is learned.
    :raises ConfigError: the overrides contradict each other.
    """
    kept = frozenset(keep)
    said = _said(left, right, overrides, class_overrides)
    for each in said:
        check(each, kept, one_to_one)
    links = Links.of(left, right, links_left, links_right)
    learning = Learning(Side(left, links, 0), Side(right, links, 1), links, least_support)
    properties, classes = (each.pairs for each in said)
    found = _with_given(learning.matches(properties), properties, kept, learning)
    return Vocabularies(
        properties=tuple(learning.describe(match) for match in found),
        classes=choose_classes(match_classes(left, right, links, least_support), classes, kept),
        warnings=(*said[0].warnings, *said[1].warnings, *unknown(kept, said)),
        kept=tuple(sorted(kept.union(said[0].to_nothing, said[1].to_nothing))),
        standard=said[0].standard,
        standard_classes=said[1].standard,
    )


def _said(
    left: Graph, right: Graph, overrides: Iterable[Override], class_overrides: Iterable[Override]
) -> tuple[Said, Said]:
    """What the user says of properties, and of classes."""
    return (
        said_of(overrides, "property", "properties", _properties(left), _properties(right)),
        said_of(class_overrides, "class", "classes", _classes(left), _classes(right)),
    )


def _choose(matches: list[PropertyMatch]) -> list[PropertyMatch]:
    """Keep the best of each property, and mark a one-to-one part; what is one IRI comes first."""
    best: dict[tuple[int, str], tuple[float, str]] = {}
    for match in matches:
        for end, partner in (((0, match.left), match.right), ((1, match.right), match.left)):
            best[end] = max(best.get(end, (0.0, "")), (_worth(match), partner))
    kept = [match for match in matches if _is_kept(match, best)]
    taken: set[tuple[int, str]] = set()
    result = []
    for match in sorted(
        kept,
        key=lambda m: (m.left != m.right or m.inverse, -_worth(m), sorted((m.left, m.right)), m.inverse),
    ):
        ends = {(0, match.left), (1, match.right)}
        same = match.left == match.right and not match.inverse
        chosen = not ends & taken and (same or match.score >= 0.2)
        taken |= ends if chosen else set()
        doubts = match.doubts if same else (*match.doubts, *_better(match, best))
        result.append(replace(match, chosen=chosen, doubts=doubts))
    return _sorted(result)


def _worth(match: PropertyMatch) -> float:
    """What one correspondence is chosen for: many facts that agree fairly say more than a few that all do."""
    turned = INVERSE_WORTH if match.inverse else 1.0
    doubted = _DOUBTED_WORTH if match.doubts else 1.0
    return round(turned * doubted * match.score * math.sqrt(match.support), 9)


def _is_kept(match: PropertyMatch, best: Mapping[tuple[int, str], tuple[float, str]]) -> bool:
    if match.left == match.right or (match.score >= 0.5 and match.relation in ("narrower", "broader")):
        return True
    bests = best[0, match.left][0], best[1, match.right][0]
    return _worth(match) >= (min(bests) if match.score >= 0.5 else max(bests))


def _better(match: PropertyMatch, best: Mapping[tuple[int, str], tuple[float, str]]) -> Iterator[str]:
    """What is nearer to either property, where the two merely come close: they hardly mean the same then."""
    if match.relation != "close":
        return
    for end, iri in ((0, match.left), (1, match.right)):
        worth, partner = best[end, iri]
        if _worth(match) < worth:
            yield f"{local_name(iri)} corresponds better to {local_name(partner)}"


def _sorted(matches: Iterable[PropertyMatch]) -> list[PropertyMatch]:
    return sorted(
        matches,
        key=lambda m: (not m.given, not m.chosen, -m.score, sorted((m.left, m.right)), m.left, m.inverse),
    )


def _with_given(
    matches: list[PropertyMatch], given: Sequence[Override], keep: frozenset[str], learning: Learning
) -> list[PropertyMatch]:
    """Put what the user says in place of what was learned of these properties, and choose among the rest."""
    lefts = {a for a, _ in given if a} | keep
    rights = {b.removeprefix(INVERSE) for _, b in given if b} | keep
    learned = {(m.left, m.right, m.inverse): m for m in matches}
    result = _choose([m for m in matches if m.left not in lefts and m.right not in rights])
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
                (ValueKind.TEXT, ValueKind.TEXT), SAME, (), (), True,
            )  # fmt: skip
        result.append(replace(found, relation="exact", score=1.0, chosen=True, given=True))
    return _sorted(result)


def _properties(graph: Graph) -> frozenset[str]:
    return _iris(graph, graph.predicate)


def _classes(graph: Graph) -> frozenset[str]:
    return _iris(graph, types_of(graph)[1])


def _iris(graph: Graph, terms: Ids) -> frozenset[str]:
    return frozenset(graph.terms.value.take(pa.array(unique(terms))).to_pylist())

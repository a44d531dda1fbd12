"""From two graphs and the links between them to one graph, with the fate of every statement.

The order: linked nodes become one (:mod:`~kgalign.fusion.merge`), the statements are said in one vocabulary
(:mod:`~kgalign.fusion.vocabulary.rewriting`), and where several sources say different things of one property
of one thing, a policy decides (:mod:`~kgalign.fusion.deciding`). What one source alone says, and what all say
alike, is written as it is: a graph fused with itself is itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kgalign.arrays import Flags, Positions, in_order_of, run_starts, unique
from kgalign.base import scratch
from kgalign.config.fusion import FuseConfig
from kgalign.fusion.claims import Claims, about_graphs, sources_of
from kgalign.fusion.deciding import Decided, decide
from kgalign.fusion.groups import NOTHING_WITHIN, Within
from kgalign.fusion.merge import IDENTITIES, Merged, merge
from kgalign.fusion.policies import Value
from kgalign.fusion.quality import Indicators
from kgalign.fusion.vocabulary.rewriting import Rewritten, rewrite
from kgalign.rdf.columns import NO_IDS, canonical, remap
from kgalign.rdf.graph import Graph, Ids, Terms
from kgalign.rdf.vocabulary import OWL_SAME_AS, SKOS
from kgalign.records.fused import SIDES, Fusion, FusionCounts, Role, fused_columns, term_id
from kgalign.records.names import Names
from kgalign.records.vocabularies import Vocabularies

IDENTITY = {"same-as": OWL_SAME_AS, "exact-match": SKOS + "exactMatch", "none": ""}
"""How the fused graph says which IRIs were merged: option → IRI."""


def fuse(
    left: Graph,
    right: Graph,
    left_terms: npt.ArrayLike,
    right_terms: npt.ArrayLike,
    config: FuseConfig | None = None,
    vocabularies: Vocabularies | None = None,
    *,
    within: Within = NOTHING_WITHIN,
    names: Names | None = None,
) -> Fusion:
    """Fuse two graphs to one.

    :param left_terms: (l,) ids in the left graph's terms of linked nodes, each linked with ...
    :param right_terms: (l,) ... the node at the same place, an id in the right graph's terms.
    :param config: whose names stay, and what decides between rival values.
    :param vocabularies: which properties and classes correspond; None renames none.
    :param within: pairs of ids of the left graph's terms, and of the right one's, that are one as well.
    :param names: what an earlier run called things, which keep their names; None where there was none.
    :raises ValueError: where the ids are not as many on both sides, or are not of IRIs or blank nodes.
    :raises InputError: where too many nodes would become one, or a policy does not fit the values.
    """
    config = config if config is not None else FuseConfig()
    identity = IDENTITY[config.identity]
    merged = merge(
        left,
        right,
        left_terms,
        right_terms,
        within=within,
        names=names,
        canonical_side=config.canonical,
        identity=identity,
        most=config.max_cluster,
    )
    rewritten = rewrite(merged, len(left), vocabularies or Vocabularies(), config.vocabulary)
    del merged
    statements = _statements(len(left), len(right), rewritten, config)
    said = scratch.pick(statements.said, statements.row)
    decided = decide(statements.claims, statements.contested, statements.indicators, config, said=said)
    del said
    fusion = _fusion(statements, decided, identity)
    return replace(fusion, counts=_counts(statements, fusion))


@dataclass(frozen=True, slots=True)
class _Statements:
    """All statements, and those of them that are claims."""

    merged: Merged
    """In the fused vocabulary, without the names that graphs have in their sources."""
    said: Ids
    turned: Flags
    said_class: Ids
    """(n,) as in :class:`~kgalign.fusion.vocabulary.rewriting.Rewritten`."""
    left: int
    right: int
    """Statements of either graph."""
    claims: Claims
    """Sorted; statements about named graphs are not in it."""
    row: Positions
    """(claims,) place of each claim among the statements."""
    contested: Flags
    """(claims,) whether it is of an item of which several sources say different things."""
    indicators: Indicators
    """What is said about named graphs."""


def _statements(left: int, right: int, rewritten: Rewritten, config: FuseConfig) -> _Statements:
    merged = rewritten.merged
    view = Graph(merged.subject, merged.predicate, merged.object, merged.graph, merged.terms)
    about = about_graphs(view)
    told, rows = np.flatnonzero(about), np.flatnonzero(~about)
    names, source = _sources(merged, rows, left, config)
    columns = [merged.subject, merged.predicate, merged.object, merged.graph]
    if len(told):
        columns = [column[rows] for column in columns]
    subject, property, value, graph = columns
    order = in_order_of(subject, property, source, value, graph)
    claims = Claims(
        scratch.pick(subject, order),
        scratch.pick(property, order),
        scratch.pick(value, order),
        scratch.pick(source, order),
        scratch.pick(graph, order),
        merged.terms,
        names,
    )
    identity = np.isin(claims.property, [term_id(claims.terms, iri) for iri in IDENTITIES])
    return _Statements(
        merged=replace(merged, named=NO_IDS),
        said=rewritten.said,
        turned=rewritten.turned,
        said_class=rewritten.said_class,
        left=left,
        right=right,
        claims=claims,
        row=scratch.pick(rows, order),
        contested=contested_claims(claims) & ~identity,
        indicators=Indicators(merged.subject[told], merged.predicate[told], merged.object[told]),
    )


def _sources(merged: Merged, rows: Positions, left: int, config: FuseConfig) -> tuple[tuple[str, ...], Ids]:
    """Names of the sources, sorted, and the source of each of the rows: of a default graph it is the side."""
    view = Graph(merged.subject, merged.predicate, merged.object, merged.named, merged.terms)
    found, code = sources_of(view, rows, "", config.sources)
    unnamed = merged.named[rows] < 0
    side = np.where(rows < left, 0, 1)
    sides = {SIDES[number] for number in unique(side[unnamed]).tolist()}
    names = tuple(sorted(sides | (set(found) - {""})))
    place = {name: number for number, name in enumerate(names)}
    table = np.array([place.get(name, -1) for name in found], np.int32)
    of_side = np.array([place.get(name, -1) for name in SIDES], np.int32)
    return names, np.where(unnamed, of_side[side], remap(code, table))


def contested_claims(claims: Claims) -> Flags:
    """(n,) claims of items of which several sources say different things.

    An item is a subject and a property; of tagged texts, a subject, a property and a language. Sources that
    say the same set of values are at one.
    """
    return claims.flagged(lambda rows: _contested(claims.take(rows)))


def _contested(claims: Claims) -> Flags:
    language = claims.terms.language[claims.value]
    order = in_order_of(claims.subject, claims.property, language, claims.source, claims.value)
    item = np.cumsum(run_starts(claims.subject[order], claims.property[order], language[order])) - 1
    source, value = claims.source[order], claims.value[order]
    speakers = np.bincount(item[run_starts(item, source)])
    rows = np.flatnonzero((speakers > 1)[item])
    # All say the same set where each says every value that any of them says.
    said = np.bincount(item[rows][run_starts(item[rows], source[rows], value[rows])], minlength=len(speakers))
    pairs = unique(item[rows] << 32 | value[rows])
    values = np.bincount(pairs >> 32, minlength=len(speakers))
    differs = (speakers > 1) & (said < speakers * values)
    found = np.zeros(len(claims), bool)
    found[order] = differs[item]
    return found


def _fusion(statements: _Statements, decided: Decided, identity: str) -> Fusion:
    """The record of it all; its counts are still to come."""
    merged, size = statements.merged, len(statements.merged.subject)
    terms, place, new = _with_computed(merged.terms, [each.value for each in decided.computed])
    # As in Terms, ids grow with canonical order: the order is the same before and after.
    side = (np.arange(size) >= statements.left).astype(np.uint8)
    order = in_order_of(merged.subject, merged.predicate, merged.object, merged.graph, side)

    def ids(column: Ids) -> Ids:
        return remap(column[order], place)

    def fates(values: npt.NDArray[Any], others: float) -> npt.NDArray[Any]:
        return _spread(values, statements.row, size, others)[order]

    subject, property = ids(merged.subject), ids(merged.predicate)
    role = fates(decided.role, Role.WRITTEN)
    conflict = _conflicts(subject, property, role)
    return Fusion(
        terms=terms,
        subject=subject,
        property=property,
        value=ids(merged.object),
        graph=ids(merged.graph),
        said=ids(statements.said),
        turned=statements.turned[order],
        said_class=ids(statements.said_class),
        side=side[order],
        source=fates(statements.claims.source, -1),
        conflict=conflict,
        role=role,
        reason=fates(decided.reason, 0),
        rule=fates(decided.rule, 0),
        confidence=fates(decided.confidence, np.nan),
        **_computed(decided, place, new, subject, property, conflict),
        same_subject=remap(merged.same_subject, place),
        same_object=remap(merged.same_object, place),
        retired=remap(merged.retired, place),
        replaced_by=remap(merged.replaced_by, place),
        identity=identity,
        left_term=remap(merged.left_term, place),
        right_term=remap(merged.right_term, place),
        sources=statements.claims.sources,
        reasons=tuple(decided.reasons),
        rules=tuple(decided.rules),
        counts=_NO_COUNTS,
        trust=decided.trust,
        faults=decided.faults,
        warnings=decided.warnings,
    )


def _spread(values: npt.NDArray[Any], rows: Positions, size: int, others: float) -> npt.NDArray[Any]:
    """(size,) the values at their rows, and one for all others."""
    whole: npt.NDArray[Any] = np.full(size, others, values.dtype)
    whole[rows] = values
    return whole


def _with_computed(terms: Terms, values: Sequence[Value]) -> tuple[Terms, Ids, Ids]:
    """The terms with computed ones among them; where each term went, and where each computed one is."""
    if not values:
        return terms, np.arange(len(terms), dtype=np.int32), NO_IDS
    datatypes = tuple(sorted({value.datatype for value in values} - {""}))
    languages = tuple(sorted({value.language for value in values} - {""}))
    made = Terms(
        kind=np.array([value.what for value in values], np.uint8),
        value=pa.array([value.text for value in values], pa.large_string()),
        datatype=np.array([datatypes.index(v.datatype) if v.datatype else -1 for v in values], np.int32),
        language=np.array([languages.index(v.language) if v.language else -1 for v in values], np.int32),
        datatypes=datatypes,
        languages=languages,
    )
    longer, place = canonical([terms, made])
    return longer, place[: len(terms)], place[len(terms) :]


def _conflicts(subject: Ids, property: Ids, role: npt.NDArray[np.uint8]) -> Ids:
    """(n,) the number of the conflict of each statement: where a value lost, or was only counted in."""
    if not len(subject):
        return NO_IDS
    item = np.cumsum(run_starts(subject, property)) - 1
    lost = np.bincount(item, role >= Role.LOST) > 0
    number = np.where(lost, np.cumsum(lost) - 1, -1).astype(np.int32)
    found: Ids = number[item]
    return found


_COMPUTED = (
    "computed_subject", "computed_property", "computed_value", "computed_rule", "computed_conflict"
)  # fmt: skip


def _computed(
    decided: Decided, place: Ids, new: Ids, subject: Ids, property: Ids, conflict: Ids
) -> dict[str, Ids]:
    """Columns of the computed statements, sorted, none twice, by the names that they have in the fusion."""
    if not decided.computed:
        return dict.fromkeys(_COMPUTED, NO_IDS)
    s = place[[each.subject for each in decided.computed]]
    p = place[[each.property for each in decided.computed]]
    rule = np.array([each.rule for each in decided.computed], np.int32)
    # Statements are sorted by subject and property: each computed one has its conflict at their first row.
    key = subject.astype(np.int64) << 32 | property
    at = np.searchsorted(key, s.astype(np.int64) << 32 | p)
    order = np.lexsort((rule, new, p, s))
    order = order[run_starts(s[order], p[order], new[order])]
    columns = s, p, new, rule, conflict[at]
    return {name: column[order] for name, column in zip(_COMPUTED, columns, strict=True)}


def _counts(statements: _Statements, fusion: Fusion) -> FusionCounts:
    fates = np.bincount(fusion.role, minlength=len(Role))
    columns = fused_columns(fusion)
    same = len(fusion.same_subject) if fusion.identity else 0
    ends = np.cumsum([int(fates[Role.WRITTEN]), len(fusion.computed_subject), same]).tolist()
    order = in_order_of(*columns)
    first = order[run_starts(*(column[order] for column in columns))]
    kept, told, one, all_said = (int((first < end).sum()) for end in (*ends, len(columns[0])))
    return FusionCounts(
        left=statements.left,
        right=statements.right,
        duplicates=ends[0] - kept,
        agreeing=int(fates[Role.AGREES]),
        lost=int(fates[Role.LOST]),
        counted=int(fates[Role.COUNTED]),
        computed=told - kept,
        same_as=one - told,
        replaced=all_said - one,
        statements=all_said,
        groups=statements.merged.groups,
        merged=statements.merged.members,
        conflicts=int(fusion.conflict.max(initial=-1)) + 1,
    )


_NO_COUNTS = FusionCounts(**dict.fromkeys((field.name for field in fields(FusionCounts)), 0))

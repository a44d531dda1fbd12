"""What is installed, and what a graph looks like to kgalign before anything is aligned."""

import importlib.metadata
import os
import platform
import re
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import connected, unique
from kgalign.base.doors import GROUPS, offered, package_of
from kgalign.base.installed import installed_model, what_is_missing
from kgalign.base.version import __version__
from kgalign.export.rows import is_iri
from kgalign.rdf.graph import Graph, TermKind
from kgalign.records import Profile
from kgalign.values.kinds import ValueKind
from kgalign.values.orders import ORDER, TOKEN, candidates, hints
from kgalign.values.text import fold

HUGE = 10_000
"""Characters from which on a literal is called huge."""

_XSD = "http://www.w3.org/2001/XMLSchema#"
_FORMS = {
    "integer": r"^\s*[-+]?[0-9]+\s*$",
    "decimal": r"^\s*[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)\s*$",
    "double": r"^\s*([-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?INF|NaN)\s*$",
    "boolean": r"^\s*(true|false|0|1)\s*$",
    "date": r"^\s*-?[0-9]{4,}-[0-9]{2}-[0-9]{2}(Z|[-+][0-9]{2}:[0-9]{2})?\s*$",
    "gYear": r"^\s*-?[0-9]{4,}(Z|[-+][0-9]{2}:[0-9]{2})?\s*$",
    "dateTime": r"^\s*-?[0-9]{4,}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
    r"(Z|[-+][0-9]{2}:[0-9]{2})?\s*$",
}
"""Lexical forms of common datatypes."""

_IDENTIFYING = 0.5
"""Share of distinct values from which on an attribute can tell duplicates."""
_EXAMPLES = 5
_EXTRA = re.compile(r"^([A-Za-z0-9._-]+).*extra\s*==\s*['\"]([A-Za-z0-9_-]+)['\"]")
_NO_EXTRA = re.compile(r"^([A-Za-z0-9._-]+)")
_FOR_DEVELOPERS = {"dev", "docs"}


@dataclass(frozen=True, slots=True)
class Environment:
    """What kgalign runs on."""

    kgalign: str
    python: str
    system: str
    cores: int
    memory_bytes: int
    """Physical memory."""
    libraries: dict[str, str | None]
    """Library → version, None where it is missing."""
    extras: dict[str, dict[str, str | None]]
    """Optional part → its libraries."""
    brought: dict[str, dict[str, str]]
    """What packages bring: group of entry points → name → package and version."""
    embedder: str | None
    """Folder of the model that ``--embedder auto`` finds, None where it finds none."""
    embedder_lacks: str
    """What has to be installed for it; empty where nothing has."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a graph that deserves a look."""

    what: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Entities of one graph that look the same."""

    groups: int
    entities: int
    """Entities in those groups."""
    examples: tuple[tuple[str, tuple[str, ...]], ...]
    """Name and IRIs of the largest groups."""


@dataclass(frozen=True, slots=True)
class GraphReport:
    """What a graph looks like; shares lie between 0 and 1."""

    sources: tuple[str, ...]
    statements_read: int
    statements: int
    """Distinct ones."""
    nodes: int
    blank_share: float
    """Blank nodes among all nodes that are subject or object."""
    entities: int
    types: dict[str, int]
    """Most specific frequent type → entities, the most frequent first; empty for none."""
    labelled: float
    """Entities with a naming value."""
    named_by_iri: float
    """Entities that have no naming value but a readable local name."""
    languages: dict[str, int]
    """Language tag → statements, the most frequent first; empty for plain text."""
    datatypes: dict[str, int]
    """Datatype → statements, the most frequent first; plain and language-tagged text left out."""
    duplicates: Duplicates
    findings: tuple[Finding, ...]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain dictionaries and lists, for JSON."""
        return asdict(self)


def environment() -> Environment:
    """Look at what is installed; nothing is imported for it."""
    libraries: dict[str, str | None] = {}
    extras: dict[str, dict[str, str | None]] = {}
    for requirement in importlib.metadata.requires("kgalign") or ():
        if found := _EXTRA.match(requirement):
            if found[2] not in _FOR_DEVELOPERS:
                extras.setdefault(found[2], {})[found[1]] = _version(found[1])
        elif found := _NO_EXTRA.match(requirement):
            libraries[found[1]] = _version(found[1])
    model = installed_model()
    brought = {group: {name: package_of(each) for name, each in offered(group).items()} for group in GROUPS}
    return Environment(
        kgalign=__version__,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        cores=os.cpu_count() or 1,
        memory_bytes=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        libraries=dict(sorted(libraries.items())),
        extras=dict(sorted(extras.items())),
        brought={group: names for group, names in brought.items() if names},
        embedder=str(model) if model else None,
        embedder_lacks=what_is_missing(),
    )


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def inspect(graph: Graph, profile: Profile | None) -> GraphReport:
    """Report on a graph; ``profile`` is None where selection found no entity."""
    kind = graph.terms.kind
    nodes = unique(np.concatenate([graph.subject, graph.object]))
    nodes = nodes[(kind[nodes] == TermKind.IRI) | (kind[nodes] == TermKind.BLANK)]
    labelled, by_iri = _labels(profile) if profile is not None else (0.0, 0.0)
    return GraphReport(
        sources=graph.sources,
        statements_read=graph.statements_read,
        statements=len(graph),
        nodes=len(nodes),
        blank_share=float(np.mean(kind[nodes] == TermKind.BLANK)) if len(nodes) else 0.0,
        entities=len(profile) if profile is not None else 0,
        types=_types(profile) if profile is not None else {},
        labelled=labelled,
        named_by_iri=by_iri,
        languages=_languages(graph),
        datatypes=_counted(graph.terms.datatype[graph.object], graph.terms.datatypes),
        duplicates=duplicates(profile) if profile is not None else Duplicates(0, 0, ()),
        findings=findings(graph),
    )


def _counted(codes: npt.NDArray[np.int32], names: tuple[str, ...]) -> dict[str, int]:
    counts = np.bincount(codes[codes >= 0], minlength=len(names)).tolist()
    pairs = zip(names, counts, strict=True)
    return dict(
        sorted(((name, count) for name, count in pairs if count), key=lambda pair: (-pair[1], pair[0]))
    )


def _languages(graph: Graph) -> dict[str, int]:
    terms = graph.terms
    tagged = _counted(terms.language[graph.object], terms.languages)
    is_text = (terms.kind == TermKind.LITERAL) & (terms.language < 0) & (terms.datatype < 0)
    plain = int(is_text[graph.object].sum())
    return dict(
        sorted((tagged | ({"": plain} if plain else {})).items(), key=lambda pair: (-pair[1], pair[0]))
    )


def _types(profile: Profile) -> dict[str, int]:
    counts = _counted(profile.entity_type, profile.types)
    untyped = int((profile.entity_type < 0).sum())
    return counts | ({"": untyped} if untyped else {})


def _labels(profile: Profile) -> tuple[float, float]:
    """Shares of the entities that are named by a value, and by their IRI alone."""
    by_iri = [i for i, each in enumerate(profile.attributes) if each.path == ("@iri",)]
    naming = [i for i, each in enumerate(profile.attributes) if each.is_name and i not in by_iri]
    labelled = np.zeros(len(profile), dtype=bool)
    labelled[profile.value_entity[np.isin(profile.value_attribute, naming)]] = True
    local = np.zeros(len(profile), dtype=bool)
    local[profile.value_entity[np.isin(profile.value_attribute, by_iri)]] = True
    return float(labelled.mean()), float((local & ~labelled).mean())


def duplicates(profile: Profile) -> Duplicates:
    """Find entities with one name that also share a value of an attribute that tells entities apart."""
    names = [fold(name) for name in profile.entity_name.to_pylist()]
    code = (
        np.unique(np.array(names, dtype=object).astype(str), return_inverse=True)[1]
        if names
        else np.zeros(0, int)
    )
    telling = [
        number
        for number, each in enumerate(profile.attributes)
        if not each.is_name and each.kind != ValueKind.BOOLEAN and each.inverse_functionality >= _IDENTIFYING
    ]
    rows = np.flatnonzero(np.isin(profile.value_attribute, telling))
    entity = profile.value_entity[rows]
    keys = np.stack([code[entity], profile.value_attribute[rows], profile.value_text[rows]])
    place = np.unique(keys, axis=1, return_inverse=True)[1].ravel() if len(rows) else rows
    size = len(profile) + int(place.max(initial=-1)) + 1
    group = connected(entity, place + len(profile), size)[: len(profile)]
    sizes = np.bincount(group) if len(group) else np.zeros(0, int)
    doubled = np.flatnonzero(sizes > 1)
    largest = doubled[np.lexsort((doubled, -sizes[doubled]))][:_EXAMPLES]
    examples = tuple(_example(profile, np.flatnonzero(group == number)) for number in largest)
    return Duplicates(len(doubled), int(sizes[doubled].sum()), examples)


def _example(profile: Profile, members: npt.NDArray[np.int64]) -> tuple[str, tuple[str, ...]]:
    iris = profile.entity_iri.take(pa.array(members[:_EXAMPLES])).to_pylist()
    return str(profile.entity_name[int(members[0])].as_py()), tuple(iris)


def findings(graph: Graph) -> tuple[Finding, ...]:
    """Look for what tends to be a mistake in the data."""
    terms = graph.terms
    literal = terms.kind == TermKind.LITERAL
    length = pc.utf8_length(terms.value).to_numpy(zero_copy_only=False)
    text = np.asarray(pc.utf8_length(pc.utf8_trim_whitespace(terms.value)).to_numpy(zero_copy_only=False)) > 0
    iris = np.flatnonzero(terms.kind == TermKind.IRI)
    texts = terms.value.take(pa.array(iris)).to_pylist()
    bad = [place for place, iri in zip(iris.tolist(), texts, strict=True) if not is_iri(iri)]
    found = [
        _finding(graph, "literals with no text", np.flatnonzero(literal & ~text)),
        _finding(
            graph, f"literals of more than {HUGE:,} characters", np.flatnonzero(literal & (length > HUGE))
        ),
        *(
            _finding(graph, f"literals that are no {name}, as their datatype says", _ill_formed(graph, name))
            for name in _FORMS
        ),
        _finding(graph, "IRIs with characters that an IRI may not have", np.array(bad, dtype=np.int64)),
        _mixed_languages(graph),
        *_for_models(graph),
    ]
    return tuple(each for each in found if each.count)


def _finding(graph: Graph, what: str, terms: npt.NDArray[np.int64]) -> Finding:
    examples = graph.terms.value.take(pa.array(terms[:_EXAMPLES])).to_pylist()
    return Finding(what, len(terms), tuple(each[:80] for each in examples))


def _ill_formed(graph: Graph, name: str) -> npt.NDArray[np.int64]:
    """Terms whose lexical form does not fit their datatype."""
    terms = graph.terms
    if _XSD + name not in terms.datatypes:
        return np.zeros(0, dtype=np.int64)
    rows = np.flatnonzero(terms.datatype == terms.datatypes.index(_XSD + name))
    fits = pc.match_substring_regex(terms.value.take(pa.array(rows)), _FORMS[name])
    wrong: npt.NDArray[np.int64] = rows[~fits.to_numpy(zero_copy_only=False)]
    return wrong


def _for_models(graph: Graph) -> list[Finding]:
    """Literals that want something of a model that reads them; of long ones the beginning is looked at."""
    literals = np.flatnonzero(graph.terms.kind == TermKind.LITERAL)
    heads = pc.utf8_slice_codeunits(graph.terms.value.take(pa.array(literals)), 0, HUGE)
    near = np.flatnonzero(candidates(heads))
    found = [(int(literals[row]), hints(str(heads[row].as_py()))) for row in near.tolist()]
    return [
        _finding(
            graph,
            f"literals with text that {hint}",
            np.array([term for term, told in found if hint in told], dtype=np.int64),
        )
        for hint in (ORDER, TOKEN)
    ]


def _mixed_languages(graph: Graph) -> Finding:
    """Properties whose values are partly tagged with a language and partly plain text."""
    terms = graph.terms
    values = terms.kind[graph.object] == TermKind.LITERAL
    tagged = terms.language[graph.object] >= 0
    plain = values & ~tagged & (terms.datatype[graph.object] < 0)
    both = np.intersect1d(graph.predicate[tagged], graph.predicate[plain])
    return _finding(
        graph, "properties with values both with and without a language tag", both.astype(np.int64)
    )

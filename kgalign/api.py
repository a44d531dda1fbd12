"""Aligning and fusing from Python: everything in memory, nothing written."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kgalign import pipeline
from kgalign.base.progress import NoProgress, Progress
from kgalign.config import Config, as_config
from kgalign.errors import InputError
from kgalign.fusion import NOTHING_WITHIN, align_vocabularies
from kgalign.fusion import fuse as fuse_terms
from kgalign.links.known import same_within
from kgalign.links.pairs import is_link
from kgalign.rdf import graph_from_rdflib, read_graph
from kgalign.rdf.graph import Graph, Ids, TermKind
from kgalign.rdf.write import write_turtle
from kgalign.records import Alignment, Candidates, Profile, Verdicts, tables
from kgalign.records.fused import Fusion, fused_graph
from kgalign.run.inputs import embedder_source, source
from kgalign.run.steps import Inputs, Work

if TYPE_CHECKING:
    import rdflib

GraphLike: TypeAlias = "str | Path | Sequence[str | Path] | rdflib.Graph | Graph"
"""A file, a folder of files, several of these, an ``rdflib.Graph``, or a graph that was read before."""

Settings: TypeAlias = Config | Mapping[str, Any] | Path | str | None
"""A configuration, its sections as dictionaries, a TOML file, or nothing for the defaults."""


@dataclass(frozen=True, slots=True)
class AlignmentResult:
    """What :func:`align` found, with everything that led to it."""

    config: Config
    left_graph: Graph
    right_graph: Graph
    left: Profile
    right: Profile
    """Each side's entities, values and relations."""
    candidates: Candidates
    verdicts: Verdicts
    alignment: Alignment
    _work: Work = field(repr=False)

    def __len__(self) -> int:
        """Number of links."""
        return int(is_link(self.alignment).sum())

    def __repr__(self) -> str:
        undecided = len(self.alignment) - len(self)
        same = int((is_link(self.alignment) & self.alignment.same_iri).sum())
        apart = f" ({same} of them with one IRI on both sides)" if same else ""
        return (
            f"<AlignmentResult: {len(self)} links{apart} between {len(self.left)} and {len(self.right)} "
            f"entities, {undecided} undecided, {self.alignment.cardinality}>"
        )

    def links(self) -> Iterator[tuple[str, str, float]]:
        """The links: left IRI, right IRI, probability from 0 to 1; ``_:label`` for a blank node.

        Entities with one IRI on both sides are among them, where they were taken for one.
        """
        rows = is_link(self.alignment)
        table = tables.links_table(self.alignment, self.left, self.right).filter(pa.array(rows))
        columns = (table.column(name).to_pylist() for name in ("left", "right", "probability"))
        yield from zip(*columns, strict=True)

    def to_arrow(self) -> pa.Table:
        """The links and the undecided pairs: left, right, left_name, right_name, probability, outcome.

        ``to_arrow().to_pandas()`` is a data frame where pandas is installed.
        """
        return tables.links_table(self.alignment, self.left, self.right)

    @property
    def expected(self) -> Mapping[str, float]:
        """What is to be expected of the links, see :func:`kgalign.assign.with_expectation`."""
        return self.alignment.figures

    def worklist(self) -> pa.Table:
        """What a person should look at, one left entity a row, the likeliest mistake first.

        Columns: rank, left, right, linked, probability, second, second_probability, doubt, left_name,
        right_name, second_name; null where there is no second-best.
        """
        return tables.worklist_table(self._work.get(pipeline.WORKLIST), self.left, self.right)

    def fused(self) -> "Fused":
        """Both graphs as one, with one node per linked pair, by the policies of ``fuse``."""
        return Fused(self._work.get(pipeline.FUSE))


@dataclass(frozen=True, slots=True)
class Fused:
    """One graph made from two, and what became of their statements."""

    record: Fusion

    def __len__(self) -> int:
        """Number of statements."""
        return self.record.counts.statements

    def write(self, path: str | Path) -> int:
        """Write Turtle and return the number of statements written.

        :raises RunError: no room, or no permission to write there.
        """
        return write_turtle(fused_graph(self.record), Path(path))


def align(
    left: GraphLike,
    right: GraphLike,
    config: Settings = None,
    *,
    ledger: str | Path | None = None,
    progress: Progress | None = None,
) -> AlignmentResult:
    """Find which entities of two graphs are the same.

    :param left: a file, a folder, a list of them, or an ``rdflib.Graph``.
    :param right: the other side.
    :param config: keys of the configuration, such as ``{"assign": {"cardinality": "one-to-one"}}``, a TOML
        file, or a :class:`~kgalign.config.Config`.
    :param ledger: the file in which votes are kept, where ``judge.judge`` has a language model asked; answers
        that are in it already are not asked for again. Without one they are lost at the end.
    :param progress: where long work reports how far it is.
    :raises ConfigError: unknown keys or wrong values, all of them at once.
    :raises InputError: a graph can't be read, or has no entities.
    """
    settings = as_config(config)
    known = tuple(source(Path(path)) for path in settings.judge.known)
    files = {"known": known, "embedder": embedder_source(settings)}
    work = Work(Inputs(settings, files), progress, ledger=Path(ledger) if ledger else None)
    work.put(pipeline.READ_LEFT, _graph(left, settings.read.left_also, "left", work.progress))
    work.put(pipeline.READ_RIGHT, _graph(right, settings.read.right_also, "right", work.progress))
    return AlignmentResult(
        config=settings,
        left_graph=work.get(pipeline.READ_LEFT),
        right_graph=work.get(pipeline.READ_RIGHT),
        left=work.get(pipeline.SELECT_LEFT),
        right=work.get(pipeline.SELECT_RIGHT),
        candidates=work.get(pipeline.RETRIEVE),
        verdicts=pipeline.verdicts_of(work),
        alignment=work.get(pipeline.ASSIGN),
        _work=work,
    )


def fuse(
    left: GraphLike,
    right: GraphLike,
    links: Iterable[tuple[Any, ...]],
    config: Settings = None,
    *,
    progress: Progress | None = None,
) -> Fused:
    """Make one graph from two, along links that you have.

    :param left: a file, a folder, a list of them, or an ``rdflib.Graph``.
    :param right: the other side.
    :param links: pairs (left IRI, right IRI); what else stands in a row, such as a probability, is passed
        over.
    :param config: as for :func:`align`; ``fuse`` counts, and ``read`` for further files.
    :param progress: where reading reports how far it is.
    :raises ConfigError: unknown keys or wrong values, all of them at once.
    :raises InputError: a graph can't be read, a link names an IRI that its graph doesn't have, a policy
        doesn't fit the values, or too many nodes would become one.
    """
    settings = as_config(config)
    watch = progress or NoProgress()
    left_graph = _graph(left, settings.read.left_also, "left", watch)
    right_graph = _graph(right, settings.read.right_also, "right", watch)
    pairs = [(str(row[0]), str(row[1])) for row in links]
    left_terms = _terms(left_graph, [pair[0] for pair in pairs], "left")
    right_terms = _terms(right_graph, [pair[1] for pair in pairs], "right")
    ends = left_graph, right_graph, left_terms, right_terms
    found = align_vocabularies(
        *ends,
        overrides=settings.fuse.mapping.items(),
        class_overrides=settings.fuse.classes.items(),
        keep=settings.fuse.keep,
    )
    within = NOTHING_WITHIN
    if settings.fuse.same_as_within:
        within = same_within(left_graph), same_within(right_graph)
    return Fused(fuse_terms(*ends, settings.fuse, found, within=within))


def _graph(graph: GraphLike, also: Sequence[str], side: str, progress: Progress) -> Graph:
    if isinstance(graph, str | Path):
        return read_graph([graph, *also], side=side, progress=progress)
    if isinstance(graph, Sequence):
        return read_graph([*graph, *also], side=side, progress=progress)
    if also:
        raise InputError(
            f"read.{side}_also goes with files, and {side} is a graph", "Give the files as a list"
        )
    return graph if isinstance(graph, Graph) else graph_from_rdflib(graph)


def _terms(graph: Graph, names: list[str], side: str) -> Ids:
    """(n,) ids of IRIs, and of blank nodes written ``_:label``, among a graph's terms."""
    wanted = pa.array(names, pa.large_string())
    ids = np.full(len(names), -1, dtype=np.int32)
    for kind, start in ((TermKind.IRI, ""), (TermKind.BLANK, "_:")):
        rows = np.flatnonzero(graph.terms.kind == kind)
        values = graph.terms.value.take(pa.array(rows))
        texts = pc.binary_join_element_wise(_large(start), values, _large(""))
        places = pc.index_in(wanted, value_set=texts).fill_null(-1).to_numpy()
        ids[places >= 0] = rows[places[places >= 0]]
    if (ids < 0).any():
        missing = names[int(np.flatnonzero(ids < 0)[0])]
        raise InputError(
            f"The {side} graph has no node {missing}", "Leave this link out, or check its spelling"
        )
    return ids


def _large(text: str) -> pa.LargeStringScalar:
    return pa.scalar(text, pa.large_string())

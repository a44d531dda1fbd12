"""Aligning and fusing from Python, and looking at what a run found; nothing is written."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from kgalign import pipeline
from kgalign.arrays import Flags
from kgalign.base.addresses import on_this_machine
from kgalign.base.notebook import Table, html, html_table, progress_here
from kgalign.base.progress import Progress
from kgalign.config import Config, as_config
from kgalign.decisions import FILE as DECISIONS_FILE
from kgalign.decisions import read_all
from kgalign.errors import InputError
from kgalign.evaluate import Evaluation, Pair, evaluate, read_pairs
from kgalign.explain import Explainer, Explanation, Side, is_node
from kgalign.explain.finding import Spaces, bare, declared
from kgalign.explain.people import People, read_people
from kgalign.given import GraphLike, graph_given, terms_given
from kgalign.ledger.export import votes_table
from kgalign.links.known import same_within
from kgalign.links.pairs import is_link
from kgalign.links.unmerged import FILE as UNMERGED_FILE
from kgalign.rdf.graph import Graph
from kgalign.rdf.write import write_turtle
from kgalign.records import Alignment, Candidates, Profile, Verdicts, tables
from kgalign.records.fused import Fusion, fused_graph
from kgalign.run.finished import Finished
from kgalign.run.inputs import embedder_source, source
from kgalign.run.start import check_judges
from kgalign.run.steps import Inputs, Step, Work

if TYPE_CHECKING:
    from kgalign.estimate import Estimate

Settings: TypeAlias = Config | Mapping[str, Any] | Path | str | None
"""A configuration, its sections as dictionaries, a TOML file, or nothing for the defaults."""

Gold: TypeAlias = str | Path | Sequence[str | Path] | Iterable[Pair]
"""A file of links, several, or pairs of IRIs."""


class AlignmentResult:
    """What :func:`align` found, or the run that :func:`open` opened, with everything that led to it.

    Each thing is read, or computed, when it is first asked for. In a notebook a result shows itself, and so
    do its tables and what :meth:`explain` gives.
    """

    def __init__(self, work: Work) -> None:
        self._work = work

    @property
    def config(self) -> Config:
        """The settings."""
        return self._work.config

    @property
    def left_graph(self) -> Graph:
        """The left graph."""
        return self._work.get(pipeline.READ_LEFT)

    @property
    def right_graph(self) -> Graph:
        """The right graph."""
        return self._work.get(pipeline.READ_RIGHT)

    @property
    def left(self) -> Profile:
        """The left side's entities, values and relations."""
        return self._work.get(pipeline.SELECT_LEFT)

    @property
    def right(self) -> Profile:
        """The right side's."""
        return self._work.get(pipeline.SELECT_RIGHT)

    @property
    def candidates(self) -> Candidates:
        """The pairs that were retrieved."""
        return self._work.get(pipeline.RETRIEVE)

    @cached_property
    def verdicts(self) -> Verdicts:
        """What was judged, with the student and the votes in it."""
        return pipeline.verdicts_of(self._work)

    @property
    def alignment(self) -> Alignment:
        """What was decided."""
        return self._work.get(pipeline.ASSIGN)

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

    def _repr_html_(self) -> str:
        where = f"<br>in {html(self._work.folder)}" if self._work.folder else ""
        expected = ((name.replace("_", " "), f"{value:,.4g}") for name, value in self.expected.items())
        figures = html_table(("to be expected", ""), expected) if self.expected else ""
        head = f"<p><b>{html(repr(self).strip('<>'))}</b>{where}</p>"
        return f"{head}{self._charts()}{figures}{self.links()._repr_html_()}"

    def _charts(self) -> str:
        """What became of the entities, and how probable links are, as in ``report.html``."""
        from kgalign.report import entity_flow, probability_histogram

        judge = self.config.judge
        bounds = {"match": judge.match_probability, "undecided": judge.undecided_probability}
        charts = (
            entity_flow(self.left, self.right, self.verdicts, self.alignment),
            probability_histogram(self.verdicts, self.alignment, **bounds),
        )
        cells = "".join(f'<div style="flex:1 1 20em;max-width:32em">{each}</div>' for each in charts)
        return f'<div style="display:flex;flex-wrap:wrap;gap:1em">{cells}</div>'

    def links(self) -> Table:
        """The links, also those between entities with one IRI on both sides, where they were taken for one.

        Columns: left, right, left_name, right_name, probability from 0 to 1; ``_:label`` for a blank node.
        Iterating gives left, right and probability of each.
        """
        return self._pairs(is_link(self.alignment))

    def undecided(self) -> Table:
        """The pairs that are left to people, with the columns of :meth:`links`."""
        return self._pairs(~is_link(self.alignment))

    def _pairs(self, rows: Flags) -> Table:
        table = self.to_arrow().filter(pa.array(rows)).drop_columns(["outcome"])
        return Table(table, ("left", "right", "probability"))

    def to_arrow(self) -> pa.Table:
        """The links and the undecided pairs: left, right, left_name, right_name, probability, outcome.

        ``to_arrow().to_pandas()`` is a data frame where pandas is installed.
        """
        return tables.links_table(self.alignment, self.left, self.right)

    @property
    def expected(self) -> Mapping[str, float]:
        """What is to be expected of the links, see :func:`kgalign.assign.with_expectation`."""
        return self.alignment.figures

    def worklist(self) -> Table:
        """What a person should look at, one left entity a row, the likeliest mistake first.

        Columns: rank, left, right, linked, probability, second, second_probability, doubt, left_name,
        right_name, second_name; null where there is no second-best.
        """
        return Table(tables.worklist_table(self._work.get(pipeline.WORKLIST), self.left, self.right))

    def explain(self, iri: str, other: str | None = None, *, side: Side | None = None) -> Explanation:
        """Say what an entity was linked with and why; with a second IRI, why this pair was, or was not.

        Args:
            iri: an entity of either side: its IRI, a CURIE, its label, or the last part of its IRI.
            other: another one, of either side.
            side: ``"left"`` or ``"right"``, whose entity ``iri`` is, where both sides have it.

        Raises:
            InputError: no side has such an entity, the nearest ones are in the remedy; or there are several.
            RunError: the run isn't finished.
        """
        hearing = self._work.get(pipeline.ASK)
        with pipeline.open_ledger(self._work) as ledger:
            explainer = Explainer(
                self.left,
                self.right,
                self.candidates,
                self.verdicts,
                self.alignment,
                match_probability=self.config.judge.match_probability,
                hearing=hearing,
                votes=lambda case: ledger.votes(hearing.judging, cases=[case]) if ledger else (),
                are_one=self._are_one if self._work.offers(pipeline.FUSE) else None,
                people=self._people(),
                spaces=self._spaces(),
            )
            try:
                return explainer.pair(iri, other, side) if other is not None else explainer.entity(iri, side)
            except InputError as error:
                given = [each for each in (iri, other) if each is not None]
                self._check_nodes([each for each in given if not explainer.is_entity(each)], error)
                raise

    def evaluate(self, gold: Gold, *, closed: bool = False, worst: int = 10) -> Evaluation:
        """Measure the links, candidates and probabilities against gold.

        Args:
            gold: a file of gold links, several, or pairs (left IRI, right IRI).
            closed: the gold is complete: every link that is not in it is wrong.
            worst: how many errors of each kind to name.

        Raises:
            InputError: the gold can't be read, or names no entity of a side.
            RunError: the run isn't finished.
        """
        return evaluate(
            self.left,
            self.right,
            self.candidates,
            self.verdicts,
            self.alignment,
            _pairs_of(gold),
            closed=closed,
            match_probability=self.config.judge.match_probability,
            seed=self.config.seed,
            worst=worst,
        )

    def estimate(
        self,
        *,
        precision: float = 0.95,
        confidence: float = 0.95,
        labels: Gold | None = None,
        looks: int = 100,
        seed: int = 0,
    ) -> "Estimate":
        """How good the links are, by the few of them that people have looked at.

        Args:
            precision: what is to be certified.
            confidence: how probable it shall be that an interval holds the truth, and what is certified.
            labels: complete gold that stands in for people; decisions don't count then.
            looks: with ``labels``, how many cases are looked at.
            seed: another one is another sample.

        Raises:
            RunError: the run isn't finished, or its decisions are damaged.
            InputError: the gold can't be read.
        """
        from kgalign.estimate import (
            answers_of_decisions,
            answers_of_gold,
            cases_of,
            design,
            estimate_run,
            looked_up,
        )

        cases, sides = cases_of(self.verdicts, self.alignment), (self.left, self.right)
        plan = design(cases, seed)
        if labels is not None:
            answers = looked_up(plan, answers_of_gold(cases, sides, _pairs_of(labels)), looks)
        else:
            decided = (each for path in self._stores() for each in read_all(path))
            answers = answers_of_decisions(cases, sides, decided)
        return estimate_run(plan, answers, precision, confidence)

    def votes(self) -> Table:
        """What a language model was asked and what it answered, a vote a row, with the columns that
        ``kgalign votes export --format parquet`` has. No rows where none was asked, or no ledger was kept.
        """
        with pipeline.open_ledger(self._work) as ledger:
            judging = self._work.get(pipeline.ASK).judging
            return Table(votes_table(ledger.votes(judging) if ledger else ()))

    def fused(self) -> "Fused":
        """Both graphs as one, with one node per linked pair, by the policies of ``fuse``."""
        return Fused(self._work.get(pipeline.FUSE))

    def _people(self) -> People:
        """Who said what of pairs: in the files of the run as they are now."""
        folder, inputs = self._work.folder, self._work.inputs
        unmerged = [folder.file(UNMERGED_FILE)] if folder else []
        return read_people(self._stores(), unmerged, inputs.paths("known"))

    def _stores(self) -> Sequence[Path]:
        """Where decisions are."""
        folder = self._work.folder
        return [folder.file(DECISIONS_FILE)] if folder else self._work.inputs.paths("decisions")

    def _spaces(self) -> Spaces:
        """Prefixes by which people may name entities: those of the inputs, and of what the run wrote."""
        folder, inputs = self._work.folder, self._work.inputs
        written = [folder.file(name) for name in ("fused.ttl", "mappings.sssom.tsv")] if folder else []
        return declared([*inputs.paths("left"), *inputs.paths("right"), *written])

    def _are_one(self, side: Side, first: int, second: int) -> bool:
        """Whether two entities of a side are one node of the fused graph."""
        fusion, profile = self.fused().record, self.left if side == "left" else self.right
        places = fusion.left_term if side == "left" else fusion.right_term
        one, other = places[profile.entity_term[[first, second]]].tolist()
        return bool(one == other)

    def _check_nodes(self, iris: list[str], error: InputError) -> None:
        """Say so where what was asked for is in a graph but is no entity."""
        for iri in map(bare, iris):
            if repr(iri) not in error.message:
                continue
            for side in ("left", "right"):
                if is_node(self.left_graph if side == "left" else self.right_graph, iri):
                    raise InputError(
                        f"{iri!r} is a node of the {side} graph, but no entity: "
                        "it was taken for a part of one, or for a class or a property",
                        f"Name its type with --{side}-type when you run, to make it one",
                    ) from error


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

    :param left: a file of RDF or a table, a folder, an address (``sparql:URL``, ``s3://BUCKET/PATH``), a
        list of them, or an ``rdflib.Graph``.
    :param right: the other side.
    :param config: keys of the configuration, such as ``{"assign": {"cardinality": "one-to-one"}}``, a TOML
        file, or a :class:`~kgalign.config.Config`.
    :param ledger: the file in which votes are kept, where ``judge.judge`` has a language model asked; answers
        that are in it already are not asked for again. Without one they are lost at the end.
    :param progress: where long work reports how far it is; in a notebook that is a line below the cell,
        unless you say otherwise.
    :raises ConfigError: unknown keys or wrong values, all of them at once.
    :raises InputError: a graph can't be read, or has no entities.
    :raises KgalignError: who is to judge can't be asked; that is said before a graph is read.
    """
    settings = as_config(config)
    known = tuple(source(Path(path)) for path in settings.judge.known)
    files = {"known": known, "embedder": embedder_source(settings)}
    votes = Path(ledger) if ledger else None
    check_judges(pipeline.steps(), settings, votes)
    work = Work(Inputs(settings, files), progress or progress_here(), ledger=votes)
    work.put(pipeline.READ_LEFT, graph_given(left, settings, "left", work.progress))
    work.put(pipeline.READ_RIGHT, graph_given(right, settings, "right", work.progress))
    for step in pipeline.steps():
        if isinstance(step, Step):
            work.get(step)
        if step is pipeline.ASSIGN:
            break
    return AlignmentResult(work)


def open(run: str | Path) -> AlignmentResult:
    """Open the run folder that ``kgalign run -o RUN`` wrote; nothing in it is changed.

    Raises:
        RunError: it is none, it isn't finished, or another version of kgalign wrote it.
        InputError: it lies in an object store.
    """
    work = Finished(on_this_machine(run))
    work.get(pipeline.ASSIGN)
    return AlignmentResult(work)


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
    from kgalign.fusion import NOTHING_WITHIN, align_vocabularies
    from kgalign.fusion import fuse as fuse_terms

    settings = as_config(config)
    watch = progress or progress_here()
    left_graph = graph_given(left, settings, "left", watch)
    right_graph = graph_given(right, settings, "right", watch)
    pairs = [(str(row[0]), str(row[1])) for row in links]
    left_terms = terms_given(left_graph, [pair[0] for pair in pairs], "left")
    right_terms = terms_given(right_graph, [pair[1] for pair in pairs], "right")
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


def _pairs_of(gold: Gold) -> tuple[Pair, ...]:
    """Gold as pairs, sorted, each once."""
    given = [gold] if isinstance(gold, str | Path) else gold
    pairs = {
        pair
        for each in given
        for pair in (read_pairs(Path(each)) if isinstance(each, str | Path) else [(each[0], each[1])])
    }
    return tuple(sorted(pairs))

"""The formats that a finished run is exported to, by name."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from kgalign.base.doors import bring, offered
from kgalign.base.files import explained
from kgalign.base.version import __version__
from kgalign.config import Config
from kgalign.decisions.people import Words
from kgalign.errors import InputError, KgalignError
from kgalign.export.json_ld import write_json_ld
from kgalign.export.link_files import EXACT_MATCH, write_links, write_oaei
from kgalign.export.provenance import write_provenance
from kgalign.export.rows import Pairs, Written, linked, links_and_refused
from kgalign.export.sssom import write_sssom
from kgalign.export.tables import write_links_csv, write_links_parquet
from kgalign.rdf.graph import Graph
from kgalign.rdf.vocabulary import OWL_SAME_AS
from kgalign.rdf.write import write_nquads, write_ntriples, write_trig, write_turtle
from kgalign.records import Alignment, Profile, Verdicts
from kgalign.records.fused import Fusion
from kgalign.records.vocabularies import Vocabularies


class Finished(Protocol):
    """What a format may ask of a finished run; :class:`kgalign.run.finished.Finished` is one."""

    @property
    def config(self) -> Config:
        """The settings of the run."""

    @property
    def left(self) -> Profile:
        """The left side."""

    @property
    def right(self) -> Profile:
        """The right side."""

    @property
    def alignment(self) -> Alignment:
        """What was decided."""

    @property
    def evidence(self) -> Verdicts:
        """The verdicts without the votes."""

    @property
    def verdicts(self) -> Verdicts:
        """The verdicts with the student and the votes in them."""

    def fusion(self) -> Fusion:
        """What became of every statement."""

    def words(self) -> Words:
        """Who decided on a pair, and why."""

    def vocabularies(self) -> Vocabularies:
        """Which properties and classes correspond."""

    def fused(self) -> Graph:
        """The fused graph; all else may be let go."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be chosen besides the format."""

    undecided: bool = False
    """Whether pairs that are left to people are written too."""
    around: str | None = None
    """IRI of the entity that a picture is about."""
    limit: int | None = None
    """Most entities of a picture."""
    parts: int | None = None
    """Most files that a graph is cut into, in a folder; None for one file."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    counts: dict[str, int]
    """What is counted, in the singular → how many."""
    notes: tuple[str, ...] = ()
    """What is not in the file, in words."""


Writer = Callable[[Finished, Path, Choices], Exported]


@dataclass(frozen=True, slots=True)
class Format:
    """One format."""

    about: str
    """What it is, for a list of formats."""
    write: Writer
    takes: frozenset[str] = field(default_factory=frozenset)
    """Which of :class:`Choices` have a meaning for it."""
    binary: bool = False
    """Whether it is of no use on a terminal."""


def _graph(write: Callable[[Graph, Path], int], *, keeps_names: bool) -> Writer:
    def written(run: Finished, path: Path, choices: Choices) -> Exported:
        graph = run.fused()
        count = write(graph, path)
        named = not keeps_names and bool((graph.graph >= 0).any())
        notes = ("the names of named graphs are left out",) if named else ()
        return Exported({"statement": count}, notes)

    return written


def _provenance(form: str) -> Writer:
    def written(run: Finished, path: Path, choices: Choices) -> Exported:
        return Exported({"statement": write_provenance(run.fusion(), path, form=form)})

    return written


def _statements(predicate: str) -> Writer:
    def written(run: Finished, path: Path, choices: Choices) -> Exported:
        return _links(write_links(path, run.left, run.right, run.alignment, predicate=predicate))

    return written


def _oaei(run: Finished, path: Path, choices: Choices) -> Exported:
    return _links(write_oaei(path, run.left, run.right, run.alignment))


def _sssom(run: Finished, path: Path, choices: Choices) -> Exported:
    alignment, verdicts = run.alignment, run.verdicts
    threshold = run.config.judge.match_probability
    pairs = links_and_refused(alignment, verdicts, run.evidence, threshold, undecided=choices.undecided)
    written = write_sssom(
        path,
        run.left,
        run.right,
        alignment,
        verdicts,
        version=__version__,
        pairs=pairs,
        vocabularies=run.vocabularies(),
        vocabulary=run.config.fuse.vocabulary,
        words=run.words(),
    )
    return _links(written, "mapping")


def _table(write: Callable[[Path, Profile, Profile, Alignment, Pairs], int]) -> Writer:
    def written(run: Finished, path: Path, choices: Choices) -> Exported:
        alignment = run.alignment
        pairs = linked(alignment, undecided=choices.undecided)
        return Exported({"row": write(path, run.left, run.right, alignment, pairs)})

    return written


def _graphml(run: Finished, path: Path, choices: Choices) -> Exported:
    from kgalign.export.pictures import LIMIT, write_graphml

    drawn = write_graphml(
        path,
        run.left,
        run.right,
        linked(run.alignment, undecided=choices.undecided),
        around=choices.around,
        limit=LIMIT if choices.limit is None else choices.limit,
    )
    left_out = f"{drawn.left_out:,} more would be shown with a higher --limit; --around chooses one entity"
    counts = {"entity": drawn.entities, "link": drawn.links, "relation": drawn.relations}
    return Exported(counts, (left_out,) if drawn.left_out else ())


def _links(written: Written, noun: str = "link") -> Exported:
    left_out = f"{written.left_out:,} left out, of blank nodes or of IRIs that are not valid"
    return Exported({noun: written.links}, (left_out,) if written.left_out else ())


def _lines(write: Callable[[Graph, Path], int], *, keeps_names: bool) -> Writer:
    """As one file, or as many in a folder."""
    whole = _graph(write, keeps_names=keeps_names)

    def written(run: Finished, path: Path, choices: Choices) -> Exported:
        if choices.parts is None:
            return whole(run, path, choices)
        from kgalign.export.in_parts import write_parts

        parts = write_parts(run.fused(), path, choices.parts, named=keeps_names)
        return Exported({"statement": sum(each.statements for each in parts), "file": len(parts)})

    return written


_OPEN = frozenset({"undecided"})
_CUT = frozenset({"parts"})

FORMATS: dict[str, Format] = {
    "turtle": Format("the fused graph as Turtle", _graph(write_turtle, keeps_names=False)),
    "trig": Format("the fused graph as TriG, with named graphs", _graph(write_trig, keeps_names=True)),
    "nquads": Format(
        "the fused graph as N-Quads, with named graphs", _lines(write_nquads, keeps_names=True), takes=_CUT
    ),
    "ntriples": Format("the fused graph as N-Triples", _lines(write_ntriples, keeps_names=False), takes=_CUT),
    "jsonld": Format(
        "the fused graph as JSON-LD, with named graphs", _graph(write_json_ld, keeps_names=True)
    ),
    "provenance": Format(
        "the fused graph and where each value comes from, as TriG with PROV-O", _provenance("prov")
    ),
    "provenance-rdf12": Format("the same with annotations of RDF 1.2, as TriG", _provenance("rdf12")),
    "same-as": Format("the links as owl:sameAs, in N-Triples", _statements(OWL_SAME_AS)),
    "exact-match": Format("the links as skos:exactMatch, in N-Triples", _statements(EXACT_MATCH)),
    "sssom": Format("the links, and what was rejected, as SSSOM", _sssom, takes=_OPEN),
    "oaei": Format("the links in the Alignment format", _oaei),
    "parquet": Format("the links as a table", _table(write_links_parquet), takes=_OPEN, binary=True),
    "csv": Format("the links as a table", _table(write_links_csv), takes=_OPEN),
    "graphml": Format(
        "links and their neighbours, to be drawn", _graphml, takes=frozenset({"undecided", "around", "limit"})
    ),
}
"""Name → format."""

_ENDINGS = {
    "ttl": "turtle",
    "nt": "ntriples",
    "nq": "nquads",
    "n-triples": "ntriples",
    "n-quads": "nquads",
    "json-ld": "jsonld",
    "json": "jsonld",
    "owl:sameas": "same-as",
    "skos:exactmatch": "exact-match",
    "tsv": "sssom",
    "prov": "provenance",
    "prov-o": "provenance",
    "rdf12": "provenance-rdf12",
    "alignment": "oaei",
    "gexf": "graphml",
}
"""What people may call a format instead, for the message."""


def format_named(name: str) -> Format:
    """The format of a name, ours or one that a package brings (group ``kgalign.formats``).

    :raises InputError: there is none; the nearest one is in the remedy.
    :raises KgalignError: a package brings it, and it can't be imported.
    """
    if name in FORMATS:
        return FORMATS[name]
    others = offered("kgalign.formats")
    if name in others:
        form: Format = bring("kgalign.formats", name, Format)
        return form
    plain = name.lower().removeprefix(".")
    known = {each: each for each in (*FORMATS, *others)} | _ENDINGS
    close = [known[each] for each in difflib.get_close_matches(plain, list(known), n=1, cutoff=0.5)]
    meant = f"Did you mean {close[0]}? The" if close else "The"
    raise InputError(f"'{name}' is no format", f"{meant} formats are {', '.join([*FORMATS, *others])}")


def export(run: Finished, name: str, path: Path, choices: Choices | None = None) -> Exported:
    """Write a finished run in one of the formats: the same run, the same bytes.

    The file gets its name only when it is complete. Of links and tables some thousands are in memory at
    once, a graph is written from its columns, and of a picture only what it shows.

    :raises InputError: there is no such format, it can't hold what the run holds, or a choice has no meaning
        for it.
    :raises RunError: the run isn't finished, or the file can't be written.
    """
    form, choices = format_named(name), choices or Choices()
    chosen = {
        "undecided": choices.undecided,
        "around": choices.around is not None,
        "limit": choices.limit is not None,
        "parts": choices.parts is not None,
    }
    for choice, made in chosen.items():
        if made and choice not in form.takes:
            fit = ", ".join(each for each, other in FORMATS.items() if choice in other.takes)
            raise InputError(f"--{choice} has no meaning for the format {name}", f"It goes with {fit}")
    with explained(path, "Name another file with -o"):
        try:
            return form.write(run, path, choices)
        except (KgalignError, OSError):
            raise
        except Exception as error:
            if name in FORMATS:
                raise
            raise KgalignError(
                f"The format {name} failed: {type(error).__name__}: {error}",
                "Mend the package that brings it",
            ) from error

"""The order of the stages, what each step needs, and what a run leaves behind.

This module alone knows the order::

    read ─▶ select ─▶ retrieve ─▶ judge (evidence, student, votes) ─▶ assign ─▶ fuse ─▶ export

Stages are cut into steps, each side of ``read`` and ``select`` and each group of output files on its own,
so that a changed option redoes as little as possible. Each imports its stage when it runs: who only reads a
finished run waits for none. What else a step depends on says
:mod:`kgalign.run.settings`, what it tells of its output :mod:`kgalign.run.reports`, and
:mod:`kgalign.run.steps` runs the steps.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from kgalign.decisions.people import Said, refused_rows, said_in_file, said_in_stores, words_in_stores
from kgalign.errors import KgalignError, RunError
from kgalign.evaluate import read_pairs, recall_at
from kgalign.judge import no_hearing, no_opinion, with_student, with_votes
from kgalign.ledger import FILE as LEDGER_FILE
from kgalign.ledger import Ledger
from kgalign.links.known import known_links, with_known
from kgalign.links.nodes import linked_terms, nodes_before_links, one_within
from kgalign.links.pairs import same_iris
from kgalign.links.unmerged import without_unmerged
from kgalign.rdf import read_graph
from kgalign.rdf.graph import Graph
from kgalign.rdf.write import write_turtle
from kgalign.records import Alignment, Candidates, Hearing, Opinion, Profile, Recall, Verdicts, Worklist
from kgalign.records.fused import Fusion, fused_graph
from kgalign.records.growth import Growth, growth_of
from kgalign.records.learned import Learned
from kgalign.records.names import Names, names_of, no_names
from kgalign.records.tables import candidates_table, profile_table, verdicts_table, write_parquet
from kgalign.records.vocabularies import Vocabularies
from kgalign.run import reports, settings
from kgalign.run.steps import AnyStep, Output, Report, Step, Work, one_file

if TYPE_CHECKING:
    from kgalign.judge.evidence import Known
    from kgalign.report import Findings

log = logging.getLogger(__name__)


def _read_step(side: str) -> Step[Graph]:
    return Step(
        name=f"read-{side}",
        stage="read",
        record=Graph,
        needs=(),
        settings=partial(settings.read, side=side),
        run=lambda work: read_graph(
            work.inputs.paths(side),
            side=side,
            progress=work.progress,
            limits=work.config.limits,
            read=work.config.read,
        ),
        report=reports.read,
    )


READ_LEFT, READ_RIGHT = _read_step("left"), _read_step("right")


def _select_step(side: str, read: Step[Graph]) -> Step[Profile]:
    return Step(
        name=f"select-{side}",
        stage="select",
        record=Profile,
        needs=(read,),
        settings=partial(settings.select, side=side),
        run=lambda work: _select(work, side, read),
        report=reports.select,
    )


def _select(work: Work, side: str, read: Step[Graph]) -> Profile:
    from kgalign.select import select

    config = work.config.select
    types = config.left_types if side == "left" else config.right_types
    return select(work.get(read), config, types=types, side=side, progress=work.progress)


SELECT_LEFT, SELECT_RIGHT = _select_step("left", READ_LEFT), _select_step("right", READ_RIGHT)


def _graphs(work: Work) -> tuple[Graph, Graph]:
    return work.get(READ_LEFT), work.get(READ_RIGHT)


def _profiles(work: Work) -> tuple[Profile, Profile]:
    return work.get(SELECT_LEFT), work.get(SELECT_RIGHT)


def _held_against(work: Work) -> tuple[Growth, Growth]:
    """What is new on both sides since the run that this one grows from."""
    before = work.before or work
    left, right = (growth_of(before.get(step), work.get(step)) for step in (SELECT_LEFT, SELECT_RIGHT))
    return left, right


def _growth(work: Work) -> tuple[Growth, Growth]:
    return work.made(_held_against, SELECT_LEFT, SELECT_RIGHT)


def _retrieve(work: Work) -> Candidates:
    from kgalign.retrieve import retrieve
    from kgalign.retrieve.growing import can_grow, grow

    before = work.before
    if before is not None and can_grow(before.get(RETRIEVE), work.config.retrieve):
        sizes = len(before.get(SELECT_LEFT)), len(before.get(SELECT_RIGHT))
        config, old = work.config.retrieve, before.get(RETRIEVE)
        return grow(*_profiles(work), config, old, sizes, _growth(work), work.progress)
    return retrieve(
        *_profiles(work),
        work.config.retrieve,
        seed=work.config.seed,
        cache=work.cache,
        model=next(iter(work.inputs.paths("embedder")), None),
        progress=work.progress,
    )


RETRIEVE = Step(
    name="retrieve",
    stage="retrieve",
    record=Candidates,
    needs=(SELECT_LEFT, SELECT_RIGHT),
    settings=settings.retrieve,
    run=_retrieve,
    report=reports.retrieve,
)


def _recall(work: Work) -> Recall:
    gold = sorted({pair for path in work.inputs.paths("gold") for pair in read_pairs(path)})
    return Recall(recall_at(work.get(RETRIEVE), *_profiles(work), gold))


RECALL = Step(
    name="recall",
    stage="retrieve",
    record=Recall,
    needs=(SELECT_LEFT, SELECT_RIGHT, RETRIEVE),
    settings=settings.recall,
    run=_recall,
    report=reports.recall,
)
"""Only with gold; nothing depends on it."""


def _said(work: Work) -> list[tuple[Path, Said]]:
    """What people said before anything is compared, by the files that it stands in.

    Known links that are gone, where a finished run is changed, were heard by the evidence.
    """
    files = [(path, said_in_file(path)) for path in work.inputs.paths("known") if path.exists()]
    return files + [(path, said_in_stores([path])) for path in work.inputs.paths("decisions")]


def _to_judge(work: Work) -> "tuple[Candidates, Known]":
    """The candidates, known pairs among them, and what is certain of each."""
    from kgalign.judge.evidence import known_of

    profiles, said = _profiles(work), _said(work)
    for path, each in said:
        if each.predictions:
            log.warning("%s: %d predictions that nobody looked at are passed over", path, each.predictions)
    links = [(path, each.same) for path, each in said if each.same]
    known = known_links(links, _graphs(work), profiles)
    candidates = with_known(work.get(RETRIEVE), known)
    refused = refused_rows([each for _, each in said], profiles, candidates)
    return candidates, known_of(candidates, known, len(profiles[1]), refused)


def _certain(work: Work) -> "tuple[Candidates, Known]":
    return work.made(_to_judge, READ_LEFT, READ_RIGHT, SELECT_LEFT, SELECT_RIGHT, RETRIEVE)


def _learn(work: Work) -> Learned:
    from kgalign.judge.evidence import learn

    config, notes = work.config, {}
    if work.before is not None:
        from kgalign.judge.evidence.growing import Before, grow

        before = Before(*_profiles(work.before), work.before.get(LEARN), work.before.get(JUDGE))
        grown = grow(*_profiles(work), *_certain(work), before, _growth(work))
        if grown.learned is not None:
            return grown.learned
        notes = {"weights": f"learned anew: {grown.why}"}
    found = learn(
        *_profiles(work),
        *_certain(work),
        config.judge,
        cardinality=config.assign.cardinality,
        progress=work.progress,
    )
    return replace(found, notes=notes)


LEARN = Step(
    name="learn",
    stage="judge",
    record=Learned,
    needs=(READ_LEFT, READ_RIGHT, SELECT_LEFT, SELECT_RIGHT, RETRIEVE),
    settings=settings.learn,
    run=_learn,
    report=reports.learn,
)


def _judge(work: Work) -> Verdicts:
    from kgalign.judge.evidence import verdicts

    return verdicts(*_profiles(work), *_certain(work), work.get(LEARN))


JUDGE = Step(
    name="judge",
    stage="judge",
    record=Verdicts,
    needs=(READ_LEFT, READ_RIGHT, SELECT_LEFT, SELECT_RIGHT, RETRIEVE, LEARN),
    settings=settings.judge,
    run=_judge,
    report=reports.judge,
)


def _ask_student(work: Work) -> Opinion:
    if work.config.judge.asks_student is None and work.config.judge.asks_other is None:
        return no_opinion()
    from kgalign.judge.student import ask_student

    return ask_student(*_profiles(work), work.get(JUDGE), work.config, progress=work.progress)


STUDENT = Step(
    name="student",
    stage="judge",
    record=Opinion,
    needs=(SELECT_LEFT, SELECT_RIGHT, JUDGE),
    settings=settings.student,
    run=_ask_student,
    report=reports.student,
)


def judged_of(work: Work) -> Verdicts:
    """The verdicts with what a student says in them, as a language model finds them."""
    return with_student(work.get(JUDGE), work.get(STUDENT))


def ledger_of(work: Work) -> Path | None:
    """Where the votes are kept; None where they are lost at the end."""
    return work.ledger or (work.folder.file(LEDGER_FILE) if work.folder else None)


@contextmanager
def open_ledger(work: Work) -> Iterator[Ledger | None]:
    """Where the votes can be read; None where nobody was asked, or they were not kept.

    :raises RunError: the ledger is damaged, or can't be read.
    """
    path = ledger_of(work)
    if path is None or not work.get(ASK).judging or not path.is_file():
        yield None
        return
    with Ledger.open(path, write=False) as ledger:
        yield ledger


def _ask(work: Work) -> Hearing:
    if not settings.asks(work.config):
        return no_hearing()
    from kgalign.judge.llm import ask

    with TemporaryDirectory() as folder:
        ledger = ledger_of(work) or Path(folder) / LEDGER_FILE
        return ask(*_profiles(work), judged_of(work), work.config, ledger=ledger, progress=work.progress)


ASK = Step(
    name="ask",
    stage="judge",
    record=Hearing,
    needs=(SELECT_LEFT, SELECT_RIGHT, JUDGE, STUDENT),
    settings=settings.ask,
    run=_ask,
    report=reports.ask,
)


def verdicts_of(work: Work) -> Verdicts:
    """The verdicts with the student and the votes in them; built once for all steps that want them."""
    return work.made(_verdicts, JUDGE, STUDENT, ASK)


def _verdicts(work: Work) -> Verdicts:
    return with_votes(judged_of(work), work.get(ASK))


def _assign(work: Work) -> Alignment:
    """The links. What people took back comes last: it frees entities, and gives none another partner."""
    from kgalign.assign import assign, cut_to_size, cut_warnings, hold_back, with_expectation

    config, profiles, verdicts = work.config, _profiles(work), verdicts_of(work)
    sizes = len(profiles[0]), len(profiles[1])
    alignment = assign(verdicts, *sizes, config.assign, config.judge, k=config.retrieve.k)
    if config.assign.cardinality == "auto":
        nodes = nodes_before_links(_graphs(work), profiles, within=config.fuse.same_as_within)
        alignment = cut_to_size(alignment, verdicts, nodes, config.fuse.max_cluster)
    warnings = cut_warnings(alignment, verdicts, profiles, config.fuse.max_cluster)
    same = same_iris(*profiles, alignment.left, alignment.right)
    alignment = hold_back(replace(alignment, warnings=warnings, same_iri=same), config.assign.precision)
    for path in settings.gone(work.inputs):
        log.warning("%s is gone: what it refuses gets no link, but no Not in SSSOM either", path)
    said = [each for _, each in _said(work)]
    apart = [pair for each in said for pair in each.taken] + [pair for each in said for pair in each.apart]
    alignment = without_unmerged(alignment, verdicts, profiles, apart)
    alignment = replace(alignment, same_iri=same_iris(*profiles, alignment.left, alignment.right))
    return with_expectation(alignment, verdicts, profiles[0])


ASSIGN = Step(
    name="assign",
    stage="assign",
    record=Alignment,
    needs=(READ_LEFT, READ_RIGHT, SELECT_LEFT, SELECT_RIGHT, JUDGE, STUDENT, ASK),
    settings=settings.assign,
    run=_assign,
    report=reports.assign,
)


def _worklist(work: Work) -> Worklist:
    from kgalign.assign.worklist import worklist

    threshold = work.config.judge.match_probability
    return worklist(verdicts_of(work), work.get(ASSIGN), *_profiles(work), threshold)


WORKLIST = Step(
    name="worklist",
    stage="assign",
    record=Worklist,
    needs=(SELECT_LEFT, SELECT_RIGHT, JUDGE, STUDENT, ASK, ASSIGN),
    settings=settings.nothing,
    run=_worklist,
    report=reports.worklist,
)


def _table_file(name: str, needs: tuple[AnyStep, ...], table: Callable[[Work], pa.Table]) -> Output:
    return one_file(
        name, "export", needs, lambda work, path: Report({"rows": write_parquet(table(work), path)})
    )


PROFILE_FILE = _table_file(
    "profile.parquet", (SELECT_LEFT, SELECT_RIGHT), lambda work: profile_table(*_profiles(work))
)
CANDIDATES_FILE = _table_file(
    "candidates.parquet",
    (SELECT_LEFT, SELECT_RIGHT, RETRIEVE),
    lambda work: candidates_table(work.get(RETRIEVE), *_profiles(work)),
)
VERDICTS_FILE = _table_file(
    "verdicts.parquet",
    (SELECT_LEFT, SELECT_RIGHT, JUDGE, STUDENT, ASK, ASSIGN),
    lambda work: verdicts_table(verdicts_of(work), work.get(ASSIGN), *_profiles(work)),
)


def _write_worklist(work: Work, path: Path) -> Report:
    from kgalign.export import write_worklist

    return Report({"rows": write_worklist(path, work.get(WORKLIST), *_profiles(work))})


WORKLIST_FILE = one_file("worklist.csv", "export", (SELECT_LEFT, SELECT_RIGHT, WORKLIST), _write_worklist)


def _vocabularies(work: Work) -> Vocabularies:
    from kgalign.fusion import align_vocabularies

    config = work.config.fuse
    return align_vocabularies(
        *_graphs(work),
        *linked_terms(work.get(ASSIGN), *_profiles(work)),
        overrides=config.mapping.items(),
        class_overrides=config.classes.items(),
        keep=config.keep,
    )


VOCABULARIES = Step(
    name="vocabularies",
    stage="fuse",
    record=Vocabularies,
    needs=(READ_LEFT, READ_RIGHT, SELECT_LEFT, SELECT_RIGHT, ASSIGN),
    settings=settings.vocabularies,
    run=_vocabularies,
    report=reports.vocabularies,
)


def _links(work: Work, paths: tuple[Path, ...]) -> Report:
    from kgalign.export import write_link_files

    written = write_link_files(
        (paths[0], paths[1], paths[2]),
        _profiles(work),
        work.get(ASSIGN),
        verdicts_of(work),
        work.get(JUDGE),
        work.get(VOCABULARIES),
        work.config,
        words_in_stores(work.inputs.paths("decisions")),
    )
    return Report({"links": written.links, "left_out": written.left_out})


LINKS_FILES = Output(
    name="links",
    stage="export",
    needs=(SELECT_LEFT, SELECT_RIGHT, JUDGE, STUDENT, ASK, ASSIGN, VOCABULARIES),
    settings=settings.links,
    files=("links.nt", "mappings.sssom.tsv", "alignment.rdf"),
    write=_links,
)


def _names(work: Work) -> Names:
    """What the run that this one grows from calls things; kept here, since that run may go away."""
    if work.before is None:
        for source in work.inputs.files.get("from", ()):
            raise RunError(f"What {source.path} calls things is gone from {work.folder}", _FROM_AGAIN)
        return no_names()
    left, right = _profiles(work.before)
    return names_of(work.before.get(FUSE), left.entity_iri, right.entity_iri)


_FROM_AGAIN = "Run the same `kgalign run` with --from again"

NAMES = Step(
    name="names",
    stage="fuse",
    record=Names,
    needs=(),
    settings=settings.before,
    run=_names,
    about_before=True,
)


def _fuse(work: Work) -> Fusion:
    """Both graphs as one, along the links; where these join what was held to be different, it is said."""
    from kgalign.fusion import NOTHING_WITHIN, cluster_warnings, fuse, has_clusters, held_apart

    graphs = _graphs(work)
    apart = set(said_in_stores(work.inputs.paths("decisions")).taken)
    within = one_within(graphs, apart) if work.config.fuse.same_as_within else NOTHING_WITHIN
    links = linked_terms(work.get(ASSIGN), *_profiles(work))
    fusion = fuse(
        *graphs, *links, work.config.fuse, work.get(VOCABULARIES), within=within, names=work.get(NAMES)
    )
    if not has_clusters(fusion):
        return fusion
    threshold = work.config.judge.match_probability
    different = held_apart(work.get(ASSIGN), verdicts_of(work), *_profiles(work), threshold)
    warnings = cluster_warnings(fusion, graphs, different, within)
    return replace(fusion, warnings=(*fusion.warnings, *warnings))


FUSE = Step(
    name="fuse",
    stage="fuse",
    record=Fusion,
    needs=(
        READ_LEFT,
        READ_RIGHT,
        SELECT_LEFT,
        SELECT_RIGHT,
        JUDGE,
        STUDENT,
        ASK,
        ASSIGN,
        NAMES,
        VOCABULARIES,
    ),
    settings=settings.fuse,
    run=_fuse,
    report=reports.fuse,
)

FUSED_FILE = one_file(
    "fused.ttl",
    "fuse",
    (FUSE,),
    lambda work, path: Report({"written": write_turtle(fused_graph(work.get(FUSE)), path)}),
)


def _provenance(work: Work, path: Path) -> Report:
    from kgalign.export import write_provenance

    return Report({"written": write_provenance(work.get(FUSE), path, form=work.config.fuse.provenance)})


def _conflicts(work: Work, path: Path) -> Report:
    from kgalign.export import write_conflicts

    return Report({"rows": write_conflicts(work.get(FUSE), path)})


PROVENANCE_FILE = one_file("fused.trig", "fuse", (FUSE,), _provenance, settings.provenance)
CONFLICTS_FILE = one_file("conflicts.parquet", "fuse", (FUSE,), _conflicts)


def _check_shapes(work: Work, path: Path) -> Report:
    from kgalign.fusion.shapes import check_shapes, read_shapes, write_violations

    shapes = read_shapes(work.inputs.paths("shapes"))
    found = check_shapes(*_graphs(work), work.get(FUSE), shapes)
    write_violations(found, path)
    return reports.shapes(found)


VIOLATIONS_FILE = one_file(
    "violations.json", "fuse", (READ_LEFT, READ_RIGHT, FUSE), _check_shapes, settings.shapes
)
"""Only with shapes."""


class _Judged(NamedTuple):
    """What of a run is compared with another."""

    left: Profile
    right: Profile
    verdicts: Verdicts
    alignment: Alignment
    fusion: Fusion

    @classmethod
    def of(cls, work: Work) -> "_Judged":
        return cls(*_profiles(work), verdicts_of(work), work.get(ASSIGN), work.get(FUSE))


def _changes(work: Work, paths: tuple[Path, ...]) -> Report:
    from kgalign.export import write_differences
    from kgalign.report import changes_since, write_changes

    if work.before is None:
        raise RunError(f"The run that {work.folder} grew from is gone", _FROM_AGAIN)
    new, old = _Judged.of(work), _Judged.of(work.before)
    found = changes_since(new, old)
    write_changes(found, paths[0])
    gained, lost = write_differences(new.fusion, old.fusion, paths[1])
    counts = {**found.counts, "statements_gained": gained, "statements_lost": lost}
    return Report(counts, notes={"summary": found.summary})


CHANGES_FILES = Output(
    name="changes",
    stage="export",
    needs=(SELECT_LEFT, SELECT_RIGHT, JUDGE, STUDENT, ASK, ASSIGN, FUSE),
    settings=settings.before,
    files=("changes.parquet", "changes.trig"),
    write=_changes,
    about_before=True,
)
"""Only of a run that grows from another one."""


@contextmanager
def findings_of(work: Work) -> Iterator["Findings"]:
    """What a report shows of a run; its votes can be read meanwhile, where there are some.

    :raises RunError: the run isn't finished, or a step of it is damaged.
    """
    from kgalign.report import Findings

    config, hearing = work.config, work.get(ASK)
    with ExitStack() as opened:
        found = Findings(
            *_profiles(work),
            candidates=work.get(RETRIEVE),
            verdicts=verdicts_of(work),
            alignment=work.get(ASSIGN),
            worklist=work.get(WORKLIST),
            vocabularies=work.get(VOCABULARIES),
            fusion=work.get(FUSE),
            hearing=hearing,
            match_probability=config.judge.match_probability,
            undecided_probability=config.judge.undecided_probability,
            target=config.fuse.vocabulary,
        )
        yield _with_votes(found, work, opened)


def _with_votes(found: "Findings", work: Work, opened: ExitStack) -> "Findings":
    """The findings with the votes. Where these can't be read the run does not fail for its report."""
    from kgalign.ledger.statistics import summarise

    name = found.hearing.judging
    try:
        ledger = opened.enter_context(open_ledger(work))
        if ledger is None:
            return found
        figures = summarise(ledger.votes(name), ledger.decisions(name))
    except KgalignError as error:
        log.warning("The report leaves the votes out: %s", error)
        return found
    return replace(found, statistics=figures, votes=lambda case: ledger.votes(name, cases=[case]))


def _report(work: Work, path: Path) -> Report:
    from kgalign.report import report_page

    with findings_of(work) as found:
        written = path.write_text(report_page(found), encoding="utf8", newline="\n")
    return Report({"characters": written})


REPORT_FILE = one_file(
    "report.html",
    "export",
    (SELECT_LEFT, SELECT_RIGHT, RETRIEVE, JUDGE, STUDENT, ASK, ASSIGN, WORKLIST, VOCABULARIES, FUSE),
    _report,
)


def steps(
    *, with_gold: bool = False, with_shapes: bool = False, with_changes: bool = False
) -> tuple[AnyStep, ...]:
    """All steps in order: each after those it needs, files for people as soon as they can be written."""
    return (
        READ_LEFT,
        READ_RIGHT,
        SELECT_LEFT,
        SELECT_RIGHT,
        PROFILE_FILE,
        RETRIEVE,
        *((RECALL,) if with_gold else ()),
        CANDIDATES_FILE,
        LEARN,
        JUDGE,
        STUDENT,
        ASK,
        ASSIGN,
        VERDICTS_FILE,
        WORKLIST,
        WORKLIST_FILE,
        VOCABULARIES,
        LINKS_FILES,
        NAMES,
        FUSE,
        FUSED_FILE,
        PROVENANCE_FILE,
        CONFLICTS_FILE,
        *((VIOLATIONS_FILE,) if with_shapes else ()),
        *((CHANGES_FILES,) if with_changes else ()),
        REPORT_FILE,
    )


STEPS_TO_GROW_FROM = (
    *(READ_LEFT, READ_RIGHT, SELECT_LEFT, SELECT_RIGHT, RETRIEVE, LEARN, JUDGE),
    *(STUDENT, ASK, ASSIGN, FUSE),
)
"""What a run must have finished for another one to grow from it; nothing else of it is looked at."""

STAGES = ("read", "select", "retrieve", "judge", "assign", "fuse", "export")
"""The stages in order."""

STAGE_OF = {step.name: step.stage for step in steps(with_gold=True, with_shapes=True, with_changes=True)}
"""Step → the stage that it is part of."""

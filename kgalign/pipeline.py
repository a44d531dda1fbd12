"""The order of the stages, what each depends on, and what a run leaves behind.

This module alone knows the order::

    read ─▶ select ─▶ retrieve ─▶ judge (evidence, student, votes) ─▶ assign ─▶ fuse ─▶ export

Stages are cut into steps, each side of ``read`` and ``select`` and each group of output files on its own,
so that a changed option redoes as little as possible. :mod:`kgalign.engine` runs the steps.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import kgalign
from kgalign import tables
from kgalign.assign import assign
from kgalign.config import Config
from kgalign.correspondences import Vocabularies
from kgalign.engine import AnyStep, Inputs, Output, Report, Step, Work
from kgalign.evaluate import read_pairs, recall_at
from kgalign.evaluate.pairs import is_link
from kgalign.export import (
    linked,
    rejected,
    united,
    write_conflicts,
    write_links,
    write_oaei,
    write_provenance,
    write_sssom,
)
from kgalign.fuse import NOTHING_WITHIN, Apart, align_vocabularies, cluster_warnings, fuse, has_clusters
from kgalign.fused import Fusion, fused_graph
from kgalign.judge import judge, no_hearing, no_opinion, with_student, with_votes
from kgalign.known import known_links, same_within, with_known
from kgalign.ledger import FILE as LEDGER_FILE
from kgalign.rdf import read_graph
from kgalign.rdf.graph import Graph, Ids
from kgalign.rdf.write import write_turtle
from kgalign.records import Alignment, Candidates, Hearing, Opinion, Outcome, Profile, Verdicts
from kgalign.retrieve import retrieve
from kgalign.select import select
from kgalign.unmerged import read_pairs_apart, read_unmerged, without_unmerged

Side = Literal["left", "right"]


ALSO = {"left": "left_also", "right": "right_also"}


@dataclass(frozen=True, slots=True)
class Recall:
    """With gold: how many of its pairs the candidates hold."""

    at: dict[str, dict[str, float]]
    """Channel, or ``union`` → k, or ``any`` → share of the gold pairs."""


def _read_step(side: Side) -> Step[Graph]:
    return Step(
        name=f"read-{side}",
        stage="read",
        record=Graph,
        needs=(),
        settings=lambda inputs: inputs.digests(side),
        run=lambda work: read_graph(work.inputs.paths(side), side=side, progress=work.progress),
        report=lambda graph: Report({"statements_read": graph.statements_read, "statements": len(graph)}),
    )


READ_LEFT, READ_RIGHT = _read_step("left"), _read_step("right")


def _select_step(side: Side, read: Step[Graph]) -> Step[Profile]:
    other = "right" if side == "left" else "left"
    return Step(
        name=f"select-{side}",
        stage="select",
        record=Profile,
        needs=(read,),
        settings=lambda inputs: inputs.config.select.model_dump(exclude={f"{other}_types"}),
        run=lambda work: _select(work, side, read),
        report=lambda profile: Report(
            {
                "entities": len(profile),
                "attributes": len(profile.attributes),
                "relations": len(profile.relations),
                "values": len(profile.value_entity),
            }
        ),
    )


def _select(work: Work, side: Side, read: Step[Graph]) -> Profile:
    config = work.config.select
    types = config.left_types if side == "left" else config.right_types
    return select(work.get(read), config, types=types, side=side, progress=work.progress)


SELECT_LEFT, SELECT_RIGHT = _select_step("left", READ_LEFT), _select_step("right", READ_RIGHT)


def _retrieve(work: Work) -> Candidates:
    return retrieve(
        work.get(SELECT_LEFT),
        work.get(SELECT_RIGHT),
        work.config.retrieve,
        seed=work.config.seed,
        cache=work.cache,
        progress=work.progress,
    )


RETRIEVE = Step(
    name="retrieve",
    stage="retrieve",
    record=Candidates,
    needs=(SELECT_LEFT, SELECT_RIGHT),
    settings=lambda inputs: [inputs.config.retrieve.model_dump(), inputs.config.seed],
    run=_retrieve,
    report=lambda candidates: Report({"candidates": len(candidates)}),
)


def _recall(work: Work) -> Recall:
    gold = sorted({pair for path in work.inputs.paths("gold") for pair in read_pairs(path)})
    return Recall(recall_at(work.get(RETRIEVE), work.get(SELECT_LEFT), work.get(SELECT_RIGHT), gold))


RECALL = Step(
    name="recall",
    stage="retrieve",
    record=Recall,
    needs=(SELECT_LEFT, SELECT_RIGHT, RETRIEVE),
    settings=lambda inputs: inputs.digests("gold"),
    run=_recall,
    report=lambda recall: Report(
        figures={
            f"{channel} recall@{k}": share for channel, at in recall.at.items() for k, share in at.items()
        }
    ),
)
"""Only with gold; nothing depends on it."""


def _judge(work: Work) -> Verdicts:
    profiles = work.get(SELECT_LEFT), work.get(SELECT_RIGHT)
    graphs = work.get(READ_LEFT), work.get(READ_RIGHT)
    known = known_links(work.inputs.paths("known"), graphs, profiles)
    return judge(
        *profiles,
        with_known(work.get(RETRIEVE), known),
        known,
        work.config.judge,
        cardinality=work.config.assign.cardinality,
        progress=work.progress,
    )


JUDGE = Step(
    name="judge",
    stage="judge",
    record=Verdicts,
    needs=(READ_LEFT, READ_RIGHT, SELECT_LEFT, SELECT_RIGHT, RETRIEVE),
    settings=lambda inputs: [
        inputs.config.judge.model_dump(exclude={"known", "judge", "student"}),
        inputs.config.assign.cardinality,
        inputs.digests("known"),
    ],
    run=_judge,
    report=lambda verdicts: Report(
        {"judged": len(verdicts), "known": int(verdicts.given.sum())}, figures=dict(verdicts.notes)
    ),
)


def _student_settings(inputs: Inputs) -> object:
    """What decides what a student is shown and says; where it lies does not."""
    config = inputs.config
    if config.judge.asks_student is None:
        return None
    from kgalign.judge.student_model import read_card

    return [
        read_card(Path(config.judge.asks_student)).digest,
        config.votes.model_dump(include={"ask", "doubt", "options"}),
        config.llm.question_tokens,
        config.assign.cardinality,
    ]


def _ask_student(work: Work) -> Opinion:
    if work.config.judge.asks_student is None:
        return no_opinion()
    from kgalign.judge.student import opine

    left, right, verdicts = work.get(SELECT_LEFT), work.get(SELECT_RIGHT), work.get(JUDGE)
    return opine(left, right, verdicts, work.config, progress=work.progress)


STUDENT = Step(
    name="student",
    stage="judge",
    record=Opinion,
    needs=(SELECT_LEFT, SELECT_RIGHT, JUDGE),
    settings=_student_settings,
    run=_ask_student,
    report=lambda opinion: Report(
        {"shown": len(opinion.row)}, figures=dict(opinion.figures), notes=dict(opinion.notes)
    ),
)


def judged_of(work: Work) -> Verdicts:
    """The verdicts with what a student says in them, as a language model finds them."""
    return with_student(work.get(JUDGE), work.get(STUDENT))


def asks(config: Config) -> bool:
    """Whether a language model has a say; what asks it is imported only then."""
    return config.judge.asks_model and config.votes.ask != "none"


def _ask_settings(inputs: Inputs) -> object:
    """What decides the votes; where the server is and how fast it is asked does not."""
    config = inputs.config
    if not asks(config):
        return None
    from kgalign.judge.llm import prompts_digest

    return [
        config.judge.model_dump(exclude={"known", "student"}),
        config.llm.model_dump(exclude={"url", "concurrency", "timeout", "retries"}),
        config.votes.model_dump(exclude={"templates"}),
        prompts_digest(config.votes.templates),
        config.assign.cardinality,
        config.seed,
    ]


def _ask(work: Work) -> Hearing:
    if not asks(work.config):
        return no_hearing()
    from kgalign.judge.llm import hear

    left, right, verdicts = work.get(SELECT_LEFT), work.get(SELECT_RIGHT), judged_of(work)
    path = work.ledger or (work.folder.file(LEDGER_FILE) if work.folder else None)
    with TemporaryDirectory() as folder:
        return hear(
            left,
            right,
            verdicts,
            work.config,
            ledger=path or Path(folder) / LEDGER_FILE,
            progress=work.progress,
        )


ASK = Step(
    name="ask",
    stage="judge",
    record=Hearing,
    needs=(SELECT_LEFT, SELECT_RIGHT, JUDGE, STUDENT),
    settings=_ask_settings,
    run=_ask,
    report=lambda hearing: Report(
        {"asked": len(hearing.row), "votes": len(hearing.vote_row)},
        figures=dict(hearing.figures),
        notes=dict(hearing.notes),
        incomplete=hearing.incomplete,
    ),
)


def verdicts_of(work: Work) -> Verdicts:
    """The verdicts with the student and the votes in them."""
    return with_votes(judged_of(work), work.get(ASK))


def _assign(work: Work) -> Alignment:
    profiles, verdicts = (work.get(SELECT_LEFT), work.get(SELECT_RIGHT)), verdicts_of(work)
    sizes = len(profiles[0]), len(profiles[1])
    alignment = assign(verdicts, *sizes, work.config.assign, work.config.judge)
    unmerged = [each for path in work.inputs.paths("unmerged") for each in read_unmerged(path)]
    return without_unmerged(alignment, verdicts, profiles, unmerged)


def _assign_report(alignment: Alignment) -> Report:
    count = {outcome: int((alignment.outcome == outcome).sum()) for outcome in Outcome}
    links = count[Outcome.MATCH] + count[Outcome.CONFIRMED]
    left_out = {
        name.lower(): count[Outcome[name]]
        for name in ("NOT_ASKED", "FAILED", "REJECTED")
        if count[Outcome[name]]
    }
    return Report(
        {
            "matches": links,
            "confirmed": count[Outcome.CONFIRMED],
            "undecided": count[Outcome.UNDECIDED],
            **left_out,
        },
        notes={"cardinality": alignment.cardinality, "reason": alignment.reason},
    )


ASSIGN = Step(
    name="assign",
    stage="assign",
    record=Alignment,
    needs=(SELECT_LEFT, SELECT_RIGHT, JUDGE, STUDENT, ASK),
    settings=lambda inputs: [
        inputs.config.assign.model_dump(),
        inputs.config.judge.model_dump(exclude={"known", "judge", "student"}),
        read_pairs_apart(inputs.paths("unmerged")),
    ],
    run=_assign,
    report=_assign_report,
)

PROFILE_FILE = Output(
    name="profile.parquet",
    stage="export",
    needs=(SELECT_LEFT, SELECT_RIGHT),
    settings=lambda _: None,
    files=("profile.parquet",),
    write=lambda work, paths: _table(
        tables.profile_table(work.get(SELECT_LEFT), work.get(SELECT_RIGHT)), paths
    ),
)

CANDIDATES_FILE = Output(
    name="candidates.parquet",
    stage="export",
    needs=(SELECT_LEFT, SELECT_RIGHT, RETRIEVE),
    settings=lambda _: None,
    files=("candidates.parquet",),
    write=lambda work, paths: _table(
        tables.candidates_table(work.get(RETRIEVE), work.get(SELECT_LEFT), work.get(SELECT_RIGHT)), paths
    ),
)

VERDICTS_FILE = Output(
    name="verdicts.parquet",
    stage="export",
    needs=(SELECT_LEFT, SELECT_RIGHT, JUDGE, STUDENT, ASK, ASSIGN),
    settings=lambda _: None,
    files=("verdicts.parquet",),
    write=lambda work, paths: _table(
        tables.verdicts_table(
            verdicts_of(work), work.get(ASSIGN), work.get(SELECT_LEFT), work.get(SELECT_RIGHT)
        ),
        paths,
    ),
)


def _table(table: Any, paths: tuple[Path, ...]) -> Report:  # noqa: ANN401 - an Arrow table
    tables.write_parquet(table, paths[0])
    return Report({"rows": table.num_rows})


def _linked_terms(work: Work) -> tuple[Ids, Ids]:
    """The nodes that links hold together, as term ids of either graph."""
    alignment, left, right = work.get(ASSIGN), work.get(SELECT_LEFT), work.get(SELECT_RIGHT)
    rows = is_link(alignment)
    return left.entity_term[alignment.left[rows]], right.entity_term[alignment.right[rows]]


def vocabularies_of(work: Work) -> Vocabularies:
    """Which properties and classes correspond, learned from the links."""
    config = work.config.fuse
    return align_vocabularies(
        work.get(READ_LEFT),
        work.get(READ_RIGHT),
        *_linked_terms(work),
        overrides=config.mapping.items(),
        class_overrides=config.classes.items(),
        keep=config.keep,
    )


VOCABULARIES = Step(
    name="vocabularies",
    stage="fuse",
    record=Vocabularies,
    needs=(READ_LEFT, READ_RIGHT, SELECT_LEFT, SELECT_RIGHT, ASSIGN),
    settings=lambda inputs: inputs.config.fuse.model_dump(include={"mapping", "classes", "keep"}),
    run=vocabularies_of,
    report=lambda found: Report(
        {
            "properties": sum(match.chosen for match in found.properties),
            "classes": sum(match.chosen for match in found.classes),
        },
        notes={
            **{f"vocabularies {number}": text for number, text in enumerate(found.warnings, 1)},
            **{f"unit {number}": text for number, text in enumerate(found.units, 1)},
        },
    ),
)


def _links(work: Work, paths: tuple[Path, ...]) -> Report:
    left, right, alignment = work.get(SELECT_LEFT), work.get(SELECT_RIGHT), work.get(ASSIGN)
    verdicts = verdicts_of(work)
    written = write_links(paths[0], left, right, alignment)
    refused = rejected(alignment, verdicts, work.get(JUDGE), work.config.judge.match_probability)
    pairs = united(linked(alignment), refused)
    write_sssom(
        paths[1],
        left,
        right,
        alignment,
        verdicts,
        version=kgalign.__version__,
        pairs=pairs,
        vocabularies=work.get(VOCABULARIES),
        vocabulary=work.config.fuse.vocabulary,
    )
    write_oaei(paths[2], left, right, alignment)
    return Report({"links": written.links, "left_out": written.left_out})


LINKS_FILES = Output(
    name="links",
    stage="export",
    needs=(SELECT_LEFT, SELECT_RIGHT, JUDGE, STUDENT, ASK, ASSIGN, VOCABULARIES),
    settings=lambda inputs: inputs.config.fuse.vocabulary,
    files=("links.nt", "mappings.sssom.tsv", "alignment.rdf"),
    write=_links,
)


def fuse_graphs(work: Work) -> Fusion:
    """Fuse both graphs along the links of the alignment, and say where these join what is different."""
    graphs, within = (work.get(READ_LEFT), work.get(READ_RIGHT)), within_graphs(work)
    fusion = fuse(*graphs, *_linked_terms(work), work.config.fuse, work.get(VOCABULARIES), within=within)
    if not has_clusters(fusion):
        return fusion
    warnings = cluster_warnings(fusion, graphs, _apart(work), within)
    return replace(fusion, warnings=(*fusion.warnings, *warnings))


def within_graphs(work: Work) -> tuple[tuple[Ids, Ids], tuple[Ids, Ids]]:
    """What each graph says is one within itself, less what a person took apart, as term ids."""
    if not work.config.fuse.same_as_within:
        return NOTHING_WITHIN
    apart = {each.pair for path in work.inputs.paths("unmerged") for each in read_unmerged(path)}
    return same_within(work.get(READ_LEFT), apart), same_within(work.get(READ_RIGHT), apart)


def _apart(work: Work) -> Apart:
    """What is held to be different things, as term ids."""
    alignment, verdicts = work.get(ASSIGN), verdicts_of(work)
    left, right = work.get(SELECT_LEFT), work.get(SELECT_RIGHT)
    threshold = work.config.judge.match_probability
    different = (verdicts.probability < threshold) | (verdicts.voted == Outcome.NO_MATCH)
    different[alignment.verdict[alignment.verdict >= 0]] = False
    no = alignment.outcome == Outcome.REJECTED
    single = {"one-to-one": (True, True), "one-to-many": (True, False), "many-to-one": (False, True)}
    once = single.get(alignment.cardinality, (False, False))
    return Apart(
        judged=(left.entity_term[verdicts.left[different]], right.entity_term[verdicts.right[different]]),
        rejected=(left.entity_term[alignment.left[no]], right.entity_term[alignment.right[no]]),
        single=(left.entity_term if once[0] else None, right.entity_term if once[1] else None),
    )


FUSE = Step(
    name="fuse",
    stage="fuse",
    record=Fusion,
    needs=(READ_LEFT, READ_RIGHT, SELECT_LEFT, SELECT_RIGHT, JUDGE, STUDENT, ASK, ASSIGN, VOCABULARIES),
    settings=lambda inputs: inputs.config.fuse.model_dump(
        exclude={"mapping", "classes", "keep", "provenance", "shapes", "strict"}
    ),
    run=fuse_graphs,
    report=lambda fusion: Report(
        asdict(fusion.counts),
        notes={f"fuse {number}": text for number, text in enumerate(fusion.warnings, 1)},
    ),
)

FUSED_FILE = Output(
    name="fused.ttl",
    stage="fuse",
    needs=(FUSE,),
    settings=lambda _: None,
    files=("fused.ttl",),
    write=lambda work, paths: Report({"written": write_turtle(fused_graph(work.get(FUSE)), paths[0])}),
)

PROVENANCE_FILE = Output(
    name="fused.trig",
    stage="fuse",
    needs=(FUSE,),
    settings=lambda inputs: inputs.config.fuse.provenance,
    files=("fused.trig",),
    write=lambda work, paths: Report(
        {"written": write_provenance(work.get(FUSE), paths[0], form=work.config.fuse.provenance)}
    ),
)

CONFLICTS_FILE = Output(
    name="conflicts.parquet",
    stage="fuse",
    needs=(FUSE,),
    settings=lambda _: None,
    files=("conflicts.parquet",),
    write=lambda work, paths: Report({"rows": write_conflicts(work.get(FUSE), paths[0])}),
)


def _check_shapes(work: Work, paths: tuple[Path, ...]) -> Report:
    from kgalign.shapes import check_shapes, read_shapes, write_violations

    shapes = read_shapes(work.inputs.paths("shapes"))
    found = check_shapes(work.get(READ_LEFT), work.get(READ_RIGHT), work.get(FUSE), shapes)
    write_violations(found, paths[0])
    counts = {"left": found.before[0], "right": found.before[1], "fused": len(found.after)}
    return Report({**counts, "caused": len(found.caused)})


VIOLATIONS_FILE = Output(
    name="violations.json",
    stage="fuse",
    needs=(READ_LEFT, READ_RIGHT, FUSE),
    settings=lambda inputs: inputs.digests("shapes"),
    files=("violations.json",),
    write=_check_shapes,
)
"""Only with shapes."""


def steps(*, with_gold: bool = False, with_shapes: bool = False) -> tuple[AnyStep, ...]:
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
        JUDGE,
        STUDENT,
        ASK,
        ASSIGN,
        VERDICTS_FILE,
        VOCABULARIES,
        LINKS_FILES,
        FUSE,
        FUSED_FILE,
        PROVENANCE_FILE,
        CONFLICTS_FILE,
        *((VIOLATIONS_FILE,) if with_shapes else ()),
    )


STAGES = ("read", "select", "retrieve", "judge", "assign", "fuse", "export")
"""The stages in order."""

STAGE_OF = {step.name: step.stage for step in steps(with_gold=True, with_shapes=True)}
"""Step → the stage that it is part of."""

"""The order of the stages, what each depends on, and what a run leaves behind.

This module alone knows the order::

    read ─▶ select ─▶ retrieve ─▶ judge (evidence, then votes) ─▶ assign ─▶ fuse ─▶ export

Stages are cut into steps, each side of ``read`` and ``select`` and each group of output files on its own,
so that a changed option redoes as little as possible. :mod:`kgalign.engine` runs the steps.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import kgalign
from kgalign import tables
from kgalign.assign import assign
from kgalign.config import Config
from kgalign.engine import AnyStep, Execution, Inputs, Output, Report, Step, Work, execute
from kgalign.evaluate import read_pairs, recall_at
from kgalign.evaluate.pairs import is_link
from kgalign.export import linked, rejected, united, write_links, write_oaei, write_sssom
from kgalign.folder import RunFolder, RunRecord, writing
from kgalign.fuse import fuse, write_fused
from kgalign.inputs import check_owner, check_place, gather, library_versions
from kgalign.judge import judge, no_hearing, with_votes
from kgalign.known import known_links, with_known
from kgalign.ledger import FILE as LEDGER_FILE
from kgalign.progress import Progress
from kgalign.rdf import read_graph
from kgalign.rdf.graph import Graph
from kgalign.records import Alignment, Candidates, FusedGraph, Hearing, Outcome, Profile, Verdicts
from kgalign.retrieve import retrieve
from kgalign.select import select

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
        inputs.config.judge.model_dump(exclude={"known", "judge"}),
        inputs.config.assign.cardinality,
        inputs.digests("known"),
    ],
    run=_judge,
    report=lambda verdicts: Report(
        {"judged": len(verdicts), "known": int(verdicts.given.sum())}, figures=dict(verdicts.notes)
    ),
)


def _asks(config: Config) -> bool:
    """Whether a language model has a say; what asks it is imported only then."""
    return config.judge.judge != "evidence" and config.votes.ask != "none"


def _ask_settings(inputs: Inputs) -> object:
    """What decides the votes; where the server is and how fast it is asked does not."""
    config = inputs.config
    if not _asks(config):
        return None
    from kgalign.judge.llm import prompts_digest

    return [
        config.judge.model_dump(exclude={"known"}),
        config.llm.model_dump(exclude={"url", "concurrency", "timeout", "retries"}),
        config.votes.model_dump(exclude={"templates"}),
        prompts_digest(config.votes.templates),
        config.assign.cardinality,
        config.seed,
    ]


def _ask(work: Work) -> Hearing:
    if not _asks(work.config):
        return no_hearing()
    from kgalign.judge.llm import hear

    left, right, verdicts = work.get(SELECT_LEFT), work.get(SELECT_RIGHT), work.get(JUDGE)
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
    needs=(SELECT_LEFT, SELECT_RIGHT, JUDGE),
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
    """The verdicts with the votes in them."""
    return with_votes(work.get(JUDGE), work.get(ASK))


def _assign(work: Work) -> Alignment:
    left, right = len(work.get(SELECT_LEFT)), len(work.get(SELECT_RIGHT))
    return assign(verdicts_of(work), left, right, work.config.assign, work.config.judge)


def _assign_report(alignment: Alignment) -> Report:
    count = {outcome: int((alignment.outcome == outcome).sum()) for outcome in Outcome}
    links = count[Outcome.MATCH] + count[Outcome.CONFIRMED]
    left_out = {
        name.lower(): count[Outcome[name]] for name in ("NOT_ASKED", "FAILED") if count[Outcome[name]]
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
    needs=(SELECT_LEFT, SELECT_RIGHT, JUDGE, ASK),
    settings=lambda inputs: [
        inputs.config.assign.model_dump(),
        inputs.config.judge.model_dump(exclude={"known", "judge"}),
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
    needs=(SELECT_LEFT, SELECT_RIGHT, JUDGE, ASK, ASSIGN),
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


def _links(work: Work, paths: tuple[Path, ...]) -> Report:
    left, right, alignment = work.get(SELECT_LEFT), work.get(SELECT_RIGHT), work.get(ASSIGN)
    verdicts = verdicts_of(work)
    written = write_links(paths[0], left, right, alignment)
    refused = rejected(alignment, verdicts, work.get(JUDGE), work.config.judge.match_probability)
    pairs = united(linked(alignment), refused)
    write_sssom(paths[1], left, right, alignment, verdicts, version=kgalign.__version__, pairs=pairs)
    write_oaei(paths[2], left, right, alignment)
    return Report({"links": written.links, "left_out": written.left_out})


LINKS_FILES = Output(
    name="links",
    stage="export",
    needs=(SELECT_LEFT, SELECT_RIGHT, JUDGE, ASK, ASSIGN),
    settings=lambda _: None,
    files=("links.nt", "mappings.sssom.tsv", "alignment.rdf"),
    write=_links,
)


def fuse_graphs(work: Work) -> FusedGraph:
    """Fuse both graphs along the links of the alignment."""
    alignment, left, right = work.get(ASSIGN), work.get(SELECT_LEFT), work.get(SELECT_RIGHT)
    rows = is_link(alignment)
    return fuse(
        work.get(READ_LEFT),
        work.get(READ_RIGHT),
        left.entity_term[alignment.left[rows]],
        right.entity_term[alignment.right[rows]],
        work.config.fuse,
    )


def _fused(work: Work, paths: tuple[Path, ...]) -> Report:
    fused = fuse_graphs(work)
    written = write_fused(fused, paths[0])
    return Report({**asdict(fused.counts), "written": written})


FUSED_FILE = Output(
    name="fused.ttl",
    stage="fuse",
    needs=(READ_LEFT, READ_RIGHT, SELECT_LEFT, SELECT_RIGHT, ASSIGN),
    settings=lambda inputs: inputs.config.fuse.model_dump(),
    files=("fused.ttl",),
    write=_fused,
)


def steps(*, with_gold: bool = False) -> tuple[AnyStep, ...]:
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
        ASK,
        ASSIGN,
        VERDICTS_FILE,
        LINKS_FILES,
        FUSED_FILE,
    )


STAGES = ("read", "select", "retrieve", "judge", "assign", "fuse", "export")
"""The stages in order."""

STAGE_OF = {step.name: step.stage for step in steps(with_gold=True)}
"""Step → the stage that it is part of."""


def run(
    left: Path,
    right: Path,
    out: Path,
    config: Config | None = None,
    *,
    gold: Iterable[Path] = (),
    force: bool = False,
    progress: Progress | None = None,
) -> Execution:
    """Align and fuse two graphs in a run folder; what is right there already is left as it is.

    Args:
        left: a file or a folder of files.
        right: the same for the other side.
        out: the run folder; it is made if need be.
        config: everything else that decides what comes out.
        gold: files of gold links, for the recall of the candidates only.
        force: forget what is in the folder, and take it over from other inputs.
        progress: where long work reports how far it is.

    Raises:
        InputError: an input can't be used.
        RunError: the folder belongs to other inputs, is in use, or can't be written.
    """
    config = config or Config()
    inputs = gather(left, right, config, gold)
    todo = steps(with_gold=bool(inputs.files["gold"]))

    def before(steps_to_do: Sequence[AnyStep]) -> None:
        # A server that is not there is found out now, and not after the evidence took its time.
        if ASK in steps_to_do and _asks(config):
            from kgalign.judge.llm import check

            check(config, out / LEDGER_FILE)

    with _opened(left, right, out, config, inputs, force=force) as (folder, record):
        return execute(todo, Work(inputs, progress, folder), folder, record, before)


def evidence(
    left: Path, right: Path, out: Path | None, config: Config, *, progress: Progress | None = None
) -> Work:
    """Go as far as the evidence, for what is said before a model is asked; nothing is sent anywhere.

    :param out: a run folder, where what is computed is kept; None to keep it in memory.
    :raises KgalignError: as :func:`run`.
    """
    inputs = gather(left, right, config, ())
    if out is None:
        return Work(inputs, progress)
    with _opened(left, right, out, config, inputs) as (folder, record):
        work = Work(inputs, progress, folder)
        every = steps(with_gold=True)
        end = every.index(JUDGE) + 1
        until = tuple(step for step in every[:end] if step is not RECALL)
        execute(until, work, folder, record, later=(RECALL, *every[end:]))
        return work


@contextmanager
def _opened(
    left: Path, right: Path, out: Path, config: Config, inputs: Inputs, *, force: bool = False
) -> Iterator[tuple[RunFolder, RunRecord]]:
    """The run folder, locked, and what it will say of this call."""
    check_place(out, (left, right))
    folder = RunFolder(out)
    with folder.locked():
        if force:
            with writing(out):
                folder.clear()
        finished = folder.read() if folder.is_run() and not force else None
        if finished is not None:
            check_owner(folder, finished, inputs)
        yield (
            folder,
            RunRecord(
                version=kgalign.__version__,
                inputs=dict(inputs.files),
                config=config.model_dump(mode="json"),
                seed=config.seed,
                versions=library_versions(),
                steps=finished.steps if finished else {},
            ),
        )

"""What is believed of each pair: by the evidence, by a student, by votes."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from kgalign.decisions.people import Said, refused_rows, said_in_file, said_in_stores
from kgalign.judge import no_hearing, no_opinion, with_student, with_votes
from kgalign.ledger import FILE as LEDGER_FILE
from kgalign.ledger import Ledger
from kgalign.links.known import known_links, with_known
from kgalign.pipeline.retrieving import RETRIEVE, growth_since
from kgalign.pipeline.sides import READ_LEFT, READ_RIGHT, SELECT_LEFT, SELECT_RIGHT, graphs_of, profiles_of
from kgalign.records import Candidates, Hearing, Opinion, Verdicts
from kgalign.records.learned import Learned
from kgalign.run import reports, settings
from kgalign.run.steps import Step, Work

if TYPE_CHECKING:
    from kgalign.judge.evidence import Known

log = logging.getLogger(__name__)


def said_of(work: Work) -> list[tuple[Path, Said]]:
    """What people said before anything is compared, by the files that it stands in.

    Known links that are gone, where a finished run is changed, were heard by the evidence.
    """
    files = [(path, said_in_file(path)) for path in work.inputs.paths("known") if path.exists()]
    return files + [(path, said_in_stores([path])) for path in work.inputs.paths("decisions")]


def _to_judge(work: Work) -> "tuple[Candidates, Known]":
    """The candidates, known pairs among them, and what is certain of each."""
    from kgalign.judge.evidence import known_of

    profiles, said = profiles_of(work), said_of(work)
    for path, each in said:
        if each.predictions:
            log.warning("%s: %d predictions that nobody looked at are passed over", path, each.predictions)
    links = [(path, each.same) for path, each in said if each.same]
    known = known_links(links, graphs_of(work), profiles)
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

        before = Before(*profiles_of(work.before), work.before.get(LEARN), work.before.get(JUDGE))
        grown = grow(*profiles_of(work), *_certain(work), before, growth_since(work))
        if grown.learned is not None:
            return grown.learned
        notes = {"weights": f"learned anew: {grown.why}"}
    found = learn(
        *profiles_of(work),
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

    return verdicts(*profiles_of(work), *_certain(work), work.get(LEARN))


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

    return ask_student(*profiles_of(work), work.get(JUDGE), work.config, progress=work.progress)


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
        return ask(*profiles_of(work), judged_of(work), work.config, ledger=ledger, progress=work.progress)


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

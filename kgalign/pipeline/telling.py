"""What a run tells of itself: its report, and what changed since the run that it grew from."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kgalign.errors import KgalignError, RunError
from kgalign.pipeline.fusing import FROM_AGAIN, FUSE, VOCABULARIES
from kgalign.pipeline.judging import ASK, JUDGE, STUDENT, open_ledger, verdicts_of
from kgalign.pipeline.linking import ASSIGN, WORKLIST
from kgalign.pipeline.retrieving import RETRIEVE
from kgalign.pipeline.sides import SELECT_LEFT, SELECT_RIGHT, profiles_of
from kgalign.records import Alignment, Profile, Verdicts
from kgalign.records.fused import Fusion
from kgalign.run import settings
from kgalign.run.steps import Output, Report, Work, one_file

if TYPE_CHECKING:
    from kgalign.report import Findings

log = logging.getLogger(__name__)


class _Judged(NamedTuple):
    """What of a run is compared with another."""

    left: Profile
    right: Profile
    verdicts: Verdicts
    alignment: Alignment
    fusion: Fusion

    @classmethod
    def of(cls, work: Work) -> "_Judged":
        return cls(*profiles_of(work), verdicts_of(work), work.get(ASSIGN), work.get(FUSE))


def _changes(work: Work, paths: tuple[Path, ...]) -> Report:
    from kgalign.export import write_differences
    from kgalign.report import changes_since, write_changes

    if work.before is None:
        raise RunError(f"The run that {work.folder} grew from is gone", FROM_AGAIN)
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
            *profiles_of(work),
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

"""``kgalign report``: a page on a run, with what the run itself does not know."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .common import log_options, run_argument, say, write_out
from .paths import PATH

if TYPE_CHECKING:
    from kgalign.evaluate.calibration import Calibration
    from kgalign.report import Source, Spent
    from kgalign.run.finished import Finished
    from kgalign.run.folder import RunRecord

_NAME = "report.html"


@click.command()
@run_argument
@click.option(
    "-o",
    "--output",
    default=Path(_NAME),
    show_default=True,
    type=PATH,
    help="File to write; - for the output.",
)
@click.option(
    "--gold", multiple=True, type=PATH, metavar="FILE", help="Gold links to hold it against; repeatable."
)
@click.option("--closed", is_flag=True, help="The gold is complete: every link that is not in it is wrong.")
@click.option("--against", type=PATH, metavar="OLD", help="An older run folder: shows what changed since.")
@log_options
def report(run: Path, output: Path, gold: tuple[Path, ...], closed: bool, against: Path | None) -> None:
    """Write a page on the run folder RUN: what was found, how sure it is, why, and what it took.

    One file of HTML without scripts that needs no network. Every run writes such a page, report.html; this
    one has besides what differs from run to run or is known only later: where the inputs lie, seconds and
    memory, how right it is by gold or by what people decided, and what changed against another run.
    """
    from kgalign import pipeline
    from kgalign.report import Besides, compare, report_page
    from kgalign.run.finished import Finished

    _check(output, run)
    finished = Finished(run)
    pairs = _gold(gold)
    with pipeline.findings_of(finished) as found:
        from kgalign.evaluate import evaluate

        besides = Besides(
            sources=_sources(finished.record),
            spent=_spent(finished.record),
            evaluation=evaluate(
                found.left,
                found.right,
                found.candidates,
                found.verdicts,
                found.alignment,
                pairs,
                closed=closed,
                match_probability=found.match_probability,
                seed=finished.config.seed,
            )
            if gold
            else None,
            decided=_decided(finished),
            changes=compare(finished, Finished(against)) if against is not None else None,
        )
        _write(report_page(found, besides), output)


def _check(output: Path, run: Path) -> None:
    """Keep what the run wrote itself: it has a digest, and is the same for the same inputs."""
    from kgalign.errors import InputError

    if output.resolve() == (run / _NAME).resolve():
        raise InputError(f"{output} is what the run wrote itself", "Give another file with -o")


def _gold(paths: tuple[Path, ...]) -> tuple[tuple[str, str], ...]:
    from kgalign.evaluate import read_pairs

    return tuple(sorted({pair for path in paths for pair in read_pairs(path)}))


def _sources(record: "RunRecord") -> "tuple[Source, ...]":
    from kgalign.report import Source

    return tuple(
        Source(side, each.path, each.bytes)
        for side in ("left", "right", "known")
        for each in record.inputs.get(side, ())
    )


def _spent(record: "RunRecord") -> "tuple[Spent, ...]":
    from kgalign.pipeline import STAGE_OF
    from kgalign.report import Spent

    return tuple(
        Spent(STAGE_OF.get(name, ""), name, each.seconds, each.peak_bytes)
        for name, each in record.steps.items()
    )


def _decided(finished: "Finished") -> "Calibration":
    """What was probable of the pairs that people decided, before they did."""
    import numpy as np

    from kgalign.decisions import FILE, read_all
    from kgalign.decisions.folding import standing
    from kgalign.evaluate.calibration import calibration

    path = finished.folder.file(FILE)
    said = standing(read_all(path)) if path.is_file() else standing(())
    same, apart = set(said.same), set(said.apart)
    sure = {each.pair: each.probability for each in said.said if each.probability is not None}
    told = sorted(pair for pair in sure if pair in same or pair in apart)
    return calibration(
        np.array([sure[pair] for pair in told], np.float64),
        np.array([pair in same for pair in told], np.bool_),
    )


def _write(text: str, output: Path) -> None:
    write_out(output, text)
    if str(output) != "-":
        say(f"Report: {output} ({len(text.encode()) / 1000:,.0f} kB)")

"""``kgalign estimate``: how good a run is, from a few looks."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .common import Number, console, json_option, line, log_options, plural, run_argument, say, table
from .paths import PATH

if TYPE_CHECKING:
    from kgalign.estimate import Answers, Cases, Estimate, Share
    from kgalign.run.finished import Finished

_LOOKS = 20
_SIMULATED = 100


@click.command()
@run_argument
@click.option(
    "--precision", type=Number(0, 1, min_open=True, max_open=True), default=0.95, show_default=True,
    help="Precision that is to be certified.",
)  # fmt: skip
@click.option(
    "--confidence", type=Number(0.5, 1, max_open=True), default=0.95, show_default=True,
    help="How probable it shall be that an interval holds the truth, and that what is certified is true.",
)  # fmt: skip
@click.option(
    "--labels", type=PATH, metavar="FILE",
    help="Complete gold that stands in for people: it answers what is asked. Decisions don't count then.",
)  # fmt: skip
@click.option(
    "--looks", type=click.IntRange(0), metavar="N",
    help=f"How many to look at next [{_SIMULATED} with --labels, which answer them; else {_LOOKS}].",
)  # fmt: skip
@click.option(
    "--for", "aim", type=click.Choice(["both", "precision", "recall"]), default="both", show_default=True,
    help="What the looks are for.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Another one is another sample.")
@click.option(
    "--next",
    "next_file",
    type=PATH,
    metavar="FILE",
    help="Write what to look at next there, as worklist.csv.",
)
@json_option()
@log_options
def estimate(
    run: Path,
    precision: float,
    confidence: float,
    labels: Path | None,
    looks: int | None,
    aim: str,
    seed: int,
    next_file: Path | None,
    as_json: bool,
) -> None:
    """Estimate precision and recall of the run folder RUN from what people decided, and say where to look
    next.

    People look at what `--next FILE` lists, in its order, and say what they see with `kgalign decisions`.
    Only what follows the order counts as a sample; all else that they decided is known, and no more. Recall
    is of what is right among the candidates.
    """
    from kgalign.estimate import Aim, cases_of, design, estimate_run, looked_up, next_pairs
    from kgalign.export import write_worklist
    from kgalign.run.finished import Finished

    finished = Finished(run)
    cases = cases_of(finished.verdicts, finished.alignment)
    plan = design(cases, seed)
    answers = _answers(finished, cases, labels)
    if labels is not None:
        answers = looked_up(plan, answers, _SIMULATED if looks is None else looks, Aim(aim))
    found = estimate_run(plan, answers, precision, confidence)
    written = 0
    if next_file is not None:
        number = _LOOKS if looks is None or labels is not None else looks
        following = next_pairs(plan, answers, number, Aim(aim))
        written = write_worklist(next_file, following, finished.left, finished.right)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=1))
        return
    _show(found, run)
    if next_file is not None:
        say(f"{line(str(next_file))}: {plural(written, 'case')} to look at next, in this order")


def _answers(finished: "Finished", cases: "Cases", labels: Path | None) -> "Answers":
    from kgalign.decisions import FILE, read_all
    from kgalign.errors import InputError
    from kgalign.estimate import answers_of_decisions, answers_of_gold
    from kgalign.links.gold import read_pairs
    from kgalign.links.pairs import pair_ids

    sides = finished.left, finished.right
    if labels is None:
        return answers_of_decisions(cases, sides, read_all(finished.folder.file(FILE)))
    gold = read_pairs(labels)
    left, right = pair_ids(*sides, gold)
    if not ((left >= 0) & (right >= 0)).any():
        raise InputError(
            f"No pair in {labels} names an entity of each side of {finished.folder}",
            "Check that the file belongs to these graphs, left IRIs first",
        )
    return answers_of_gold(cases, sides, gold)


def _show(found: "Estimate", run: Path) -> None:
    shown = table(["", "share"], [f"{found.confidence:.0%} interval"])
    shares = {"precision": found.precision, "recall, of the candidates": found.recall}
    if found.recall_beyond is not None:
        shares["recall, with what people found beyond"] = found.recall_beyond
    for name, share in shares.items():
        shown.add_row(name, *_cells(share))
    console().print(shown)
    say(
        f"{plural(found.linked_looks, 'look')} at links of {found.links:,}, "
        f"{found.other_looks:,} at other cases of {found.cases - found.links:,}"
    )
    if not found.looks:
        say(
            "Nobody looked yet: the shares are what the run expects",
            f"`kgalign review {line(shlex.quote(str(run)))}` asks for looks, in the queue “For the estimate”",
            limit=200,
        )
    if found.outside:
        say(f"{plural(found.outside, 'case')} known outside the order: known, but no sample")
    if found.unsure:
        say(f"{plural(found.unsure, 'pair')} of which nobody can tell: counted as not the same")
    say(found.certainty)


def _cells(share: "Share") -> tuple[str, str]:
    if share.value is None:
        return "-", ""
    return f"{share.value:.3f}", f"{share.low:.3f} to {share.high:.3f}"

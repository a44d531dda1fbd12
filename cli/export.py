"""``kgalign export``: a finished run in the formats that others read."""

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

import click

from kgalign.base.doors import offered
from kgalign.errors import RunError

from .common import echo, log_options, run_argument, terminal_progress

if TYPE_CHECKING:
    from kgalign.export.formats import Exported
    from kgalign.run.finished import Finished

_STDOUT = Path("-")


def _list_formats(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    from kgalign.export.formats import FORMATS, format_named

    names = [*FORMATS, *(each for each in offered("kgalign.formats") if each not in FORMATS)]
    width = max(map(len, names))
    for name in names:
        echo(f"{name:{width}}  {format_named(name).about}")
    ctx.exit()


@click.command("export")
@run_argument
@click.option(
    "--format", "name", metavar="FORMAT",
    help="turtle, trig, nquads, ntriples, jsonld, provenance, provenance-rdf12; same-as, exact-match, sssom, "
    "oaei, parquet, csv, graphml.",
)  # fmt: skip
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path, allow_dash=True),
    help="File to write, - for the standard output.",
)  # fmt: skip
@click.option(
    "--undecided", is_flag=True,
    help="Write what is left to people too, marked as such: in sssom, parquet, csv and graphml. Without "
    "--format: these pairs alone as CSV, the smallest margin first.",
)  # fmt: skip
@click.option(
    "--unmatched", "side", type=click.Choice(["left", "right"]),
    help="Without --format: the entities of this side without a link, as CSV, the likeliest candidate first.",
)  # fmt: skip
@click.option("--around", metavar="IRI", help="graphml: draw what is around this entity of either side.")
@click.option(
    "--limit",
    type=click.IntRange(min=2),
    metavar="N",
    help="graphml: draw N entities at most; 300 by default.",
)
@click.option(
    "--parts",
    type=click.IntRange(min=1, max=10_000),
    metavar="N",
    help="ntriples, nquads: N packed files at most, by subject, in a new folder -o, with a manifest.",
)
@click.option(
    "--list-formats", is_flag=True, is_eager=True, expose_value=False, callback=_list_formats,
    help="Say what each format holds, and do nothing else.",
)  # fmt: skip
@log_options
def export(
    run: Path,
    name: str | None,
    output: Path,
    undecided: bool,
    side: Literal["left", "right"] | None,
    around: str | None,
    limit: int | None,
    parts: int | None,
) -> None:
    """Write what the finished run in the folder RUN found to a file, in another format.

    The first seven formats hold the fused graph, the others the links. The same run gives the same bytes,
    and a file gets its name only when it is complete. SSSOM also says, as `Not`, which pairs were rejected:
    by a person, or by a language model against the evidence.
    """
    from kgalign.export.formats import Choices, format_named
    from kgalign.export.formats import export as write
    from kgalign.run.finished import Finished

    if name is None:
        _one_list(undecided, side, [around, limit], parts)
        finished = Finished(run)
        _send(finished, output, "list", lambda path: _write_list(finished, side, path))
        return
    if side is not None:
        raise click.UsageError("--unmatched is a list of its own: leave --format out")
    form = format_named(name)
    if output == _STDOUT and form.binary and sys.stdout.isatty():
        raise RunError(f"{name} is nothing that a terminal can show", "Name a file with -o")
    if output == _STDOUT and parts is not None:
        raise click.UsageError("Several files go into a folder: name one with -o")
    finished = Finished(run)
    choices = Choices(undecided, around, limit, parts)
    _send(finished, output, name, lambda path: write(finished, name, path, choices), folder=parts is not None)


def _one_list(undecided: bool, side: str | None, others: Sequence[object], parts: int | None) -> None:
    """Refuse what names no format and no list, or two lists."""
    if undecided and side is not None:
        raise click.UsageError("--undecided and --unmatched are two lists: give one of them")
    if not undecided and side is None:
        raise click.UsageError("Say what to write: --format FORMAT, --undecided or --unmatched SIDE.")
    if any(each is not None for each in others):
        raise click.UsageError("--around and --limit go with --format graphml")
    if parts is not None:
        raise click.UsageError("--parts goes with --format ntriples or nquads")


def _write_list(run: "Finished", side: Literal["left", "right"] | None, path: Path) -> "Exported":
    from kgalign.base.files import explained
    from kgalign.export.formats import Exported
    from kgalign.export.lists import undecided_table, unmatched_table
    from kgalign.export.tables import write_list

    found = run.alignment, run.verdicts, run.left, run.right
    table = undecided_table(*found) if side is None else unmatched_table(side, *found)
    with explained(path, "Name another file with -o"):
        return Exported({"row": write_list(path, table)})


def _send(
    finished: "Finished",
    output: Path,
    name: str,
    write: "Callable[[Path], Exported]",
    *,
    folder: bool = False,
) -> None:
    """Write to the file, the folder or the standard output, and say how much it was."""
    from kgalign.run.target import checked_folder, checked_target

    with terminal_progress().task(f"export {name}"):
        if output == _STDOUT:
            done = _to_stdout(write)
        else:
            checked = checked_folder if folder else checked_target
            done = write(checked(output, finished.folder, finished.record))
    echo(f"{output}: {_told(done)}", err=output == _STDOUT)


def _to_stdout(write: "Callable[[Path], Exported]") -> "Exported":
    """Write to the standard output; what goes wrong goes wrong before the first byte."""
    from kgalign.base.files import explained

    with TemporaryDirectory(prefix="kgalign-") as folder:
        path = Path(folder) / "export"
        done = write(path)
        with explained(Path("the standard output")):
            _copy(path)
    return done


def _copy(path: Path) -> None:
    """Copy a file to the standard output: as it is, or to a terminal with control characters escaped."""
    if sys.stdout.isatty():
        with path.open(encoding="utf8") as lines:
            for line in lines:
                click.echo(_shown(line), nl=False)
    else:
        with path.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()


def _shown(line: str) -> str:
    """A line as a terminal may show it: control characters escaped, but for tabs and the end of the line."""
    return "".join(
        each if each.isprintable() or each in "\t\n" else each.encode("unicode_escape").decode("ascii")
        for each in line
    )


def _told(done: "Exported") -> str:
    counts = ", ".join(f"{count:,} {_noun(noun, count)}" for noun, count in done.counts.items())
    return "; ".join([counts, *done.notes])


def _noun(noun: str, count: int) -> str:
    if count == 1:
        return noun
    return f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"

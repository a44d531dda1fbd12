"""``kgalign export``: a finished run in the formats that others read."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from kgalign.base.doors import offered
from kgalign.errors import RunError

from .common import log_options, run_argument, terminal_progress

if TYPE_CHECKING:
    from kgalign.export.formats import Exported

_STDOUT = Path("-")


def _list_formats(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    from kgalign.export.formats import FORMATS, format_named

    names = [*FORMATS, *(each for each in offered("kgalign.formats") if each not in FORMATS)]
    width = max(map(len, names))
    for name in names:
        click.echo(f"{name:{width}}  {format_named(name).about}")
    ctx.exit()


@click.command("export")
@run_argument
@click.option(
    "--format", "name", required=True, metavar="FORMAT",
    help="turtle, trig, nquads, ntriples, jsonld, provenance, provenance-rdf12; same-as, exact-match, sssom, "
    "oaei, parquet, csv, graphml.",
)  # fmt: skip
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path, allow_dash=True),
    help="File to write, - for the standard output.",
)  # fmt: skip
@click.option(
    "--undecided", is_flag=True,
    help="Write what is left to people too, marked as such: in sssom, parquet, csv and graphml.",
)  # fmt: skip
@click.option("--around", metavar="IRI", help="graphml: draw what is around this entity of either side.")
@click.option(
    "--limit",
    type=click.IntRange(min=2),
    metavar="N",
    help="graphml: draw N entities at most; 300 by default.",
)
@click.option(
    "--list-formats", is_flag=True, is_eager=True, expose_value=False, callback=_list_formats,
    help="Say what each format holds, and do nothing else.",
)  # fmt: skip
@log_options
def export(
    run: Path, name: str, output: Path, undecided: bool, around: str | None, limit: int | None
) -> None:
    """Write what the finished run in the folder RUN found to a file, in another format.

    The first seven formats hold the fused graph, the others the links. The same run gives the same bytes,
    and a file gets its name only when it is complete. SSSOM also says, as `Not`, which pairs were rejected:
    by a person, or by a language model against the evidence.
    """
    from kgalign.export.formats import Choices, format_named
    from kgalign.export.formats import export as write
    from kgalign.run.finished import Finished
    from kgalign.run.target import checked_target

    form = format_named(name)
    finished = Finished(run)
    choices = Choices(undecided, around, limit)
    with terminal_progress().task(f"export {name}"):
        if output == _STDOUT:
            if form.binary and sys.stdout.isatty():
                raise RunError(f"{name} is nothing that a terminal can show", "Name a file with -o")
            done = _to_stdout(lambda path: write(finished, name, path, choices))
        else:
            target = checked_target(output, finished.folder, finished.record)
            done = write(finished, name, target, choices)
    click.echo(f"{output}: {_told(done)}", err=output == _STDOUT)


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

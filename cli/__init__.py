"""The commands of kgalign, one short file each; they are imported when they are called."""

import logging
import sys
import traceback
from pathlib import Path
from typing import IO, Any

import click

from kgalign import __version__
from kgalign.base.logs import printable
from kgalign.base.own import one_arena
from kgalign.errors import KgalignError

from .common import LazyGroup, echo

_COMMANDS = {
    "run": (".run", "run", "Align two graphs and fuse them."),
    "copy": (".copy", "copy", "Copy a run folder to an object store, or from it."),
    "update": (".update", "update", "Bring a run up to date with its input files, in place."),
    "plan": (".plan", "plan", "Say what asking a language model will cost."),
    "profile": (".profile", "profile", "Show which properties a graph has and how far they identify."),
    "eval": (".eval", "eval_command", "Measure a run against gold links."),
    "diff": (".diff", "diff", "Show which links two runs do not share, and what tipped each."),
    "report": (".report", "report", "Write a page on a run: what was found, how sure it is, and why."),
    "estimate": (".estimate", "estimate", "Estimate from a few looks how good a run is."),
    "explain": (".explain", "explain", "Show why a link was made, or why not."),
    "export": (".export", "export", "Write a run's fused graph or links in another format."),
    "verify": (".verify", "verify", "Say of each file of a run folder whether it is whole or damaged."),
    "votes": (".votes", "votes", "Read, count, export and check the votes of a language model."),
    "train": (".train", "train", "Make examples of runs, and train a judge on them."),
    "serve": (".serve", "serve", "Serve a language model that `run --judge llm` asks."),
    "fuse": (".fuse", "fuse", "Fuse a run's graphs again, by other rules."),
    "unmerge": (".unmerge", "unmerge", "Take a merge of a run back, everywhere, and remember it."),
    "review": (".review", "review", "Answer what is in doubt, entity by entity, on a local page."),
    "decisions": (".decisions", "decisions", "Take in, show and give back what people decided."),
    "conflicts": (".conflicts", "conflicts", "Show what the sources say differently, what won, and why."),
    "vocabularies": (".vocabularies", "vocabularies", "Show which properties and classes correspond."),
    "doctor": (".doctor", "doctor", "Show what is installed and what a graph looks like."),
}
"""Name → module, the click command in it, and a line on it, so that listing them imports none."""

BAD_INPUT = 2
"""Exit code for what the user can mend."""
INTERRUPTED = 130

log = logging.getLogger("kgalign.cli")


class _UserError(click.ClickException):
    """One line on the standard error output, exit code 2."""

    exit_code = BAD_INPUT

    def show(self, file: IO[Any] | None = None) -> None:
        _say_error(f"error: {printable(self.message)}")


class _Commands(LazyGroup):
    """The border at which errors become messages."""

    commands_by_name = _COMMANDS

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KgalignError as error:
            raise _UserError(str(error)) from error
        except KeyboardInterrupt:
            click.echo(err=True)
            _say_error("Interrupted. What is finished is kept: the same command goes on from there.")
            ctx.exit(INTERRUPTED)
        except MemoryError as error:
            raise _UserError("Out of memory. Close other programs, or give smaller files.") from error
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001 - the border: people get a line, not a traceback
            _report_bug(error)
            ctx.exit(1)


def _report_bug(error: Exception) -> None:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}:{frame.lineno}"
    log.debug("traceback of the error below", exc_info=error)
    message = printable(f"{type(error).__name__} at {place}: {error}", limit=500)
    hint = "" if log.isEnabledFor(logging.DEBUG) else " `--log-level debug` shows where it happened."
    _say_error(f"error: this is a bug in kgalign ({message}). Please report it.{hint}")


def _say_error(text: str) -> None:
    """One line on the standard error output; only a terminal gets it broken, at spaces."""
    if sys.stderr.isatty():
        echo(text, err=True)
    else:
        click.echo(text, err=True)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kgalign")
def main() -> None:
    """Find which entities of two RDF graphs are the same, and fuse the graphs into one."""
    one_arena()

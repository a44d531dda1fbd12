"""What the commands on votes share: opening a run's ledger, naming what was chosen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kgalign.errors import RunError
from kgalign.records.votes import NONE
from kgalign.run.folder import RunFolder

from .common import line

if TYPE_CHECKING:
    from kgalign.ledger.store import Ledger

Command = TypeVar("Command", bound=Callable[..., Any])


def judging_option(command: Command) -> Command:
    """The option ``--judging``."""
    help_text = "Judging to look at: its name or how it begins; the latest one by default."
    return click.option("--judging", metavar="NAME", help=help_text)(command)


@contextmanager
def opened(run: Path) -> Iterator["Ledger"]:
    """The ledger of a run folder, or the ledger file itself, for reading.

    :raises RunError: there is none, or it can't be read.
    """
    from kgalign.ledger.store import FILE, Ledger

    path = run if run.is_file() else run / FILE
    if not path.is_file():
        if not RunFolder(run).is_run():
            raise RunError(
                f"{run} is not a run folder: it has no run.json and no {FILE}",
                "Give the folder that `kgalign run -o` wrote",
            )
        raise _no_votes(run)
    with Ledger.open(path, write=False) as ledger:
        yield ledger


def _no_votes(run: Path) -> RunError:
    """Why a run has none: nobody was to be asked, or there was nothing to ask."""
    record = None
    with suppress(RunError):  # what is damaged there is not what was asked for
        record = RunFolder(run).read()
    asked = record.steps["ask"].notes.get("asked", "") if record and "ask" in record.steps else ""
    if record and (why := asked.partition(": ")[2]):
        judge = record.config["judge"]["judge"]
        return RunError(
            f"{run} has no votes on record: {judge} was asked about 0 entities, {why}",
            "There is nothing to look at; `kgalign run --ask all` asks about every entity with candidates",
        )
    return RunError(f"{run} has no votes on record: no language model was asked", "Run it with --judge llm")


def named(choice: str | None) -> str:
    """What was chosen, for people."""
    return "can't be told" if choice is None else "none of them" if choice == NONE else line(choice)


def words(value: str) -> str:
    """``left-asks`` and ``not_asked`` as people write them."""
    return value.replace("-", " ").replace("_", " ")

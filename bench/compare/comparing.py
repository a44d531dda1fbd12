"""Does it help? Judges compared on questions that none of them learned from.

What is compared: tier 1 (the evidence of the runs that the examples were made of), the teacher (what its
votes came to there), language models and the adapters on them, students that are there, and students and
adapters that are trained for the comparison, on the data set of the test or on all others. Several ways of
choosing examples and targets are compared by giving a folder made in each way, or runs and the ways.

All that takes long is kept in the folder: a comparison that was stopped goes on, and one that is made again
with a further system asks that alone.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.compare.report import Comparison, as_json, as_markdown
from bench.compare.sets import file_name, open_sets
from bench.compare.students import check_options
from bench.compare.systems import Systems, check_systems
from bench.compare.work import Work
from kgalign.base.files import replacing
from kgalign.base.locks import lock
from kgalign.base.progress import NoProgress, Progress
from kgalign.config import Config
from kgalign.errors import InputError, RunError
from kgalign.run.folder import RUN_FILE, writing
from kgalign.train.data import ABOUT
from kgalign.train.examples import make_examples
from kgalign.train.selection import Choice
from kgalign.train.settings import Settings
from kgalign.train.targets import Target

MARKDOWN, JSON = "comparison.md", "comparison.json"
_FOLDERS = ("examples", "students", "adapters", "answers")
_LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class Making:
    """How examples are made where runs are given in place of folders of examples."""

    choose: tuple[Choice, ...] = ("random",)
    """Ways of choosing examples that are compared."""
    target: tuple[Target, ...] = ("answer",)
    """Targets that are compared."""
    settings: Settings = field(default_factory=Settings)
    """All else."""
    gold: tuple[Path, ...] = ()
    test_gold: tuple[Path, ...] = ()
    complete: bool = False


def compare(
    sources: Sequence[Path],
    out: Path,
    systems: Systems,
    *,
    making: Making | None = None,
    config: Config | None = None,
    questions: int | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Compare judges, and write what came out to a folder.

    Args:
        sources: folders of examples, or finished runs to make them of.
        out: the folder; one that holds a comparison is gone on with.
        systems: what is compared.
        making: how examples are made of runs; of none where folders alone are given.
        config: where language models are and how they are asked; its seed is that of all draws.
        questions: most questions of a test; None for all.
        progress: where long work reports how far it is.

    Raises:
        InputError: a source can't be used, has no test, or something learned from entities of a test.
        ConfigError: a judge or a setting is unknown.
        RunError: the folder can't be used.
        MissingExtra: what a system needs is not installed.
        KgalignError: a judge can't be asked.
    """
    config, progress = config or Config(), progress or NoProgress()
    check_systems(sources, systems, config)
    if making is not None:
        _check_runs(sources)
    with _opened(out):
        folders, runs = _folders(sources, out, making or Making(), progress)
        sets = open_sets(folders, questions=questions, seed=config.seed)
        check_options(sets)
        work = Work(out, sets, systems, config, progress)
        for adapter in systems.adapters:
            work.learned(adapter)  # a leak is told before anything is trained
        work.recorded([*runs, *systems.runs])
        work.students()
        work.trained()
        work.judges()
        found = work.found()
        for name, text in ((MARKDOWN, as_markdown(found)), (JSON, as_json(found))):
            with replacing(out / name) as file:
                file.write(text.encode("utf8", "replace"))
    return found


def _check_runs(sources: Sequence[Path]) -> None:
    """Refuse to make examples where there is nothing to make them of."""
    if not any(map(_is_run, sources)):
        raise InputError(
            "There is no run to make examples of: all that is given are examples already",
            "Give a run, or make the examples with the same switches by `kgalign train examples`",
        )


@contextmanager
def _opened(out: Path) -> Iterator[None]:
    """A folder that is ours or new, for one process at a time; new and still without a file it goes again."""
    ours = {MARKDOWN, JSON, *_FOLDERS}
    if out.exists():
        entries = sorted(each.name for each in out.iterdir()) if out.is_dir() else [out.name]
        foreign = [each for each in entries if each not in ours and not each.startswith(".")]
        if foreign:
            raise RunError(
                f"{out} holds no comparison, and it isn't empty: it holds {foreign[0]}",
                "Give a new or an empty folder with -o",
            )
    new = not out.exists()
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        taken = f"Another kgalign compares in {out}"
        descriptor = lock(out / _LOCK, taken, "Wait for it, or give another folder with -o")
    try:
        yield
    finally:
        if new and all(each.is_dir() or each == out / _LOCK for each in out.rglob("*")):
            shutil.rmtree(out, ignore_errors=True)
        os.close(descriptor)


def _is_run(source: Path) -> bool:
    return (source / RUN_FILE).exists() and not (source / ABOUT).exists()


def _folders(
    sources: Sequence[Path], out: Path, making: Making, progress: Progress
) -> tuple[list[Path], list[Path]]:
    """Folders of examples, those of runs made first; and the runs among the sources."""
    folders: list[Path] = []
    runs: list[Path] = []
    for source in sources:
        if not _is_run(source):
            folders.append(source)
            continue
        runs.append(source)
        for choose in making.choose:
            for target in making.target:
                settings = replace(making.settings, choose=choose, target=target)
                folder = (
                    out
                    / "examples"
                    / file_name(f"{source.resolve().name}-{choose}-{target}", str(source.resolve()))
                )
                make_examples(
                    [source], folder, settings, gold=making.gold, test_gold=making.test_gold,
                    complete=making.complete, progress=progress,
                )  # fmt: skip
                folders.append(folder)
    return folders, runs

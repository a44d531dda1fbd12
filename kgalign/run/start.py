"""Runs in folders: begun, taken up again, and as far as the evidence only."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from kgalign import engine
from kgalign.base.progress import Progress
from kgalign.base.version import __version__
from kgalign.config import Config
from kgalign.decisions.taken_over import take_over
from kgalign.ledger import FILE as LEDGER_FILE
from kgalign.pipeline import ASK, READ_LEFT, READ_RIGHT, RECALL, STUDENT, VIOLATIONS_FILE, step_named, steps
from kgalign.rdf.remote import is_remote
from kgalign.run.executing import Execution, execute
from kgalign.run.finished import Finished
from kgalign.run.folder import RunFolder, RunRecord, writing
from kgalign.run.growing import bring_along, grown, opened_before
from kgalign.run.inputs import check_owner, check_place, gather, library_versions, with_decisions
from kgalign.run.settings import asks
from kgalign.run.steps import AnyStep, Inputs, Work


def run(
    left: str | Path,
    right: str | Path,
    out: Path,
    config: Config | None = None,
    *,
    gold: Iterable[Path] = (),
    force: bool = False,
    check: bool = False,
    refresh: bool = False,
    before: Path | None = None,
    progress: Progress | None = None,
    finished: Callable[[], None] = lambda: None,
) -> Execution:
    """Align and fuse two graphs in a run folder; what is right there already is left as it is.

    :param left: a file or a folder of files, or an address (``sparql:URL``, ``s3://BUCKET/PATH``).
    :param right: the same for the other side.
    :param out: the run folder; it is made if need be.
    :param config: everything else that decides what comes out.
    :param gold: files of gold links, for the recall of the candidates only.
    :param force: forget what is in the folder, and take it over from other inputs.
    :param check: hold everything in the folder against its digests, and make again what is damaged.
    :param refresh: ask SPARQL endpoints anew; else what they gave before in this folder counts.
    :param before: a finished run that this one grows from: what did not change since is taken over.
    :param progress: where long work reports how far it is.
    :param finished: is called whenever a step is finished.
    :raises InputError: an input can't be used.
    :raises RunError: a step of other inputs is finished in the folder, it is in use, or can't be written; or
        nothing can grow from ``before``.
    :raises KgalignError: the engine of ``config`` is not there.
    """
    config = config or Config()
    grows_from = opened_before(before, out, config) if before else None
    inputs = _gathered(left, right, out, config, gold, refresh=refresh, progress=progress)
    todo = steps(
        with_gold=bool(inputs.files["gold"]),
        with_shapes=bool(inputs.files["shapes"]),
        with_changes=grows_from is not None,
    )

    if grows_from is not None:
        inputs = grown(inputs, grows_from)
    opened = _opened(left, right, out, config, inputs, force=force, before=grows_from)
    with opened as (folder, record, known):
        work = Work(known, progress, folder, before=grows_from)
        with ExitStack() as whole:

            def begin(to_do: Sequence[AnyStep]) -> None:
                check_early(to_do, known, folder)
                if to_do:
                    whole.enter_context(engine.opened(config.engine))

            return execute(todo, work, folder, record, begin, check=check, finished=finished, find=step_named)


def check_early(to_do: Sequence[AnyStep], inputs: Inputs, folder: RunFolder) -> None:
    """Find out now what would stop a late step, and not after the evidence took its time.

    :raises KgalignError: a student, a judge or a server is not there, there is nothing to replay, or shapes
        can't be read.
    """
    check_judges(to_do, inputs.config, folder.file(LEDGER_FILE))
    if VIOLATIONS_FILE in to_do:
        from kgalign.fusion.shapes import read_shapes

        read_shapes(inputs.paths("shapes"))


def check_judges(to_do: Sequence[AnyStep], config: Config, ledger: Path | None) -> None:
    """See whether all that judge besides the evidence can be asked; nothing is asked.

    :param ledger: where votes are kept, None for nowhere.
    :raises KgalignError: a student, a judge or a server is not there, or there is nothing to replay.
    """
    if STUDENT in to_do and config.judge.asks_student is not None:
        from kgalign.judge import student

        student.check(config.judge.asks_student)
    if STUDENT in to_do and config.judge.asks_other is not None:
        from kgalign.judge.student.others import open_other

        open_other(config.judge.asks_other)
    if ASK in to_do and asks(config):
        from kgalign.judge.llm import check

        check(config, ledger)


def evidence(
    left: str | Path,
    right: str | Path,
    out: Path | None,
    config: Config,
    *,
    refresh: bool = False,
    progress: Progress | None = None,
) -> Work:
    """Go as far as a language model would be asked, to say what that will take; nothing is sent anywhere.

    :param out: a run folder, where what is computed is kept; None to keep it in memory, and what an
        endpoint gave no longer than it takes to read it.
    :param refresh: ask SPARQL endpoints anew.
    :raises KgalignError: as :func:`run`.
    """
    if out is None:
        with TemporaryDirectory() as pages:  # of endpoints; once the graphs are read nothing needs them
            work = Work(gather(left, right, config, cache=Path(pages), progress=progress), progress)
            for step in (READ_LEFT, READ_RIGHT):
                work.get(step)
            return work
    inputs = _gathered(left, right, out, config, (), refresh=refresh, progress=progress)
    with _opened(left, right, out, config, inputs) as (folder, record, known):
        work = Work(known, progress, folder)
        every = steps(with_gold=True, with_shapes=True, with_changes=True)
        end = every.index(STUDENT) + 1
        until = tuple(step for step in every[:end] if step is not RECALL)
        execute(until, work, folder, record, later=(RECALL, *every[end:]), find=step_named)
        return work


def _gathered(
    left: str | Path,
    right: str | Path,
    out: Path,
    config: Config,
    gold: Iterable[Path],
    *,
    refresh: bool,
    progress: Progress | None,
) -> Inputs:
    """All input files; what lies elsewhere is fetched into the run folder before."""
    if not any(is_remote(each) for each in (left, right, *config.read.left_also, *config.read.right_also)):
        return gather(left, right, config, gold)
    check_place(out, (Path(left), Path(right)))
    folder = RunFolder(out)
    with folder.locked():
        return gather(left, right, config, gold, cache=folder.cache, refresh=refresh, progress=progress)


@contextmanager
def _opened(
    left: str | Path,
    right: str | Path,
    out: Path,
    config: Config,
    inputs: Inputs,
    *,
    force: bool = False,
    before: Finished | None = None,
) -> Iterator[tuple[RunFolder, RunRecord, Inputs]]:
    """The run folder, locked, what it will say of this call, and the inputs with what was taken back."""
    check_place(out, (Path(left), Path(right)))
    folder = RunFolder(out)
    with folder.locked():
        if force:
            with writing(out):
                folder.clear()
        finished = folder.read() if folder.is_run() and not force else None
        if finished is not None and finished.steps:
            # What failed before its first step was finished left nothing that other inputs could spoil.
            check_owner(folder, finished, inputs)
        with writing(out):
            take_over(out)
        if before is not None:
            bring_along(before, folder)
        known = with_decisions(inputs, folder)
        yield (
            folder,
            RunRecord(
                version=__version__,
                inputs=dict(known.files),
                config=config.model_dump(mode="json"),
                seed=config.seed,
                versions=library_versions(),
                steps=finished.steps if finished else {},
            ),
            known,
        )

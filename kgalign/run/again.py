"""Finished runs that are changed from the assignment on: merges taken back, graphs fused again; and from
the judge on, where it learns from what people decided since.

Nothing is retrieved again, and the graphs need not be there any more: the records of the run folder are what
the later steps are made from.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel, ValidationError

from kgalign.base.progress import Progress
from kgalign.base.version import __version__
from kgalign.config import PATH_KEYS, Config, load_config
from kgalign.decisions import FILE, Decision, Decisions, Verdict, read_all, standing
from kgalign.decisions.decision import UNMERGE, now
from kgalign.decisions.folding import in_force
from kgalign.decisions.taken_over import in_old_file, take_over
from kgalign.errors import ConfigError, InputError, KgalignError, RunError
from kgalign.explain import bare
from kgalign.links.unmerged import LONGEST_REASON, Unmerged
from kgalign.pipeline import (
    ASK,
    ASSIGN,
    FUSE,
    JUDGE,
    LEARN,
    NAMES,
    READ_LEFT,
    READ_RIGHT,
    RETRIEVE,
    SELECT_LEFT,
    SELECT_RIGHT,
    STUDENT,
    step_named,
    steps,
)
from kgalign.rdf.graph import Graph
from kgalign.records import Alignment, Profile
from kgalign.records.fused import Fusion
from kgalign.records.names import Names, no_names
from kgalign.run.executing import Execution, execute
from kgalign.run.folder import RunFolder, RunRecord, Source, writing
from kgalign.run.growing import before_still_there
from kgalign.run.inputs import library_versions, source, with_decisions
from kgalign.run.merges import Merge, Merges
from kgalign.run.start import check_early
from kgalign.run.steps import AnyStep, Inputs, Work, fingerprints

_BEFORE_LEARNING = (READ_LEFT, READ_RIGHT, SELECT_LEFT, SELECT_RIGHT, RETRIEVE)
_NEEDED = (*_BEFORE_LEARNING, LEARN, JUDGE, STUDENT, ASK)


@dataclass(frozen=True, slots=True)
class Unmerging:
    """What taking back a merge, or merging again, came to."""

    pairs: tuple[Unmerged, ...]
    """The pairs that it was about."""
    known: tuple[Unmerged, ...]
    """Those of them that the input says are one."""
    still: tuple[Unmerged, ...]
    """Those of them that are one node all the same, through other links."""
    execution: Execution


def take_back(
    out: Path,
    iri: str,
    other: str | None = None,
    *,
    reason: str = "",
    by: str = "",
    progress: Progress | None = None,
) -> Unmerging:
    """Take back a merge in every output of a run, and remember that in the run folder.

    :param out: the run folder.
    :param iri: an entity of either side, whose links are all taken back; or a minted IRI, for all links of
        what is one under it.
    :param other: what the entity was merged with, where only this link is to go.
    :param reason: why, for people.
    :param by: who does so: a name or an ORCID.
    :param progress: where long work reports how far it is.
    :raises InputError: nothing was merged there, or an old ``unmerged.tsv`` is broken.
    :raises RunError: the run isn't finished, is in use, or can't be written.
    """
    iri, other = bare(iri), None if other is None else bare(other)
    if len(reason) > LONGEST_REASON:
        raise InputError(f"The reason has {len(reason):,} characters", f"{LONGEST_REASON:,} will do")
    with _reopened(out, progress) as run:
        begun = run.bring_up_to_date(until=ASSIGN).done
        taken = {each.pair: each for each in run.taken()}
        found = run.merges(taken).of(iri, other)
        new = {
            each.pair: Unmerged(*each.pair, reason, by)
            for each in found
            if each.pair not in taken or (reason and reason != taken[each.pair].why)
        }
        if new:
            run.add(
                Decision(*pair, Verdict.DIFFERENT, by=by, at=now(), why=reason, source=UNMERGE)
                for pair in new
            )
        execution = run.bring_up_to_date()
        if not new and not begun and not execution.done:
            what = f"{iri} was" if other is None else f"{iri} and {other} were"
            raise InputError(
                f"{what} taken back already",
                f"`kgalign unmerge {out} --list` shows what was; --undo merges it again",
            )
        about = [each for each in found if each.pair in new] or found
        fusion = run.folder.load(FUSE.name, Fusion)

        def told(merges: Iterable[Merge]) -> tuple[Unmerged, ...]:
            return tuple(sorted(new.get(each.pair) or _unmerged(taken[each.pair]) for each in merges))

        known = told(each for each in about if each.known)
        still = told(each for each in about if each.is_one(fusion))
        return Unmerging(told(about), known, still, execution)


def merge_again(
    out: Path, iri: str, other: str | None = None, *, by: str = "", progress: Progress | None = None
) -> Unmerging:
    """Undo that a merge was taken back: the links are what they were before.

    :param by: who does so, the one who took the merge back if empty.
    :raises InputError: no such merge was taken back, or an old ``unmerged.tsv`` is broken.
    :raises RunError: as :func:`take_back`.
    """
    iri, other = bare(iri), None if other is None else bare(other)
    with _reopened(out, progress) as run:
        begun = run.bring_up_to_date(until=ASSIGN).done
        taken = {each.pair: each for each in run.taken()}
        gone = [pair for pair in taken if iri in pair and (other is None or {iri, other} == set(pair))]
        if not gone and other is None:
            gone = [each.pair for each in run.merges(taken).under_minted(iri) if each.pair in taken]
        if gone:
            run.add(each.undone(by) for each in run.takings() if each.pair in gone)
        execution = run.bring_up_to_date()
        if not gone and not begun and not execution.done:
            what = f"{iri} and {other}" if other is not None else iri
            raise InputError(
                f"Nothing of {what} was taken back", f"`kgalign unmerge {out} --list` shows what was"
            )
        return Unmerging(tuple(sorted(_unmerged(taken[pair]) for pair in gone)), (), (), execution)


def unmerged_in(out: Path) -> tuple[Unmerged, ...]:
    """What was taken back in a run folder, sorted; nothing is changed there.

    :raises RunError: there is no run, or its decisions are damaged.
    :raises InputError: an old ``unmerged.tsv`` is broken.
    """
    folder = RunFolder(out)
    folder.read()
    said = [*read_all(folder.file(FILE)), *in_old_file(folder.path)]
    return tuple(map(_unmerged, standing(said).taken))


def _unmerged(decision: Decision) -> Unmerged:
    return Unmerged(*decision.pair, decision.why, decision.by)


def fuse_again(
    out: Path,
    file: Path | None = None,
    flags: Mapping[str, object] | None = None,
    names: Mapping[str, str] | None = None,
    *,
    progress: Progress | None = None,
) -> Execution:
    """Fuse the graphs of a run again, by other rules.

    :param out: the run folder.
    :param file: a configuration whose section ``fuse`` takes the place of the run's; no other may differ.
    :param flags: keys of the section ``fuse``, such as ``fuse.policy``, that go over it.
    :param names: what the flags are called in messages.
    :param progress: where long work reports how far it is.
    :raises ConfigError: unknown keys or wrong values, or another section that differs.
    :raises InputError: a rule does not fit the values, or too many nodes would become one.
    :raises RunError: the run isn't finished, is in use, or can't be written.
    """
    # Faults of the file and the flags are found before the folder is looked at.
    given = load_config(file, flags, names)
    with _reopened(out, progress) as run:
        if file is not None:
            _check_others(given, run, file)
            run.configure(run.config.model_copy(update={"fuse": given.fuse}))
        else:
            changed = {key: getattr(given.fuse, key) for key in given.fuse.model_fields_set}
            run.configure(run.config.model_copy(update={"fuse": run.config.fuse.model_copy(update=changed)}))
        try:
            return run.bring_up_to_date()
        except KgalignError:
            run.restore()
            raise


def learn_again(out: Path, *, progress: Progress | None = None) -> Execution:
    """Judge the candidates of a run again, with what people decided since, and do all that follows.

    What is stopped in the middle goes on with the same call, or with the same `kgalign run`.

    :param out: the run folder; the candidates have to be there.
    :param progress: where long work reports how far it is.
    :raises InputError: a file of known links is gone, or can't be read.
    :raises RunError: the run isn't finished that far, is in use, or can't be written.
    :raises KgalignError: a student, a judge or a server is not there; then nothing has changed.
    """
    with _reopened(out, progress, _BEFORE_LEARNING) as run:
        return run.bring_up_to_date(begin=LEARN)


class _Run:
    """A finished run, locked."""

    def __init__(
        self, folder: RunFolder, record: RunRecord, config: Config, progress: Progress | None
    ) -> None:
        self.folder, self.record, self.config = folder, record, config
        self._was, self._progress = config, progress
        self._before = before_still_there(record.inputs)

    def configure(self, config: Config) -> None:
        """Go on with another configuration."""
        self.config = config

    def restore(self) -> None:
        """Go back to the configuration that the run had: what could not be done is no option of it.

        How large a cluster may be decides which links are cut before anything is fused, so that links may
        have changed when fusing fails: they are then made anew as they were.
        """
        self.config = self._was
        self.record = replace(self.folder.read(), config=self._was.model_dump(mode="json"))
        with writing(self.folder.path):
            self.folder.write(self.record)
        with suppress(KgalignError):
            self.bring_up_to_date()

    def bring_up_to_date(self, until: AnyStep | None = None, *, begin: AnyStep = ASSIGN) -> Execution:
        """Do what has to be done from a step on, up to a step or to the end."""
        inputs = self._inputs()
        if begin is LEARN:
            # The evidence hears them anew; later steps go by what it heard.
            known = tuple(source(path) for path in inputs.paths("known"))
            inputs = replace(inputs, files={**inputs.files, "known": known})
        shapes, changes = bool(inputs.files["shapes"]), self._before is not None
        every = steps(with_gold=True, with_shapes=shapes, with_changes=changes)
        start = every.index(begin)
        end = every.index(until) + 1 if until is not None else len(every)
        record = replace(
            self.record,
            inputs=dict(inputs.files),
            config=self.config.model_dump(mode="json"),
            versions=library_versions(),
        )
        execution = execute(
            every[start:end],
            Work(inputs, self._progress, self.folder, before=self._before),
            self.folder,
            record,
            lambda to_do: check_early(to_do, inputs, self.folder),
            later=every[end:],
            standing=[step for step in every[:start] if step.name in record.steps],
            find=step_named,
        )
        self.record = execution.record
        return execution

    def _inputs(self) -> Inputs:
        shapes: tuple[Path, ...] = tuple(Path(path) for path in self.config.fuse.shapes)
        if self.config.fuse.shapes == self._was.fuse.shapes:
            # The run's paths are relative to wherever it was started.
            shapes = tuple(Path(each.path) for each in self.record.inputs.get("shapes", ()))
        files: dict[str, tuple[Source, ...]] = {**self.record.inputs}
        files["shapes"] = tuple(source(path) for path in shapes)
        return with_decisions(Inputs(self.config, files), self.folder)

    def takings(self) -> list[Decision]:
        """All decisions that take a merge back and were not undone, earlier words on a pair among them."""
        made = in_force(read_all(self.folder.file(FILE)))
        return [each for each in made if each.takes_back and not each.undoes]

    def taken(self) -> list[Decision]:
        """Merges that were taken back, by their pairs."""
        return standing(read_all(self.folder.file(FILE))).taken

    def add(self, decisions: Iterable[Decision]) -> None:
        """Remember decisions."""
        with Decisions.open(self.folder.file(FILE)) as store:
            store.add(decisions)

    def merges(self, taken: Collection[tuple[str, str]]) -> Merges:
        """What is merged, and what was before it was taken back."""
        load = self.folder.load
        return Merges(
            profiles=(load(SELECT_LEFT.name, Profile), load(SELECT_RIGHT.name, Profile)),
            alignment=load(ASSIGN.name, Alignment),
            taken=frozenset(taken),
            within=self.config.fuse.same_as_within,
            load=lambda: (load(READ_LEFT.name, Graph), load(READ_RIGHT.name, Graph)),
            names=load(NAMES.name, Names) if NAMES.name in self.record.steps else no_names(),
            canonical=self.config.fuse.canonical,
        )


@contextmanager
def _reopened(out: Path, progress: Progress | None, needed: Sequence[AnyStep] = _NEEDED) -> Iterator[_Run]:
    """A finished run, locked and found whole as far as the judge, or another step."""
    folder = RunFolder(out)
    # Read before it is locked: the lock makes the folder where there is none.
    folder.read()
    with folder.locked():
        record = folder.read()
        if record.version != __version__:
            raise RunError(
                f"{folder} was made by kgalign {record.version}, and this is {__version__}",
                "Run the same `kgalign run` again",
            )
        try:
            config = Config.model_validate(record.config)
        except ValidationError as error:
            raise RunError(
                f"{folder} has a configuration that can't be read", "Run again with --force"
            ) from error
        _check_finished(folder, record, config, needed)
        with writing(folder.path):
            take_over(folder.path)
        yield _Run(folder, record, config, progress)


def _check_finished(folder: RunFolder, record: RunRecord, config: Config, needed: Sequence[AnyStep]) -> None:
    """Refuse a run of which something that is needed is missing, damaged, or of other options."""
    # What the votes depend on besides may lie in files; that of the other steps stands in the record.
    quiet = tuple(step for step in needed if step not in (STUDENT, ASK))
    prints = fingerprints(quiet, Inputs(config, record.inputs))
    for step in needed:
        finished = record.steps.get(step.name)
        right = finished is not None and prints.get(step.name, finished.fingerprint) == finished.fingerprint
        if finished is None or not right or not folder.holds(step.name, finished):
            raise RunError(
                f"{folder} isn't finished: it has no '{step.name}' of these options yet",
                "Run the same `kgalign run` again",
            )
        folder.check(step.name, finished)


def _check_others(given: Config, run: _Run, file: Path) -> None:
    """Refuse a file that says anything else than the run, the section ``fuse`` aside."""
    faults = []
    for section in sorted(given.model_fields_set - {"fuse"}):
        told, had = getattr(given, section), getattr(run.config, section)
        keys = sorted(told.model_fields_set) if isinstance(told, BaseModel) else [""]
        for key in keys:
            place = f"{section}.{key}" if key else section
            new, old = (getattr(each, key) if key else each for each in (told, had))
            if new != old and not (place in PATH_KEYS and _same_files(new, old, run.record)):
                faults.append(f"{place} is {new!r}, and the run has {old!r}; only [fuse] may change")
    if faults:
        raise ConfigError(faults, str(file))


def _same_files(new: Sequence[str], old: Sequence[str], record: RunRecord) -> bool:
    """Whether paths lead to the same files, seen from here or among the run's inputs."""
    was = {each.path for files in record.inputs.values() for each in files}
    here = [str(Path(path).resolve()) for path in new]
    return len(new) == len(old) and (
        here == [str(Path(path).resolve()) for path in old] or all(path in was for path in here)
    )

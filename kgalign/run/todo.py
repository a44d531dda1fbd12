"""What there is to do in a run folder: what changed, is gone or is damaged, and what is right elsewhere."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from kgalign.run.folder import RunFolder, RunRecord, StepRecord
from kgalign.run.steps import AnyStep, Step, Work, fingerprints

log = logging.getLogger(__name__)


def right_before(
    steps: Sequence[AnyStep], work: Work, standing: Mapping[str, str] | None = None
) -> dict[str, StepRecord]:
    """Steps of the run that this one grows from whose output would be the same here, by their names.

    :param standing: the fingerprints of other steps here.
    """
    if work.before is None or work.before.folder is None:
        return {}
    record = work.before.folder.read()
    files = {**work.inputs.files, "from": record.inputs.get("from", ())}
    prints = fingerprints(steps, replace(work.inputs, files=files), standing)
    told = {step.name for step in steps if step.about_before}
    return {
        name: each
        for name, each in record.steps.items()
        if each.fingerprint == prints.get(name) and not each.incomplete and each.digests and name not in told
    }


def is_done(step: AnyStep, prints: Mapping[str, str], folder: RunFolder, record: RunRecord) -> bool:
    """Whether what a step gave is there, and made from what it would be made from now."""
    finished = record.steps.get(step.name)
    return (
        finished is not None
        and finished.fingerprint == prints[step.name]
        and not finished.incomplete
        and folder.holds(step.name, finished)
    )


def with_damaged(
    todo: Sequence[AnyStep], steps: Sequence[AnyStep], folder: RunFolder, record: RunRecord, *, check: bool
) -> list[AnyStep]:
    """The steps to do, and those that are damaged and of which the former, or each other, are made.

    :param check: whether to add every step that is damaged.
    :raises RunError: a step is damaged that is none of ``steps``, and so can't be made again here.
    """
    again = {step.name for step in todo}
    seen: set[str] = set()
    while True:
        needed = {need.name: need for step in steps if step.name in again for need in step.needs}
        wanted = needed | ({step.name: step for step in steps} if check else {})
        unseen = [name for name in wanted if name not in seen | again and name in record.steps]
        if not unseen:
            return [step for step in steps if step.name in again]
        for name in unseen:
            seen.add(name)
            files = folder.damaged(name, record.steps[name])
            if files and wanted[name] not in steps:
                folder.check(name, record.steps[name])
            if files:
                more = f" and {len(files) - 1} more" if len(files) > 1 else ""
                log.warning("%s%s is damaged: '%s' is made again", folder.file(files[0]), more, name)
                again.add(name)


def made_from(step: AnyStep, steps: Sequence[AnyStep]) -> set[str]:
    """Names of the steps whose records are made from this one's, themselves or through others."""
    found = {step.name}
    for each in steps:
        if isinstance(each, Step) and any(need.name in found for need in each.needs):
            found.add(each.name)
    return found - {step.name}

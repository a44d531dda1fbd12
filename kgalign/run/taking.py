"""What a run takes over from the one that it grows from, as it is: files of finished steps."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from kgalign.base.files import partial_of, replacing_folder
from kgalign.run.folder import RunFolder, StepRecord, writing


def take_step(
    name: str, step: StepRecord, source: RunFolder, target: RunFolder, forget: Callable[[], None]
) -> None:
    """Take over what a finished step wrote.

    :param step: what ``source`` recorded of it.
    :param forget: is called before anything in ``target`` is replaced.
    :raises RunError: a file is not what was written, or ``target`` can't be written.
    """
    source.check(name, step)
    with writing(target.path):
        if step.files:
            places = [(source.file(each), target.file(each)) for each in step.files]
            for file, place in places:
                link(file, partial_of(place))
            forget()
            for _, place in places:
                partial_of(place).replace(place)
            return
        forget()
        with replacing_folder(target.stage(name)) as folder:
            for each in step.digests:
                inside = Path(each).relative_to(source.stage(name).relative_to(source.path))
                (folder / inside).parent.mkdir(parents=True, exist_ok=True)
                link(source.file(each), folder / inside)


def link(file: Path, place: Path) -> None:
    """A file under another name: one file with two names where that can be, else a copy.

    Nothing writes into a file that is whole, it is replaced: neither name sees what becomes of the other.

    :raises OSError: the file can't be read, or the place can't be written.
    """
    place.unlink(missing_ok=True)
    try:
        os.link(file, place)
    except OSError:  # another disk, or a file system without links
        shutil.copyfile(file, place)

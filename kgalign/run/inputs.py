"""The input files of a run: what they are, what they hold, and whether a run folder belongs to them."""

import hashlib
import importlib.metadata
import platform
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from kgalign.base.installed import installed_model
from kgalign.base.progress import Progress
from kgalign.config import AUTO, Config
from kgalign.decisions import FILE as DECISIONS_FILE
from kgalign.errors import InputError, RunError
from kgalign.llm.weights import folder_digest, folder_files
from kgalign.rdf.formats import expand, is_table
from kgalign.rdf.remote import local_files, origin_of
from kgalign.rdf.tables.metadata import metadata_beside
from kgalign.run.folder import RunFolder, RunRecord, Source
from kgalign.run.steps import Inputs

_LIBRARIES = (
    "numpy",
    "scipy",
    "pyarrow",
    "pyoxigraph",
    "rdflib",
    "faiss-cpu",
    "rapidfuzz",
    "networkx",
    "pydantic",
)
"""Libraries whose version may change what comes out."""


def gather(
    left: str | Path,
    right: str | Path,
    config: Config,
    gold: Iterable[Path] = (),
    *,
    cache: Path | None = None,
    refresh: bool = False,
    progress: Progress | None = None,
) -> Inputs:
    """Find and hash all input files.

    :param cache: the run folder's, where what is fetched is kept; None where nothing is.
    :param refresh: fetch anew what was fetched.
    :param progress: told what is fetched.
    :raises InputError: a file is missing, can't be read, or its ending names no RDF format.
    """
    files = {
        side: expand(
            sources
            if cache is None
            else local_files(sources, side, cache, config, refresh=refresh, progress=progress)
        )
        for side, sources in (
            ("left", [left, *config.read.left_also]),
            ("right", [right, *config.read.right_also]),
        )
    } | {
        "known": [Path(path) for path in config.judge.known],
        "gold": list(gold),
        "shapes": [Path(path) for path in config.fuse.shapes],
    }
    files |= {f"{side}-metadata": _metadata(files[side]) for side in ("left", "right")}
    found = {side: tuple(source(path) for path in paths) for side, paths in files.items()}
    found["embedder"] = embedder_source(config)
    return Inputs(config, found)


def _metadata(files: Iterable[Path]) -> list[Path]:
    """The files that describe the tables among some files."""
    found = (metadata_beside(path) for path in files if is_table(path))
    return sorted({path for path in found if path is not None})


def with_decisions(inputs: Inputs, folder: RunFolder) -> Inputs:
    """The inputs, and what people decided in this run folder.

    :raises InputError: the store of decisions is there and can't be read.
    """
    store = folder.file(DECISIONS_FILE)
    files = {side: paths for side, paths in inputs.files.items() if side not in ("decisions", "unmerged")}
    return replace(inputs, files=files | ({"decisions": (source(store),)} if store.exists() else {}))


def source(path: Path) -> Source:
    """Hash one file.

    :raises InputError: it is missing, can't be read, or has a name that is no text.
    """
    _check_name(path)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return Source(str(path.resolve()), digest, file.tell(), *origin_of(path))
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}", "Check the path") from error
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}", "Check the path") from error


def embedder_source(config: Config) -> tuple[Source, ...]:
    """The folder of the model that embeds here, hashed: for ``auto`` the one that is installed, if any.

    :raises InputError: a file in it can't be read, or the folder has a name that is no text.
    """
    section = config.retrieve
    folder = installed_model() if section.embedder == AUTO else section.embedder_folder
    return (_model_source(folder),) if folder else ()


def _model_source(folder: Path) -> Source:
    """Hash all files of a model's folder but hidden ones.

    :raises InputError: a file can't be read, or the folder has a name that is no text.
    """
    _check_name(folder)
    try:
        size = sum(path.stat().st_size for path in folder_files(folder))
        return Source(str(folder.resolve()), folder_digest(folder), size)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"The model {folder} can't be read: {reason}", "Look at its permissions") from error


def check_place(out: Path, sides: Iterable[Path]) -> None:
    """Refuse a run folder inside an input folder: the next call would read it as input.

    :raises RunError: it lies there.
    :raises InputError: its name is no text.
    """
    _check_name(out)
    for side in sides:
        if side.is_dir() and out.resolve().is_relative_to(side.resolve()):
            raise RunError(f"{out} lies in the input folder {side}", "Give a folder outside of it with -o")


def _check_name(path: Path) -> None:
    """Refuse names that are no UTF-8: the run's files name them, and Parquet can't be written there."""
    try:
        str(path.resolve()).encode()
    except RuntimeError as error:  # what Python 3.11 and 3.12 say of it
        raise InputError(f"{path} is a link that leads to itself", "Give another path") from error
    except UnicodeEncodeError as error:
        raise InputError(f"The name of {path} is not written in UTF-8", "Rename it, or copy it") from error


def check_owner(folder: RunFolder, record: RunRecord, inputs: Inputs) -> None:
    """Refuse a run folder of other inputs: of graphs that are neither in the same place nor hold the same.

    :raises RunError: the folder belongs to others.
    """
    for side in ("left", "right"):
        was, now = record.inputs.get(side, ()), inputs.files[side]
        paths = {each.path for each in was} & {each.path for each in now}
        contents = {each.sha256 for each in was} & {each.sha256 for each in now}
        if not paths and not contents:
            raise RunError(
                f"{folder} belongs to other inputs: its {side} side is {was[0].path if was else 'unknown'}",
                "Give another folder with -o, or --force to redo everything in this one",
            )


def library_versions() -> dict[str, str]:
    """Versions of Python and of the libraries that decide what comes out."""
    return {"python": platform.python_version()} | {
        name: importlib.metadata.version(name) for name in _LIBRARIES
    }

"""Which format a file is in: by its ending, checked against how its text begins."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from pyoxigraph import RdfFormat

from kgalign.errors import InputError

ENDINGS: dict[str, RdfFormat] = {
    ".ttl": RdfFormat.TURTLE,
    ".turtle": RdfFormat.TURTLE,
    ".nt": RdfFormat.N_TRIPLES,
    ".ntriples": RdfFormat.N_TRIPLES,
    ".nq": RdfFormat.N_QUADS,
    ".nquads": RdfFormat.N_QUADS,
    ".trig": RdfFormat.TRIG,
    ".rdf": RdfFormat.RDF_XML,
    ".owl": RdfFormat.RDF_XML,
    ".xml": RdfFormat.RDF_XML,
    ".jsonld": RdfFormat.JSON_LD,
    ".json": RdfFormat.JSON_LD,
    ".n3": RdfFormat.N3,
}
"""Known endings, each also with ``.gz`` after it."""

_DELIMITED = frozenset({".csv", ".tsv"})
"""Endings of tables of text, each also with ``.gz`` after it."""
_PARQUET = ".parquet"
_TABLES = ".csv, .tsv (each also with .gz), .parquet"

_AMBIGUOUS = {".xml", ".json"}
"""Endings of files that mostly are no RDF: they are read when named, not when found in a folder."""

_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):/+(?P<rest>.+)")
"""How an address looks as a path; a letter and a colon may be a drive."""

_KNOWN = ", ".join(sorted(ENDINGS)) + " (each also with .gz)"


def format_of(path: Path) -> RdfFormat:
    """The format that a file's name promises.

    :raises InputError: for an unknown ending.
    """
    ending = _ending(path)
    if ending not in ENDINGS:
        shown = f"the ending '{ending}'" if ending else "no ending"
        raise InputError(
            f"{path} has {shown}, which names no RDF format", f"Use one of {_KNOWN}, or for tables {_TABLES}"
        )
    return ENDINGS[ending]


def is_table(path: Path) -> bool:
    """Whether a file's name promises a table."""
    return _ending(path) in _DELIMITED or is_parquet(path)


def is_parquet(path: Path) -> bool:
    """Whether a file's name promises Parquet."""
    return path.suffix.lower() == _PARQUET


def is_compressed(path: Path) -> bool:
    """Whether a file's name promises gzip."""
    return path.suffix.lower() == ".gz"


def _ending(path: Path) -> str:
    name = path.name[: -len(path.suffix)] if is_compressed(path) else path.name
    return Path(name).suffix.lower()


def expand(sources: Iterable[str | Path]) -> list[Path]:
    """All files of the sources: folders are searched, repeated files are listed once, in order of name.

    :raises InputError: where a source is missing, of unknown format, or a folder without RDF files.
    """
    found: dict[Path, Path] = {}
    for source in sources:
        path = Path(source)
        try:
            for file in _files(path):
                found.setdefault(file.resolve(), file)
        except OSError as error:
            raise unreadable(path, error) from error
    return sorted(found.values(), key=lambda file: file.as_posix())


def unreadable(path: Path, error: OSError) -> InputError:
    """What to say of a file that the system does not let us read."""
    reason = (error.strerror or str(error)).lower()
    return InputError(f"{path} can't be read: {reason}", "Check that it exists and that you may read it")


def missing(path: Path) -> InputError:
    """What to say of a path at which there is nothing, which may be an address."""
    if path.as_posix().startswith("sparql:"):
        return InputError(
            "a SPARQL endpoint is no file, and is not asked here",
            "Give it as LEFT or RIGHT of kgalign run, or to kgalign.align",
        )
    address = _ADDRESS.match(path.as_posix())
    if address is None:
        return InputError(f"there is no file {path}", "Check the path")
    host, slash, rest = address["rest"].partition("/")
    place = host.rpartition("@")[2] + slash + rest  # who asks, and a password, are not shown
    whole = f"{address['scheme']}://{place}"  # a path has one slash where an address has two
    return InputError(
        f"{whole} is an address, and addresses are not read",
        "Download it, with curl or a browser, and give the file; a SPARQL endpoint is asked as sparql:URL",
    )


def _files(path: Path) -> Sequence[Path]:
    if path.is_dir():
        return _files_in(path)
    if not path.exists():
        raise missing(path)
    if not path.is_file():
        raise InputError(f"{path} is neither a file nor a folder", "Name an RDF file or a folder of them")
    if not is_table(path):
        format_of(path)
    return [path]


def is_read(names: Sequence[Path]) -> list[bool]:
    """Which files of a folder are read: RDF, or else tables, which beside RDF mostly are results."""
    rdf = [_ending(name) in ENDINGS and _ending(name) not in _AMBIGUOUS for name in names]
    return rdf if any(rdf) else [is_table(name) for name in names]


def _files_in(folder: Path) -> Sequence[Path]:
    """The files of a folder that are read."""
    found = [file for file in folder.rglob("*") if file.is_file() and not _is_hidden(file, folder)]
    files = [file for file, wanted in zip(found, is_read(found), strict=True) if wanted]
    if not files:
        raise InputError(
            f"the folder {folder} holds no RDF file",
            f"Name a folder with files that end in one of {_KNOWN}, or with tables ({_TABLES}); "
            ".xml and .json files are read only when they are named themselves",
        )
    return files


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


_N_TRIPLES_LINE = re.compile(r'\s*(<[^<>"\s]*>|_:\S+)\s+<[^<>"\s]*>\s+(<[^<>"\s]*>|_:\S+|").*\.\s*$', re.M)
_JSON_HEAD = re.compile(r"(\[\s*)?\{\s*(\"|\}\s*[\],]|\}\s*$)|\[\s*\]\s*$")
_TURTLE_HEAD = re.compile(r"^\s*(@prefix|@base|prefix\s+\S*:\s*<|base\s*<)", re.I | re.M)


def sniff(head: bytes) -> str:
    """What the first bytes of a file look like: a name to show, or nothing where they tell nothing."""
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(b"PK\x03\x04"):
        return "a ZIP archive"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16 text"
    text = head.decode("utf-8", "replace").lstrip("\ufeff").lstrip()
    lowered = text[:2000].lower()
    if lowered.startswith(("<!doctype html", "<html")):
        return "an HTML page"
    if lowered.startswith("<?xml") or "<rdf:rdf" in lowered:
        return "RDF/XML"
    if _JSON_HEAD.match(text):
        return "JSON"
    if _TURTLE_HEAD.search(text):
        return "Turtle"
    if _N_TRIPLES_LINE.search(text):
        return "N-Triples"
    return ""

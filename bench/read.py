"""Reading: kgalign's columns against pyoxigraph's parser with plain interning behind it."""

import gzip
import tempfile
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import pyoxigraph as ox

from bench.generate import generate
from bench.results import table
from kgalign.rdf import read_graph
from kgalign.rdf.formats import expand, format_of

_REPEATS = 3


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds to read one file, the best of three."""

    name: str
    statements: int
    parse: float
    """pyoxigraph.parse alone."""
    intern: float
    """pyoxigraph.parse and a dictionary of terms."""
    kgalign: float


def measure(files: Sequence[Path], size: int) -> list[Speed]:
    """Read each file; without files, a generated graph of ``size`` entities.

    Raises:
        InputError: a file is missing, or its ending names no RDF format.
    """
    if files:
        return [_measure(path, path.name) for path in expand(files)]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        generate(Path(folder), size)
        return [_measure(Path(folder) / "left.nt.gz", f"generated, {size:,} entities")]


def _measure(path: Path, name: str) -> Speed:
    statements = parse(path)
    parsed, interned = _best(lambda: parse(path)), _best(lambda: intern(path))
    return Speed(name, statements, parsed, interned, _best(lambda: len(read_graph([path]))))


def _best(work: Callable[[], int]) -> float:
    times = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def _opened(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def parse(path: Path) -> int:
    """Parse and count."""
    count = 0
    with _opened(path) as file:
        for _ in ox.parse(file, format=format_of(path)):
            count += 1
    return count


def intern(path: Path) -> int:
    """Parse and number the terms: the least that makes columns."""
    terms: dict[object, int] = {}
    number = terms.setdefault
    subjects, predicates, objects = array("i"), array("i"), array("i")
    with _opened(path) as file:
        for quad in ox.parse(file, format=format_of(path)):
            subjects.append(number(quad.subject, len(terms)))
            predicates.append(number(quad.predicate, len(terms)))
            objects.append(number(quad.object, len(terms)))
    return len(subjects)


def as_markdown(found: Sequence[Speed]) -> str:
    """A table of files."""
    head = ("graph", "statements", "parse s", "parse and intern s", "kgalign s", "times", "kgalign triples/s")
    rows = [
        [
            each.name,
            f"{each.statements:,}",
            f"{each.parse:.2f}",
            f"{each.intern:.2f}",
            f"{each.kgalign:.2f}",
            f"{each.kgalign / each.intern:.2f}",
            f"{each.statements / each.kgalign:,.0f}",
        ]
        for each in found
    ]
    return f"The best of three. `times` is kgalign over parse and intern.\n\n{table(head, rows)}"

"""Hostile documents, one after the other, each in a process of its own: what must hold, and how often it did.

``python -m tests.torture.documents --count 10000 --seed 1``. Whatever a document is, ``kgalign run`` ends
with 0, and writes files that parse, or with 2 and a sentence; it takes no more than a minute or a gigabyte.
"""

import argparse
import logging
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox
import rdflib

from bench.results import table, write_section
from tests.torture.hostile import Document, document

SECONDS = 60
BYTES = 1 << 30
_ADDRESSES = 6 << 30
"""Address space of a child, so that one that takes everything takes only itself."""
_RIGHT = """\
@prefix e: <http://other.example/> . @prefix l: <http://www.w3.org/2000/01/rdf-schema#> .
e:ada l:label "Ada Lovelace" ; e:born "1815-12-10" . e:bob l:label "Bob" . e:a l:label "a" ; e:n 5 .
"""
_OUTPUTS = ("fused.ttl", "fused.trig", "links.nt", "alignment.rdf")
_FOR_RDFLIB = 300_000
"""Bytes up to which rdflib, which is slow, reads what was written, too."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one document."""

    code: int
    """The exit code; below zero the signal that ended it."""
    fault: str
    """What did not hold, or nothing."""
    seconds: float
    bytes: int
    """Most memory that was resident."""


def attempt(given: Document, folder: Path, *, seconds: float = SECONDS) -> Outcome:
    """Align a document with a small graph, in a process of its own.

    :param folder: where the files may lie; it is made, and emptied first.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / given.name).write_bytes(given.content)
    (folder / "right.ttl").write_text(_RIGHT, encoding="utf8")
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        _run(folder, given.name)
    while True:
        ended, status, usage = os.wait4(child, os.WNOHANG)
        if ended:
            break
        if time.monotonic() - begun > seconds:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.01)
    taken, code, size = time.monotonic() - begun, os.waitstatus_to_exitcode(status), usage.ru_maxrss << 10
    said = (folder / "said").read_bytes().decode("utf8", "replace")
    return Outcome(code, _fault(folder, code, said, taken > seconds, size), taken, size)


def _run(folder: Path, name: str) -> None:
    """Be the command; this never returns."""
    code = 1
    try:
        resource.setrlimit(resource.RLIMIT_AS, (_ADDRESSES, _ADDRESSES))
        os.chdir(folder)
        with Path("said").open("wb") as said:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
        from kgalign.cli import main

        main(["run", name, "right.ttl", "-o", "run", "-q"], prog_name="kgalign")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    finally:
        sys.stderr.flush()
        os._exit(code)


def _fault(folder: Path, code: int, said: str, late: bool, size: int) -> str:
    """What did not hold."""
    if late:
        return f"took over {SECONDS} s"
    if code < 0:
        return f"ended by signal {-code}"
    if code not in (0, 2):
        return f"exit {code}: {said[:300]!r}"
    if "Traceback" in said or "bug in kgalign" in said:
        return f"says {said[:300]!r}"
    if code == 2 and (not said.startswith("error: ") or len(said.splitlines()) != 1):
        return f"exit 2 with {said[:300]!r}"
    if size > BYTES:
        return f"took {size >> 20} MB"
    return _unparsed(folder / "run") if code == 0 else ""


def _unparsed(run: Path) -> str:
    """Which output does not parse, and why."""
    for name in _OUTPUTS:
        path = run / name
        try:
            for _ in ox.parse(path=str(path)):
                pass
        except (SyntaxError, OSError, MemoryError) as error:
            if "buffer maximal size" not in str(error):
                return f"pyoxigraph on {name}: {str(error)[:200]}"
        text = path.read_text(encoding="utf8") if path.stat().st_size <= _FOR_RDFLIB else ""
        if text and "<<(" not in text and "--ltr" not in text:
            try:
                rdflib.Dataset().parse(path, format={".rdf": "xml"}.get(path.suffix, path.suffix[1:]))
            except Exception as error:  # noqa: BLE001 - whatever rdflib raises, it does not parse
                return f"rdflib on {name}: {str(error)[:200]!r}"
    return ""


def _table(codes: Counter[str]) -> str:
    """How often each format ended in which way.

    :param codes: format and exit code, in words → how often.
    """
    formats = sorted({name.partition(" ")[0] for name in codes})
    ends = sorted({name.partition(" ")[2] for name in codes})
    rows = [[name, *(f"{codes[f'{name} {end}']:,}" for end in ends)] for name in formats]
    return table(["format", *ends], rows, words=1)


def main() -> int:
    """Try documents of a seed, and count what became of them; 1 where something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.documents", description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first one")
    parser.add_argument("--small", action="store_true", help="none of more than about a megabyte")
    parser.add_argument("--keep", type=Path, help="folder for the documents of which something did not hold")
    parser.add_argument("--results", type=Path, help="Markdown file that gets a section")
    given = parser.parse_args()
    import kgalign.export
    import kgalign.fusion
    import kgalign.judge
    import kgalign.retrieve
    import kgalign.run.start  # noqa: F401 - children are split off from here, with everything imported

    logging.getLogger("rdflib").setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")  # rdflib warns of each odd value that it reads
    codes: Counter[str] = Counter()
    slowest, largest, faults = 0.0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(given.first, given.first + given.count):
            each = document(given.seed, number, small=given.small)
            outcome = attempt(each, Path(folder, "one"))
            codes[f"{each.name.removeprefix('left.').removesuffix('.gz')} exit {outcome.code}"] += 1
            slowest, largest = max(slowest, outcome.seconds), max(largest, outcome.bytes)
            if outcome.fault:
                faults += 1
                print(f"seed {given.seed}, number {number}, {each.name}: {outcome.fault}", flush=True)
                if given.keep:
                    given.keep.mkdir(parents=True, exist_ok=True)
                    (given.keep / f"{given.seed}-{number}-{each.name}").write_bytes(each.content)
    for name, count in sorted(codes.items()):
        print(f"{name}: {count}")
    print(f"documents: {given.count}, faults: {faults}")
    print(f"slowest: {slowest:.1f} s, most memory: {largest >> 20} MB")
    if given.results:
        told = f"{faults} broke what must hold; the most was {slowest:.1f} s and {largest >> 20} MB."
        command = f"python -m tests.torture.documents --count {given.count} --seed {given.seed}"
        text = f"{told}\n\n{_table(codes)}"
        write_section(given.results, "torture documents", "Hostile documents", command, text)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

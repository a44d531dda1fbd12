"""What many tests share: a small pair of graphs of real facts, and the command as a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.rdf.object_store import Store, object_store

# Workers share the cores, and threads of BLAS would spin while they wait for each other. Before numpy.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# What is piped is not broken into lines unless a width is given, and workers of pytest-xdist get one.
os.environ.pop("COLUMNS", None)

# Properties must hold on any machine, however slow, and a failure must come back on the next run.
settings.register_profile("kgalign", deadline=None, derandomize=True, print_blob=True)
# `make test-explore`: other examples each time, and more of them. A failure names the decorator that brings
# its example back; it becomes an example of the test, or a test of its own, with what mends it.
settings.register_profile(
    "explore",
    deadline=None,
    derandomize=False,
    print_blob=True,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "kgalign"))

# What a shell starts in the background ignores interrupts, and so would all that is started here.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Atomic number, symbol, English and German name, year of discovery (empty where it is not known).
ELEMENTS = """\
1 H Hydrogen Wasserstoff 1766
2 He Helium Helium 1868
3 Li Lithium Lithium 1817
4 Be Beryllium Beryllium 1798
5 B Boron Bor 1808
6 C Carbon Kohlenstoff -
7 N Nitrogen Stickstoff 1772
8 O Oxygen Sauerstoff 1771
9 F Fluorine Fluor 1810
10 Ne Neon Neon 1898
11 Na Sodium Natrium 1807
12 Mg Magnesium Magnesium 1755
13 Al Aluminium Aluminium 1825
14 Si Silicon Silicium 1823
15 P Phosphorus Phosphor 1669
16 S Sulfur Schwefel -
17 Cl Chlorine Chlor 1774
18 Ar Argon Argon 1894
19 K Potassium Kalium 1807
20 Ca Calcium Calcium 1808
21 Sc Scandium Scandium 1879
22 Ti Titanium Titan 1791
23 V Vanadium Vanadium 1801
24 Cr Chromium Chrom 1794
25 Mn Manganese Mangan 1774
26 Fe Iron Eisen -
27 Co Cobalt Cobalt 1735
28 Ni Nickel Nickel 1751
29 Cu Copper Kupfer -
30 Zn Zinc Zink 1746
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two graphs on disk and the links between them."""

    left: Path
    right: Path
    gold: Path
    links: frozenset[tuple[str, str]]


def write_elements(folder: Path) -> Pair:
    """Chemical elements in two vocabularies; each side lacks three that the other has."""
    rows = [line.split() for line in ELEMENTS.splitlines()]
    left = ["@prefix e: <http://elements.example/> .", "@prefix v: <http://elements.example/v/> ."]
    right = []
    chem = "http://chemie.example/"
    for number, symbol, english, _, year in rows[3:]:
        left.append(
            f'e:{english} a v:Element ; v:name "{english}"@en ; v:symbol "{symbol}" ; v:number {number} .'
        )
        if year != "-":
            left.append(f'e:{english} v:discovered "{year}"^^<http://www.w3.org/2001/XMLSchema#gYear> .')
    for number, symbol, english, german, year in rows[:-3]:
        node = f"<{chem}{number}>"
        right.append(f"{node} <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <{chem}Stoff> .")
        right.append(f'{node} <http://www.w3.org/2000/01/rdf-schema#label> "{german}"@de .')
        right.append(f'{node} <http://www.w3.org/2000/01/rdf-schema#label> "{english}"@en .')
        right.append(f'{node} <{chem}zeichen> "{symbol}" .')
        if year != "-":
            right.append(f'{node} <{chem}jahr> "{year}" .')
    links = frozenset((f"http://elements.example/{row[2]}", f"{chem}{row[0]}") for row in rows[3:-3])
    folder.mkdir(parents=True, exist_ok=True)
    pair = Pair(folder / "left.ttl", folder / "right.nt", folder / "gold.tsv", links)
    pair.left.write_text("\n".join(left) + "\n", encoding="utf8")
    pair.right.write_text("\n".join(right) + "\n", encoding="utf8")
    pair.gold.write_text("".join(f"{a}\t{b}\n" for a, b in sorted(links)), encoding="utf8")
    return pair


@pytest.fixture
def elements(tmp_path: Path) -> Pair:
    """A small pair of graphs, fresh for the test."""
    return write_elements(tmp_path / "elements")


@pytest.fixture(scope="session")
def kgalign() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command in a process of its own, as a user does; its output is no terminal."""

    def call(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "kgalign", *(str(each) for each in arguments)]
        return subprocess.run(command, capture_output=True, text=True, encoding="utf8", cwd=cwd, check=False)

    return call


class Watcher:
    """A progress that remembers what it was told."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.open = 0

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "") -> Iterator["Watcher"]:
        self.names.append(f"{name} {total} {unit}")
        self.open += 1
        try:
            yield self
        finally:
            self.open -= 1

    def advance(self, amount: int = 1) -> None:
        assert amount >= 0

    def note(self, text: str) -> None:
        pass


@pytest.fixture(scope="session")
def object_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """An S3 server, one for each process that runs tests."""
    with object_store(tmp_path_factory.mktemp("s3") / "log") as found:
        yield found


@pytest.fixture
def store(object_server: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The S3 server, with who asks it in the environment."""
    for name, value in object_server.environment.items():
        monkeypatch.setenv(name, value)
    return object_server


@pytest.fixture
def watcher() -> Callable[[], Watcher]:
    """Makes a progress that remembers what it was told."""
    return Watcher

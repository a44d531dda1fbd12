"""How the code is laid out: who imports whom, floor by floor, and how large it is."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import networkx as nx

from kgalign.errors import KgalignError

ROOT = Path(__file__).parents[1]
FLOORS = (
    ("base", "errors", "config", "engine"),
    ("rdf", "arrays", "charts"),
    ("llm",),
    ("values",),
    ("records",),
    ("links",),
    ("ledger", "decisions"),
    ("select", "retrieve", "judge", "assign", "fusion", "estimate", "evaluate"),
    ("explain",),
    ("export", "report"),
    (
        *("run.digests", "run.early", "run.folder", "run.inputs", "run.measure", "run.reports", "run.room"),
        *("run.settings", "run.steps", "run.taking", "run.target", "run.todo", "run.verify"),
        *("run.apart", "run.executing", "run.lanes", "run.making", "run.second", "run.telling"),
    ),
    ("pipeline",),
    (
        "run.again",
        "run.deciding",
        "run.finished",
        "run.growing",
        "run.merges",
        "run.start",
        "run.update",
        "given",
        "api",
    ),
    ("train", "doctor", "remote", "review"),
    ("cli", "__main__"),
)
"""From the ground up: what lies on a floor may use what lies below it, and its own."""
STAGES = frozenset({"select", "retrieve", "judge", "assign", "fusion", "export", "report"})
"""Parts of the pipeline that know nothing of each other; all read graphs, so reading is none of them."""


def modules(root: Path = ROOT) -> dict[str, Path]:
    """Dotted name below ``kgalign``, or ``cli``, → file."""
    found = {}
    for folder, top in ((root / "kgalign", ""), (root / "cli", "cli")):
        for path in sorted(folder.rglob("*.py")):
            parts = [top, *path.relative_to(folder).with_suffix("").parts]
            name = ".".join(part for part in parts if part and part != "__init__")
            if name:
                found[name] = path
    return found


def imports(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """Modules of ours that a file imports, also inside its functions and for types alone."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{each.name}" for each in node.names]
        for name in names:
            if name == "kgalign" or not name.startswith("kgalign."):
                continue
            short = name.removeprefix("kgalign.")
            while short and short not in known:
                short = short.rpartition(".")[0]
            if short:
                yield short


def picture(root: Path = ROOT) -> "nx.DiGraph[str]":
    """Modules, and an edge from each to those that it imports."""
    known = modules(root)
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(known)
    graph.add_edges_from(
        (name, other) for name, path in known.items() for other in imports(path, known) if other != name
    )
    return graph


def floor_of(module: str) -> int | None:
    """On which floor a module lies, from 0; None for one that has none."""
    for floor, parts in enumerate(FLOORS):
        if any(module == part or module.startswith(f"{part}.") for part in parts):
            return floor
    return None


def faults(graph: "nx.DiGraph[str]") -> list[str]:
    """What runs against the layout, in sentences."""
    found = [f"{module} lies on no floor" for module in graph if floor_of(module) is None and module != "run"]
    for module, other in graph.edges:
        floor, below = floor_of(module), floor_of(other)
        if floor is not None and below is not None and below > floor:
            found.append(f"{module} imports {other}, which lies above it")
        stage, another = module.partition(".")[0], other.partition(".")[0]
        if stage != another and {stage, another} <= STAGES:
            found.append(f"{module} imports {other}: a stage knows no other stage")
    for circle in nx.strongly_connected_components(graph):
        if len(circle) > 1:
            found.append(f"{', '.join(sorted(circle))} import each other in a circle")
    return sorted(found)


def as_text(root: Path = ROOT) -> str:
    """The floors from the top down, with modules and lines of each part, and what runs against them."""
    known, graph = modules(root), picture(root)
    lines = {name: len(path.read_text(encoding="utf8").splitlines()) for name, path in known.items()}
    rows = []
    for floor in reversed(range(len(FLOORS))):
        cells = []
        for part in FLOORS[floor]:
            own = [name for name in known if name == part or name.startswith(f"{part}.")]
            cells.append(f"{part} ({len(own)}, {sum(lines[name] for name in own):,})")
        rows.append("  ".join(cells))
    wrong = faults(graph)
    return "\n".join(
        [
            *rows,
            "",
            f"{len(known)} modules, {sum(lines.values()):,} lines, {graph.number_of_edges():,} imports. "
            "In brackets: modules, lines. Each floor uses what lies below it.",
            *(wrong or ["Nothing runs back, no stage imports another, there is no circle."]),
        ]
    )


_CALLED = """
import sys, threading
files = set()
def note(frame, event, _):
    if event == "call" and frame.f_code.co_name != "<module>":
        files.add(frame.f_code.co_filename)
sys.setprofile(note); threading.setprofile(note)
from kgalign.cli import main
main(sys.argv[1:], standalone_mode=False)
sys.setprofile(None)
print("\\n".join(files))
"""


def ways() -> dict[str, int]:
    """How many modules of kgalign are called on the way of an entity from its file to its link, and on that
    of a vote from its question to the decision: in runs of the example, by the evidence and with votes.

    :raises KgalignError: a run failed.
    """
    example = ROOT / "examples" / "countries"
    inputs = [str(example / name) for name in ("left.ttl", "right.jsonld")]
    config = ["--config", str(example / "config.toml"), "--quiet"]
    found = {}
    for name, more in (("an entity", []), ("a vote", ["--judge", "scripted"])):
        with TemporaryDirectory() as folder:
            command = [sys.executable, "-c", _CALLED, "run", *inputs, *config, *more, "-o", f"{folder}/run"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise KgalignError(f"The run on the way of {name} failed: {done.stderr.strip()}")
        package = str(ROOT / "kgalign")
        found[name] = sum(file.startswith(package) for file in done.stdout.splitlines())
    return found

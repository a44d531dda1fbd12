"""Fusion at scale: from two graphs in memory to the three files, by the share of items in conflict."""

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import child
from bench.results import table
from bench.rivals import CLASSES, MAPPING, write_rivals

FUSED = "fuse, all files"
"""The sum of what comes after the vocabularies."""
STAGES = ("read", "vocabularies", "fuse", "fused.ttl", "fused.trig", "conflicts.parquet")


@dataclass(frozen=True, slots=True)
class Fused:
    """One fusion, in a process of its own."""

    share: float
    """Of the items in conflict, as generated."""
    counts: dict[str, int]
    """What became of the statements."""
    rows: dict[str, int]
    """File → statements or rows written."""
    seconds: dict[str, float]
    peak_bytes: dict[str, int]
    """Stage → peak memory of the process while it ran."""
    process_bytes: int = 0
    """Peak memory of the whole process."""
    error: str = ""

    def cells(self) -> list[str]:
        """One row of the table."""
        if self.error:
            return [f"{self.share:.0%}", f"failed: {self.error}", *[""] * (len(HEAD) - 2)]
        counts = self.counts
        return [
            f"{self.share:.0%}",
            f"{counts['left'] + counts['right']:,}",
            f"{counts['statements']:,}",
            f"{counts['conflicts']:,}",
            *(f"{self.seconds[stage]:.1f}" for stage in STAGES[1:]),
            f"{sum(self.seconds[stage] for stage in STAGES[2:]):.1f}",
            f"{self.process_bytes / 1e6:,.0f}",
        ]


HEAD = ("in conflict", "read", "fused", "conflicts", *(f"{stage}: s" for stage in STAGES[1:]), FUSED, "MB")


def measure(
    statements: int, shares: Sequence[float], form: str, tell: Callable[[Fused], None]
) -> list[Fused]:
    """Generate and fuse a pair for each share.

    Args:
        statements: of the fused graph, about.
        shares: of the items in conflict.
        form: of the provenance: ``prov``, ``rdf12`` or ``none``.
        tell: is told each result.
    """
    found = []
    for share in shares:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            write_rivals(Path(folder), statements, share)
            result = _measure(Path(folder), share, form)
        tell(result)
        found.append(result)
    return found


def _measure(folder: Path, share: float, form: str) -> Fused:
    cost = child.run([sys.executable, "-m", "bench.fusing", str(folder), form])
    if cost.status:
        return Fused(share, {}, {}, {}, {}, cost.peak_bytes, cost.error or f"exit code {cost.status}")
    said: dict[str, Any] = json.loads((folder / "measured.json").read_text(encoding="utf8"))
    return Fused(share, **said, process_bytes=cost.peak_bytes)


def fuse_files(folder: Path, form: str) -> dict[str, Any]:
    """Read a pair and its links, fuse it, and write the three files; what it took."""
    from kgalign import pipeline
    from kgalign.config import as_config
    from kgalign.evaluate import read_pairs
    from kgalign.fusion import align_vocabularies, fuse
    from kgalign.rdf import read_graph
    from kgalign.records.fused import term_ids
    from kgalign.run.measure import Measure
    from kgalign.run.steps import Inputs, Work

    seconds: dict[str, float] = {}
    peaks: dict[str, int] = {}
    rows: dict[str, int] = {}

    def note(stage: str, taken: Measure) -> None:
        seconds[stage], peaks[stage] = round(taken.seconds, 3), taken.peak_bytes

    with Measure() as taken:
        left, right = read_graph(folder / "left.nt"), read_graph(folder / "right.nt")
        pairs = list(read_pairs(folder / "links.tsv"))
        ends = (
            term_ids(left.terms, [pair[0] for pair in pairs]),
            term_ids(right.terms, [pair[1] for pair in pairs]),
        )
        del pairs
    note("read", taken)
    work = Work(Inputs(as_config({"fuse": {"provenance": form}}), {}))
    with Measure() as taken:
        given = MAPPING.items(), CLASSES.items()
        vocabularies = align_vocabularies(left, right, *ends, overrides=given[0], class_overrides=given[1])
    note("vocabularies", taken)
    with Measure() as taken:
        fusion = fuse(left, right, *ends, work.config.fuse, vocabularies)
    note("fuse", taken)
    del left, right, ends
    work.put(pipeline.FUSE, fusion)
    for output in (pipeline.FUSED_FILE, pipeline.PROVENANCE_FILE, pipeline.CONFLICTS_FILE):
        with Measure() as taken:
            report = output.write(work, (folder / output.name,))
        note(output.name, taken)
        rows |= {output.name: sum(report.counts.values())}
    return {"counts": asdict(fusion.counts), "rows": rows, "seconds": seconds, "peak_bytes": peaks}


def as_markdown(found: Sequence[Fused]) -> str:
    """A table of the shares, and what is in it."""
    return (
        "Generated pairs (`bench/rivals.py`): labels in two languages, numbers, dates, nodes, several texts; "
        "links and what corresponds are given. Seconds from both graphs in memory to each file on disk; "
        "memory is that of the whole process, reading included."
        f"\n\n{table(HEAD, [each.cells() for each in found])}"
    )


def as_json(found: Sequence[Fused]) -> str:
    """The results as JSON, for other programs."""
    return json.dumps([asdict(each) for each in found], indent=1) + "\n"


if __name__ == "__main__":
    measured = fuse_files(Path(sys.argv[1]), sys.argv[2])
    (Path(sys.argv[1]) / "measured.json").write_text(json.dumps(measured), encoding="utf8")

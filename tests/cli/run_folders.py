"""What run folders hold, for tests that compare them."""

import json
from pathlib import Path

import pyoxigraph as ox

CARBON, KOHLENSTOFF = "http://elements.example/Carbon", "http://chemie.example/6"
IRON, EISEN = "http://elements.example/Iron", "http://chemie.example/26"
"""Two entities of the elements and what they are linked with."""
SAME_AS = "http://www.w3.org/2002/07/owl#sameAs"
A, B = "http://a.example/", "http://b.example/"


def files_of(run: Path, *, wherever: bool = False) -> dict[str, bytes]:
    """Everything that must be the same for the same inputs; or that must be so wherever these lie.

    Decisions have the times at which they were made.
    """
    return {
        str(path.relative_to(run)): path.read_bytes()
        for path in sorted(run.rglob("*"))
        if path.is_file()
        and path.name not in {"run.json", ".lock", "decisions.sqlite"}
        and not (wherever and "read-" in path.parent.name)
    }


def steps_of(run: Path) -> set[str]:
    """The steps that are recorded as done."""
    return set(json.loads((run / "run.json").read_text(encoding="utf8"))["steps"])


def links_of(run: Path) -> set[tuple[str, str]]:
    """The links that a run wrote."""
    return {(q.subject.value, q.object.value) for q in ox.parse(path=str(run / "links.nt"))}


def fused_of(run: Path) -> set[ox.Quad]:
    """The fused graph that it wrote."""
    return set(ox.parse(path=str(run / "fused.ttl")))


def subjects_of(run: Path) -> set[str]:
    """The IRIs of which the fused graph says something."""
    return {quad.subject.value for quad in fused_of(run) if isinstance(quad.subject, ox.NamedNode)}

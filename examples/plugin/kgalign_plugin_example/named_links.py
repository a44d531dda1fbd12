"""A format: links with the names of both ends, one in a line, for whoever reads along."""

from pathlib import Path

from kgalign.export.formats import Choices, Exported, Finished, Format
from kgalign.export.rows import linked


def _plain(text: str) -> str:
    """Text from a graph may hold anything: a tab or a line's end would be read as the next field."""
    return " ".join(text.split())


def write(run: Finished, path: Path, choices: Choices) -> Exported:
    """Left IRI, right IRI, left name, right name, with tabs between."""
    left, right = run.left, run.right
    rows = linked(run.alignment, undecided=choices.undecided)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for a, b in zip(rows.left.tolist(), rows.right.tolist(), strict=True):
            iris = left.entity_iri[a].as_py(), right.entity_iri[b].as_py()
            names = left.entity_name[a].as_py(), right.entity_name[b].as_py()
            file.write("\t".join(map(_plain, (*iris, *names))) + "\n")
    return Exported({"link": len(rows.left)})


NAMED_LINKS = Format("the links with the names of both ends, as TSV", write, takes=frozenset({"undecided"}))

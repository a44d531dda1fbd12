"""What a language model is worth as a judge: controls, habits, cost, and F1 with it and without.

Each set is run by the evidence alone, then with the model in each way of asking. What is said of the model
comes from the ledger, as ``kgalign votes stats`` says it.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.results import table
from bench.sets import Set, score_links
from kgalign.config import Config
from kgalign.errors import KgalignError
from kgalign.ledger import FILE, Ledger
from kgalign.ledger.statistics import summarise
from kgalign.run import start

HEAD = (
    "set",
    "way",
    "right on controls",
    "select",
    "verify",
    "in doubt",
    "calls",
    "flip rate",
    "invented",
    "unusable",
    "tokens/call",
    "seconds/call",
    "seconds",
    "F1 evidence",
    "F1 with it",
    "asked",
)


@dataclass(frozen=True, slots=True)
class Row:
    """A model on one set, asked in one way."""

    set: str
    way: str
    right: int
    controls: int
    by_form: Mapping[str, tuple[int, int]]
    """Kind of question → right answers to controls, and how many were asked."""
    doubtful: int
    """Entities that it was asked about."""
    calls: int
    flip_rate: float | None
    invented: float
    """Share of answers that chose what was not offered, or rely on what was not shown."""
    unusable: float
    """Share of answers that could not be read."""
    tokens: float
    """Per call, read and written."""
    seconds_each: float
    """Per call, from sending to the answer."""
    seconds: float
    """Of the run with it, wall clock."""
    evidence: float
    """F1 without it."""
    with_it: float
    asked: bool
    """Whether it was better than chance, and so was asked further."""

    def cells(self) -> list[str]:
        """The row as it is shown."""
        forms = ["{} of {}".format(*self.by_form.get(kind, (0, 0))) for kind in ("select", "verify")]
        return [
            self.set,
            self.way,
            f"{self.right} of {self.controls}",
            *forms,
            str(self.doubtful),
            str(self.calls),
            "" if self.flip_rate is None else f"{self.flip_rate:.0%}",
            f"{self.invented:.0%}",
            f"{self.unusable:.0%}",
            f"{self.tokens:,.0f}",
            f"{self.seconds_each:.2f}",
            f"{self.seconds:,.0f}",
            f"{self.evidence:.4f}",
            f"{self.with_it:.4f}",
            "yes" if self.asked else "no",
        ]


def measure(
    sets: Sequence[Set], ways: Sequence[str], settings: Mapping[str, Any], tell: Callable[[Row], None]
) -> list[Row]:
    """Run each set without the model, then with it in each way.

    :param ways: values of ``llm.answer``; one that the model can't be asked in is left out.
    :param settings: of the configuration: who judges, and where it is.
    :param tell: called with each row as soon as it is there.
    """
    found = []
    for each in sets:
        with tempfile.TemporaryDirectory(prefix="bench-") as place:
            evidence = Path(place, "run")
            start.run(each.left, each.right, evidence)
            alone = score_links(evidence / "links.nt", each).f1
            for way in ways:  # each in a folder of its own: limits are of a folder
                folder = Path(shutil.copytree(evidence, Path(place, way)))
                llm = {**settings.get("llm", {}), "answer": way}
                try:
                    row = _row(each, way, folder, Config.model_validate({**settings, "llm": llm}), alone)
                except KgalignError as error:
                    if "llm.answer" not in str(error):
                        raise
                    continue
                found.append(row)
                tell(row)
    return found


def _row(each: Set, way: str, folder: Path, config: Config, alone: float) -> Row:
    began = time.perf_counter()
    step = start.run(each.left, each.right, folder, config).record.steps["ask"]
    seconds = time.perf_counter() - began
    calls = tokens = 0
    took = 0.0
    status = {"invented": 0, "unusable": 0}
    with Ledger.open(folder / FILE, write=True) as ledger:  # made where nothing was in doubt
        statistics = summarise(ledger.votes(), ledger.decisions())
        for vote in ledger.votes():
            calls += 1
            tokens += vote.prompt_tokens + vote.completion_tokens
            took += vote.seconds
            status["invented"] += vote.answer.status.value in ("invented", "not-offered")
            status["unusable"] += vote.answer.status.value in ("cut-off", "unreadable")
    return Row(
        set=each.name,
        way=way,
        right=sum(form.right for form in statistics.controls),
        controls=sum(form.votes for form in statistics.controls),
        by_form={form.kind: (form.right, form.votes) for form in statistics.controls},
        doubtful=statistics.cases,
        calls=calls,
        flip_rate=statistics.flips.rate,
        invented=status["invented"] / max(1, calls),
        unusable=status["unusable"] / max(1, calls),
        tokens=tokens / max(1, calls),
        seconds_each=took / max(1, calls),
        seconds=seconds,
        evidence=alone,
        with_it=score_links(folder / "links.nt", each).f1,
        asked="not asked" not in step.notes,
    )


def as_markdown(rows: Sequence[Row]) -> str:
    """The section of the results."""
    text = (
        "`right on controls` are questions whose answers the evidence is sure of, `in doubt` the entities "
        "that the model was asked about after them, `asked` whether it was: a model that is no better than "
        "chance on controls is not. `seconds/call` is from sending to the answer, with others under way."
    )
    return f"{text}\n\n{table(list(HEAD), [row.cells() for row in rows], words=5)}"


def as_json(rows: Sequence[Row]) -> str:
    """All figures as JSON, for other programs."""
    return json.dumps([asdict(row) for row in rows], indent=1) + "\n"

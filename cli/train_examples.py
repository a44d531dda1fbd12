"""``kgalign train examples``: questions with their answers, made of finished runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from .common import Number, cell, console, log_options, terminal_progress
from .paths import PATH

if TYPE_CHECKING:
    from kgalign.train.data import About

_SOURCES = ("gold", "person", "votes", "evidence")
CHOICES = ("random", "retrieval", "blocking-max", "uncertain", "errors")
TARGETS = ("answer", "structured", "explained")
_SHARE = Number(0, 1)
_LEFT_OUT = {
    "unsure_left_out": "entities were not sure enough",
    "easy_left_out": "entities were too easy",
    "none_left_out": "entities without a partner were more than asked for",
    "contradicted": "entities have a partner that is another's",
    "votes_failed_left_out": "votes failed",
    "votes_invented_left_out": "votes invented values",
    "votes_not_offered_left_out": "votes chose what was not offered",
    "votes_unreadable_left_out": "votes can't be read",
    "votes_cut_off_left_out": "votes were cut off",
    "cases_undecided_left_out": "cases were left undecided by the votes",
    "cases_failed_left_out": "cases failed",
    "cases_not_asked_left_out": "cases were not asked about",
    "entities_without_questions": "entities had too little near them to ask about",
    "without_explanation_left_out": "entities have no explanation to learn from",
    "questions_across_splits_left_out": "questions show entities of two splits",
    "duplicates_left_out": "questions were asked before",
    "synthetic_missing": "synthetic negatives could not be made",
    "explanations_dropped": "explanations cite what is not in the question",
    "citations_dropped": "cited values do not stand in the question",
}


class Size(click.ParamType):  # type: ignore[type-arg, unused-ignore] # generic from click 8.2 on
    """A number of examples, or a share of the entities: ``1000``, ``10%``, ``0.1``."""

    name = "size"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> int | float:
        """The number as an int, the share as a float."""
        text = str(value).strip()
        try:
            if text.isdecimal() and int(text) > 0:
                return int(text)
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = 0.0
        if not 0 < share <= 1:
            self.fail(f"{text!r} is no number of examples and no share such as 10%", param, ctx)
        return share


@click.command("examples")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=PATH)
@click.option("-o", "--out", required=True, type=PATH, metavar="DATA",
              help="Folder to write to.")  # fmt: skip
@click.option("--from", "sources", multiple=True, type=click.Choice(_SOURCES),
              help="Who gives the answers; repeatable. All that the runs have by default.")  # fmt: skip
@click.option("--gold", multiple=True, type=PATH, metavar="FILE",
              help="Links that are right; repeatable.")  # fmt: skip
@click.option("--test-gold", multiple=True, type=PATH, metavar="FILE",
              help="Links whose entities are shown in the test split alone; repeatable.")  # fmt: skip
@click.option("--closed", is_flag=True, help="The gold is complete: who has no link in it has no partner.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(["select", "verify"]),
              help="Kinds of questions; repeatable. Both by default.")  # fmt: skip
@click.option("--choose", type=click.Choice(CHOICES), default="random", show_default=True,
              help="Which entities to train on.")  # fmt: skip
@click.option("--size", type=Size(), metavar="N|SHARE",
              help="Most examples in all, or a share of the entities, such as 10%.")  # fmt: skip
@click.option("--none-share", type=Number(0, 1, max_open=True), default=0.25, show_default=True,
              help="Share of the questions whose answer is none or no.")  # fmt: skip
@click.option("--target", type=click.Choice(TARGETS), default="answer", show_default=True,
              help="The answer alone, with the evidence's explanation, or with the teacher's.")  # fmt: skip
@click.option("--min-confidence", type=_SHARE, default=0.0, show_default=True,
              help="Leave out what is known with a lower probability.")  # fmt: skip
@click.option("--drop-easy", is_flag=True,
              help="Leave out what the evidence is sure of and the answer agrees with.")  # fmt: skip
@click.option("--synthetic", type=_SHARE, default=0.0, show_default=True,
              help="Negatives made by changing a value, per other example in training.")  # fmt: skip
@click.option("--valid", type=Number(0, 0.5), default=0.1, show_default=True,
              help="Share of the entities for validation.")  # fmt: skip
@click.option("--test", type=Number(0, 0.4), default=0.1, show_default=True,
              help="Share of the entities for the test.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True,
              help="Seed of everything random.")  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="No progress, and nothing at the end.")
@log_options
def examples(
    runs: tuple[Path, ...],
    out: Path,
    gold: tuple[Path, ...],
    test_gold: tuple[Path, ...],
    closed: bool,
    size: int | float | None,
    sources: tuple[Literal["gold", "person", "votes", "evidence"], ...],
    kinds: tuple[str, ...],
    quiet: bool,
    **options: Any,  # noqa: ANN401 - click's values, by the names of the settings
) -> None:
    """Make examples to learn from of the run folders RUN, in the folder DATA.

    Answers come from gold links, from what people said (known links, merges taken back), from the votes of
    a language model, and from evidence that is sure. Questions are worded as the judge words them; no entity
    is in two of train.jsonl, valid.jsonl and test.jsonl. The same runs, the same bytes.
    """
    from kgalign.records.votes import QuestionKind
    from kgalign.train.examples import make_examples
    from kgalign.train.settings import Settings

    settings = Settings(
        sources=sources,
        kinds=tuple(kind for kind in QuestionKind if not kinds or kind.value in kinds),
        size=size if isinstance(size, int) else None,
        share=size if isinstance(size, float) else None,
        **options,
    )
    about = make_examples(
        runs, out, settings, gold=gold, test_gold=test_gold, complete=closed,
        progress=terminal_progress(quiet),
    )  # fmt: skip
    if not quiet:
        _show(about, out)


def _show(about: "About", out: Path) -> None:
    screen = console()
    figures = about.figures
    for split, count in about.counts.items():
        parts = [
            f"{name} {figures[f'{split}_{name}']:,.0f}"
            for name in ("select", "verify", *_SOURCES, "synthetic")
            if f"{split}_{name}" in figures
        ]
        none = figures.get(f"{split}_none_share")
        parts += [] if none is None else [f"none or no {none:.0%}"]
        screen.print(cell(f"{split:5} {count:8,}  {', '.join(parts)}"), soft_wrap=True)
    if figures.get("options"):
        share = figures.get("options_of_other_splits", 0.0) / figures["options"]
        screen.print(cell(f"{share:.0%} of the nearest candidates are in another split: the next stand in"))
    for name, text in _LEFT_OUT.items():
        if figures.get(name):
            screen.print(cell(f"Left out: {figures[name]:,.0f} {text}"), soft_wrap=True)
    screen.print(cell(f"Examples are in {out}"), soft_wrap=True)

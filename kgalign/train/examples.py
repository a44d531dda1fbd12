"""Finished runs made into a folder of examples: labels, splits, a choice, questions and targets."""

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from kgalign.base.progress import NoProgress, Progress
from kgalign.decisions import FILE as DECISIONS_FILE
from kgalign.errors import InputError, RunError
from kgalign.links.unmerged import FILE as UNMERGED_FILE
from kgalign.run.folder import RUN_FILE
from kgalign.train.data import ABOUT, SPLITS, About, Example, Split, check_leaks, write_data
from kgalign.train.labels import SOURCES, Gold, Label, SourceName, labels_of, read_gold
from kgalign.train.recorded import Records, evidence_of
from kgalign.train.runs import Run
from kgalign.train.selection import Selection, balanced
from kgalign.train.settings import Settings
from kgalign.train.splitting import Together, drawn, split_entities
from kgalign.train.teacher import Teacher
from kgalign.train.writing import Writer

_SPARE = 2
"""Candidates beyond those of a question that had better be in its split: they stand in for the partner."""


def make_examples(
    runs: Sequence[Path],
    out: Path,
    settings: Settings,
    *,
    gold: Sequence[Path] = (),
    test_gold: Sequence[Path] = (),
    complete: bool = False,
    progress: Progress | None = None,
) -> About:
    """Make a folder of examples from finished runs; nothing is written before all of them are made.

    Args:
        runs: run folders.
        out: the folder; one that holds examples is replaced, another that isn't empty is refused.
        settings: how examples are chosen and what their targets are.
        gold: files of links to learn from.
        test_gold: files of links whose entities are shown in the test split alone.
        complete: whether an entity that is in no gold link has no partner.
        progress: where long work reports how far it is.

    Raises:
        InputError: nothing to learn from, answers of one class only, gold links in two splits.
        RunError: a run isn't finished, or was asked on other prompts; the folder can't be used.
    """
    _check_place(out)
    links = read_gold(gold, test_gold, complete=complete)
    opened = [Run(path) for path in runs]
    templates = _templates(opened)
    making = _Making(opened, settings, links)
    examples = making.examples(progress or NoProgress())
    check_leaks(examples, str(out))
    about = About(
        templates=templates,
        counts={},
        digests={},
        settings={
            **json.loads(json.dumps(asdict(settings))),
            "sources": list(making.sources),
            "runs": [_told_of(run) for run in opened],
            "gold_links": len(links.pairs),
            "test_links": len(links.held_out),
            "gold_is_complete": complete,
        },
        figures=making.figures(examples),
    )
    return write_data(out, examples, about)


def _check_place(out: Path) -> None:
    """Refuse a folder that holds something else."""
    if (out / RUN_FILE).exists():
        raise RunError(f"{out} is a run folder", "Give another folder with -o")
    if out.exists() and not out.is_dir():
        raise RunError(f"{out} is a file", "Give a folder with -o")
    ours = {ABOUT, *(f"{split}.jsonl" for split in SPLITS)}
    foreign = sorted(each.name for each in out.iterdir() if each.name not in ours) if out.exists() else []
    if foreign:
        raise RunError(
            f"{out} holds no examples, and it isn't empty: it holds {foreign[0]}",
            "Give a new or an empty folder with -o",
        )


def _templates(runs: Sequence[Run]) -> dict[str, str]:
    """The prompts of all runs, which must be the same."""
    if not runs:
        raise InputError("There is no run to make examples from", "Name one or more run folders")
    for run in runs[1:]:
        changed = sorted({name for name, _ in run.hashes.items() ^ runs[0].hashes.items()})
        if changed:
            raise RunError(
                f"{run.path} has other prompts than {runs[0].path}: {', '.join(changed)}",
                "Make examples of runs with the same votes.templates",
            )
    return dict(sorted(runs[0].hashes.items()))


def _by_hand(run: Run) -> Iterator[bool]:
    """Whether the files in which people's decisions stand are there."""
    return ((run.path / name).exists() for name in (UNMERGED_FILE, DECISIONS_FILE))


def _told_of(run: Run) -> dict[str, object]:
    """What tells a run from others, wherever it lies."""
    judging = run.judging
    return {
        "name": run.name,
        "inputs": {
            side: sorted(each.sha256 for each in files)
            for side, files in sorted(run.finished.record.inputs.items())
            if side in ("left", "right", "known", "unmerged", "decisions")
        },
        "judging": judging.name if judging else "",
        "model": judging.model if judging else "",
        "adapter": judging.adapter if judging else "",
    }


class _Making:
    """Makes the examples of some runs."""

    def __init__(self, runs: Sequence[Run], settings: Settings, gold: Gold) -> None:
        self.runs, self.settings = runs, settings
        self.counts: Counter[str] = Counter()
        self.sources = _sources(runs, settings, gold)
        labels = [
            label
            for number, run in enumerate(runs)
            for label in labels_of(run, number, self.sources, gold, self.counts)
        ]
        self._check_any(labels, gold)
        explained = settings.target == "explained"
        self.teachers = [Teacher(run, self.counts) for run in runs] if explained else []
        self.labels = self._filtered(labels)
        self.splits = split_entities(
            [self._together(label) for label in self.labels],
            valid=settings.valid,
            test=settings.test,
            seed=settings.seed,
        )
        self.writer = Writer(runs, settings, self.splits, self.teachers, self.counts)
        self.selection = Selection(runs, settings.seed)

    def examples(self, progress: Progress) -> dict[Split, list[Example]]:
        """The examples of each split."""
        parts: dict[Split, list[Label]] = {split: [] for split in SPLITS}
        for label in self.labels:
            parts[self.splits[self._iri(label)]].append(label)
        found: dict[Split, list[Example]] = {}
        with progress.task("make examples", len(self.labels), "entities") as task:
            for split in SPLITS:
                found[split] = self._made(split, parts)
                task.advance(len(parts[split]))
        _check_classes(found)
        return {**found, "test": self._with_evidence(found["test"])}

    def _with_evidence(self, test: Sequence[Example]) -> list[Example]:
        """The test, with what the evidence of the runs says: who is tested by it stands beside that."""
        said = evidence_of([Records(run, test) for run in self.runs], test)
        return [
            replace(each, evidence=tuple(round(share, 6) for share in said[each.id]))
            if each.id in said
            else each
            for each in test
        ]

    def figures(self, examples: dict[Split, list[Example]]) -> dict[str, float]:
        """What was counted on the way."""
        found = {name: float(count) for name, count in self.counts.items()}
        for split, part in examples.items():
            origins, kinds = Counter(each.origin for each in part), Counter(each.kind for each in part)
            for name, count in (*origins.items(), *kinds.items()):
                found[f"{split}_{name}"] = float(count)
            if part:
                none = sum(each.answer == each.labels[-1] for each in part)
                found[f"{split}_none_share"] = round(none / len(part), 4)
        for what in ("explanations", "citations"):
            if self.counts[what]:
                found[f"{what}_dropped_share"] = round(self.counts[f"{what}_dropped"] / self.counts[what], 4)
        return dict(sorted(found.items()))

    def _made(self, split: Split, parts: dict[Split, list[Label]]) -> list[Example]:
        settings = self.settings
        chosen = self._chosen(split, parts)
        pairs, dropped = balanced(
            chosen, settings.none_share, lambda each: drawn(settings.seed, "none", self._iri(each))
        )
        self.counts["none_left_out"] += dropped
        quota = self._quota(split)
        synthetic = settings.synthetic if split == "train" else 0.0
        others = None if quota is None else round(quota / (1 + synthetic))
        made = self.writer.write(pairs)[:others]
        return made + self.writer.synthetic(pairs, round(synthetic * len(made))) if synthetic else made

    # --- Labels

    def _check_any(self, labels: Sequence[Label], gold: Gold) -> None:
        if (gold.pairs or gold.held_out) and not any(each.origin == "gold" for each in labels):
            first = (gold.pairs or gold.held_out)[0]
            raise InputError(
                f"None of the gold links names an entity of each side of a run; the first is {first[0]} and "
                f"{first[1]}",
                "Check that they belong to these graphs",
            )
        if not labels:
            failed = self.counts["votes_failed_left_out"]
            votes = f"; {failed:,} votes failed" if failed else ""
            raise InputError(
                f"There are no examples: nothing sure comes from {', '.join(self.sources)}{votes}",
                "Give gold links with --gold, name other sources with --from, or run with --judge llm",
            )

    def _filtered(self, labels: Sequence[Label]) -> list[Label]:
        settings = self.settings
        sure = [each for each in labels if each.weight >= settings.min_confidence]
        kept = [each for each in sure if not (settings.drop_easy and each.agrees)]
        self.counts["labels"] = len(labels)
        self.counts["unsure_left_out"] = len(labels) - len(sure)
        self.counts["easy_left_out"] = len(sure) - len(kept)
        if not kept:
            raise InputError(
                f"There are no examples: of {len(labels):,} labelled entities {len(labels) - len(sure):,} "
                f"are less sure than {settings.min_confidence:g} and {len(sure) - len(kept):,} too easy",
                "Lower --min-confidence, or leave --drop-easy out",
            )
        if settings.target != "explained":
            return kept
        explained = [each for each in kept if self.teachers[each.run].of(self._iri(each))]
        self.counts["without_explanation_left_out"] = len(kept) - len(explained)
        if not explained:
            raise InputError(
                "There are no examples: no vote of the runs explains an answer by what it was shown",
                "Run with --judge llm, or give --target structured, which needs no teacher",
            )
        return explained

    def _together(self, label: Label) -> Together:
        run = self.runs[label.run]
        nearest = run.candidates(label.left)[: run.most_options + _SPARE]
        rights = (*label.options, *nearest, *label.wrong)
        case, tied = run.iri(label.left), tuple(run.right_iri(each) for each in label.partners)
        near = dict.fromkeys(run.right_iri(each) for each in rights)
        if self.teachers:
            # The teacher's questions are taken as they are, so that nothing can stand in for an option.
            told = self.teachers[label.run].of(case)
            near = dict.fromkeys(
                iri for each in told for iri in (each.question.asker, *each.question.options)
            )
        near_ones = tuple(iri for iri in near if iri not in (case, *tied))
        return Together(case=case, tied=tied, near=near_ones, held_out=label.held_out)

    def _iri(self, label: Label) -> str:
        return self.runs[label.run].iri(label.left)

    # --- Choice

    def _quota(self, split: Split) -> int | None:
        """Most examples of a split."""
        size = self.settings.size
        if size is None:
            return None
        parts = {"valid": round(size * self.settings.valid), "test": round(size * self.settings.test)}
        return parts[split] if split in parts else max(0, size - sum(parts.values()))

    def _entities(self, split: Split, there: int) -> int | None:
        """How many entities of a split to ask about; None for all."""
        quota, settings = self._quota(split), self.settings
        if quota is not None:
            each = len(settings.kinds) * (1 + (settings.synthetic if split == "train" else 0))
            return math.ceil(quota / each)
        return None if settings.share is None else math.ceil(settings.share * there)

    def _chosen(self, split: Split, parts: dict[Split, list[Label]]) -> list[Label]:
        """Labels of a split: chosen for training, drawn for validation and test, which show what comes."""
        labels, settings = parts[split], self.settings
        count = self._entities(split, len(labels))
        if split != "train":
            return self.selection.at_random(labels, count)
        if settings.choose == "errors":
            chosen, errors = self.selection.like_errors(labels, parts["valid"], count)
            self.counts["validation_errors"] = errors
            return chosen
        return self.selection.by(settings.choose, labels, count, 1 - settings.none_share)


def _sources(runs: Sequence[Run], settings: Settings, gold: Gold) -> tuple[SourceName, ...]:
    """Whom to ask: those that were named, or all that the runs have, the best first.

    Raises:
        InputError: one that was named is not there.
    """
    links = bool(gold.pairs or gold.held_out)
    there: dict[SourceName, bool] = {
        "gold": links,
        "person": any(
            run.evidence.given.any()
            or any((run.path / name).exists() for name in (UNMERGED_FILE, DECISIONS_FILE))
            for run in runs
        ),
        "votes": any(run.judging is not None for run in runs),
        "evidence": True,
    }
    if not settings.sources:
        return tuple(source for source in SOURCES if there[source])
    remedies = {
        "gold": ("gold links were not given", "Give them with --gold FILE"),
        "person": ("no run has known links or decisions", "Run with --known, or name another"),
        "votes": ("no run has votes on record", "Run with --judge llm, or name another"),
    }
    for source in settings.sources:
        if not there[source]:
            what, remedy = remedies[source]
            raise InputError(f"There is nothing from {source}: {what}", remedy)
    if links and "gold" not in settings.sources:
        raise InputError("Gold links were given, but are no source", "Add --from gold, or leave --gold out")
    return tuple(source for source in SOURCES if source in settings.sources)


def _check_classes(examples: dict[Split, list[Example]]) -> None:
    """Refuse to teach one answer alone: that nothing is the same, or that all that is asked about is.

    Raises:
        InputError: there is nothing to train with, or only that.
    """
    train = examples["train"]
    if not train:
        raise InputError(
            "There are no examples left to train with", "Label more entities, or lower --valid and --test"
        )
    none = sum(each.answer == each.labels[-1] for each in train)
    # To select without a "none" among the answers can be meant; to say yes alone teaches nothing.
    if none == len(train) or (none == 0 and any(each.kind == "verify" for each in train)):
        raise InputError(
            f"All {len(train):,} examples to train with have answers of one class only: "
            + ("none or no" if none else "never none or no"),
            "Label more entities, name other sources with --from, or set --none-share between 0 and 1",
        )

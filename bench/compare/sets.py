"""What a comparison is made on: data sets, the ways in which their examples were chosen, and their tests.

Folders of examples that were made of the same runs are one data set. Its test is that of the first folder;
the others are further ways of choosing examples or targets, called by the settings in which they differ. No
entity of a test may be in what is learned from, whichever folder it is in.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kgalign.errors import InputError
from kgalign.train.data import About, Example, Split, check_leaks, read_data, write_data
from kgalign.train.splitting import drawn

_KNOWN = ("gold", "person")
"""Origins of answers that none of the systems gave itself."""
_IGNORED = ("runs", "gold_links", "test_links", "gold_is_complete")
"""Settings that tell of the data set, and not of how examples were chosen."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One way in which the examples of a data set were chosen."""

    name: str
    """The settings in which it differs from others, such as ``choose uncertain``; empty for a single one."""
    folder: Path
    about: About
    splits: Mapping[Split, Sequence[Example]]

    @property
    def learned(self) -> list[Example]:
        """What is learned from: what is calibrated on counts as well."""
        return [*self.splits["train"], *self.splits["valid"]]


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set with its test."""

    name: str
    arms: tuple[Arm, ...]
    test: tuple[Example, ...]
    origins: Mapping[str, int]
    """Who gave the answers of the test → questions."""
    left_out: int
    """Questions of the test whose answers one of the systems may have given itself."""

    @property
    def independent(self) -> bool:
        """Whether the answers are those of gold links and of people."""
        return set(self.origins) <= set(_KNOWN)

    @property
    def digest(self) -> str:
        """SHA-256 of the questions that are asked."""
        return hashlib.sha256("".join(each.id for each in self.test).encode()).hexdigest()

    def about(self) -> dict[str, Any]:
        """What is said of it in the comparison."""
        return {
            "name": self.name,
            "questions": len(self.test),
            "cases": len({each.case for each in self.test}),
            "verify": sum(each.kind == "verify" for each in self.test),
            "none": sum(each.answer == each.labels[-1] for each in self.test),
            "answers": dict(sorted(self.origins.items())),
            "left_out": self.left_out,
            "examples": [
                {"name": each.name, "digest": each.about.digest, "counts": each.about.counts}
                for each in self.arms
            ],
        }


def open_sets(folders: Sequence[Path], *, questions: int | None, seed: int) -> list[DataSet]:
    """Read folders of examples, those of the same runs as one data set.

    Args:
        folders: the folders, in the order in which they are told of.
        questions: most questions of a test, drawn by lot; None for all.
        seed: draws them.

    Raises:
        InputError: a folder can't be read, has no test, or shows an entity that is in the test of another
            folder of its data set.
    """
    opened = [(folder, *read_data(folder)) for folder in dict.fromkeys(folders)]
    groups: dict[str, list[tuple[Path, About, dict[Split, list[Example]]]]] = {}
    for number, each in enumerate(opened):
        runs = each[1].settings.get("runs")
        groups.setdefault(json.dumps(runs, sort_keys=True) if runs else str(number), []).append(each)
    names = _names([_name(group[0]) for group in groups.values()])
    return [_set(name, group, questions, seed) for name, group in zip(names, groups.values(), strict=True)]


def _set(
    name: str,
    group: Sequence[tuple[Path, About, dict[Split, list[Example]]]],
    questions: int | None,
    seed: int,
) -> DataSet:
    labels = _names(_differences(group))
    arms = tuple(Arm(label, *each) for label, each in zip(labels, group, strict=True))
    first = arms[0]
    test = list(first.splits["test"])
    if not test:
        raise InputError(
            f"{first.folder} has no test to compare on: its test split is empty",
            "Make the examples with --test above 0, or with --test-gold",
        )
    known = [each for each in test if each.origin in _KNOWN]
    kept = known or test
    if questions is not None and len(kept) > questions:
        chosen = set(
            sorted((each.id for each in kept), key=lambda each: drawn(seed, "test", each))[:questions]
        )
        kept = [each for each in kept if each.id in chosen]
    for arm in arms[1:]:
        check_apart(arm.learned, test, f"{arm.folder}, compared by the test of {first.folder},")
    origins = Counter(str(each.origin) for each in kept)
    return DataSet(name, arms, tuple(kept), origins, len(test) - len(known) if known else 0)


def _name(opened: tuple[Path, About, dict[Split, list[Example]]]) -> str:
    """A data set is called by its runs, or else by its folder."""
    folder, about, _ = opened
    runs = about.settings.get("runs") or []
    return " + ".join(str(each.get("name", "")) for each in runs) or folder.resolve().name


def _differences(group: Sequence[tuple[Path, About, dict[Split, list[Example]]]]) -> list[str]:
    """What tells each folder from the others of its data set."""
    if len(group) == 1:
        return [""]
    settings = [about.settings for _, about, _ in group]
    names = sorted({name for each in settings for name in each if name not in _IGNORED})
    differ = [name for name in names if len({json.dumps(each.get(name)) for each in settings}) > 1]
    told = [", ".join(f"{name.replace('_', ' ')} {_value(each.get(name))}" for name in differ)
            for each in settings]  # fmt: skip
    return told if all(told) else [folder.resolve().name for folder, _, _ in group]


def _value(value: object) -> str:
    return "+".join(map(str, value)) if isinstance(value, list) else str(value)


def _names(names: Sequence[str]) -> list[str]:
    """The names, a number after each that was there before."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found


def check_apart(learned: Sequence[Example], test: Sequence[Example], where: str) -> None:
    """Refuse to measure what is learned on itself.

    Raises:
        InputError: an entity of the test is among what is learned from.
    """
    check_leaks({"train": learned, "test": test}, where)


def others(sets: Sequence[DataSet], left_out: DataSet, arm: Arm, folder: Path) -> tuple[About, int]:
    """Write the examples of all data sets but one as a folder; its test is that of the one.

    Data sets may share a graph: examples that show an entity of the test are left out.

    Args:
        sets: all data sets.
        left_out: the one that is tested on.
        arm: how its examples are chosen; those of the others are taken that were chosen so.
        folder: where to write.

    Returns:
        What was written, and how many examples were left out.

    Raises:
        InputError: no other data set has examples chosen so, or nothing is left of them.
    """
    parts = [_same(each, arm) for each in sets if each is not left_out]
    test = left_out.arms[0].splits["test"]
    shown = {entity for each in test for entity in each.entities}
    splits: dict[Split, list[Example]] = {"train": [], "valid": [], "test": list(test)}
    dropped = 0
    place: dict[str, Split] = {}
    for split in ("train", "valid"):
        for part in parts:
            for example in part.splits[split]:
                # Of two data sets one may train with what the other keeps for validation.
                apart = all(place.get(each, split) == split for each in example.entities)
                if apart and shown.isdisjoint(example.entities):
                    splits[split].append(example)
                    place.update(dict.fromkeys(example.entities, split))
                else:
                    dropped += 1
    if not splits["train"]:
        raise InputError(
            f"Nothing is left to learn from without {left_out.name}: all examples of the other data sets "
            "show entities of its test",
            "Leave --leave-one-out out, or give data sets of other graphs",
        )
    templates = {name: text for part in parts for name, text in part.about.templates.items()}
    settings = {"without": left_out.name, "arm": arm.name, "sets": [each.about.digest for each in parts]}
    return write_data(folder, splits, About(templates, {}, {}, settings)), dropped


def _same(data: DataSet, arm: Arm) -> Arm:
    """The examples of a data set that were chosen as those of an arm."""
    found = next((each for each in data.arms if each.name == arm.name), None)
    if found is None:
        raise InputError(
            f"{data.name} has no examples that were made with {arm.name or 'one choice alone'}",
            "Make the same choices of each data set, or leave --leave-one-out out",
        )
    return found


def file_name(text: str, *parts: object) -> str:
    """A name for a file: what can stand in one of a text, and a hash of what it is known by."""
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")[:60] or "x"
    mark = hashlib.sha256(json.dumps([text, *parts], sort_keys=True).encode("utf8", "surrogatepass"))
    return f"{readable}-{mark.hexdigest()[:8]}"

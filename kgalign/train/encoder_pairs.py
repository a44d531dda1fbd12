"""What an encoder learns from: pairs of texts of finished runs, and the part of them that is only measured.

A pair is a link: the words of its two entities, as the dense channel puts them. What must not be told apart
from them is known by its text, as two entities of one text have one vector. No entity stands on both sides
of the split, and none of the held-out part is ever shown, not even as a negative.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kgalign.arrays import Flags
from kgalign.errors import InputError
from kgalign.rdf.graph import Ids
from kgalign.retrieve.dense import texts_of
from kgalign.train.data import Origin, Split
from kgalign.train.labels import SOURCES, Gold, Label, SourceName, labels_of
from kgalign.train.runs import Run
from kgalign.train.splitting import Together, drawn, split_entities

HELD_OUT_BY = "held-out entities by "
"""What the counts of held-out entities are called, before who says what their partners are."""
HARD = 10
"""Most candidates that lost of a link."""
_OTHERS = 20_000
"""Most entities of a run that the held-out ones are sought among, their partners aside."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts of one thing."""

    run: int
    """Number of its run: the others of its batch are of the same."""
    left: str
    right: str
    same: frozenset[str] = frozenset()
    """Texts that are no negatives of the left one: its own, and those of all its partners."""
    hard: tuple[str, ...] = ()
    """Texts of candidates that lost, the nearest first."""
    weight: float = 1.0
    """Probability that the link is right."""


@dataclass(frozen=True, slots=True)
class Sought:
    """The held-out part of a run: left entities, and those that their partners are sought among."""

    lefts: tuple[str, ...]
    rights: tuple[str, ...]
    partners: tuple[Ids, ...]
    """Of each left one, places of its partners in ``rights``."""
    held_out: Flags
    """(rights,) which are held out too; the others may have been shown."""
    origins: tuple[Origin, ...] = ()
    """Of each left one, who says what its partners are."""


@dataclass(frozen=True, slots=True)
class Material:
    """All that is learned from and measured on."""

    pairs: tuple[Pair, ...]
    sought: tuple[Sought, ...]
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of all of it."""
        content = hashlib.sha256()
        for pair in self.pairs:
            told = [pair.run, pair.left, pair.right, sorted(pair.same), pair.hard, pair.weight]
            content.update(json.dumps(told).encode())
        for part in self.sought:
            partners = [each.tolist() for each in part.partners]
            content.update(json.dumps([part.lefts, part.rights, partners]).encode())
        return content.hexdigest()


@dataclass(frozen=True, slots=True)
class _Side:
    """The words of a run's entities, and which split they are in."""

    left: list[str]
    right: list[str]
    left_split: list[Split | None]
    right_split: list[Split | None]


def gather(
    runs: Sequence[Run],
    sources: Sequence[SourceName],
    gold: Gold,
    *,
    test: float,
    seed: int,
    alone: bool = False,
) -> Material:
    """Links of runs as pairs of texts.

    Args:
        runs: the finished runs.
        sources: whose links: see :func:`sources_of`.
        gold: links that are known to be right.
        test: share of the linked entities that is held out, 0 to 1; without meaning where ``gold`` names
            links to test with.
        seed: draws what is held out.
        alone: whether to learn from texts alone (each is paired with itself); links are then measured on
            only, and may be missing.

    Raises:
        InputError: there are fewer than two links, or texts, to learn from.
    """
    counts: Counter[str] = Counter()
    labels = [
        [label for label in labels_of(run, number, sources, gold, counts) if label.partners]
        for number, run in enumerate(runs)
    ]
    cases = [_together(runs[each.run], each) for part in labels for each in part]
    splits = split_entities(cases, valid=0.0, test=test, seed=seed)
    sides = [_side(run, splits) for run in runs]
    found = [
        pair
        for number, (run, side, part) in enumerate(zip(runs, sides, labels, strict=True))
        for pair in (_texts(number, side) if alone else _pairs(number, run, side, part))
    ]
    sought = [_sought(side, part, seed) for side, part in zip(sides, labels, strict=True)]
    material = Material(
        tuple(found),
        tuple(each for each in sought if each.lefts),
        _counted(labels, found, sought),
    )
    _check(runs, material, gold, alone=alone)
    return material


def sources_of(named: Sequence[SourceName], gold: Gold) -> tuple[SourceName, ...]:
    """Whose links are taken, the best first: those that are named, and gold wherever it is given.

    Where nobody is named: gold alone, if there is any to learn from, and otherwise all.
    """
    given = bool(gold.pairs or gold.held_out)
    others = named or (() if gold.pairs else SOURCES[1:])
    return tuple(each for each in SOURCES if each in others or (each == "gold" and given))


def _counted(
    labels: Sequence[Sequence[Label]], pairs: Sequence[Pair], sought: Sequence[Sought]
) -> dict[str, int]:
    """How much there is, and who says so."""
    links = Counter(label.origin for part in labels for label in part for _ in label.partners)
    held_out = Counter(name for each in sought for name in each.origins)
    return {
        "links": links.total(),
        "pairs to learn from": len(pairs),
        "hard negatives": sum(len(each.hard) for each in pairs),
        "held-out entities": sum(len(each.lefts) for each in sought),
        **{f"{HELD_OUT_BY}{name}": count for name, count in sorted(held_out.items())},
        **{f"links by {name}": count for name, count in sorted(links.items())},
    }


def _check(runs: Sequence[Run], material: Material, gold: Gold, *, alone: bool) -> None:
    """Refuse what has nothing to tell apart."""
    named = ", ".join(str(run.path) for run in runs)
    links, pairs = material.counts["links"], len(material.pairs)
    if pairs >= 2:
        return
    if alone:
        raise InputError(f"{named} has {pairs} texts to learn from", "Give runs with more entities")
    if not links:
        given = len(gold.pairs) + len(gold.held_out)
        if given:
            raise InputError(
                f"None of the {given:,} links names two entities of {named}", "Give links of these graphs"
            )
        raise InputError(
            f"There are no links to learn from in {named}",
            "Give some with --links FILE, or a run whose evidence is sure of some",
        )
    said = "There is 1 link" if links == 1 else f"There are {links:,} links"
    raise InputError(
        f"{said} in {named}, and {pairs} to learn from when some are held out and those without words "
        "are left out; contrast takes at least two",
        "Give more with --links FILE" + (", or --test 0" if links > 1 else ""),
    )


def _together(run: Run, label: Label) -> Together:
    """A linked entity and whom it may be shown with."""
    tied = tuple(run.right_iri(each) for each in label.partners)
    near = dict.fromkeys(run.right_iri(each) for each in (*label.wrong, *run.candidates(label.left)[:HARD]))
    return Together(
        case=run.iri(label.left),
        tied=tied,
        near=tuple(each for each in near if each not in tied),
        held_out=label.held_out,
    )


def _side(run: Run, splits: Mapping[str, Split]) -> _Side:
    left, right = (texts_of(side, run.config.retrieve) for side in (run.left, run.right))
    return _Side(
        left,
        right,
        [splits.get(iri) for iri in run.left.entity_iri.to_pylist()],
        [splits.get(iri) for iri in run.right.entity_iri.to_pylist()],
    )


def _pairs(number: int, run: Run, side: _Side, labels: Sequence[Label]) -> Iterator[Pair]:
    """The links that are not held out, each as two texts; those without words are left out."""
    same: dict[str, set[str]] = {}
    for label in labels:
        text = side.left[label.left]
        same.setdefault(text, {text}).update(side.right[each] for each in label.partners)
    for label in labels:
        text = side.left[label.left]
        if side.left_split[label.left] != "train" or not text:
            continue
        lost = (*label.wrong, *(run.candidates(label.left)[:HARD] if label.closed else ()))
        shown = [side.right[each] for each in lost if side.right_split[each] == "train"]
        hard = tuple(dict.fromkeys(each for each in shown if each and each not in same[text]))
        for each in label.partners:
            if side.right[each]:
                yield Pair(number, text, side.right[each], frozenset(same[text]), hard, label.weight)


def _texts(number: int, side: _Side) -> Iterator[Pair]:
    """Each text that is not held out, paired with itself."""
    shown = [
        text
        for texts, splits in ((side.left, side.left_split), (side.right, side.right_split))
        for text, split in zip(texts, splits, strict=True)
        if split != "test"
    ]
    held_out = {
        text
        for texts, splits in ((side.left, side.left_split), (side.right, side.right_split))
        for text, split in zip(texts, splits, strict=True)
        if split == "test"
    }
    for text in dict.fromkeys(shown):
        if text and text not in held_out:
            yield Pair(number, text, text, frozenset({text}))


def _sought(side: _Side, labels: Sequence[Label], seed: int) -> Sought:
    """The held-out links of a run."""
    words = [bool(text) for text in side.right]
    found = [(each, [right for right in each.partners if words[right]]) for each in labels]
    asked = [
        (label, partners)
        for label, partners in found
        if partners and side.left[label.left] and side.left_split[label.left] == "test"
    ]
    partners = {right for _, those in asked for right in those}
    others = [
        place
        for place, split in enumerate(side.right_split)
        if place in partners or (words[place] and split == "test")
    ]
    held_out = set(others)
    rest = [place for place, has in enumerate(words) if has and place not in held_out]
    if len(rest) > _OTHERS:
        rest = sorted(rest, key=lambda place: (drawn(seed, "sought", place), place))[:_OTHERS]
    rights = sorted([*others, *rest])
    place_of = {right: place for place, right in enumerate(rights)}
    return Sought(
        lefts=tuple(side.left[label.left] for label, _ in asked),
        rights=tuple(side.right[each] for each in rights),
        partners=tuple(np.array([place_of[right] for right in those], np.int32) for _, those in asked),
        held_out=np.array([right in held_out for right in rights], bool),
        origins=tuple(label.origin for label, _ in asked),
    )


def check_runs(paths: Sequence[Path]) -> list[Run]:
    """Open finished runs.

    Raises:
        KgalignError: there is none, or one is not finished.
    """
    if not paths:
        raise InputError("There is no run to take texts from", "Name one or more run folders")
    return [Run(path) for path in paths]

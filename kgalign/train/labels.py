"""What is known of an entity's partner, and who says so: gold links, people, votes, the evidence.

Where several speak of one entity, the best of them is believed: :data:`SOURCES` has them in order.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from kgalign.decisions import FILE as DECISIONS_FILE
from kgalign.decisions.people import said_in_stores
from kgalign.decisions.taken_over import in_old_file
from kgalign.errors import InputError
from kgalign.ledger import Ledger
from kgalign.links.gold import read_pairs
from kgalign.links.pairs import entity_ids
from kgalign.records.votes import NONE, Status, known_partner
from kgalign.train.data import Origin
from kgalign.train.runs import Run

SourceName = Literal["gold", "person", "votes", "evidence"]
SOURCES: tuple[SourceName, ...] = ("gold", "person", "votes", "evidence")
"""Who may be asked for answers, the best first."""


@dataclass(frozen=True, slots=True)
class Label:
    """What is known of the partner of one left entity."""

    run: int
    """Number of the run that the ids below are of."""
    left: int
    partners: tuple[int, ...]
    """Right entities that are the same; none where it is known that there is none."""
    wrong: tuple[int, ...]
    """Right entities that are known to be others, whatever is known of the rest."""
    closed: bool
    """Whether all right entities but the partners are others."""
    origin: Origin
    weight: float
    """Probability that this is right, 0 to 1."""
    agrees: bool
    """Whether the evidence is sure of the same."""
    held_out: bool = False
    """Whether it must be in the test split."""
    options: tuple[int, ...] = ()
    """Right entities that were asked about, the likeliest first; empty where nobody was asked."""


@dataclass(frozen=True, slots=True)
class Gold:
    """Links that are known to be right."""

    pairs: tuple[tuple[str, str], ...] = ()
    held_out: tuple[tuple[str, str], ...] = ()
    """Those that are kept for the test split."""
    complete: bool = False
    """Whether an entity that has none of them has no partner."""


def read_gold(files: Sequence[Path], held_out: Sequence[Path], *, complete: bool) -> Gold:
    """Read gold links.

    Raises:
        InputError: a file can't be read, or an entity is in links to learn from and in links to test with.
    """
    pairs = tuple(sorted({pair for path in files for pair in read_pairs(path)}))
    kept = tuple(sorted({pair for path in held_out for pair in read_pairs(path)}))
    shared = sorted({iri for pair in pairs for iri in pair} & {iri for pair in kept for iri in pair})
    if shared:
        raise InputError(
            f"{len(shared):,} entities are in the gold links to learn from and in those to test with; the "
            f"first is {shared[0]}",
            "Take their links out of one of the two: what is learned must not be measured on itself",
        )
    return Gold(pairs, kept, complete)


def labels_of(
    run: Run, number: int, sources: Iterable[SourceName], gold: Gold, counts: Counter[str]
) -> list[Label]:
    """What is known of the entities of a run, one label for each, by id.

    Args:
        run: the finished run.
        number: its number.
        sources: whom to ask.
        gold: the gold links, which count only where ``sources`` says so.
        counts: what was left out is added here.
    """
    asked = {
        "gold": lambda: _by_gold(run, number, gold),
        "person": lambda: _by_people(run, number),
        "votes": lambda: _by_votes(run, number, counts),
        "evidence": lambda: _by_evidence(run, number),
    }
    found: dict[int, Label] = {}
    owner: dict[int, int] = {}
    wanted = set(sources)
    for source in SOURCES:
        for label in asked[source]() if source in wanted else ():
            before = found.get(label.left)
            if before is not None and (before.closed or before.partners):
                continue
            if before is not None and set(before.wrong) & set(label.partners):
                counts["contradicted"] += 1
                continue
            taken = [each for each in label.partners if owner.get(each, label.left) != label.left]
            if taken and run.one_to_one:
                # A better source gave the partner to another.
                counts["contradicted"] += 1
                continue
            owner.update(dict.fromkeys(label.partners, label.left))
            wrong = (*(before.wrong if before else ()), *label.wrong)
            found[label.left] = replace(label, wrong=wrong)
    return [found[left] for left in sorted(found)]


def _label(
    run: Run, number: int, left: int, partners: tuple[int, ...], origin: Origin, weight: float
) -> Label:
    """A label that says all there is to say of an entity."""
    sure = float(run.doubt[left]) < run.config.votes.doubt
    likeliest = run.likeliest(left)
    same = likeliest in partners if partners else likeliest < 0
    return Label(run=number, left=left, partners=partners, wrong=(), closed=True, origin=origin,
                 weight=weight, agrees=sure and same)  # fmt: skip


def _by_gold(run: Run, number: int, gold: Gold) -> Iterator[Label]:
    partners: dict[int, list[int]] = {}
    kept = set()
    for pairs, held_out in ((gold.pairs, False), (gold.held_out, True)):
        for left, right in run.ids(pairs) if pairs else ():
            if left >= 0:
                partners.setdefault(left, []).append(right)
                if held_out:
                    kept.add(left)
    for left in range(len(run.left)) if gold.complete else sorted(partners):
        if left in partners or len(run.rows(left)):
            label = _label(run, number, left, tuple(partners.get(left, ())), "gold", 1.0)
            yield replace(label, held_out=left in kept)


def _by_people(run: Run, number: int) -> Iterator[Label]:
    """Links that were known before the run, merges that were taken back, and decisions."""
    said = said_in_stores([run.path / DECISIONS_FILE])
    taken = [each.pair for each in in_old_file(run.path)]
    refused = [*taken, *said.taken, *said.apart]
    apart = {pair for pair in run.ids(refused) if pair[0] >= 0} if refused else set()
    alone = set(entity_ids(run.left, [left for left, _ in said.alone if left]).tolist()) - {-1}
    given = np.flatnonzero(run.evidence.given)
    partners: dict[int, list[int]] = {}
    wrong: dict[int, list[int]] = {}
    for left, right in zip(
        run.evidence.left[given].tolist(), run.evidence.right[given].tolist(), strict=True
    ):
        if (left, right) not in apart:
            partners.setdefault(left, []).append(right)
    for left, right in sorted(set(run.ids(said.same))) if said.same else ():
        if left >= 0 and right >= 0 and right not in partners.get(left, ()):
            partners.setdefault(left, []).append(right)
    for left, right in sorted(apart):
        wrong.setdefault(left, []).append(right)
    for left in sorted({*partners, *wrong, *alone}):
        label = _label(run, number, left, tuple(partners.get(left, ())), "person", 1.0)
        yield replace(
            label,
            wrong=tuple(wrong.get(left, ())),
            closed=left in partners or left in alone,
            agrees=label.agrees and (left in partners or left in alone),
        )


def _by_votes(run: Run, number: int, counts: Counter[str]) -> Iterator[Label]:
    """What the votes on each case came to; failed and invented ones never counted in it."""
    if run.judging is None:
        return
    lefts = {iri: i for i, iri in enumerate(run.left.entity_iri.to_pylist())}
    rights = {iri: i for i, iri in enumerate(run.right.entity_iri.to_pylist())}
    pairs: dict[int, list[tuple[int, bool, float]]] = {}
    with Ledger.open(run.ledger, write=False) as ledger:
        for vote in ledger.votes(run.judging.name):
            if known_partner(vote.question.case) is not None:
                continue  # what is known already teaches nothing
            counts["votes"] += 1
            if vote.answer.status is not Status.OK:
                counts[f"votes_{vote.answer.status.name.lower()}_left_out"] += 1
        decisions = list(ledger.decisions(run.judging.name))
    for decision in decisions:
        left = lefts.get(decision.case.split(" ")[0], -1)
        options = tuple(rights.get(each, -1) for each in decision.options)
        if decision.outcome not in ("match", "no_match") or left < 0 or min(options, default=-1) < 0:
            counts[f"cases_{decision.outcome}_left_out"] += 1
            continue
        match = decision.outcome == "match" and decision.chosen != NONE
        if " " in decision.case:
            pairs.setdefault(left, []).append((options[0], match, decision.probability))
            continue
        partners = (rights[decision.chosen],) if match else ()
        if partners and run.one_to_one and partners[0] not in run.linked.get(left, ()):
            # Two cases chose one partner, and the assignment gave it to the other; or it was held back.
            counts["contradicted"] += 1
            continue
        label = _label(run, number, left, partners, "votes", decision.probability)
        yield replace(label, options=options)
    for left, said in sorted(pairs.items()):
        label = _label(
            run, number, left, tuple(right for right, yes, _ in said if yes), "votes",
            min(probability for _, _, probability in said),
        )  # fmt: skip
        yield replace(label, wrong=tuple(right for right, yes, _ in said if not yes), closed=False)


def _by_evidence(run: Run, number: int) -> Iterator[Label]:
    """Whom nobody would be asked about: all candidates are clear, and the assignment agrees."""
    doubt = run.config.votes.doubt
    verdicts = run.evidence
    for left in range(len(run.left)):
        rows = run.rows(left)
        if not len(rows):
            continue
        odds = verdicts.probability[rows.start : rows.stop].astype(np.float64)
        rights = verdicts.right[rows.start : rows.stop]
        sure = tuple(int(each) for each in rights[odds >= 1 - doubt])
        rest = odds[odds < 1 - doubt]
        clear = not len(rest) or float(rest.sum() if not sure else rest.max()) <= doubt
        if not clear or set(sure) != set(run.linked.get(left, ())):
            continue
        weight = float(odds[odds >= 1 - doubt].min()) if sure else 1 - float(rest.sum())
        yield replace(_label(run, number, left, sure, "evidence", weight), agrees=True)

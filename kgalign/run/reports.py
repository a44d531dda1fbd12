"""What each step says of its output, for ``run.json`` and the closing table: a function for each step."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from kgalign.links.pairs import LINKED
from kgalign.rdf.graph import Graph
from kgalign.records import (
    Alignment,
    Candidates,
    Hearing,
    Opinion,
    Outcome,
    Profile,
    Recall,
    Verdicts,
    Worklist,
)
from kgalign.records.fused import Fusion
from kgalign.records.learned import Learned
from kgalign.records.vocabularies import Vocabularies
from kgalign.run.steps import Report

if TYPE_CHECKING:
    from kgalign.fusion.shapes import Violations

_LEFT_OUT = (Outcome.NOT_ASKED, Outcome.FAILED, Outcome.REJECTED)
"""Told only where there are some."""


def read(graph: Graph) -> Report:
    """How much was read, and how much of it is distinct."""
    return Report({"statements_read": graph.statements_read, "statements": len(graph)})


def select(profile: Profile) -> Report:
    """How much was found in a graph."""
    return Report(
        {
            "entities": len(profile),
            "attributes": len(profile.attributes),
            "relations": len(profile.relations),
            "values": len(profile.value_entity),
        }
    )


def retrieve(candidates: Candidates) -> Report:
    """How many pairs are worth judging, and which embedder was chosen for it."""
    return Report({"candidates": len(candidates)}, notes=dict(candidates.notes))


def recall(found: Recall) -> Report:
    """One figure for each channel and k."""
    return Report(
        figures={
            f"{channel} recall@{k}": share for channel, at in found.at.items() for k, share in at.items()
        }
    )


def learn(learned: Learned) -> Report:
    """How many comparisons were weighed, and how a run grew from one before."""
    return Report({"comparisons": len(learned.columns)}, notes=dict(learned.notes))


def judge(verdicts: Verdicts) -> Report:
    """How many pairs were judged, and what was learned on the way."""
    return Report({"judged": len(verdicts), "known": int(verdicts.given.sum())}, figures=dict(verdicts.notes))


def student(opinion: Opinion) -> Report:
    """How many pairs the student was shown."""
    return Report({"shown": len(opinion.row)}, figures=dict(opinion.figures), notes=dict(opinion.notes))


def ask(hearing: Hearing) -> Report:
    """How many pairs were asked about, with how many votes, and whether questions failed."""
    return Report(
        {"asked": len(hearing.row), "votes": len(hearing.vote_row)},
        figures=dict(hearing.figures),
        notes=dict(hearing.notes),
        incomplete=hearing.incomplete,
    )


def assign(alignment: Alignment) -> Report:
    """How many links were found, apart from those of one IRI, how many pairs are left to people, and how many
    links were cut for it.
    """
    cut = {"cut_loose": alignment.loose, "cut_oversize": alignment.oversize}
    same = np.isin(alignment.outcome, LINKED)
    same &= alignment.same_iri if len(alignment.same_iri) else False
    count = {outcome: int((alignment.outcome[~same] == outcome).sum()) for outcome in Outcome}
    return Report(
        {
            "matches": count[Outcome.MATCH] + count[Outcome.CONFIRMED],
            "confirmed": count[Outcome.CONFIRMED],
            "undecided": count[Outcome.UNDECIDED],
            **{outcome.name.lower(): count[outcome] for outcome in _LEFT_OUT if count[outcome]},
            **{name: len(rows) for name, rows in cut.items() if len(rows)},
            **({"same_iri": int(same.sum())} if same.any() else {}),
        },
        figures=dict(alignment.figures),
        notes={
            "cardinality": alignment.cardinality,
            "reason": alignment.reason,
            **{f"assign {number}": text for number, text in enumerate(alignment.warnings, 1)},
        },
    )


def worklist(listed: Worklist) -> Report:
    """How many left entities a person should look at, and how many mistakes are to be expected among them."""
    return Report(
        {"rows": len(listed), "linked": int(listed.linked.sum())},
        figures={"expected_mistakes": float(listed.doubt.astype(np.float64).sum())},
    )


def vocabularies(found: Vocabularies) -> Report:
    """How many properties and classes correspond, and what people should know of them."""
    return Report(
        {
            "properties": sum(match.chosen for match in found.properties),
            "classes": sum(match.chosen for match in found.classes),
        },
        notes={
            **{f"vocabularies {number}": text for number, text in enumerate(found.warnings, 1)},
            **{f"unit {number}": text for number, text in enumerate(found.units, 1)},
        },
    )


def fuse(fusion: Fusion) -> Report:
    """What became of the statements, and what people should know of it."""
    notes = {f"fuse {number}": text for number, text in enumerate(fusion.warnings, 1)}
    return Report(asdict(fusion.counts), notes=notes)


def shapes(found: "Violations") -> Report:
    """How often each graph breaks the shapes, and how much of that fusion caused."""
    left, right = found.before
    return Report({"left": left, "right": right, "fused": len(found.after), "caused": len(found.caused)})

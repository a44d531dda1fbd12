"""Small records, written by hand, for the tests of what reads them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from kgalign.base import store
from kgalign.config import Config
from kgalign.judge import no_hearing, no_opinion
from kgalign.records import (
    Alignment,
    Attribute,
    Candidates,
    Feature,
    Outcome,
    Profile,
    Relation,
    Verdicts,
)
from kgalign.run.folder import RunFolder, RunRecord, StepRecord
from kgalign.values import ValueKind

Values = Mapping[int, Mapping[str, Sequence[str]]]


def profile(
    iris: Sequence[str],
    names: Sequence[str] | None = None,
    *,
    types: Sequence[str | None] | None = None,
    values: Values | None = None,
    edges: Sequence[tuple[int, str, int]] = (),
    kind: ValueKind = ValueKind.NAME,
) -> Profile:
    """A side with these entities; ``values`` gives, per entity, lexical forms by predicate, all of a kind."""
    kinds = sorted({each for each in types or () if each})
    facts = [
        (entity, path, text)
        for entity, by_path in (values or {}).items()
        for path, texts in by_path.items()
        for text in texts
    ]
    paths = sorted({path for _, path, _ in facts})
    texts = sorted({text for _, _, text in facts})
    rows = sorted((entity, paths.index(path), texts.index(text)) for entity, path, text in facts)
    columns = np.array(rows, dtype=np.int32).reshape(-1, 3)
    relations = sorted({relation for _, relation, _ in edges})
    links = sorted((head, relations.index(relation), tail) for head, relation, tail in edges)
    ends = np.array(links, dtype=np.int32).reshape(-1, 3)
    return Profile(
        entity_iri=pa.array(iris, pa.large_string()),
        entity_term=np.arange(len(iris), dtype=np.int32),
        entity_name=pa.array(names or [iri.rsplit("/", 1)[-1] for iri in iris], pa.large_string()),
        entity_type=np.array(
            [kinds.index(each) if each else -1 for each in types or [None] * len(iris)], dtype=np.int32
        ),
        types=tuple(kinds),
        described=np.ones(len(iris), dtype=bool),
        attributes=tuple(
            Attribute((path,), kind, 1, 1.0, 1.0, 1.0, 1.0, is_name=path.endswith("label")) for path in paths
        ),
        value_entity=columns[:, 0],
        value_attribute=columns[:, 1],
        value_text=columns[:, 2],
        texts=pa.array(texts, pa.large_string()),
        relations=tuple(Relation(each, 1, 1.0, 1.0) for each in relations),
        edge_head=ends[:, 0],
        edge_relation=ends[:, 1],
        edge_tail=ends[:, 2],
    )


def candidates(rows: Sequence[tuple[int, int, int, int]]) -> Candidates:
    """Candidates from (left, right, rank by names, rank by values); the union's rank is their order."""
    columns = np.array(rows, dtype=np.int32).reshape(-1, 4)
    rank = np.array([sum(row[0] == left for row in rows[: i + 1]) for i, (left, *_) in enumerate(rows)])
    by_channel = columns[:, 2:].astype(np.int16)
    return Candidates(
        left=columns[:, 0],
        right=columns[:, 1],
        rank=rank.astype(np.int32),
        score=(1 / (60 + rank)).astype(np.float32),
        channels=("names", "values"),
        channel_rank=by_channel,
        channel_score=np.where(by_channel > 0, 0.5, 0.0).astype(np.float32),
    )


def verdicts(
    rows: Sequence[tuple[int, int, float]],
    *,
    contributions: Sequence[Sequence[float]] | None = None,
    features: Sequence[Feature] | None = None,
    given: Sequence[int] = (),
) -> Verdicts:
    """Verdicts from (left, right, probability); their evidence is one feature unless it is told."""
    probability = np.array([row[2] for row in rows], dtype=np.float32)
    inner = np.clip(probability, 1e-6, 1 - 1e-6)
    shares = np.log(inner / (1 - inner))[:, None] if contributions is None else np.array(contributions)
    contribution = shares.astype(np.float32).reshape(len(rows), len(features or [None]))
    ids = np.array([row[:2] for row in rows], dtype=np.int32).reshape(-1, 2)
    known = np.zeros(len(rows), dtype=np.bool_)
    known[list(given)] = True
    return Verdicts(
        left=ids[:, 0],
        right=ids[:, 1],
        probability=probability,
        log_odds=contribution.sum(axis=1, dtype=np.float32),
        features=tuple(features or (Feature("names", "name", ("different", "same"), (-1.0, 1.0)),)),
        contribution=contribution,
        level=np.where(contribution > 0, 1, 0).astype(np.int8),
        given=known,
        voted=np.full(len(rows), -1, dtype=np.int8),
    )


def alignment(
    rows: Sequence[tuple[int, int, float, Outcome]], *, cardinality: str = "one-to-one"
) -> Alignment:
    """An alignment from (left, right, probability, outcome), in the order of the entities."""
    ordered = sorted(rows)
    ids = np.array([row[:2] for row in ordered], dtype=np.int32).reshape(-1, 2)
    return Alignment(
        left=ids[:, 0],
        right=ids[:, 1],
        probability=np.array([row[2] for row in ordered], dtype=np.float32),
        outcome=np.array([row[3] for row in ordered], dtype=np.uint8),
        verdict=np.arange(len(ordered), dtype=np.int32),
        cardinality=cardinality,
        reason="The test says so.",
    )


def run_folder(path: Path, **stages: object) -> Path:
    """A finished run folder with these records, ``_`` in place of ``-`` in their stages' names."""
    folder = RunFolder(path)
    path.mkdir(parents=True)
    stages = {"student": no_opinion(), "ask": no_hearing()} | stages if "judge" in stages else stages
    names = {name.replace("_", "-"): record for name, record in stages.items()}
    for name, record in names.items():
        folder.stage(name).parent.mkdir(exist_ok=True)
        store.save(folder.stage(name), record)
    steps = {name: StepRecord("", 0.0, 0) for name in names}
    folder.write(RunRecord("0", {}, Config().model_dump(mode="json"), 0, steps=steps))
    return path

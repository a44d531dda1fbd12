"""The channels, united by reciprocal rank."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from kgalign.config import RetrieveConfig
from kgalign.progress import NoProgress, Progress
from kgalign.rdf.graph import Ids
from kgalign.records import Candidates, Floats, Profile, ValueKind
from kgalign.retrieve.lexical import keep_best, top_rows
from kgalign.retrieve.vectors import nearest, project, propagate, unit
from kgalign.text import fold, gram_rows, idf, weigh, word_rows, words

_RRF = 60
"""The constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009)."""
_WIDTH = 128
Pairs = tuple[Ids, Ids, Floats]


def retrieve(
    left: Profile,
    right: Profile,
    config: RetrieveConfig,
    *,
    seed: int = 0,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Candidates:
    """Find the right entities worth judging for each left one, and the other way round.

    :param cache: folder for embeddings, by the hash of text and model.
    :returns: about ``config.k`` candidates per entity, over both directions.
    """
    watch = progress or NoProgress()
    found: dict[str, list[Pairs]] = {}
    grams = _name_grams(left, right)
    tokens = _value_words(left, right)
    if "names" in config.channels:
        (rows_l, owner_l), (rows_r, owner_r) = grams
        found["names"] = [
            _by_owner(top_rows(rows_l, rows_r, config.k, progress=watch, name="names"), owner_l, owner_r, config.k),
            _turned(_by_owner(top_rows(rows_r, rows_l, config.k, progress=watch, name="names"), owner_r, owner_l, config.k)),
        ]
    if "values" in config.channels:
        found["values"] = [
            top_rows(tokens[0], tokens[1], config.k, progress=watch, name="values"),
            _turned(top_rows(tokens[1], tokens[0], config.k, progress=watch, name="values")),
        ]
    if "structure" in config.channels and len(left.edge_head) and len(right.edge_head):
        with watch.task("structure", 2) as task:
            a, b = _structure(left, right, grams, tokens, seed)
            task.advance()
            found["structure"] = [nearest(a, b, config.k, seed), _turned(nearest(b, a, config.k, seed))]
            task.advance()
    return _unite(found, config.k)


def _turned(pairs: Pairs) -> Pairs:
    return pairs[1], pairs[0], pairs[2]


def _name_grams(left: Profile, right: Profile):  # type: ignore[no-untyped-def]
    sides = []
    for profile in (left, right):
        naming = np.array([a.is_name for a in profile.attributes] + [False])
        rows = naming[profile.value_attribute]
        pairs = np.unique(np.stack([profile.value_entity[rows], profile.value_text[rows]]), axis=1)
        texts = [fold(t) for t in profile.texts.take(pa.array(pairs[1])).to_pylist()]
        sides.append((gram_rows(texts), pairs[0].astype(np.int32)))
    weights = idf(sides[0][0], sides[1][0])
    return tuple((weigh(rows, weights), owner) for rows, owner in sides)


def _value_words(left: Profile, right: Profile):  # type: ignore[no-untyped-def]
    vocabulary: dict[str, int] = {}
    rows = [word_rows(_all_words(profile), vocabulary) for profile in (left, right)]
    for matrix in rows:
        matrix.resize((matrix.shape[0], max(len(vocabulary), 1)))
    weights = idf(rows[0], rows[1])
    return tuple(weigh(matrix, weights) for matrix in rows)


def _all_words(profile: Profile) -> list[list[str]]:
    links = np.array([a.kind == ValueKind.LINK for a in profile.attributes] + [False])
    listed = profile.texts.to_pylist()
    split = [words(text) for text in listed]
    rows: list[list[str]] = [[] for _ in range(len(profile))]
    for entity, attribute, text in zip(
        profile.value_entity.tolist(), profile.value_attribute.tolist(), profile.value_text.tolist(), strict=True
    ):
        rows[entity].extend([listed[text]] if links[attribute] else split[text])
    return rows


def _by_owner(pairs: Pairs, left: Ids, right: Ids, k: int) -> Pairs:
    """From rows of names to their entities: the best pair of names counts."""
    a, b, score = keep_best(left[pairs[0]], right[pairs[1]], pairs[2], len(pairs[0]))
    order = np.lexsort((-score, b, a))
    a, b, score = a[order], b[order], score[order]
    first = np.ones(len(a), dtype=bool)
    first[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
    return keep_best(a[first], b[first], score[first], k)


def _structure(left: Profile, right: Profile, grams, tokens, seed: int) -> tuple[Floats, Floats]:  # type: ignore[no-untyped-def]
    """Own features, those of the neighbours and of theirs, side by side."""
    parts: list[list[Floats]] = [[], []]
    name_columns = np.intersect1d(grams[0][0].indices, grams[1][0].indices)
    word_columns = np.intersect1d(tokens[0].indices, tokens[1].indices)
    for side, profile in enumerate((left, right)):
        rows, owner = grams[side]
        by_name = np.zeros((len(profile), _WIDTH), dtype=np.float32)
        np.add.at(by_name, owner, project(rows, name_columns, _WIDTH, seed))
        own = unit(unit(by_name) + unit(project(tokens[side], word_columns, _WIDTH, seed + 1)))
        parts[side] = [own, *propagate(profile, own)]
    return np.concatenate(parts[0], axis=1), np.concatenate(parts[1], axis=1)


def _unite(found: dict[str, list[Pairs]], k: int) -> Candidates:
    channels = tuple(found)
    everything = [pairs for name in channels for pairs in found[name]]
    width = 1 + max((int(p[1].max()) for p in everything if len(p[1])), default=0)
    keys = [p[0].astype(np.int64) * width + p[1] for p in everything]
    all_keys = np.unique(np.concatenate(keys)) if keys else np.zeros(0, np.int64)
    rank = np.zeros((len(all_keys), len(channels)), dtype=np.int16)
    score = np.zeros((len(all_keys), len(channels)), dtype=np.float32)
    fused = np.zeros((len(all_keys), 2), dtype=np.float32)
    for column, name in enumerate(channels):
        for direction, (a, b, value) in enumerate(found[name]):
            place = np.searchsorted(all_keys, a.astype(np.int64) * width + b)
            asking = a if direction == 0 else b
            order = np.lexsort((b, a, -value, asking))
            starts = np.searchsorted(asking[order], asking[order], "left")
            position = np.empty(len(order), dtype=np.int64)
            position[order] = np.arange(len(order)) - starts + 1
            if direction == 0:
                rank[place, column] = np.minimum(position, 32_000)
            score[place, column] = np.maximum(score[place, column], value)
            fused[place, direction] += (1 / (_RRF + position)).astype(np.float32)
    a, b = (all_keys // width).astype(np.int32), (all_keys % width).astype(np.int32)
    keep = (_place(a, b, fused[:, 0]) <= k) | (_place(b, a, fused[:, 1]) <= max(k // 2, 1))
    keep &= fused.max(axis=1) > 0
    a, b, rank, score, fused = a[keep], b[keep], rank[keep], score[keep], fused[keep]
    united = fused.sum(axis=1)
    order = np.lexsort((b, -united, a))
    place = _place(a, b, united)
    return Candidates(a[order], b[order], place[order].astype(np.int32), united[order], channels, rank[order], score[order])


def _place(asking: Ids, other: Ids, score: Floats) -> np.ndarray:
    """1-based place of each pair among those of the asking entity."""
    order = np.lexsort((other, -score, asking))
    starts = np.searchsorted(asking[order], asking[order], "left")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order)) - starts + 1
    return place

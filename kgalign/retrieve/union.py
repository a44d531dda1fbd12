"""The channels, united by reciprocal rank."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import Positions, find, place_in_run, unique
from kgalign.base.progress import NoProgress, Progress
from kgalign.config import AUTO, RetrieveConfig
from kgalign.rdf.graph import Ids
from kgalign.records import Candidates, Floats, Profile
from kgalign.retrieve.auto import choose
from kgalign.retrieve.channels import CHANNELS, Pairs, Search, find_by
from kgalign.retrieve.dense import dense_channel
from kgalign.retrieve.lexical import best_first

_RRF = 60
"""The constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009)."""


def retrieve(
    left: Profile,
    right: Profile,
    config: RetrieveConfig,
    *,
    seed: int = 0,
    cache: Path | None = None,
    model: Path | None = None,
    progress: Progress | None = None,
) -> Candidates:
    """Find the right entities worth judging for each left one, and the other way round.

    :param cache: folder for embeddings, by the hash of text and model.
    :param model: folder of the model that the embedder ``auto`` takes where it pays; None where none is
        installed.
    :returns: the pairs in which one entity is among the best ``config.k`` of the other, from either side,
        united from the channels of ``config`` by reciprocal rank; pairs with one IRI are a channel of their
        own. Where the embedder is ``auto``, its ``notes`` say what was taken and why.
    """
    watch = progress or NoProgress()
    found: dict[str, list[Pairs]] = {}
    same = same_iris_of(left, right)
    if len(same[0]):
        found["iri"] = [same, same]
    own = [name for name in CHANNELS if name in config.channels]
    for name in (*own, *(each for each in config.channels if each not in CHANNELS)):
        pairs = find_by(name, left, right, Search(config.k, found, watch))
        if pairs:
            found[name] = pairs
    notes: dict[str, str] = {}
    if config.embedder == AUTO:
        choice = choose(found, left, right, model)
        config, notes = config.model_copy(update={"embedder": choice.embedder}), choice.notes
    if config.embedder:
        found["dense"] = dense_channel(left, right, config, seed=seed, cache=cache, progress=watch)
    return replace(unite(found, config.k), notes=notes)


def same_iris_of(left: Profile, right: Profile) -> Pairs:
    """Entities that carry one IRI on both sides. Labels of blank nodes are no names: they don't count."""
    place = pc.index_in(left.entity_iri, value_set=right.entity_iri)
    blank = pc.starts_with(left.entity_iri, "_:")
    rows = np.flatnonzero(pc.and_(pc.is_valid(place), pc.invert(blank)).to_numpy(zero_copy_only=False))
    partners = place.take(pa.array(rows)).to_numpy(zero_copy_only=False)
    return rows.astype(np.int32), partners.astype(np.int32), np.ones(len(rows), dtype=np.float32)


def unite(found: dict[str, list[Pairs]], k: int) -> Candidates:
    """Unite the channels: reciprocal ranks are added up for the asking entity, in each direction.

    ``found`` is emptied, so that no channel is held longer than it is needed.
    """
    channels = tuple(found)
    keys = (
        unique(np.concatenate([keys_of(a, b) for both in found.values() for a, b, _ in both]))
        if found
        else _NONE
    )
    fused = np.zeros((2, len(keys)), dtype=np.float32)
    for both in found.values():
        for direction, (a, b, value) in enumerate(both):
            position = place_of(a, b, value) if direction == 0 else place_of(b, a, value)
            fused[direction, find(keys, keys_of(a, b))] += (1 / (_RRF + position)).astype(np.float32)
    a, b = _ends(keys)
    keep = ((place_of(a, b, fused[0]) <= k) & (fused[0] > 0)) | (
        (place_of(b, a, fused[1]) <= k) & (fused[1] > 0)
    )
    a, b, keys, united = a[keep], b[keep], keys[keep], fused[:, keep].sum(axis=0)
    del fused
    rank = np.zeros((len(keys), len(channels)), dtype=np.int16)
    score = np.zeros((len(keys), len(channels)), dtype=np.float32)
    for column, name in enumerate(channels):
        _fill(rank[:, column], score[:, column], keys, found.pop(name))
    place = place_of(a, b, united)
    order = np.lexsort((place, a))
    return Candidates(a, b, place.astype(np.int32), united, channels, rank, score).take(order)


_NONE = np.zeros(0, dtype=np.int64)


def keys_of(left: Ids, right: Ids) -> Positions:
    """One number for each pair, which sorts by the left entity, then by the right one."""
    return left.astype(np.int64) << 32 | right


def _ends(keys: Positions) -> tuple[Ids, Ids]:
    return (keys >> 32).astype(np.int32), (keys & 0xFFFFFFFF).astype(np.int32)


def _fill(rank: npt.NDArray[np.int16], score: Floats, keys: Positions, found: list[Pairs]) -> None:
    """Rank and score in one channel of the pairs that are kept.

    Whoever found a pair, its rank is the one among all that the channel found for the left entity.
    """
    by_direction = [keys_of(a, b) for a, b, _ in found]
    own = unique(np.concatenate(by_direction))
    best = np.zeros(len(own), dtype=np.float32)
    for each, (_, _, value) in zip(by_direction, found, strict=True):
        place = find(own, each)
        best[place] = np.maximum(best[place], value)
    if not len(own):
        return
    place = np.minimum(np.searchsorted(own, keys), len(own) - 1)
    rows = np.flatnonzero(own[place] == keys)
    place = place[rows]
    rank[rows] = np.minimum(place_of(*_ends(own), best), 32_000)[place]
    score[rows] = best[place]


def place_of(asking: Ids, other: Ids, score: Floats) -> Positions:
    """1-based place of each pair among those of the asking entity."""
    order = best_first(asking, other, score)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = place_in_run(asking[order]) + 1
    return place

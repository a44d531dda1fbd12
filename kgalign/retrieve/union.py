"""The channels, united by reciprocal rank."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array, csr_array

from kgalign.arrays import Positions, distinct, join, place_in_run, run_starts, unique
from kgalign.base.progress import NoProgress, Progress
from kgalign.config import AUTO, RetrieveConfig
from kgalign.rdf.graph import Ids
from kgalign.records import Candidates, Floats, Profile, ValueKind
from kgalign.retrieve.auto import choose
from kgalign.retrieve.dense import dense_channel
from kgalign.retrieve.lexical import best_first, keep_best, top_rows
from kgalign.values import day_number, read_date, read_number
from kgalign.values.text import entity_words, fold, gram_rows, idf, weigh, word_rows

_RRF = 60
"""The constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009)."""
_ANCHOR_SCORE = 0.6
_DAYS = 10
"""Days that one mark of nearness stands for."""
_RATIO = 0.05
"""Ratio of numbers, as a natural logarithm, that one mark of nearness stands for."""
_LEAST_NUMBER = 20
"""Smaller numbers are counts more often than measures."""
Pairs = tuple[Ids, Ids, Floats]


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
    same = _same_iri(left, right)
    if len(same[0]):
        found["iri"] = [same, same]
    if "names" in config.channels:
        found["names"] = _by_name(left, right, config.k, watch)
    if "values" in config.channels:
        rows = _value_words(left, right)
        found["values"] = both_ways(*rows, config.k, watch, "retrieve by values")
    if "structure" in config.channels and len(left.edge_head) and len(right.edge_head):
        rows = anchor_rows(left, right, *anchors(found))
        found["structure"] = both_ways(*rows, config.k, watch, "retrieve by structure")
    notes: dict[str, str] = {}
    if config.embedder == AUTO:
        choice = choose(found, left, right, model)
        config, notes = config.model_copy(update={"embedder": choice.embedder}), choice.notes
    if config.embedder:
        found["dense"] = dense_channel(left, right, config, seed=seed, cache=cache, progress=watch)
    return replace(_unite(found, config.k), notes=notes)


def both_ways(left: csr_array, right: csr_array, k: int, progress: Progress, name: str) -> list[Pairs]:
    """The k best right rows of each left row, and the k best left rows of each right row."""
    back = top_rows(right, left, k, progress=progress, name=name)
    return [top_rows(left, right, k, progress=progress, name=name), _turned(back)]


def _turned(pairs: Pairs) -> Pairs:
    return pairs[1], pairs[0], pairs[2]


def _same_iri(left: Profile, right: Profile) -> Pairs:
    """Entities that carry one IRI on both sides. Labels of blank nodes are no names: they don't count."""
    place = pc.index_in(left.entity_iri, value_set=right.entity_iri)
    blank = pc.starts_with(left.entity_iri, "_:")
    rows = np.flatnonzero(pc.and_(pc.is_valid(place), pc.invert(blank)).to_numpy(zero_copy_only=False))
    partners = place.take(pa.array(rows)).to_numpy(zero_copy_only=False)
    return rows.astype(np.int32), partners.astype(np.int32), np.ones(len(rows), dtype=np.float32)


def _by_name(left: Profile, right: Profile, k: int, progress: Progress) -> list[Pairs]:
    """Entities by their most similar names: cosine of rare character trigrams."""
    (rows_l, owner_l), (rows_r, owner_r) = (_name_rows(profile) for profile in (left, right))
    weights = idf(rows_l, rows_r)
    rows_l, rows_r = weigh(rows_l, weights), weigh(rows_r, weights)
    forth, back = both_ways(rows_l, rows_r, k, progress, "retrieve by names")
    return [
        _by_owner(forth, owner_l, owner_r, k),
        _turned(_by_owner(_turned(back), owner_r, owner_l, k)),
    ]


def _name_rows(profile: Profile) -> tuple[csr_array, Ids]:
    """A row for each name of each entity, and whose it is."""
    naming = np.array([a.is_name for a in profile.attributes] + [False])
    rows = naming[profile.value_attribute]
    entity, text = distinct(profile.value_entity[rows], profile.value_text[rows])
    return gram_rows([fold(each) for each in profile.texts.take(pa.array(text)).to_pylist()]), entity


def _value_words(left: Profile, right: Profile) -> tuple[csr_array, csr_array]:
    vocabulary: dict[str, int] = {}
    rows = [word_rows(_words_and_nearness(profile), vocabulary) for profile in (left, right)]
    for matrix in rows:
        matrix.resize((matrix.shape[0], max(len(vocabulary), 1)))
    weights = idf(rows[0], rows[1])
    return weigh(rows[0], weights), weigh(rows[1], weights)


def _words_and_nearness(profile: Profile) -> list[list[str]]:
    """The words of each entity, and where its numbers and days lie: near ones share a mark.

    Marks stand for stretches of a scale, twice, the second time half a stretch on.
    """
    rows = entity_words(profile)
    kinds = [attribute.kind for attribute in profile.attributes]
    texts = profile.texts.to_pylist()
    marks: dict[tuple[int, ValueKind], list[str]] = {}
    for entity, attribute, text in zip(
        profile.value_entity.tolist(),
        profile.value_attribute.tolist(),
        profile.value_text.tolist(),
        strict=True,
    ):
        kind = kinds[attribute]
        if kind in (ValueKind.NUMBER, ValueKind.DATE):
            if (text, kind) not in marks:
                marks[text, kind] = _marks(texts[text], kind)
            rows[entity] += marks[text, kind]
    return rows


def _marks(text: str, kind: ValueKind) -> list[str]:
    if kind is ValueKind.DATE:
        day = day_number(read_date(text))
        place = None if day is None else day / _DAYS
    else:
        number = read_number(text)
        far = number == number and abs(number) >= _LEAST_NUMBER and abs(number) < float("inf")
        place = math.log(abs(number)) / _RATIO if far else None
    if place is None:
        return []
    return [f"\x00{kind}{math.floor(place)}", f"\x00{kind}'{math.floor(place + 0.5)}"]


def _by_owner(pairs: Pairs, asking: Ids, asked: Ids, k: int) -> Pairs:
    """From rows of names to their entities: the best pair of names counts."""
    a, b, score = asking[pairs[0]], asked[pairs[1]], pairs[2]
    order = np.lexsort((-score, b, a))
    a, b, score = a[order], b[order], score[order]
    first = run_starts(a, b)
    return keep_best(a[first], b[first], score[first], k)


def anchors(found: dict[str, list[Pairs]]) -> tuple[Ids, Ids]:
    """Pairs that are each other's best in a channel, both ways, and similar: what structure hangs on."""
    chosen: list[tuple[Ids, Ids]] = []
    for name in found:
        forth, back = found[name]
        keys = [_firsts(*forth), _firsts(*_turned(back))[::-1]]
        one, other = (a.astype(np.int64) << 32 | b for a, b in keys)
        both = np.intersect1d(one, other)
        chosen.append(((both >> 32).astype(np.int32), (both & 0xFFFFFFFF).astype(np.int32)))
    if not chosen:
        empty = np.zeros(0, dtype=np.int32)
        return empty, empty
    left, right = distinct(*(np.concatenate(each) for each in zip(*chosen, strict=True)))
    return left, right


def _firsts(asking: Ids, asked: Ids, score: Floats) -> tuple[Ids, Ids]:
    rows = np.flatnonzero(score >= _ANCHOR_SCORE)
    a, b, _ = keep_best(asking[rows], asked[rows], score[rows], 1)
    return a, b


def anchor_rows(left: Profile, right: Profile, a: Ids, b: Ids) -> tuple[csr_array, csr_array]:
    """Which anchors each entity is linked to, in either direction, as TF-IDF rows: rare anchors say more.

    Exact where a projection is not: on DBP15K FR–EN and on OpenEA D–W neighbours as an inverted
    index retrieve more than propagated features do by dense search, in a third of the time.
    """
    rows = []
    for profile, ends in ((left, a), (right, b)):
        # An entity may be an end of several anchors: its links count for each of them.
        node = np.concatenate([profile.edge_head, profile.edge_tail])
        other = np.concatenate([profile.edge_tail, profile.edge_head])
        edge, column = join(other, ends)
        pairs = unique(node[edge].astype(np.int64) * max(len(ends), 1) + column)
        shape = (len(profile), max(len(ends), 1))
        ones = np.ones(len(pairs), dtype=np.float32)
        rows.append(coo_array((ones, (pairs // shape[1], pairs % shape[1])), shape=shape).tocsr())
    weights = idf(rows[0], rows[1])
    return weigh(rows[0], weights), weigh(rows[1], weights)


def _unite(found: dict[str, list[Pairs]], k: int) -> Candidates:
    """Unite the channels: reciprocal ranks are added up for the asking entity, in each direction.

    ``found`` is emptied, so that no channel is held longer than it is needed.
    """
    channels = tuple(found)
    keys = (
        unique(np.concatenate([_keys(each) for both in found.values() for each in both])) if found else _NONE
    )
    fused = np.zeros((2, len(keys)), dtype=np.float32)
    for both in found.values():
        for direction, (a, b, value) in enumerate(both):
            position = _place(a, b, value) if direction == 0 else _place(b, a, value)
            fused[direction, np.searchsorted(keys, _keys((a, b, value)))] += (1 / (_RRF + position)).astype(
                np.float32
            )
    a, b = _ends(keys)
    keep = ((_place(a, b, fused[0]) <= k) & (fused[0] > 0)) | ((_place(b, a, fused[1]) <= k) & (fused[1] > 0))
    a, b, keys, united = a[keep], b[keep], keys[keep], fused[:, keep].sum(axis=0)
    del fused
    rank = np.zeros((len(keys), len(channels)), dtype=np.int16)
    score = np.zeros((len(keys), len(channels)), dtype=np.float32)
    for column, name in enumerate(channels):
        _fill(rank[:, column], score[:, column], keys, found.pop(name))
    place = _place(a, b, united)
    order = np.lexsort((place, a))
    return Candidates(
        left=a[order],
        right=b[order],
        rank=place[order].astype(np.int32),
        score=united[order],
        channels=channels,
        channel_rank=rank[order],
        channel_score=score[order],
    )


_NONE = np.zeros(0, dtype=np.int64)


def _keys(pairs: Pairs) -> Positions:
    """One number for each pair, which sorts by the left entity, then by the right one."""
    return pairs[0].astype(np.int64) << 32 | pairs[1]


def _ends(keys: Positions) -> tuple[Ids, Ids]:
    return (keys >> 32).astype(np.int32), (keys & 0xFFFFFFFF).astype(np.int32)


def _fill(rank: npt.NDArray[np.int16], score: Floats, keys: Positions, found: list[Pairs]) -> None:
    """Rank and score in one channel of the pairs that are kept.

    Whoever found a pair, its rank is the one among all that the channel found for the left entity.
    """
    by_direction = [_keys(each) for each in found]
    own = unique(np.concatenate(by_direction))
    best = np.zeros(len(own), dtype=np.float32)
    for each, (_, _, value) in zip(by_direction, found, strict=True):
        place = np.searchsorted(own, each)
        best[place] = np.maximum(best[place], value)
    if not len(own):
        return
    place = np.minimum(np.searchsorted(own, keys), len(own) - 1)
    rows = np.flatnonzero(own[place] == keys)
    place = place[rows]
    rank[rows] = np.minimum(_place(*_ends(own), best), 32_000)[place]
    score[rows] = best[place]


def _place(asking: Ids, other: Ids, score: Floats) -> Positions:
    """1-based place of each pair among those of the asking entity."""
    order = best_first(asking, other, score)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = place_in_run(asking[order]) + 1
    return place

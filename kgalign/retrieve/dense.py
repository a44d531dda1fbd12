"""The dense channel: entities in words, as vectors, and the nearest of them."""

import logging
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from kgalign.base import scratch
from kgalign.base.progress import Progress
from kgalign.config import RetrieveConfig
from kgalign.errors import KgalignError
from kgalign.rdf.graph import Ids
from kgalign.records import Floats, Profile
from kgalign.retrieve.embedders import Embedder, open_embedder
from kgalign.retrieve.embedding_cache import EmbeddingCache, key_of, open_cache
from kgalign.retrieve.vectors import nearest, recall_of
from kgalign.retrieve.verbalise import verbalise

log = logging.getLogger(__name__)

_TINY = 1e-12
_BATCH = 256
"""Texts that are embedded, and kept, at once: what a run that is killed loses at most."""


def dense_channel(
    left: Profile,
    right: Profile,
    config: RetrieveConfig,
    *,
    seed: int,
    cache: Path | None,
    progress: Progress,
) -> tuple[list[tuple[Ids, Ids, Floats]], dict[str, str]]:
    """The entities whose words mean nearly the same, asked for from both sides.

    :param config: ``embedder`` says which model or server, ``k`` how many.
    :param cache: folder for embeddings, by the hash of model and text; None to keep none.
    :returns: (left entity, right entity, cosine) twice: the k nearest of each left entity, sorted by it
        and falling cosine, then those of each right one, sorted likewise. Entities without words
        and pairs whose cosine is not above zero are left out. Beside it notes: where not all vectors were
        looked at, how many of the nearest of some entities were found.
    :raises ValueError: no embedder is configured.
    :raises KgalignError: the embedder is not installed, can't be reached or loaded, or gives no usable
        vectors; the cache can't be written.
    """
    if config.embedder is None:
        raise ValueError("no embedder is configured")
    texts = [texts_of(side, config) for side in (left, right)]
    with closing(open_embedder(config.embedder)) as embedder, open_cache(cache) as kept:
        rows = embed([*texts[0], *texts[1]], embedder, kept, progress)
    left_rows, right_rows = rows[: len(left)], rows[len(left) :]
    with progress.task("retrieve by meaning", 2) as task:
        forth = nearest(left_rows, right_rows, config.k, seed)
        task.advance()
        back = nearest(right_rows, left_rows, config.k, seed)
        task.advance()
    notes: dict[str, str] = {}
    share = recall_of(left_rows, right_rows, forth, config.k)
    if share is not None:
        notes["embedder recall"] = (
            f"of the {config.k} nearest of some left entities {share:.1%} were found: a part of the vectors "
            "was looked at for each"
        )
    return [_similar(*forth), _similar(back[1], back[0], back[2])], notes


def texts_of(side: Profile, config: RetrieveConfig) -> list[str]:
    """What an embedder reads of each entity of a side; empty where there is nothing to read."""
    entities = np.arange(len(side), dtype=np.int32)
    return verbalise(side, entities, attribute_names=config.attribute_names)


def embed(texts: Sequence[str], embedder: Embedder, cache: EmbeddingCache, progress: Progress) -> Floats:
    """(texts, dimensions) vectors of unit length, a zero row for an empty text; each text is embedded once.

    :raises KgalignError: what the embedder says, or its vectors can't be used.
    """
    # The order, and with it what stands in a batch, follows from the texts alone, and a batch is kept as a
    # whole: a run that was killed goes on to the same bytes. Texts of a length side by side need no padding.
    distinct = sorted(set(texts) - {""}, key=lambda text: (len(text), text))
    keys = [key_of(embedder.identity, text) for text in distinct]
    found = cache.read(keys)
    log.info("%d texts to embed, %d are in the cache", len(distinct) - len(found), len(found))
    with progress.task("embed", len(distinct), "texts") as task:
        for start in range(0, len(distinct), _BATCH):
            batch = slice(start, start + _BATCH)
            missing = {
                key: text for key, text in zip(keys[batch], distinct[batch], strict=True) if key not in found
            }
            if missing:
                vectors = _checked(embedder.embed(list(missing.values())), len(missing), found)
                cache.write(list(missing), vectors)
                found.update(zip(missing, vectors, strict=True))
            task.advance(len(keys[batch]))
    return _rows(texts, distinct, [found[key] for key in keys])


def _checked(vectors: Floats, count: int, found: dict[bytes, Floats]) -> Floats:
    """Vectors that can be used beside those found before; otherwise an error, and none of them is kept."""
    if vectors.shape[:1] != (count,) or not vectors.size or not np.isfinite(vectors).all():
        raise KgalignError(
            "The embedder gives vectors that are missing, empty or not finite", "Give another with --embedder"
        )
    width = len(next(iter(found.values()), vectors[0]))
    if vectors.shape[1] != width:
        raise KgalignError(
            f"The embedder gives vectors of {vectors.shape[1]} numbers, and gave some of {width} before",
            "Delete the folder cache in the run folder if it is another model now",
        )
    return vectors


def _rows(texts: Sequence[str], distinct: Sequence[str], vectors: Sequence[Floats]) -> Floats:
    place = {text: number for number, text in enumerate(distinct)}
    rows: Floats = scratch.full((len(texts), len(vectors[0]) if vectors else 1), 0, np.float32)
    for row, text in zip(rows, texts, strict=True):
        if text:
            vector = vectors[place[text]]
            row[:] = vector / max(float(np.linalg.norm(vector)), _TINY)
    return rows


def _similar(left: Ids, right: Ids, cosine: Floats) -> tuple[Ids, Ids, Floats]:
    keep = cosine > 0
    return left[keep], right[keep], cosine[keep]

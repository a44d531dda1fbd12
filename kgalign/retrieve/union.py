"""The channels, united by reciprocal rank."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.base.progress import NoProgress, Progress
from kgalign.config import AUTO, RetrieveConfig
from kgalign.records import Candidates, Profile
from kgalign.retrieve.auto import choose
from kgalign.retrieve.channels import CHANNELS, Search, find_by
from kgalign.retrieve.ranks import Pairs
from kgalign.retrieve.uniting import unite


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
        own. Its ``notes`` say what the embedder ``auto`` took and why, and what retrieval had to leave out.
    """
    watch = progress or NoProgress()
    found: dict[str, list[Pairs]] = {}
    same = same_iris_of(left, right)
    if len(same[0]):
        found["iri"] = [same, same]
    own = [name for name in CHANNELS if name in config.channels]
    notes: dict[str, str] = {}
    for name in (*own, *(each for each in config.channels if each not in CHANNELS)):
        pairs = find_by(name, left, right, Search(config.k, found, watch, notes))
        if pairs:
            found[name] = pairs
    if config.embedder == AUTO:
        choice = choose(found, left, right, model)
        config = config.model_copy(update={"embedder": choice.embedder})
        notes.update(choice.notes)
    if config.embedder:
        # Only here: FAISS takes a tenth of a second and 13 MB to import.
        from kgalign.retrieve.dense import dense_channel

        found["dense"], told = dense_channel(left, right, config, seed=seed, cache=cache, progress=watch)
        notes.update(told)
    return replace(unite(found, config.k), notes=notes)


def same_iris_of(left: Profile, right: Profile) -> Pairs:
    """Entities that carry one IRI on both sides. Labels of blank nodes are no names: they don't count."""
    place = pc.index_in(left.entity_iri, value_set=right.entity_iri)
    blank = pc.starts_with(left.entity_iri, "_:")
    rows = np.flatnonzero(pc.and_(pc.is_valid(place), pc.invert(blank)).to_numpy(zero_copy_only=False))
    partners = place.take(pa.array(rows)).to_numpy(zero_copy_only=False)
    return rows.astype(np.int32), partners.astype(np.int32), np.ones(len(rows), dtype=np.float32)

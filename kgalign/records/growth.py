"""What is new on a side since a run before: which entities are what they were, by all that is said of them.

Entities are known by their IRIs, and blank nodes by what is said of them. Two signatures of each are held
against each other: of its values (with the paths, kinds and roles of their attributes), and of its
neighbours. A signature is the sum of the hashes of its members (Zobrist, 1970), so that no order counts.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import Flags, Hashes, flags, hashes
from kgalign.rdf.graph import Ids
from kgalign.records import Profile


@dataclass(frozen=True, slots=True)
class Growth:
    """One side, held against what it was."""

    before: Ids
    """(n,) id in the profile before of the entity with the same values, -1 for one that is new or changed."""
    touched: Flags
    """(n,) entities that are new or changed, have other neighbours, or have such ones among them."""
    new: int
    """Entities that were not there."""
    changed: int
    """Entities of which something else is said."""
    gone: int
    """Entities that are there no more."""

    @property
    def fresh(self) -> Flags:
        """(n,) entities that are new or changed."""
        found: Flags = self.before < 0
        return found

    def now(self, size: int) -> Ids:
        """(size,) id now of each entity before, -1 for one that is gone or changed."""
        found = np.full(size, -1, dtype=np.int32)
        rows = np.flatnonzero(self.before >= 0)
        found[self.before[rows]] = rows
        return found


def growth_of(before: Profile, now: Profile) -> Growth:
    """What became of the entities of a side.

    :param before: the side as it was; ``now`` as it is.
    """
    texts = pa.concat_arrays([now.texts, before.texts]).dictionary_encode().indices.to_numpy()
    text_now, text_before = texts[: len(now.texts)], texts[len(now.texts) :]
    values = _values(now, text_now), _values(before, text_before)
    names = _names(now, values[0]), _names(before, values[1])
    place = pc.index_in(names[0], value_set=names[1]).fill_null(-1).to_numpy(zero_copy_only=False)
    was = place.astype(np.int32)
    same = (was >= 0) & (values[0] == values[1][was])
    keys = [_keys(each, mine) for each, mine in zip((now, before), (names[0], names[1]), strict=True)]
    around = _neighbours(now, keys[0]), _neighbours(before, keys[1])
    moved = ~same | (around[0] != around[1][was])
    touched = moved | flags(
        len(now), now.edge_head[~same[now.edge_tail]], now.edge_tail[~same[now.edge_head]]
    )
    return Growth(
        before=np.where(same, was, -1).astype(np.int32),
        touched=touched,
        new=int((was < 0).sum()),
        changed=int(((was >= 0) & ~same).sum()),
        gone=len(before) - int((was >= 0).sum()),
    )


def _of_texts(texts: list[str]) -> Hashes:
    """A hash of each text."""
    digests = [hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts]
    return np.frombuffer(b"".join(digests), dtype=np.uint64).copy()


def _added(node: Ids, each: Hashes, size: int) -> Hashes:
    """(size,) sum of the hashes of each node, over 64 bits."""
    found: Hashes = np.zeros(size, dtype=np.uint64)
    np.add.at(found, node, each)
    return found


def _values(profile: Profile, text: npt.NDArray[np.int32]) -> Hashes:
    """(n,) signature of what is said of each entity itself.

    :param text: (texts,) a number of each text that is the same in both profiles.
    """
    attributes = _of_texts(
        [f"{each.path!r} {each.kind.value} {each.is_name}" for each in profile.attributes] or [""]
    )
    types = _of_texts([*profile.types, ""])
    said = hashes(attributes[profile.value_attribute].view(np.int64), text[profile.value_text])
    kind = hashes(types[profile.entity_type].view(np.int64), profile.described.astype(np.int64))
    found: Hashes = _added(profile.value_entity, said, len(profile)) + kind
    return found


def _names(profile: Profile, values: Hashes) -> pa.Array:
    """(n,) what each entity is known by: its IRI; a blank node by its signature, where no other has it."""
    blank = pc.starts_with(profile.entity_iri, "_:").to_numpy(zero_copy_only=False)
    if not blank.any():
        return profile.entity_iri
    rows = np.flatnonzero(blank)
    _, first, counts = np.unique(values[rows], return_index=True, return_counts=True)
    alone = rows[first[counts == 1]]
    names = profile.entity_iri.to_pylist()
    for row in rows.tolist():
        names[row] = None
    for row in alone.tolist():
        names[row] = f"_:{values[row]:016x}"
    return pa.array(names, pa.large_string())


def _keys(profile: Profile, names: pa.Array) -> Hashes:
    """(n,) a hash of what each entity is known by, for its neighbours' signatures."""
    return _of_texts([name or "" for name in names.to_pylist()] or [""])


def _neighbours(profile: Profile, keys: Hashes) -> Hashes:
    """(n,) signature of the edges of each entity, in both directions."""
    relations = _of_texts([each.iri for each in profile.relations] or [""])[profile.edge_relation]
    heads, tails = keys[profile.edge_head], keys[profile.edge_tail]
    size = len(profile)
    out = hashes(relations.view(np.int64), tails.view(np.int64), np.zeros(len(tails), dtype=np.int64))
    into = hashes(relations.view(np.int64), heads.view(np.int64), np.ones(len(heads), dtype=np.int64))
    found: Hashes = _added(profile.edge_head, out, size) + _added(profile.edge_tail, into, size)
    return found

"""Attributes whose values are of a kind that others bring: written in one way, and compared as that."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import unique
from kgalign.rdf.graph import Ids
from kgalign.select.attributes import Values, spread_evenly
from kgalign.select.kinds import MOST
from kgalign.values.kinds import ValueKind
from kgalign.values.others import compared_as, read_all


def read_others(values: Values, names: Sequence[str]) -> tuple[Values, dict[int, ValueKind]]:
    """Write values in one way where nearly all of a path are of a kind that others bring.

    :param names: of the kinds, in the order in which they are tried; the first that fits is taken.
    :returns: the values, and the kind of each path that was read so.
    """
    kinds: dict[int, ValueKind] = {}
    if not names:
        return values, kinds
    text = values.text.copy()
    texts = values.texts
    for path in unique(values.path).tolist():
        rows = np.flatnonzero(values.path == path)
        held = unique(values.text[rows])
        name = next((each for each in names if _fits(each, values.texts, held)), None)
        if name is None:
            continue
        kinds[path] = compared_as(name)
        plain = values.texts.take(pa.array(held)).to_pylist()
        read = [was if now is None else now for was, now in zip(plain, read_all(name, plain), strict=True)]
        text[rows] = len(texts) + np.searchsorted(held, values.text[rows])
        texts = pa.concat_arrays([texts, pa.array(read, pa.large_string())])
    distinct = pc.unique(texts)
    distinct = distinct.take(pc.sort_indices(distinct))
    number = pc.index_in(texts, value_set=distinct).to_numpy(zero_copy_only=False).astype(np.int32)
    return replace(values, text=number[text], texts=distinct), kinds


def _fits(name: str, texts: pa.LargeStringArray, held: Ids) -> bool:
    sample = texts.take(pa.array(spread_evenly(held))).to_pylist()
    filled = [each for each in sample if each.strip()]
    read = read_all(name, filled)
    return bool(filled) and sum(each is not None for each in read) >= MOST * len(filled)

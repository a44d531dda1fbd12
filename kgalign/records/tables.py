"""The tables for people: Arrow tables with IRIs and names in place of ids, and their Parquet files."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kgalign.arrays import among
from kgalign.base.cores import slices
from kgalign.rdf.graph import Ids
from kgalign.records import Alignment, Candidates, Outcome, Profile, Verdicts, Worklist

PATH_SEPARATOR = " / "
_ROWS = 1 << 18
"""Rows of a row group."""
_DICTIONARY = 1 << 28
"""Most bytes of a dictionary in a file."""


def profile_table(left: Profile, right: Profile | None = None) -> pa.Table:
    """One row per attribute and relation of each side, the most important first.

    Columns: side, path, kind, facts, coverage, functionality, inverse_functionality, importance, is_name.
    """
    rows = _profile_rows("left", left) + (_profile_rows("right", right) if right is not None else [])
    return pa.Table.from_pylist(rows, schema=_PROFILE_SCHEMA)


_PROFILE_SCHEMA = pa.schema(
    [
        ("side", pa.string()),
        ("path", pa.string()),
        ("kind", pa.string()),
        ("facts", pa.int64()),
        ("coverage", pa.float64()),
        ("functionality", pa.float64()),
        ("inverse_functionality", pa.float64()),
        ("importance", pa.float64()),
        ("is_name", pa.bool_()),
    ]
)


def _profile_rows(side: str, profile: Profile) -> list[dict[str, object]]:
    attributes: list[dict[str, object]] = [
        {
            "side": side,
            "path": PATH_SEPARATOR.join(each.path),
            "kind": each.kind.value,
            "facts": each.facts,
            "coverage": each.coverage,
            "functionality": each.functionality,
            "inverse_functionality": each.inverse_functionality,
            "importance": each.importance,
            "is_name": each.is_name,
        }
        for each in sorted(profile.attributes, key=lambda each: (-each.importance, each.path, each.kind))
    ]
    relations: list[dict[str, object]] = [
        {
            "side": side,
            "path": each.iri,
            "kind": "relation",
            "facts": each.facts,
            "functionality": each.functionality,
            "inverse_functionality": each.inverse_functionality,
        }
        for each in sorted(profile.relations, key=lambda each: (-each.facts, each.iri))
    ]
    return attributes + relations


def candidates_tables(candidates: Candidates, left: Profile, right: Profile) -> Iterator[pa.Table]:
    """One row per candidate pair, some pairs at a time: IRIs, united rank and score, and each channel's rank
    and score.
    """
    for rows in _parts(len(candidates)):
        columns: dict[str, Any] = _pair_columns(candidates.left[rows], candidates.right[rows], left, right)
        columns["rank"] = candidates.rank[rows]
        columns["score"] = candidates.score[rows]
        for position, channel in enumerate(candidates.channels):
            columns[f"{channel}_rank"] = np.ascontiguousarray(candidates.channel_rank[rows, position])
            columns[f"{channel}_score"] = np.ascontiguousarray(candidates.channel_score[rows, position])
        yield pa.table(columns)


def verdicts_tables(
    verdicts: Verdicts, alignment: Alignment, left: Profile, right: Profile
) -> Iterator[pa.Table]:
    """One row per judged pair, some pairs at a time: IRIs, outcome, probability, log-odds and what each
    feature adds to them.
    """
    outcome = np.full(len(verdicts), int(Outcome.NO_MATCH), dtype=np.int8)
    judged = alignment.verdict >= 0
    outcome[alignment.verdict[judged]] = alignment.outcome[judged]
    outcomes = pa.array([each.name.lower() for each in Outcome])
    names = _distinct([feature.name for feature in verdicts.features])
    for rows in _parts(len(verdicts)):
        columns: dict[str, Any] = _pair_columns(verdicts.left[rows], verdicts.right[rows], left, right)
        columns["outcome"] = pa.DictionaryArray.from_arrays(pa.array(outcome[rows]), outcomes)
        columns["probability"] = verdicts.probability[rows]
        columns["log_odds"] = verdicts.log_odds[rows]
        columns["given"] = verdicts.given[rows]
        for position, name in enumerate(names):
            columns[f"log_odds: {name}"] = np.ascontiguousarray(verdicts.contribution[rows, position])
        yield pa.table(columns)


def links_table(alignment: Alignment, left: Profile, right: Profile) -> pa.Table:
    """One row per link or undecided pair: IRIs, names, probability and outcome."""
    names = pa.array([each.name.lower() for each in Outcome])
    return pa.table(
        {
            "left": left.entity_iri.take(pa.array(alignment.left)),
            "right": right.entity_iri.take(pa.array(alignment.right)),
            "left_name": left.entity_name.take(pa.array(alignment.left)),
            "right_name": right.entity_name.take(pa.array(alignment.right)),
            "probability": alignment.probability,
            "outcome": names.take(pa.array(alignment.outcome)),
        }
    )


def worklist_table(worklist: Worklist, left: Profile, right: Profile) -> pa.Table:
    """One row per left entity that is worth a look: rank, IRIs, whether they are linked, how probable it is,
    the runner-up, and the doubt; the names at the end. Empty where there is no runner-up.
    """
    there = worklist.second >= 0
    second = pa.array(worklist.second, mask=~there)
    return pa.table(
        {
            "rank": np.arange(1, len(worklist) + 1),
            "left": left.entity_iri.take(pa.array(worklist.left)),
            "right": right.entity_iri.take(pa.array(worklist.right)),
            "linked": worklist.linked,
            "probability": worklist.probability,
            "second": right.entity_iri.take(second),
            "second_probability": pa.array(worklist.second_probability, mask=~there),
            "doubt": worklist.doubt,
            "left_name": left.entity_name.take(pa.array(worklist.left)),
            "right_name": right.entity_name.take(pa.array(worklist.right)),
            "second_name": right.entity_name.take(second),
        }
    )


def write_parquet(tables: Iterable[pa.Table], path: Path) -> int:
    """Write tables of the same columns one after the other, each as row groups of its own.

    :param tables: at least one.
    :returns: the number of rows; the same tables give the same bytes.
    """
    written = 0
    waiting = iter(tables)
    first = next(waiting)
    # Numbers in dictionaries take longer and are no shorter; of IRIs all of a row group go into one.
    words = [field.name for field in first.schema if not _is_number(field.type)]
    limits = {"use_dictionary": words, "dictionary_pagesize_limit": _DICTIONARY}
    with pq.ParquetWriter(path, first.schema, compression="zstd", **limits) as writer:
        for table in chain([first], waiting):
            writer.write_table(table)
            written += table.num_rows
    return written


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind))


def _parts(size: int) -> list[slice]:
    """Rows of a row group each; one part of none where there are none."""
    return slices(size, _ROWS) or [slice(0, 0)]


def _pair_columns(left: Ids, right: Ids, left_profile: Profile, right_profile: Profile) -> dict[str, Any]:
    """IRIs of both sides, as dictionaries of those that are there: a pair takes eight bytes, not two IRIs."""
    columns = {}
    for name, ids, profile in (("left", left, left_profile), ("right", right, right_profile)):
        used, place = among(ids, len(profile))
        iris = profile.entity_iri.take(pa.array(used))
        columns[name] = pa.DictionaryArray.from_arrays(pa.array(place), iris)
    return columns


def _distinct(names: list[str]) -> list[str]:
    """Names made different by a number where two features have the same one."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return result

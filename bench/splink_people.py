"""Splink on generated people, as somebody sets it up who knows them: a program for an environment of its own.

    python -m venv .venv-splink && .venv-splink/bin/pip install splink
    .venv-splink/bin/python bench/splink_people.py SET LINKS

Reads ``left.nt.gz`` and ``right.nt.gz`` of the folder SET, writes the links to the file LINKS as N-Triples,
and says what it took as one line of JSON. Splink wants tables: names are cut and places joined by their
properties, in SQL, before the clock starts.
"""

import json
import resource
import sys
import time
from pathlib import Path

import duckdb
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

_SAME = "http://www.w3.org/2002/07/owl#sameAs"
_LEFT = {
    "name": "rdf-schema#label",
    "year": "left.example/born",
    "place": "left.example/birthPlace",
    "code": "left.example/code",
    "type": "left.example/Person",
}
_RIGHT = {
    "name": "right.example/name",
    "year": "right.example/jahr",
    "place": "right.example/geburtsort",
    "code": "right.example/kennung",
    "type": "right.example/Mensch",
}
_STATEMENTS = """
create table {side}_statements as
select regexp_extract(
    line, '^<([^>]*)> <([^>]*)> (?:<([^>]*)>|"((?:[^"\\\\]|\\\\.)*)")', ['s', 'p', 'o', 'v']
) as t
from read_csv(
    '{path}', columns = {{'line': 'VARCHAR'}}, delim = '\x01', quote = '', escape = '', header = false
)
"""
_PEOPLE = """
create table {side}_people as
with own as (
    select t.s as unique_id,
        max(t.v) filter (ends_with(t.p, '{name}')) as name,
        max(t.v) filter (ends_with(t.p, '{year}')) as year,
        max(t.o) filter (ends_with(t.p, '{place}')) as place,
        max(t.v) filter (ends_with(t.p, '{code}')) as code,
        bool_or(ends_with(t.o, '{type}')) as person
    from {side}_statements group by t.s
)
select own.unique_id, {names}, try_cast(own.year as integer) as year, {place_of} as place, own.code
from own left join {side}_places as places on places.iri = own.place where own.person
"""
_PLACES = """
create table {side}_places as
select t.s as iri, max(t.v) filter (t.v <> '') as name from {side}_statements
where t.s like '%{kind}/%' group by t.s
"""


def _tables(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    for side, columns, kind in (("left", _LEFT, "/place"), ("right", _RIGHT, "/ort")):
        connection.execute(_STATEMENTS.format(side=side, path=folder / f"{side}.nt.gz"))
        connection.execute(_PLACES.format(side=side, kind=kind))
        given, family = (
            ("split_part(own.name, ' ', 1)", "split_part(own.name, ' ', 2)")
            if side == "left"
            else ("split_part(own.name, ', ', 2)", "split_part(own.name, ', ', 1)")
        )
        names = f"{given} as given, {family} as family, left({given}, 1) as initial"
        connection.execute(_PEOPLE.format(side=side, names=names, place_of="places.name", **columns))
        connection.execute(f"drop table {side}_statements")


def _settings() -> SettingsCreator:
    return SettingsCreator(
        link_type="link_only",
        comparisons=[
            cl.JaroWinklerAtThresholds("given", [0.92, 0.75]).configure(term_frequency_adjustments=True),
            cl.DamerauLevenshteinAtThresholds("family", [1, 2]).configure(term_frequency_adjustments=True),
            cl.CustomComparison(
                output_column_name="year",
                comparison_levels=[
                    cll.NullLevel("year"),
                    cll.ExactMatchLevel("year"),
                    cll.AbsoluteDifferenceLevel("year", difference_threshold=1),
                    cll.ElseLevel(),
                ],
            ),
            cl.ExactMatch("place").configure(term_frequency_adjustments=True),
            cl.ExactMatch("code"),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("family", "initial"),
            block_on("code"),
            block_on("year", "place"),
            block_on("given", "year", "substr(family, 1, 2)"),
            block_on("given", "place", "substr(family, 1, 1)"),
        ],
        retain_intermediate_calculation_columns=False,
        retain_matching_columns=False,
    )


def _link(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    api = DuckDBAPI(connection)
    tables = [
        api.register(connection.table(f"{side}_people"), dataset_display_name=f"{side}_side")
        for side in ("left", "right")
    ]
    linker = Linker(tables, _settings(), log_level=None)
    training = linker.training
    training.estimate_probability_two_random_records_match(
        [block_on("code"), block_on("given", "family", "year")], recall=0.8
    )
    training.estimate_u_using_random_sampling(max_pairs=2e6)
    training.estimate_parameters_using_expectation_maximisation(block_on("family", "initial"))
    training.estimate_parameters_using_expectation_maximisation(block_on("year", "place"))
    predicted = linker.inference.predict(threshold_match_probability=0.5)
    connection.execute(
        f"""
        create table best as select unique_id_l, unique_id_r from {predicted.physical_name}
        qualify row_number() over (partition by unique_id_l order by match_weight desc, unique_id_r) = 1
            and row_number() over (partition by unique_id_r order by match_weight desc, unique_id_l) = 1
        union all
        select l.iri, r.iri from left_places l join right_places r on lower(l.name) = lower(r.name)
        """
    )
    return [(left, right) for left, right in connection.execute("select * from best").fetchall()]


def main() -> None:
    """Link, write and say what it took."""
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    connection = duckdb.connect()
    _tables(connection, folder)
    before = time.perf_counter()
    found = _link(connection)
    seconds = time.perf_counter() - before
    out.write_text("".join(f"<{a}> <{_SAME}> <{b}> .\n" for a, b in found), encoding="utf8")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "peak_bytes": peak, "links": len(found)}))


if __name__ == "__main__":
    main()

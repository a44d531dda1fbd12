"""Laws of what the default policy decides: the names of sources mean nothing, and twice is as once."""

from collections.abc import Mapping
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

import numpy as np
import pyarrow as pa
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bench.fuse import claims_of
from kgalign.arrays import run_starts
from kgalign.fusion.claims import Claims
from kgalign.fusion.near import leaders, leaders_of_texts, near_texts_of
from kgalign.fusion.resolve import resolve_default
from kgalign.rdf.graph import TermKind, Terms
from kgalign.rdf.vocabulary import XSD
from kgalign.records.fused import Role
from kgalign.values import coarser, read, read_values, text_key
from tests.fusion.made_claims import E, graph_of, written_values

SOURCES = ("s0", "s1", "s2")
literals = st.one_of(
    st.integers(-3, 60).map(lambda n: f'"{n}"^^<{XSD}integer>'),
    st.sampled_from(["1.5", "2.25", "51.5", "51.25", "51.0", "51.50"]).map(
        lambda n: f'"{n}"^^<{XSD}decimal>'
    ),
    st.sampled_from(["2001-02-03", "2001-02-04"]).map(lambda day: f'"{day}"^^<{XSD}date>'),
    st.sampled_from(["2001", "2002"]).map(lambda year: f'"{year}"^^<{XSD}gYear>'),
    st.sampled_from(
        ["x", "X", "y", "Jean-Paul Sartre", "Sartre, Jean Paul", "12", "007", "+1 2", "+1-2"]
    ).map(lambda text: f'"{text}"'),
    st.sampled_from(['"x"@en', '"X"@EN', '"y"@en', '"y"@de', '"x"@en-GB']),
    st.sampled_from([f"<{E}a>", f"<{E}b>", f"<{E}c>"]),
)
rows = st.lists(
    st.tuples(
        st.sampled_from(SOURCES),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["p", "lat", "long", "label", "altLabel", "code"]),
        literals,
    ),
    min_size=1,
    max_size=40,
)
Rows = list[tuple[str, str, str, str]]
Kept = dict[tuple[str, str], list[tuple[str, int, int]]]


def claims_by(said: Rows, names: Mapping[str, str]) -> Claims:
    """The claims of rows, each source under the name that is given for it."""
    lines = [
        f"<{E}{subject}> <{E}{property}> {literal} <urn:x-source:{names[source]}> ."
        for source, subject, property, literal in said
    ]
    known = {f"urn:x-source:{name}": name for name in names.values()}
    return claims_of(graph_of("\n".join(lines), ".nq"), sources=known)


def kept(claims: Claims, prefer: str | None = None) -> Kept:
    """(Subject, property) → the terms that are written."""
    index = claims.sources.index(prefer) if prefer in claims.sources else None
    found = written_values(claims, resolve_default(claims, prefer=index))
    terms = claims.terms
    return {
        (claims.text(s), claims.text(p)): sorted(
            (claims.text(term), int(terms.datatype[term]), int(terms.language[term]))
            for term in values.tolist()
        )
        for (s, p), values in found.items()
    }


@settings(max_examples=60)
@given(said=rows, names=st.permutations(SOURCES))
def test_the_names_of_the_sources_make_no_difference(said: Rows, names: list[str]) -> None:
    same, other = dict(zip(SOURCES, SOURCES, strict=True)), dict(zip(SOURCES, names, strict=True))
    assert kept(claims_by(said, same)) == kept(claims_by(said, other))


@settings(max_examples=60)
@given(said=rows, names=st.permutations(SOURCES))
def test_a_preference_goes_by_the_source_not_by_its_name(said: Rows, names: list[str]) -> None:
    same, other = dict(zip(SOURCES, SOURCES, strict=True)), dict(zip(SOURCES, names, strict=True))
    assert kept(claims_by(said, same), "s1") == kept(claims_by(said, other), other["s1"])


@settings(max_examples=60)
@given(said=rows, prefer=st.sampled_from([None, "s0"]))
def test_of_what_two_sources_say_alike_nothing_changes(said: Rows, prefer: str | None) -> None:
    """fuse(A, A) = A where a source says one value of a property in each language."""
    once = {
        (s, p, value.rpartition('"')[2].lower() if "@" in value else ""): value for _, s, p, value in said
    }
    twice = [(source, s, p, value) for (s, p, _), value in once.items() for source in ("s0", "s1")]
    claims = claims_by(twice, {name: name for name in SOURCES})
    found = resolve_default(claims, prefer=0 if prefer else None)
    joint = {p for learned in found.learned if learned.joint for p in learned.joint.properties}
    apart = ~np.isin(claims.property, list(joint))
    kinds = read_values(claims.terms, claims.value).kind
    mixed = [
        len(np.unique(kinds[(claims.subject == s) & (claims.property == p)])) > 1
        for s, p in zip(claims.subject.tolist(), claims.property.tolist(), strict=True)
    ]
    assert (found.role[apart & ~np.array(mixed)] != Role.LOST).all()


@settings(max_examples=60)
@given(said=rows, prefer=st.sampled_from([None, "s0", "s2"]))
def test_what_is_kept_is_kept_again(said: Rows, prefer: str | None) -> None:
    """Said by all who said it: that a source says two values of a thing is lost with its second one."""
    claims = claims_by(said, {name: name for name in SOURCES})
    index = claims.sources.index(prefer) if prefer in claims.sources else None
    found = resolve_default(claims, prefer=index)
    again = claims.take(np.flatnonzero(found.role <= Role.AGREES))
    properties = np.unique(claims.property)
    kinds = [
        np.bincount(read_values(each.terms, each.value[each.property == p]).kind, minlength=5).argmax()
        for p in properties
        for each in (claims, again)
    ]
    # Where dropping values changes what most values of a property are, it is another property.
    assume(kinds[::2] == kinds[1::2])
    assert (resolve_default(again, prefer=index).role <= Role.AGREES).all()
    assert kept(again, prefer) == kept(claims, prefer)


@settings(max_examples=60)
@given(said=rows)
def test_rivals_share_one_whole(said: Rows) -> None:
    claims = claims_by(said, {name: name for name in SOURCES})
    found = resolve_default(claims)
    sure = np.isfinite(found.confidence)
    assert (found.confidence[sure] >= 0).all()
    assert (found.confidence[sure] <= 1 + 1e-9).all()
    values = read_values(claims.terms, claims.value)
    joint = {p for learned in found.learned if learned.joint for p in learned.joint.properties}
    for s, p in {*zip(claims.subject.tolist(), claims.property.tolist(), strict=True)}:
        mine = sure & (claims.subject == s) & (claims.property == p) & (values.grain <= 1)
        if p in joint or (values.kind[mine] != 1).any():
            continue
        each = {int(values.key[row]): found.confidence[row] for row in np.flatnonzero(mine)}
        assert sum(each.values()) <= 1 + 1e-6


texts = st.one_of(
    st.text(max_size=6),
    st.from_regex(r"-?[0-9]{1,12}(\.[0-9]{0,9})?", fullmatch=True),
    st.from_regex(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?", fullmatch=True),
    st.sampled_from(["true", "FALSE", " true ", "1e3", "+5", " 7", "-0.00", "0.50", "12.", ".5"]),
    st.sampled_from(["2000-02-29", "1900-02-29", "0000-01-01", "0001-01-01", "2001-01-01T10:00:00Z"]),
)
datatypes = (XSD + "integer", XSD + "decimal", XSD + "double", XSD + "date", XSD + "dateTime", XSD + "gYear")
every_type = (*datatypes, XSD + "boolean", "http://example.org/own")


@settings(max_examples=150)
@given(
    terms=st.lists(
        st.tuples(texts, st.integers(-1, len(every_type) - 1), st.booleans()), min_size=1, max_size=12
    ),
    years=st.booleans(),
)
def test_columns_are_read_as_single_values_are(terms: list[tuple[str, int, bool]], years: bool) -> None:
    terms = sorted({(text, datatype, tagged and datatype < 0) for text, datatype, tagged in terms})
    made = Terms(
        kind=np.full(len(terms), TermKind.LITERAL, np.uint8),
        value=pa.array([text for text, _, _ in terms], pa.large_string()),
        datatype=np.array([datatype for _, datatype, _ in terms], np.int32),
        language=np.array([0 if tagged else -1 for _, _, tagged in terms], np.int32),
        datatypes=every_type,
        languages=("en",),
    )
    found = read_values(made, np.arange(len(terms), dtype=np.int32), years=years)
    single = [
        read(text, datatype=every_type[datatype] if datatype >= 0 else "", tagged=tagged, years=years)
        for text, datatype, tagged in terms
    ]
    assert found.kind.tolist() == [each.kind.code for each in single]
    assert np.array_equal(found.number, [each.number for each in single], equal_nan=True)
    assert np.array_equal(found.grain, [each.grain for each in single], equal_nan=True)
    keys = [(each.kind, each.key, tagged) for each, (_, _, tagged) in zip(single, terms, strict=True)]
    for i, one in enumerate(keys):
        for j, other in enumerate(keys):
            assert (found.key[i] == found.key[j]) == (one == other)
            assert (found.bare[i] == found.bare[j]) == (one[:2] == other[:2])


words = st.lists(
    st.sampled_from(
        [
            "Rome",
            "rome",
            "Romme",
            "City of Rome",
            "Rome, City of",
            "City of Rom",
            "Apollo 11",
            "Apollo 12",
            "--",
            "",
        ]
    ),
    min_size=1,
    max_size=9,
)


@given(items=st.lists(words, min_size=1, max_size=4))
def test_near_texts_of_many_items_are_found_as_those_of_one(items: list[list[str]]) -> None:
    items = [sorted(each) for each in items]
    said = [text for each in items for text in each]
    item = np.repeat(np.arange(len(items)), [len(each) for each in items])
    codes: dict[str, int] = {}
    key = np.array([codes.setdefault(text_key(text), len(codes)) for text in said])
    found = leaders(item, key, lambda rows: [said[row] for row in rows.tolist()], near_texts_of)
    starts = np.flatnonzero(run_starts(item))
    for start, each in zip(starts.tolist(), items, strict=True):
        firsts = sorted({text_key(text): place for place, text in reversed(list(enumerate(each)))}.values())
        plain = leaders_of_texts([each[place] for place in firsts]).tolist()
        expected = {
            text_key(each[place]): start + firsts[lead] for place, lead in zip(firsts, plain, strict=True)
        }
        assert found[start : start + len(each)].tolist() == [expected[text_key(text)] for text in each]


@given(
    number=st.decimals(-10_000, 10_000, places=4),
    digits=st.integers(0, 3),
    how=st.sampled_from([ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_DOWN]),
)
def test_every_way_of_rounding_is_the_same_less_exactly(number: Decimal, digits: int, how: str) -> None:
    told = number.quantize(Decimal(1).scaleb(-digits), rounding=how)
    grain = np.array([10.0**-digits])
    assert coarser(np.array([float(told)]), grain, np.array([float(number)]))[0]
    assert not coarser(np.array([float(told)]) + 1.01 * grain, grain, np.array([float(told)]))[0]

"""Laws of the policies and of the default policy: nothing lost or invented, no order where none is said."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgalign.errors import InputError
from kgalign.fusion.policies import POLICIES, Claim, Contest, Decision, Value, resolve, resolve_among
from kgalign.fusion.resolve import resolve_default
from kgalign.rdf.vocabulary import XSD
from kgalign.records.fused import Role
from kgalign.values import READ, ValueKind, contains
from tests.fusion.made_claims import sources_say, written_values

numbers = st.sampled_from(["1", "1.0", "01", "2", "2.5", "-3", "40", "1e1", "10"])
values = st.one_of(
    st.builds(Value, numbers, st.sampled_from([XSD + "integer", XSD + "decimal", XSD + "double", ""])),
    st.builds(Value, st.sampled_from(["Rome", "rome", "Roma", "New York", "York, New", "é", "e\u0301"])),
    st.builds(Value, st.sampled_from(["Rome", "Roma"]), language=st.sampled_from(["en", "it", "EN"])),
    st.builds(Value, st.sampled_from(["2001", "2002"]), st.just(XSD + "gYear")),
    st.builds(Value, st.sampled_from(["2001-01-01", "2001-01-02"]), st.just(XSD + "date")),
)
shares = st.one_of(st.just(math.nan), st.sampled_from([0.0, 0.25, 0.5, 1.0]))
claims = st.lists(
    st.builds(Claim, values, st.sampled_from("abcd"), shares, shares, shares), min_size=1, max_size=7
)
ORDERED = {"KeepFirst", "KeepLast"}
COMPUTED = {"Average", "Median", "Concatenate"}


def decide(name: str, said: Sequence[Claim]) -> Decision | None:
    try:
        return resolve(name, Contest("s", "p", tuple(said)))
    except InputError:
        return None


@pytest.mark.parametrize("name", sorted(POLICIES))
@given(said=claims)
def test_each_claim_is_kept_or_lost_once(name: str, said: list[Claim]) -> None:
    decision = decide(name, said)
    if decision is None:
        return
    backed = [place for each in decision.kept for place in each.backers]
    assert sorted([*backed, *decision.lost]) == list(range(len(said)))
    assert all(decision.lost.values())
    assert decision.kept
    computed = any(not each.backers for each in decision.kept)
    assert math.isnan(decision.confidence) if computed else 0 <= decision.confidence <= 1 + 1e-9
    if name not in COMPUTED:
        assert {each.value for each in decision.kept} <= {claim.value for claim in said}


@pytest.mark.parametrize("name", sorted(set(POLICIES) - ORDERED))
@given(said=claims, data=st.data())
def test_the_order_of_the_claims_makes_no_difference(
    name: str, said: list[Claim], data: st.DataObject
) -> None:
    other = data.draw(st.permutations(said))
    one, two = decide(name, said), decide(name, other)
    if one is None or two is None:
        assert one is two
        return
    assert [each.value for each in one.kept] == [each.value for each in two.kept]
    assert one.confidence == pytest.approx(two.confidence, nan_ok=True)


@pytest.mark.parametrize("name", sorted(POLICIES))
@given(said=claims)
def test_who_agrees_keeps_the_value(name: str, said: list[Claim]) -> None:
    """Where all say the same term, that term stays, whatever the policy."""
    same = [Claim(said[0].value, claim.source, claim.score, claim.trust, claim.age) for claim in said]
    decision = decide(name, same)
    if decision is not None:
        assert [each.value for each in decision.kept] == [said[0].value]
        assert not decision.lost
        assert decision.confidence == pytest.approx(1) or name == "WeightedVoting"


@pytest.mark.parametrize("name", sorted(POLICIES))
@given(said=claims, kind=st.sampled_from(READ), years=st.booleans())
def test_stray_values_lose_and_change_nothing_among_the_others(
    name: str, said: list[Claim], kind: ValueKind, years: bool
) -> None:
    """Only a policy's own kinds are asked for, and dates among numbers by none."""
    kinds = POLICIES[name].kinds & (
        {kind} if name in ("Average", "Median", "Maximum", "Minimum") else set(READ)
    )
    contest = Contest("s", "p", tuple(said), years)
    if not kinds:
        return
    decision = resolve_among(name, contest, kinds)
    fitting = [place for place, each in enumerate(contest.readings()) if each.kind in kinds]
    backed = [place for each in decision.kept for place in each.backers]
    assert sorted([*backed, *decision.lost]) == list(range(len(said)))
    assert set(decision.counted) <= set(decision.lost)
    if fitting:
        alone = resolve(name, Contest("s", "p", tuple(said[place] for place in fitting), years))
        assert [each.value for each in decision.kept] == [each.value for each in alone.kept]
        assert set(decision.lost) >= set(range(len(said))) - set(fitting)
        assert not set(decision.counted) - set(fitting)
    else:
        assert all("so the vote decided" in why for why in decision.lost.values())


@given(said=claims)
def test_the_vote_is_won_by_the_most_sources(said: list[Claim]) -> None:
    """Against a plain count, where no value is less exact than another."""
    readings = [claim.value.reading() for claim in said]
    if any(contains(a, b) and a.key != b.key for a in readings for b in readings):
        return
    support: dict[object, set[str]] = {}
    for claim, reading in zip(said, readings, strict=True):
        support.setdefault((reading.kind, reading.key, claim.value.language.lower()), set()).add(claim.source)
    decision = decide("Voting", said)
    assert decision is not None
    (kept,) = decision.kept
    reading = kept.value.reading()
    won = support[reading.kind, reading.key, kept.value.language.lower()]
    assert len(won) == max(map(len, support.values()))


rows = st.lists(
    st.tuples(
        st.sampled_from(["s0", "s1", "s2", "s3"]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["p", "lat", "long"]),
        st.one_of(
            st.integers(-3, 60), st.sampled_from([1.5, 2.25, 51.5, 51.25]), st.sampled_from(["x", "X", "y"])
        ),
    ),
    min_size=1,
    max_size=30,
)


@given(said=rows)
def test_the_default_policy_writes_something_of_each_thing(said: list[tuple[str, str, str, object]]) -> None:
    made = sources_say(said)
    found = resolve_default(made)
    pairs = set(zip(made.subject.tolist(), made.property.tolist(), strict=True))
    assert pairs == set(written_values(made, found))
    assert np.isin(found.role, list(Role)).all()
    sure = found.confidence[np.isfinite(found.confidence)]
    assert ((sure >= 0) & (sure <= 1 + 1e-9)).all()


@settings(max_examples=60)
@given(said=rows, data=st.data())
def test_the_default_policy_knows_no_order(
    said: list[tuple[str, str, str, object]], data: st.DataObject
) -> None:
    a, b = sources_say(said), sources_say(data.draw(st.permutations(said)))
    one, two = resolve_default(a), resolve_default(b)
    assert one.role.tolist() == two.role.tolist()
    assert one.reason.tolist() == two.reason.tolist()


@given(said=rows)
def test_what_all_agree_on_is_kept(said: list[tuple[str, str, str, object]]) -> None:
    """fuse(A, A) = A: a second source that repeats the first changes nothing, and nothing of it is lost."""
    first = list(
        {
            (subject, property): ("s0", subject, property, value) for _, subject, property, value in said
        }.values()
    )
    again = [("s1", subject, property, value) for _, subject, property, value in first]
    made = sources_say([*first, *again])
    found = resolve_default(made)
    joint = {p for learned in found.learned if learned.joint for p in learned.joint.properties}
    whole = ~np.isin(made.property, list(joint))
    assert (found.role[whole] != Role.LOST).all()

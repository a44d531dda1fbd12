"""Which prompts the judge in this process reads together."""

from hypothesis import given
from hypothesis import strategies as st

from kgalign.llm.builtin.reader import SIDE_BY_SIDE, WORTH, batches, beginnings, side_by_side

token = st.integers(0, 2)
start = st.lists(token, max_size=WORTH + 10)
rows = st.lists(start, min_size=1, max_size=3).flatmap(
    lambda starts: st.lists(
        st.tuples(st.sampled_from(starts), st.lists(token, min_size=1, max_size=4)).map(
            lambda parts: [*parts[0], *parts[1]]
        ),
        max_size=12,
    )
)


@given(rows)
def test_every_prompt_is_read_once_and_shares_what_all_of_its_group_begin_with(
    prompts: list[list[int]],
) -> None:
    found = beginnings(prompts)
    assert sorted(place for _, places in found for place in places) == list(range(len(prompts)))
    assert sorted(side_by_side(prompts)) == list(range(len(prompts)))
    for length, places in found:
        assert len({tuple(prompts[place][:length]) for place in places}) == 1
        assert all(length < len(prompts[place]) for place in places), "something is left to answer behind"
        assert length >= WORTH if len(places) > 1 else length == 0


def test_options_of_one_record_are_read_together_and_those_of_others_are_not() -> None:
    one, other = list(range(30)), list(range(100, 130))
    prompts = [[*one, 1], [*other, 1], [*one, 2, 2], [*other, 3], [7]]
    assert sorted(beginnings(prompts)) == [(0, [4]), (30, [0, 2]), (30, [1, 3])]


@given(st.lists(st.integers(), unique=True, max_size=100), st.integers(1, 8))
def test_each_reader_has_something_to_read_and_nobody_reads_too_much(order: list[int], readers: int) -> None:
    found = batches(order, readers)
    assert [place for part in found for place in part] == order
    assert all(1 <= len(part) <= SIDE_BY_SIDE for part in found)
    assert len(found) >= min(readers, len(order)) / 2, "at least every second one"
    if len(order) % readers == 0:
        assert len(found) >= min(readers, len(order))

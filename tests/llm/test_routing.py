"""Which server a question goes to: laws that hold for any servers and queues."""

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from kgalign.llm.protocol import Message, Request
from kgalign.llm.routing import beginning, bound_of, choose, ranking

URLS = [f"http://10.0.0.{number}:8000/v1" for number in range(8)]
servers = st.lists(st.sampled_from(URLS), min_size=1, unique=True)
texts = st.text(st.characters(codec=None), max_size=40)
records = st.text(st.characters(codec=None, exclude_characters="\n"), max_size=40)


@given(st.binary(max_size=30), servers, st.randoms(use_true_random=False))
def test_a_ranking_names_all_and_does_not_hang_on_their_order(
    prefix: bytes, urls: list[str], dice: random.Random
) -> None:
    order = ranking(prefix, urls)
    assert sorted(order) == list(range(len(urls)))
    mixed = dice.sample(urls, len(urls))
    assert [urls[place] for place in order] == [mixed[place] for place in ranking(prefix, mixed)]


@given(st.binary(max_size=30), servers, st.data())
def test_where_a_server_goes_only_its_own_questions_move(
    prefix: bytes, urls: list[str], data: st.DataObject
) -> None:
    gone = data.draw(st.sampled_from(urls))
    rest = [url for url in urls if url != gone]
    left = [urls[place] for place in ranking(prefix, urls) if urls[place] != gone]
    assert left == [rest[place] for place in ranking(prefix, rest)]


def test_beginnings_are_spread_evenly() -> None:
    first = Counter(ranking(str(number).encode(), URLS[:4])[0] for number in range(4000))
    assert all(850 < first[place] < 1150 for place in range(4))


@given(st.lists(st.integers(0, 60), min_size=1, max_size=12), st.integers(1, 12))
def test_the_first_is_chosen_whose_queue_is_short_enough(queues: list[int], bound: int) -> None:
    place = choose(queues, bound)
    assert queues[place] <= min(queues) + bound
    assert all(queue > min(queues) + bound for queue in queues[:place])


@given(st.integers(1, 4096))
def test_the_bound_is_a_part_of_what_a_server_takes(most: int) -> None:
    assert 1 <= bound_of(most) <= max(1, most // 2)


@given(texts, records, texts, texts)
def test_questions_about_one_record_begin_alike(system: str, record: str, one: str, other: str) -> None:
    def asked(text: str, brief: str = system) -> Request:
        return Request((Message("system", brief), Message("user", text)), ("A", "none"))

    assert beginning(asked(f"{record}\n{one}")) == beginning(asked(f"{record}\n{other}"))
    assert beginning(asked(f"{record}!\n{one}")) != beginning(asked(f"{record}\n{one}"))
    assert beginning(asked(record, f"{system}!")) != beginning(asked(record))

"""What a judge of pairs learns from: pairs of examples, in many guises."""

from collections import Counter

from kgalign.judge.asking.pair_form import Attribute
from kgalign.train.pair_items import PairItem, mixed, pairs_of, plain, varied
from tests.train.student_questions import question, questions

EXAMPLES = questions(range(20))


def item(same: bool = True) -> PairItem:
    first = tuple(Attribute(name, value) for name, value in zip("abcdef", "uvwxyz", strict=True))
    return PairItem("case", "family", first, (Attribute("name", "other"),), same, 1.0)


def test_an_example_gives_its_partner_and_the_wrong_options_that_read_most_like_it() -> None:
    answered = question(1, options=4)
    pairs = pairs_of(answered, "codes", wrong=2)
    assert [each.same for each in pairs] == [True, False, False]
    assert all(each.first == (Attribute("name", pairs[0].second[0].value), Attribute("code", "1"))
               for each in pairs)  # fmt: skip
    assert len({each.second for each in pairs}) == 3


def test_an_example_without_a_partner_gives_wrong_pairs_alone() -> None:
    assert [each.same for each in pairs_of(question(3, none=True), "codes")] == [False, False]


def test_families_have_equal_shares_while_they_last() -> None:
    few, many = questions(range(100, 103)), EXAMPLES
    all_of_them = Counter(each.family for each in mixed({"few": few, "many": many}, 1000, 0))
    some = Counter(each.family for each in mixed({"one": questions(range(50, 70)), "other": many}, 12, 0))
    assert all_of_them["few"] == sum(len(pairs_of(each, "few")) for each in few)
    assert all_of_them["many"] == sum(len(pairs_of(each, "many")) for each in many)
    assert max(some.values()) - min(some.values()) <= 3, "an example's worth"


def test_what_two_families_show_alike_is_learned_from_once() -> None:
    assert {each.family for each in mixed({"one": EXAMPLES, "same": EXAMPLES}, 1000, 0)} == {"one", "same"}
    assert len(mixed({"one": EXAMPLES, "same": EXAMPLES}, 1000, 0)) == len(mixed({"one": EXAMPLES}, 1000, 0))


def test_the_same_seed_draws_the_same_pairs_and_another_seed_others() -> None:
    one, again, other = (mixed({"a": EXAMPLES}, 10, seed) for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_a_pair_is_shown_in_many_guises_and_never_without_a_value() -> None:
    shown = {varied(item(), 0, epoch) for epoch in range(60)}
    lines = [text.splitlines() for text in shown]
    assert varied(item(), 0, 3) == varied(item(), 0, 3)
    assert any(first.endswith("other") for first, *_ in lines), "turned round"
    assert any(first == "Record 1: u; v; w; x; y; z" for first, *_ in map(sorted_members, lines)), "nameless"
    assert any("a:" not in text and "b:" in text for text in shown), "with gaps or other names"
    assert all(len(each) == 3 and all(line.strip() for line in each) for each in lines)


def sorted_members(lines: list[str]) -> list[str]:
    """The long record first, its members in order."""
    long = next(line for line in lines if not line.endswith("other"))
    members = sorted(long.partition(": ")[2].split("; "))
    return ["Record 1: " + "; ".join(members)]


def test_a_pair_is_asked_as_it_is() -> None:
    assert plain(item()).startswith("Record 1: a: u; b: v; c: w; d: x; e: y; f: z\nRecord 2: name: other\n")

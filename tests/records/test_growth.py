"""What is new on a side is what a comparison of all that is said of each entity finds."""

from hypothesis import given
from hypothesis import strategies as st

from kgalign.records import Profile
from kgalign.records.growth import growth_of
from tests.evaluate.small import profile

NAMES = "abcdef"
Values = dict[str, dict[str, list[str]]]
Edges = set[tuple[str, str, str]]

_values = st.dictionaries(
    st.sampled_from(NAMES),
    st.dictionaries(
        st.sampled_from(["p", "q"]), st.lists(st.sampled_from("xyz"), min_size=1, max_size=2, unique=True)
    ),
    min_size=1,
)
_edges = st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from("rs"), st.sampled_from(NAMES)), max_size=5)
_sides = st.tuples(_values, _edges)


def _profile(values: Values, edges: Edges) -> Profile:
    names = sorted(values)
    place = {name: row for row, name in enumerate(names)}
    inside = [(place[a], r, place[b]) for a, r, b in sorted(edges) if a in place and b in place]
    iris = [f"http://x.example/{name}" for name in names]
    return profile(iris, values={place[name]: said for name, said in values.items()}, edges=inside)


def _said(values: Values, name: str) -> set[tuple[str, str]]:
    return {(path, text) for path, texts in values[name].items() for text in texts}


def _around(values: Values, edges: Edges, name: str) -> set[tuple[str, str, str]]:
    return {edge for edge in edges if name in (edge[0], edge[2]) and {edge[0], edge[2]} <= values.keys()}


@given(_sides, _sides)
def test_it_is_what_an_entity_by_entity_comparison_finds(
    was: tuple[Values, Edges], now: tuple[Values, Edges]
) -> None:
    growth = growth_of(_profile(*was), _profile(*now))
    same = {name for name in now[0].keys() & was[0].keys() if _said(now[0], name) == _said(was[0], name)}
    names, old = sorted(now[0]), sorted(was[0])
    assert growth.before.tolist() == [old.index(name) if name in same else -1 for name in names]
    assert growth.new == len(now[0].keys() - was[0].keys())
    assert growth.changed == len(now[0].keys() & was[0].keys()) - len(same)
    assert growth.gone == len(was[0].keys() - now[0].keys())
    moved = {name for name in now[0] if name not in same or _around(*now, name) != _around(*was, name)}
    near = {end for name in set(now[0]) - same for a, _, b in _around(*now, name) for end in (a, b)}
    assert growth.touched.tolist() == [name in moved | near for name in names]


@given(_sides)
def test_nothing_is_new_in_what_is_the_same(side: tuple[Values, Edges]) -> None:
    growth = growth_of(_profile(*side), _profile(*side))
    assert (growth.new, growth.changed, growth.gone) == (0, 0, 0)
    assert not growth.fresh.any()
    assert not growth.touched.any()


def test_blank_nodes_are_known_by_what_is_said_of_them() -> None:
    said = {0: {"p": ["x"]}, 1: {"p": ["y"]}, 2: {"p": ["z"]}}
    was = profile(["_:a", "_:b", "_:c"], values=said)
    now = profile(["_:1", "_:2", "_:3"], values={0: {"p": ["z"]}, 1: {"p": ["x"]}, 2: {"p": ["w"]}})
    growth = growth_of(was, now)
    assert growth.before.tolist() == [2, 0, -1]
    assert (growth.new, growth.gone) == (1, 1)

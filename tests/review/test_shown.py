"""What is shown of two records: all of it, side by side, with what differs marked."""

from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from kgalign.review import Review
from kgalign.review.differences import marked
from kgalign.review.record import Row, path_name
from kgalign.run import start

TEXTS = st.text(alphabet="ab 1.,é\n", max_size=20)


@given(TEXTS, st.lists(TEXTS, max_size=3))
def test_the_pieces_are_the_text(text: str, opposite: list[str]) -> None:
    pieces = marked(text, opposite)
    assert "".join(words for words, _ in pieces) == text
    assert all(one[1] != other[1] for one, other in pairwise(pieces))
    if text in opposite:
        assert not any(differs for _, differs in pieces)


def test_words_and_whole_numbers_are_marked() -> None:
    assert marked("Republic of Korea", ["Republic of Chad", "x"]) == [
        ("Republic of ", False),
        ("Korea", True),
    ]
    assert marked("49.19", ["49.2"]) == [("49.19", True)]
    assert marked("KOREA", ["Korea"]) == [("KOREA", False)]
    assert marked("born 1852", []) == [("born 1852", False)]
    assert marked("a " * 5000, ["b"])[0][1], "what is too long is marked as a whole"


def _rows(review: Review, left: str, right: str) -> dict[str, Row]:
    question = review.beside("Ada", left, right)
    found = next(each for each in question.candidates if each.iri == right)
    return {f"{path_name(row.left)}|{path_name(row.right)}": row for row in found.rows}


def _texts(row: Row) -> tuple[list[str], list[str]]:
    return [each.value.text for each in row.left_values], [each.value.text for each in row.right_values]


FINLAND, FINLANDE = "https://example.org/atlas/country/finland", "https://example.net/atlas-du-monde/pays/"


def test_properties_that_correspond_stand_beside_each_other(countries_made: Path) -> None:
    review = Review(countries_made)
    right = next(iri for _, name, iri in review.search("Finlande") if name == "Finlande")
    rows = _rows(review, FINLAND, right)
    assert next(iter(rows)) == "label|nom", "what both have comes first, and of that names"
    label = rows["label|nom"]
    assert _texts(label) == (["Finland"], ["Finlande"])
    assert [each.value.language for each in (*label.left_values, *label.right_values)] == ["en", "fr"]
    area = rows["areaKm2|superficieMillesCarres"]
    assert "square miles" in area.note
    assert area.left_values[0].same, "338,145 square kilometres are so many square miles"
    other = next(iri for _, name, iri in review.search("Suisse") if name == "Suisse")
    assert not _rows(review, FINLAND, other)["areaKm2|superficieMillesCarres"].left_values[0].same
    capital = rows["capital|capitale"]
    assert capital.left_values[0].same, "two entities that are linked are the same"
    assert _texts(capital)[0] == ["Helsinki"]


def test_everything_is_shown_once(countries_made: Path) -> None:
    review = Review(countries_made)
    question = review.turn("Ada").question
    assert question is not None
    for candidate in question.candidates:
        mine = review.left.record(question.entity)
        theirs = review.right.record(candidate.entity)
        lefts = [row.left for row in candidate.rows if row.left]
        rights = [row.right for row in candidate.rows if row.right]
        assert sorted(lefts) == sorted(mine)
        assert sorted(rights) == sorted(set(theirs)), "no property twice, and none left out"


def test_blank_nodes_are_opened_and_who_points_here_is_named(tmp_path: Path) -> None:
    for side in "ab":
        lines = ["@prefix : <http://x.example/> ."]
        for n in range(6):
            lines.append(f':{side}{n} a :Person; :name "Person {side} {n}"; :knows :{side}{(n + 1) % 6} .')
            lines.append(f':{side}{n} :lives [ :street "Lane {n}"; :in [ :zip "{n}" ] ] .')
        (tmp_path / f"{side}.ttl").write_text("\n".join(lines), encoding="utf8")
    start.run(tmp_path / "a.ttl", tmp_path / "b.ttl", tmp_path / "run")
    review = Review(tmp_path / "run")
    record = review.left.record(review.left.profile.entity_iri.to_pylist().index("http://x.example/a1"))
    named = {path_name(path): [each.text for each in values] for path, values in record.items()}
    assert named["lives › street"] == ["Lane 1"]
    assert named["lives › in › zip"] == ["1"]
    assert named["is knows of"] == ["Person a 0"]

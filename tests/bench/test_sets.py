import gzip
from pathlib import Path

import pytest

from bench.sets import ALSO, COMPLETE, find_sets, score_links
from kgalign.errors import InputError

SAME_AS = "<http://www.w3.org/2002/07/owl#sameAs>"


def make(data: Path, name: str, *more: str) -> Path:
    folder = data / name
    folder.mkdir(parents=True)
    for file in ("left.nt.gz", "right.nt.gz", *more):
        (folder / file).write_bytes(gzip.compress(b""))
    (folder / "gold.tsv.gz").write_bytes(gzip.compress(b"http://l/1\thttp://r/1\nhttp://l/2\thttp://r/2\n"))
    return folder


def test_finds_sets_by_name_and_passes_over_other_folders(tmp_path: Path) -> None:
    for name in ("b", "a", "abt_buy"):
        make(tmp_path, name)
    (tmp_path / "other").mkdir()
    assert [each.name for each in find_sets(tmp_path)] == ["a", "abt_buy", "b"]
    assert [each.name for each in find_sets(tmp_path, only=["b"])] == ["b"]


def test_the_gold_is_complete_only_where_it_is_said_to_be(tmp_path: Path) -> None:
    for name in sorted({"a", "b"} | COMPLETE):
        make(tmp_path, name)
    closed = {each.name for each in find_sets(tmp_path, closed=["b"]) if each.closed}
    assert closed == COMPLETE | {"b"}


def test_labels_beside_the_graphs_are_given_only_where_there_is_a_rule(tmp_path: Path) -> None:
    (name,) = ALSO
    files = [file for side in ALSO[name] for file in side]
    make(tmp_path, name, *files)
    make(tmp_path, "other", *files)
    ruled, other = find_sets(tmp_path)
    assert other.options == []
    assert ruled.options == [
        "--left-also",
        str(tmp_path / name / "left_labels_from_iri.nt.gz"),
        "--right-also",
        str(tmp_path / name / "right_labels_llm4ea.nt.gz"),
    ]


@pytest.mark.parametrize("only", [(), ("missing",)])
def test_a_folder_without_the_set_is_refused(tmp_path: Path, only: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="holds no set"):
        find_sets(tmp_path, only)
    with pytest.raises(InputError, match="no folder"):
        find_sets(tmp_path / "none", only)


def test_scores_a_file_of_links(tmp_path: Path) -> None:
    make(tmp_path, "a")
    links = tmp_path / "links.nt"
    links.write_text(
        f"<http://l/1> {SAME_AS} <http://r/1> .\n<http://l/3> {SAME_AS} <http://r/3> .\n# nothing\n"
    )
    assert score_links(links, find_sets(tmp_path)[0]).f1 == pytest.approx(2 / 3)
    assert score_links(links, find_sets(tmp_path, closed=["a"])[0]).f1 == 0.5

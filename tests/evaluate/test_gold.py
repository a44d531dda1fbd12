import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgalign.errors import InputError
from kgalign.evaluate import read_pairs

SAME = "<http://www.w3.org/2002/07/owl#sameAs>"
PAIRS = (("http://l/1", "http://r/é"), ("http://l/2", "http://r/2"))


def write(path: Path, text: str) -> Path:
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["gold.tsv", "gold.tsv.gz", "gold", "gold.txt"])
def test_reads_tab_separated_pairs_sorted_and_once(tmp_path: Path, name: str) -> None:
    text = "http://l/2\thttp://r/2\n# by hand\n\nhttp://l/1\thttp://r/é\t0.9\nhttp://l/2\thttp://r/2"
    assert read_pairs(write(tmp_path / name, text)) == PAIRS


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_takes_what_other_tools_write(tmp_path: Path, ending: str) -> None:
    text = "\ufeff<http://l/1>\t<http://r/é>" + ending + "http://l/2\thttp://r/2" + ending
    assert read_pairs(write(tmp_path / "gold.tsv", text)) == PAIRS


@pytest.mark.parametrize("name", ["gold.nt", "gold.nt.gz", "gold.ttl", "gold.ttl.gz"])
def test_reads_same_as_statements_and_passes_over_others(tmp_path: Path, name: str) -> None:
    text = (
        f"<http://l/2> {SAME} <http://r/2> .\n"
        f'<http://l/2> <http://www.w3.org/2000/01/rdf-schema#label> "two" .\n'
        f"<http://l/1> {SAME} <http://r/é> .\n"
    )
    assert read_pairs(write(tmp_path / name, text)) == PAIRS


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("gold.tsv", "http://l/1\thttp://r/1\nhttp://l/2 http://r/2\n", "line 2 has no tab"),
        ("gold.tsv", "left\tright\nhttp://l/1\thttp://r/1\n", "line 1: 'left' is no IRI"),
        ("gold.tsv", "http://l/1\thttp://r/1\nhttp://l/2\t\n", "line 2: '' is no IRI"),
        ("gold.tsv", "\n# nothing\n", "holds no links"),
        ("gold.nt", f"<http://l/1> {SAME} <http://r/1> .\n<http://l/2> {SAME} .\n", "line 2"),
        ("gold.nt", f'<http://l/1> {SAME} "one" .\n', "does not link two IRIs"),
        ("gold.ttl", "@prefix a: <http://a/> . a:b a:c a:d .", "holds no links"),
    ],
)
def test_says_what_is_wrong_and_where(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_pairs(write(tmp_path / name, text))
    assert said in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("gold.tsv.gz", b"http://l/1\thttp://r/1\n", "not a whole gzip file"),
        (
            "gold.tsv.gz",
            gzip.compress(b"http://l/1\thttp://r/1\n" * 999, mtime=0)[:-20],
            "not a whole gzip file",
        ),
        ("gold.tsv", b"http://l/1\thttp://r/\xff\n", "line 1 is not UTF-8"),
    ],
)
def test_says_what_is_wrong_with_broken_bytes(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=said):
        read_pairs(tmp_path / name)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_pairs(tmp_path / "none.tsv")
    with pytest.raises(InputError, match="can't be read"):
        read_pairs(tmp_path)


iris = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1).map(
    lambda text: f"http://x/{text}"
)


@given(pairs=st.sets(st.tuples(iris, iris), min_size=1))
def test_gives_back_any_pairs(tmp_path_factory: pytest.TempPathFactory, pairs: set[tuple[str, str]]) -> None:
    path = write(tmp_path_factory.mktemp("gold") / "gold.tsv", "".join(f"{a}\t{b}\n" for a, b in pairs))
    assert read_pairs(path) == tuple(sorted(pairs))

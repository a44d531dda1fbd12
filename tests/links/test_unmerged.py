"""``unmerged.tsv``: any text can stand there, and a broken line is one sentence."""

from pathlib import Path

import pytest

from kgalign.errors import InputError
from kgalign.links.unmerged import Unmerged, read_unmerged


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"http://a.example/x\n", "line 1 has 1 columns"),
        (b"left\tright\treason\na\tb\tc\td\n", "line 2 has 4 columns"),
        (b"a\t\n", "line 1 names only one IRI"),
        (b"a\tb\n\na\t\\x\n", "which is no escape"),
        (b"a\tb\\", "line 1 has"),
        (b"a\tb\n\xff\tb\n", "line 2 is not UTF-8"),
        (b"a\tb\t" + b"x" * 1001, "a reason of 1,001 characters"),
    ],
)
def test_a_broken_line_is_one_sentence(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "unmerged.tsv"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_unmerged(path)
    assert expected in str(caught.value)


def test_any_text_can_stand_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "unmerged.tsv"
    path.write_text("left\tright\treason\n_:a\\tb\\\\n\tc\\r\\nd\\\\\t\\\\t \u2028 e\nleft\tright\treason\n")
    pairs = Unmerged("_:a\tb\\n", "c\r\nd\\", "\\t \u2028 e"), Unmerged("left", "right", "reason")
    assert read_unmerged(path) == tuple(sorted(pairs))
    assert read_unmerged(tmp_path / "none.tsv") == ()

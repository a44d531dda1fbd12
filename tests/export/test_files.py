"""Files that appear whole or not at all, also where two are written to one name."""

from pathlib import Path

import pytest

from kgalign.export.files import replacing


def test_two_that_write_to_one_name_at_once_are_both_whole(tmp_path: Path) -> None:
    target = tmp_path / "links.nt"
    with replacing(target) as one:
        one.write("one\n" * 1000)
        with replacing(target) as two:
            two.write("two\n")
        assert target.read_text(encoding="utf8") == "two\n"
    assert target.read_text(encoding="utf8") == "one\n" * 1000
    assert list(tmp_path.iterdir()) == [target]


def test_what_fails_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "links.nt"
    target.write_text("old", encoding="utf8")
    with pytest.raises(KeyboardInterrupt), replacing(target) as file:
        file.write("half")
        raise KeyboardInterrupt
    assert target.read_text(encoding="utf8") == "old"
    assert list(tmp_path.iterdir()) == [target]

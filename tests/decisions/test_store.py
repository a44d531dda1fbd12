"""The store of decisions: rows are only added, each is there once, and what was changed is found out."""

import sqlite3
from pathlib import Path

import pytest

from kgalign.decisions import Decision, Decisions, Verdict, read_all
from kgalign.errors import RunError
from tests.commands import split_off

ONE = Decision("http://l/1", "http://r/1", Verdict.SAME, by="Ada", at="2026-01-02T03:04:05Z", probability=0.6)
OTHER = Decision("http://l/2", "", Verdict.NOTHING, by="Ada", why='a "quoted"\nword')


def test_what_is_added_is_read_again_in_its_order_and_once(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite"
    with Decisions.open(path) as store:
        assert store.add([ONE, OTHER, ONE]) == 2
        assert store.add([OTHER]) == 0
    assert read_all(path) == [ONE, OTHER]
    assert read_all(tmp_path / "none.sqlite") == []
    assert not (tmp_path / "none.sqlite").exists()


def test_rows_are_neither_changed_nor_deleted(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite"
    with Decisions.open(path) as store:
        store.add([ONE])
    with sqlite3.connect(path) as connection:
        for statement in ("UPDATE decision SET verdict = 'different'", "DELETE FROM decision"):
            with pytest.raises(sqlite3.IntegrityError, match="only added"):
                connection.execute(statement)


def test_a_row_that_was_changed_all_the_same_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite"
    with Decisions.open(path) as store:
        store.add([ONE, OTHER])
    data = path.read_bytes()
    path.write_bytes(data.replace(b"same", b"sane").replace(b"http://l/1", b"http://l/3"))
    with pytest.raises(RunError, match="damaged: row 1"):
        read_all(path)


@pytest.mark.parametrize("content", [b"x" * 4096, b"SQLite format 3\0" + b"\1" * 600])
def test_what_is_no_store_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "decisions.sqlite"
    path.write_bytes(content)
    with pytest.raises(RunError, match="damaged"):
        read_all(path)
    assert path.read_bytes() == content


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (id INTEGER)")
    with pytest.raises(RunError, match="another program"):
        read_all(path)


def _add_many(path: str, name: str, count: int) -> None:
    with Decisions.open(Path(path)) as store:
        for number in range(count):
            store.add([Decision(f"http://l/{number}", "http://r/1", Verdict.DIFFERENT, by=name)])


def test_two_processes_add_at_once_and_a_killed_one_loses_nothing_that_was_added(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite"
    Decisions.open(path).close()
    both = [split_off(_add_many, str(path), name, 40) for name in ("Ada", "Bob")]
    endless = split_off(_add_many, str(path), "Eve", 100_000)
    for process in both:
        process.join()
        assert process.exitcode == 0
    before = [each for each in read_all(path) if each.by == "Eve"]
    endless.kill()
    endless.join()
    found = read_all(path)
    assert sum(each.by in ("Ada", "Bob") for each in found) == 80
    eve = [each for each in found if each.by == "Eve"]
    assert eve[: len(before)] == before
    assert [each.left for each in eve] == [f"http://l/{number}" for number in range(len(eve))]

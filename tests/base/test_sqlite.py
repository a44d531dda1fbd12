"""What SQLite says against a file is one sentence, whichever store it is; our own mistakes stay."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from kgalign.base.sqlite import Kind
from kgalign.decisions import read_all
from kgalign.errors import RunError
from kgalign.ledger import Ledger

_BOOK = Kind("the book", "Buy another one")


def _in_the_way(path: Path) -> None:
    path.mkdir()


def _no_database(path: Path) -> None:
    path.write_bytes(b"nothing of the kind" * 400)


def _without_tables(path: Path) -> None:
    sqlite3.connect(path).close()


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (_in_the_way, "The book {} can't be opened: unable to open database file. See that it is a file"),
        (_no_database, "The book {} is damaged: file is not a database. Buy another one."),
        (_without_tables, "The book {} is damaged: no such table: page. Buy another one."),
    ],
)
def test_what_is_wrong_with_a_file_is_one_sentence(
    tmp_path: Path, made: Callable[[Path], None], said: str
) -> None:
    path = tmp_path / "book"
    made(path)
    with pytest.raises(RunError) as caught, _BOOK.explained(path), closing(sqlite3.connect(path)) as book:
        book.execute("SELECT * FROM page")
    assert str(caught.value).startswith(said.format(path))


def test_who_holds_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "book"
    with closing(sqlite3.connect(path)) as one, closing(sqlite3.connect(path, timeout=0)) as other:
        one.execute("CREATE TABLE page (number)")
        one.execute("BEGIN EXCLUSIVE")
        with pytest.raises(RunError, match=r"^Another program holds the book "), _BOOK.explained(path):
            other.execute("SELECT * FROM page")


def test_where_there_is_no_room_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "book"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE page (text)")
        connection.execute("PRAGMA max_page_count = 3")
        with pytest.raises(RunError, match=r"^There is no room to write the book "), _BOOK.explained(path):
            connection.execute("INSERT INTO page VALUES (?)", ("x" * 100_000,))


def test_our_own_mistakes_stay_what_they_are(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "book")
    connection.close()
    with pytest.raises(sqlite3.ProgrammingError), _BOOK.explained(tmp_path / "book"):
        connection.execute("SELECT 1")


def test_both_stores_speak_so(tmp_path: Path) -> None:
    for name in ("votes.sqlite", "decisions.sqlite"):
        _no_database(tmp_path / name)
    with pytest.raises(RunError, match=r"^The ledger .*votes\.sqlite is damaged: file is not a database"):
        Ledger.open(tmp_path / "votes.sqlite", write=False)
    with pytest.raises(RunError, match=r"^The store of decisions .* is damaged: file is not a database"):
        read_all(tmp_path / "decisions.sqlite")

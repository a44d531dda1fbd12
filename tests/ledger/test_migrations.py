"""Ledgers of other versions, of other programs, and broken ones."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kgalign.errors import RunError
from kgalign.ledger import FILE, Ledger, verify
from kgalign.ledger.keys import judging_name
from kgalign.ledger.migrations import APPLICATION, MIGRATIONS, applied, apply
from tests.ledger.made import SETTINGS, a_vote

OLDER = judging_name("m", "", {})
TO_READ = [number for number, each in enumerate(MIGRATIONS) if not each.only_to_write]
"""The steps without which a ledger can't be read."""


def of_version(path: Path, steps: int) -> None:
    """A ledger as an older version made it, with the first steps alone."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        apply(connection, MIGRATIONS[:steps])


def a_ledger(path: Path) -> None:
    with Ledger.open(path, write=True) as ledger:
        judging = ledger.begin("judge-1b", "", SETTINGS).name
        for number in range(20):
            ledger.keep(a_vote(judging, number=number))


def changed(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_a_new_ledger_has_taken_every_step(tmp_path: Path) -> None:
    a_ledger(tmp_path / FILE)
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        assert applied(connection) == tuple(migration.name for migration in MIGRATIONS)
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize("steps", range(len(MIGRATIONS)))
def test_a_ledger_of_any_older_version_is_brought_up_to_date_by_whoever_writes(
    tmp_path: Path, steps: int
) -> None:
    path = tmp_path / FILE
    of_version(path, steps)
    if steps:
        changed(path, f"INSERT INTO judging VALUES (1, '{OLDER}', 'm', '', '{{}}', '2026-01-01T00:00:00Z')")
    with Ledger.open(path, write=True) as ledger:
        assert [judging.name for judging in ledger.judgings()] == ([OLDER] if steps else [])
        ledger.keep(a_vote(ledger.begin("judge-1b", "", SETTINGS).name))
        found = verify(ledger)
        assert found.sound
        assert found.migrations == tuple(migration.name for migration in MIGRATIONS)


@pytest.mark.parametrize("steps", TO_READ)
def test_who_only_reads_changes_no_older_ledger(tmp_path: Path, steps: int) -> None:
    path = tmp_path / FILE
    of_version(path, steps)
    before = path.read_bytes()
    with pytest.raises(RunError, match=f"older version of kgalign: it lacks {MIGRATIONS[steps].name}"):
        Ledger.open(path, write=False)
    assert path.read_bytes() == before


def test_a_ledger_of_before_answers_could_be_given_again_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / FILE
    of_version(path, 2)
    before = path.read_bytes()
    with Ledger.open(path, write=False) as ledger:
        assert list(ledger.votes()) == []
        assert verify(ledger).sound
    assert path.read_bytes() == before


def test_a_step_that_fails_leaves_the_ledger_at_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / FILE
    of_version(path, 1)
    changed(path, "CREATE TRIGGER vote_not_deleted BEFORE DELETE ON vote BEGIN SELECT 1; END")
    with pytest.raises(RunError, match="vote_not_deleted already exists"):
        Ledger.open(path, write=True)
    with closing(sqlite3.connect(path)) as connection:
        assert applied(connection) == ("0001_tables",)
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        ]
    assert names == ["vote_not_deleted"]


@pytest.mark.parametrize("write", [True, False])
@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO migration (name, applied_at) VALUES ('9999_better', '2030-01-01T00:00:00Z')",
        "PRAGMA user_version = 99",
    ],
)
def test_a_ledger_of_a_newer_version_is_refused_and_left_alone(
    tmp_path: Path, change: str, write: bool
) -> None:
    path = tmp_path / FILE
    a_ledger(path)
    changed(path, change)
    before = path.read_bytes()
    with pytest.raises(RunError) as refused:
        Ledger.open(path, write=write)
    assert (
        str(refused.value) == f"The ledger {path} was written by a newer version of kgalign. Update kgalign."
    )
    assert path.read_bytes() == before


@pytest.mark.parametrize("write", [True, False])
@pytest.mark.parametrize("change", ["CREATE TABLE vote (id)", "PRAGMA application_id = 7"])
def test_a_database_of_another_program_is_refused_and_left_alone(
    tmp_path: Path, change: str, write: bool
) -> None:
    path = tmp_path / FILE
    changed(path, change)
    before = path.read_bytes()
    with pytest.raises(RunError, match="is not a ledger: it is an SQLite database of another program"):
        Ledger.open(path, write=write)
    assert path.read_bytes() == before


@pytest.mark.parametrize("write", [True, False])
def test_a_file_that_is_no_database_is_called_damaged_and_left_alone(tmp_path: Path, write: bool) -> None:
    path = tmp_path / FILE
    path.write_text("votes\n" * 1000, encoding="utf8")
    with pytest.raises(RunError) as refused:
        Ledger.open(path, write=write)
    assert str(refused.value) == (
        f"The ledger {path} is damaged: file is not a database."
        " Put back a copy of it, or move it away: its questions are then asked anew."
    )
    assert path.read_text(encoding="utf8") == "votes\n" * 1000


@pytest.mark.parametrize("kept", [0.05, 0.5, 0.9])
def test_a_ledger_that_was_cut_off_is_called_damaged(tmp_path: Path, kept: float) -> None:
    path = tmp_path / FILE
    a_ledger(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(RunError, match=r"is damaged: .*malformed"):  # noqa: SIM117
        with Ledger.open(path, write=False) as ledger:
            list(ledger.votes())
    assert path.stat().st_size == int(len(whole) * kept)


def test_a_ledger_without_a_table_is_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / FILE
    a_ledger(path)
    changed(path, "DROP TABLE decision")
    with Ledger.open(path, write=False) as ledger:
        with pytest.raises(RunError, match="is damaged: no such table: decision"):
            list(ledger.decisions())
        assert any("decision" in fault for fault in verify(ledger).faults)


def test_there_is_nothing_to_read_before_something_was_written(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="There is no ledger") as refused:
        Ledger.open(tmp_path / FILE, write=False)
    assert "--judge llm" in refused.value.remedy
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("write", [True, False])
def test_a_folder_is_no_ledger(tmp_path: Path, write: bool) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(RunError, match=r"There is no ledger|can't be opened"):
        Ledger.open(tmp_path / FILE, write=write)


def test_a_path_may_hold_what_means_something_in_a_uri(tmp_path: Path) -> None:
    folder = tmp_path / "50% of a?b=c#d é"
    a_ledger(folder / FILE)
    assert (folder / FILE).is_file()
    with Ledger.open(folder / FILE, write=False) as ledger:
        assert ledger.counts().votes == 20


def test_a_new_ledger_makes_the_folders_above_it_unless_a_file_is_in_the_way(tmp_path: Path) -> None:
    a_ledger(tmp_path / "a" / "b" / FILE)
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="can't be opened"):
        Ledger.open(tmp_path / "file" / FILE, write=True)

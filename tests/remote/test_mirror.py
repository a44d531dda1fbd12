"""A run folder and what a store has of it: hostile names, damage, rows of both, a store that fails."""

import json
import logging
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from kgalign.decisions import Decision, Decisions, Verdict
from kgalign.errors import RunError
from kgalign.ledger import Ledger
from kgalign.remote import copy_run, names
from kgalign.remote import store as stores
from kgalign.remote.databases import contains, snapshot
from kgalign.remote.mirror import Mirror
from kgalign.remote.store import Store
from kgalign.run import start
from kgalign.run.folder import RunFolder, RunRecord
from tests.cli.run_folders import files_of
from tests.conftest import Watcher, write_elements
from tests.rdf.object_store import Store as Server
from tests.remote.between import between


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, not to be changed."""
    folder = tmp_path_factory.mktemp("made")
    pair = write_elements(folder)
    start.run(pair.left, pair.right, folder / "run")
    return folder / "run"


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "run"))


def mirror(address: str, folder: Path, area: Path) -> Mirror:
    area.mkdir(exist_ok=True)
    return Mirror(Store(address), RunFolder(folder), area)


def broken_record(run: Path, name: str) -> bytes:
    """A run.json that names a file of a step elsewhere."""
    record = RunFolder(run).read()
    step = record.steps["fused.ttl"]
    step.digests[name] = "0" * 64
    return record.to_json().encode()


@pytest.mark.parametrize(
    "name",
    [
        *("../evil", "/tmp/evil", "stages/../../evil", "a//b", ".lock", "stages/.x/y", "a\\..\\b", "a\nb"),
        *("run.json", "votes.sqlite", "x" * 300, "/".join("x" * 20), ""),
    ],
)
def test_names_in_a_record_of_a_store_are_no_paths(
    run: Path, store: Server, tmp_path: Path, name: str
) -> None:
    key = "record"
    store.put(f"{key}/run.json", broken_record(run, name))
    with pytest.raises(RunError, match="no file of a step"):
        mirror(f"s3://bucket/{key}", tmp_path / "new" / "folder", tmp_path / "area").bring()
    assert not (tmp_path / "new").exists()
    assert not (tmp_path / "evil").exists()


def test_foreign_objects_are_left_where_they_are(run: Path, store: Server, tmp_path: Path) -> None:
    copy_run(run, "s3://bucket/foreign")
    foreign = [
        *("cache/../../evil", "cache//tmp/evil", "cache/.hidden", "cache/a\\..\\b", "cache/" + "x" * 250),
        *("notes.txt", "stages/judge/other.npy", "cache/objects/1/left.nt", "../evil", "/tmp/evil"),
    ]
    for name in foreign:
        store.put(f"foreign/{name}", b"evil")
    store.put("foreign/cache/sparql/1/page.nt", b"page")
    copy_run("s3://bucket/foreign", tmp_path / "out" / "run")
    found = {
        str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()
    }
    wanted = {f"run/{path.relative_to(run)}" for path in run.rglob("*") if path.is_file()}
    assert found == wanted | {"run/cache/sparql/1/page.nt"}


def test_a_record_that_is_too_large_or_none_is_refused(store: Server, tmp_path: Path) -> None:
    for content, said in ((b" " * 64_000_001, "is larger than 64 MB"), (b"{}", "can't be read")):
        store.put("huge/run.json", content)
        with pytest.raises(RunError, match=said):
            mirror("s3://bucket/huge", tmp_path / "folder", tmp_path / "area").bring()


def test_an_address_of_other_things_is_refused(run: Path, store: Server, tmp_path: Path) -> None:
    store.put("others/left.nt", b"")
    for ask in (
        lambda: copy_run(run, "s3://bucket/others"),
        mirror("s3://bucket/others", tmp_path / "folder", tmp_path / "area").bring,
    ):
        with pytest.raises(RunError, match=r"is no run, and it isn't empty: it holds left\.nt"):
            ask()
    assert store.names("others/") == ["others/", "others/left.nt"]


def test_what_is_damaged_in_the_store_is_made_again(
    run: Path, store: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy_run(run, "s3://bucket/damaged")
    store.put("damaged/links.nt", b"something else")
    store.remove("damaged/fused.ttl")
    with caplog.at_level(logging.WARNING):
        copy_run("s3://bucket/damaged", tmp_path / "out")
    steps = RunFolder(run).read().steps.keys()
    assert steps - RunFolder(tmp_path / "out").read().steps.keys() == {"links", "fused.ttl"}
    assert "damaged/links.nt is not what was written" in caplog.text


def test_no_room_is_told_before_anything_is_copied(run: Path, store: Server, tmp_path: Path) -> None:
    copy_run(run, "s3://bucket/room")
    made = mirror("s3://bucket/room", tmp_path / "folder", tmp_path / "area")
    with pytest.raises(RunError, match="--work"):
        made._check_room(10**18)


def test_copies_go_both_ways(
    run: Path, store: Server, tmp_path: Path, watcher: Callable[[], Watcher]
) -> None:
    address, out = "s3://bucket/both", tmp_path / "out"
    copy_run(run, address)
    with pytest.raises(RunError, match="holds a run already"):
        copy_run(run, address)
    copy_run(address, out)
    assert files_of(out) == files_of(run)
    assert (out / "run.json").read_bytes() == (run / "run.json").read_bytes()
    with pytest.raises(RunError, match="is a run folder already"):
        copy_run(address, out)
    with pytest.raises(RunError, match="There is no run at"):
        copy_run("s3://bucket/none", tmp_path / "none")
    assert not (tmp_path / "none").exists()
    add(out, "one")
    copy_run(out, address, replace=True)
    with pytest.raises(RunError, match=r"decisions\.sqlite has rows that .* lacks"):
        copy_run(run, address, replace=True)
    assert not [name for name in store.names("both/") if "lease" in name]


def add(run: Path, name: str) -> None:
    with Decisions.open(run / "decisions.sqlite") as decisions:
        decisions.add([Decision("http://a.example/1", "http://b.example/1", Verdict.SAME, by=name)])


def test_rows_of_both_sides_are_kept(run: Path, store: Server, tmp_path: Path) -> None:
    address, other = "s3://bucket/rows", tmp_path / "other"
    add(run, "one")
    copy_run(run, address)
    copy_run(address, other)
    # More here than there stays.
    add(other, "two")
    mine = (other / "decisions.sqlite").read_bytes()
    copy_run(address, other, replace=True)
    assert (other / "decisions.sqlite").read_bytes() == mine
    # More there than here is taken.
    copy_run(other, address, replace=True)
    copy_run(address, run, replace=True)
    assert contains(run / "decisions.sqlite", other / "decisions.sqlite")
    # What both lack of each other: the store's counts, and ours is set aside.
    add(run, "three")
    copy_run(run, address, replace=True)
    add(other, "four")
    copy_run(address, other, replace=True)
    assert contains(other / "decisions.sqlite", run / "decisions.sqlite")
    (aside,) = other.glob("decisions.*.sqlite")
    assert not contains(run / "decisions.sqlite", aside)


def test_a_snapshot_is_of_one_moment(tmp_path: Path) -> None:
    path, copy = tmp_path / "a.sqlite", tmp_path / "copy.sqlite"
    for journal in ("wal", "delete"):
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(path, isolation_level=None)) as writer:
            writer.execute(f"PRAGMA journal_mode = {journal}")
            writer.execute("CREATE TABLE t (x)")
            writer.execute("INSERT INTO t VALUES (1)")
            if journal == "wal":
                writer.execute("BEGIN IMMEDIATE")
                writer.execute("INSERT INTO t VALUES (2)")
            snapshot(path, copy)
            with closing(sqlite3.connect(copy)) as reader:
                assert reader.execute("SELECT * FROM t").fetchall() == [(1,)]
    assert copy.read_bytes() == path.read_bytes()


def test_votes_go_up_while_they_come_in(run: Path, store: Server, tmp_path: Path) -> None:
    path = run / "votes.sqlite"
    made = mirror("s3://bucket/coming", run, tmp_path / "area")
    with Ledger.open(path, write=True) as ledger:
        for model in ("one", "two"):
            ledger.begin(model, "", {})
            made.put_beside()
            there = tmp_path / f"{model}.sqlite"
            there.write_bytes(store.read("coming/votes.sqlite"))
            with Ledger.open(there, write=False) as copy:
                assert copy.latest() == ledger.latest()
        times = store.names("coming/")
        made.put_beside()
        assert store.names("coming/") == times
    assert "coming/run.json" not in store.names("coming/")


def test_what_is_no_database_contains_nothing(tmp_path: Path) -> None:
    path, other = tmp_path / "a.sqlite", tmp_path / "b.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (x)")
    other.write_bytes(b"no database at all, and longer than a header of one would be" * 10)
    assert not contains(path, other)
    assert not contains(other, path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE u (x)")
    shutil.copy(path, other)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE u")
    assert not contains(path, other)
    assert contains(other, path)


def test_a_store_that_fails_is_asked_again_and_then_told(
    run: Path,
    store: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(stores, "WAITS", (0.01,))
    with between(store.url) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        made = mirror("s3://bucket/fails", run, tmp_path / "area")
        made.bring()
        server.break_at = 20
        with (
            caplog.at_level(logging.WARNING),
            pytest.raises(RunError, match="s3://bucket/fails can't be used") as caught,
        ):
            made.put_up()
        assert "the same command again" in str(caught.value)
        assert "asked once more" in caplog.text
        server.break_at = None
        made.put_up()
    monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
    copy_run("s3://bucket/fails", tmp_path / "out")
    assert files_of(tmp_path / "out") == files_of(run)


def test_what_goes_up_is_told(
    run: Path, store: Server, tmp_path: Path, watcher: Callable[[], Watcher]
) -> None:
    (run / "cache" / "sparql").mkdir(parents=True)
    (run / "cache" / "sparql" / "page.nt").write_bytes(b"x" * 2_000_000)
    told = watcher()
    copy_run(run, "s3://bucket/told", progress=told)
    assert told.names == ["put up cache/sparql/page.nt 2000000 B"]
    copy_run("s3://bucket/told", tmp_path / "out", progress=told)
    assert told.names[1:] == ["bring cache/sparql/page.nt 2000000 B"]


def test_what_is_no_part_of_the_run_any_more_goes(run: Path, store: Server, tmp_path: Path) -> None:
    area = tmp_path / "area"
    first = mirror("s3://bucket/gone", run, area)
    first.put_up()
    folder = RunFolder(run)
    record = folder.read()
    del record.steps["conflicts.parquet"]
    folder.write(record)
    (run / "conflicts.parquet").unlink()
    mirror("s3://bucket/gone", run, area).put_up()
    assert "gone/conflicts.parquet" not in store.names("gone/")
    assert "conflicts.parquet" not in json.loads(store.read("gone/run.json"))["steps"]
    assert RunRecord.from_json(store.read("gone/run.json").decode()) == record


def test_names_that_a_run_folder_has_are_known() -> None:
    assert names.is_beside("votes.sqlite")
    assert names.is_beside("cache/embeddings.sqlite")
    assert not names.is_beside("cache")
    assert not names.is_beside("cache/objects/1/left.nt")
    assert names.is_safe("stages/judge/ab.npy")

"""Run folders in an object store, on the command line: finished, killed, taken over, refused."""

import hashlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from kgalign.run.folder import RunRecord
from tests.cli.run_folders import files_of
from tests.commands import assert_one_line, begin, call
from tests.conftest import Pair, write_elements
from tests.rdf.object_store import Store, object_store
from tests.remote.between import Between, between

ASK = ("--judge", "scripted", "--ask", "all")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return write_elements(tmp_path_factory.mktemp("remote"))


@pytest.fixture(scope="module")
def local(pair: Pair) -> Path:
    """The run in a folder of this machine, not to be changed."""
    out = pair.left.parent / "local"
    done = call(["run", pair.left, pair.right, "-o", out, *ASK, "-q"])
    assert (done.returncode, done.stderr) == (0, "")
    return out


@pytest.fixture
def proxy(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Between]:
    """A server in front of the store that can be stopped."""
    with between(store.url) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        yield server


def words(pair: Pair, address: str, work: Path, *more: object) -> list[object]:
    return ["run", pair.left, pair.right, "-o", address, "--work", work, *ASK, *more]


def folder_in(work: Path) -> Path:
    (found,) = work.glob("*/run")
    return found


def compared(run: Path) -> dict[str, bytes]:
    """All that has to be the same; a ledger has the times of its votes."""
    return {name: content for name, content in files_of(run).items() if "sqlite" not in name}


def record_in(store: Store, key: str) -> RunRecord:
    return RunRecord.from_json(store.read(f"{key}/run.json").decode())


def assert_whole(store: Store, key: str) -> RunRecord | None:
    """All that the run.json of a store names is there, and is what was written."""
    if f"{key}/run.json" not in store.names(key):
        return None
    record = record_in(store, key)
    for step in record.steps.values():
        for name, digest in step.digests.items():
            assert hashlib.sha256(store.read(f"{key}/{name}")).hexdigest() == digest, name
    return record


def test_another_machine_finds_it_finished(pair: Pair, local: Path, store: Store, tmp_path: Path) -> None:
    done = call(words(pair, "s3://bucket/whole", tmp_path / "one"))
    assert done.returncode == 0, done.stderr
    assert "In the store: s3://bucket/whole" in done.stdout
    here = {str(path.relative_to(local)) for path in local.rglob("*") if path.is_file()}
    kept = {name.removeprefix("whole/") for name in store.names("whole/") if not name.endswith("/")}
    assert kept == here - {".lock", ".votes.sqlite.lock"}
    for name in ("links.nt", "fused.trig", "report.html"):
        assert store.read(f"whole/{name}") == (local / name).read_bytes()
    before = store.read("whole/run.json")
    again = call(words(pair, "s3://bucket/whole/", tmp_path / "two"))
    assert again.returncode == 0, again.stderr
    assert "Nothing to do" in again.stdout
    assert compared(folder_in(tmp_path / "two")) == compared(local)
    assert json.loads(store.read("whole/run.json"))["steps"] == json.loads(before)["steps"]
    assert "whole/lease.json" not in store.names("whole/")


@pytest.mark.slow
@pytest.mark.parametrize("write", [5, 12, 60, 128, 240])
def test_killed_in_the_middle_another_machine_goes_on(
    pair: Pair, local: Path, store: Store, proxy: Between, tmp_path: Path, write: int
) -> None:
    key = f"killed-{write}"
    proxy.hold_at = write
    process = begin(words(pair, f"s3://bucket/{key}", tmp_path / "one", "-q"))
    assert proxy.reached.wait(120)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    process.close()
    proxy.hold_at = None
    proxy.go.set()
    record = assert_whole(store, key)
    done = call(words(pair, f"s3://bucket/{key}", tmp_path / "two", "-q"))
    assert (done.returncode, done.stderr) == (0, "")
    assert compared(folder_in(tmp_path / "two")) == compared(local)
    finished = assert_whole(store, key)
    assert finished is not None
    assert finished.steps.keys() == json.loads((local / "run.json").read_text())["steps"].keys()
    for name, step in (record.steps if record else {}).items():
        assert finished.steps[name] == step, "it was not done again"
    assert (write > 12) == bool(record and record.steps)


@pytest.mark.slow
@pytest.mark.parametrize("write", [9, 30])
def test_killed_while_steps_are_replaced_the_store_stays_whole(
    pair: Pair, store: Store, proxy: Between, tmp_path: Path, write: int
) -> None:
    key = f"replaced-{write}"
    assert call(words(pair, f"s3://bucket/{key}", tmp_path / "one", "-q")).returncode == 0
    begun = len(proxy.writes)
    proxy.hold_at = begun + write
    other = ("--canonical", "right", "-q")
    process = begin(words(pair, f"s3://bucket/{key}", tmp_path / "one", *other))
    assert proxy.reached.wait(120)
    process.kill()
    process.join()
    process.close()
    proxy.hold_at = None
    proxy.go.set()
    record = assert_whole(store, key)
    assert record is not None
    assert "judge" in record.steps
    done = call(words(pair, f"s3://bucket/{key}", tmp_path / "two", *other))
    assert (done.returncode, done.stderr) == (0, "")
    assert assert_whole(store, key) is not None
    out = tmp_path / "local"
    assert call(["run", pair.left, pair.right, "-o", out, *ASK, *other]).returncode == 0
    assert compared(folder_in(tmp_path / "two")) == compared(out)
    # What the first machine has is older than what the store has: it takes that.
    done = call(words(pair, f"s3://bucket/{key}", tmp_path / "one", *other[:2]))
    assert "Nothing to do" in done.stdout, done.stderr
    assert compared(folder_in(tmp_path / "one")) == compared(out)


@pytest.mark.slow
def test_killed_before_it_heard_of_it_the_same_machine_keeps_what_it_did(
    pair: Pair, store: Store, proxy: Between, tmp_path: Path
) -> None:
    command = words(pair, "s3://bucket/unheard", tmp_path / "one", "-q")
    assert call(command).returncode == 0
    command += ["--canonical", "right"]
    proxy.lose_at = len(proxy.writes) + 2  # run.json without what is about to be replaced
    process = begin(command)
    assert proxy.reached.wait(120)
    process.kill()
    process.join()
    process.close()
    proxy.lose_at = None
    finished = RunRecord.from_json((folder_in(tmp_path / "one") / "run.json").read_text(encoding="utf8"))
    missing = finished.steps.keys() - record_in(store, "unheard").steps.keys()
    assert missing, "the store has forgotten what this machine has"
    assert call(command).returncode == 0
    after = record_in(store, "unheard")
    assert {name: after.steps[name] for name in missing} == {name: finished.steps[name] for name in missing}
    assert_whole(store, "unheard")


def test_votes_are_not_asked_again_elsewhere(pair: Pair, store: Store, tmp_path: Path) -> None:
    assert call(words(pair, "s3://bucket/votes", tmp_path / "one", "-q")).returncode == 0
    record = record_in(store, "votes")
    assert record.steps["ask"].figures["calls_now"] > 0
    done = call(words(pair, "s3://bucket/votes", tmp_path / "two", "--force", "-q"))
    assert done.returncode == 0, done.stderr
    again = record_in(store, "votes").steps["ask"].figures
    assert (again["calls"], again["calls_now"]) == (record.steps["ask"].figures["calls"], 0)


def test_a_second_run_is_refused(pair: Pair, store: Store, proxy: Between, tmp_path: Path) -> None:
    proxy.hold_at = 20
    errors = tmp_path / "errors"
    first = begin(words(pair, "s3://bucket/two", tmp_path / "one", "-q"), errors=errors)
    assert proxy.reached.wait(120)
    direct = {"AWS_ENDPOINT_URL": store.url}
    refused = call(words(pair, "s3://bucket/two", tmp_path / "two"), environment=direct)
    assert_one_line(
        refused, "Another run is at work at s3://bucket/two", f"process {first.pid}", "--take-over"
    )
    here = call(words(pair, "s3://bucket/two", tmp_path / "one"), environment=direct)
    assert_one_line(here, "Another kgalign of this machine is at work at s3://bucket/two")
    taken = call(words(pair, "s3://bucket/two", tmp_path / "two", "--take-over", "-q"), environment=direct)
    assert (taken.returncode, taken.stderr) == (0, "")
    proxy.hold_at = None
    proxy.go.set()
    first.join()
    assert first.exitcode == 2
    first.close()
    assert "is no longer this run's" in errors.read_text(encoding="utf8")
    assert assert_whole(store, "two") is not None


def test_what_can_not_be_written_to_is_told(
    pair: Pair, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for address, said in {
        "s3://nobucket/run": "There is no bucket nobucket",
        "s3://bucket": "names no folder",
        "s3://key:secret@bucket/run": "holds a key or a password",
        "s3://bucket/run?access_key=secret": "can't be used",
        "s3://bucket/run?endpoint_override=http://key:secret@127.0.0.1": "can't be used",
    }.items():
        done = call(words(pair, address, tmp_path / "work"))
        assert_one_line(done, said)
        assert "secret" not in done.stderr
    done = call(["run", pair.left, pair.right, "-o", tmp_path / "out", "--take-over"])
    assert_one_line(done, "--take-over is for a run in a store")


def test_who_may_not_write_is_told(pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INITIAL_NO_AUTH_ACTION_COUNT", "1")  # for the bucket; the server then asks who it is
    with object_store(tmp_path / "log") as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        done = call(words(pair, "s3://bucket/denied", tmp_path / "work"))
        assert_one_line(done, "s3://bucket/denied can't be used", "ACCESS_DENIED", "AWS_ACCESS_KEY_ID")


def test_a_place_for_temporary_files_that_others_may_write_to_is_not_used(
    pair: Pair, store: Store, tmp_path: Path
) -> None:
    place = tmp_path / f"kgalign-{os.getuid()}"
    place.mkdir()
    place.chmod(0o777)
    command = ["run", pair.left, pair.right, "-o", "s3://bucket/private"]
    done = call(command, environment={"TMPDIR": str(tmp_path)})
    assert_one_line(done, "is no folder of yours alone", "--work")
    place.chmod(0o700)
    done = call([*command, "-q"], environment={"TMPDIR": str(tmp_path)})
    assert (done.returncode, done.stderr) == (0, "")
    assert (next(place.iterdir()) / "run" / "links.nt").is_file()

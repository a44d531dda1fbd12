"""A run that works here for a store: the store goes away in the middle, and votes go up meanwhile."""

import time
from pathlib import Path

import pytest

from kgalign.errors import RunError
from kgalign.ledger import Ledger
from kgalign.remote import run_at, working
from kgalign.remote import store as stores
from kgalign.remote.lease import take
from kgalign.remote.mirror import Mirror
from kgalign.remote.store import Store
from kgalign.run import start
from kgalign.run.folder import RunFolder
from tests.cli.run_folders import files_of
from tests.conftest import Pair
from tests.rdf.object_store import Store as Server
from tests.remote.between import between


@pytest.mark.slow
def test_a_store_that_goes_away_costs_nothing_that_is_finished(
    elements: Pair, store: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "WAITS", (0.01,))
    place, work = "s3://bucket/away", tmp_path / "work"
    with between(store.url) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        server.break_at = 100
        with pytest.raises(RunError, match=r"s3://bucket/away can't be used: .* the same command again"):
            run_at(elements.left, elements.right, place, work=work)
        server.break_at = None
        (folder,) = work.glob("*/run")
        finished = RunFolder(folder).read().steps
        there = RunFolder(folder).read().from_json(store.read("away/run.json").decode()).steps
        assert there.keys() < finished.keys()
        done = run_at(elements.left, elements.right, place, work=work)
    assert done.folder == folder
    assert not finished.keys() & set(done.execution.done)
    out = tmp_path / "local"
    start.run(elements.left, elements.right, out)
    assert files_of(folder) == files_of(out)
    assert store.read("away/run.json") == (folder / "run.json").read_bytes()


def test_votes_go_up_now_and_then(store: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "RENEWED", 0.05)
    place = Store("s3://bucket/now")
    held = take(place)
    (tmp_path / "run").mkdir()
    mirror = Mirror(place, RunFolder(tmp_path / "run"), tmp_path, held.check)
    with (
        working._held(place, held, mirror),
        Ledger.open(tmp_path / "run" / "votes.sqlite", write=True) as ledger,
    ):
        ledger.begin("model", "", {})
        until = time.monotonic() + 60
        while "now/votes.sqlite" not in store.names("now/") and time.monotonic() < until:
            time.sleep(0.05)
        assert "now/votes.sqlite" in store.names("now/")
        assert "now/lease.json" in store.names("now/")
    assert "now/lease.json" not in store.names("now/")

"""One run at a time at an address."""

import json
import os
import subprocess
import sys
from datetime import timedelta

import pytest

from kgalign.errors import RunError
from kgalign.remote import lease
from kgalign.remote.store import Store
from tests.rdf.object_store import Store as Server


def left_by(server: Server, key: str, **changed: object) -> Store:
    """A store in which a lease lies."""
    store = Store(f"s3://bucket/{key}")
    lease.take(store)
    said = json.loads(server.read(f"{key}/lease.json"))
    server.put(f"{key}/lease.json", json.dumps(said | changed).encode())
    return store


def gone_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        return process.pid


def test_who_has_it_keeps_others_away_until_it_lets_go(store: Server) -> None:
    one = Store("s3://bucket/lease")
    held = lease.take(one)
    held.check()
    said = json.loads(store.read("lease/lease.json"))
    store.put("lease/lease.json", json.dumps(said | {"process": os.getppid()}).encode())
    with pytest.raises(
        RunError, match=r"Another run is at work at s3://bucket/lease: .*process \d+, since 20"
    ):
        lease.take(one)
    held.renew()
    held.release()
    assert not [name for name in store.names("lease/") if name.endswith("lease.json")]
    lease.take(one).release()


def test_it_is_taken_from_a_process_that_is_gone(store: Server) -> None:
    lease.take(left_by(store, "dead", process=gone_process())).release()
    elsewhere = left_by(store, "elsewhere", process=gone_process(), machine="another")
    with pytest.raises(RunError, match="--take-over"):
        lease.take(elsewhere)


def test_it_is_taken_from_a_machine_that_is_silent(store: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = left_by(store, "silent", machine="another")
    with pytest.raises(RunError, match="Another run"):
        lease.take(elsewhere)
    monkeypatch.setattr(lease, "GONE", timedelta(seconds=-10))
    lease.take(elsewhere).release()


def test_who_lost_it_is_told_and_leaves_it(store: Server) -> None:
    one = Store("s3://bucket/lost")
    first = lease.take(one)
    second = lease.take(one, by_force=True)
    for ask in (first.check, first.renew):
        with pytest.raises(RunError, match=r"no longer this run's: .* has taken it"):
            ask()
    first.release()
    second.check()
    store.remove("lost/lease.json")
    with pytest.raises(RunError, match="was taken away"):
        second.check()


def test_one_that_can_not_be_read_is_somebodys(store: Server) -> None:
    store.put("odd/lease.json", b"{")
    with pytest.raises(RunError, match="somebody"):
        lease.take(Store("s3://bucket/odd"))
    lease.take(Store("s3://bucket/odd"), by_force=True).release()

"""Inputs in an object store: copied, kept, copied again where they changed, and refused with a sentence."""

import gzip
import json
from pathlib import Path

import pytest

from kgalign.base.addresses import is_address
from kgalign.config import Config
from kgalign.errors import InputError
from kgalign.rdf.objects import copies_of, origin_of
from kgalign.rdf.remote import read_inputs
from tests.rdf.object_store import Store
from tests.rdf.rows import rows

ONE = b'<http://e/1> <http://e/name> "one" .\n'
TWO = b'<http://e/2> <http://e/name> "two" .\n'
ROWS = [("<http://e/1>", "<http://e/name>", '"one"'), ("<http://e/2>", "<http://e/name>", '"two"')]


def test_a_file_is_copied_and_read(store: Store, tmp_path: Path) -> None:
    address = store.put("plain/one.nt", ONE)
    assert is_address(address)
    (copy,) = copies_of(address, tmp_path)
    assert copy.read_bytes() == ONE
    assert origin_of(copy)[0] == address
    assert sorted(rows(read_inputs([address], "left", Config()))) == ROWS[:1]


def test_a_folder_is_read_as_one_of_this_machine_is(store: Store, tmp_path: Path) -> None:
    store.put("folder/one.nt", ONE)
    store.put("folder/below/two.nt.gz", gzip.compress(TWO))
    store.put("folder/.hidden/three.nt", b"broken")
    store.put("folder/notes.txt", b"broken")
    store.put("folder/table.csv", b"id,name\n1,one\n")
    for address in ("s3://bucket/folder", "s3://bucket/folder/"):
        copies = copies_of(address, tmp_path)
        assert [each.name for each in copies] == ["two.nt.gz", "one.nt"]
        assert sorted(rows(read_inputs([address], "left", Config()))) == ROWS


def test_what_is_the_same_is_not_copied_again(store: Store, tmp_path: Path) -> None:
    store.put("again/one.nt", ONE)
    store.put("again/two.nt", TWO)
    before = copies_of("s3://bucket/again", tmp_path)
    times = [each.stat().st_mtime_ns for each in before]
    assert copies_of("s3://bucket/again", tmp_path) == before
    assert [each.stat().st_mtime_ns for each in before] == times
    # A copy that is not what was written, and an object that changed, are.
    before[0].write_bytes(TWO)
    store.put("again/two.nt", TWO + ONE)
    assert copies_of("s3://bucket/again", tmp_path) == before
    assert [each.read_bytes() for each in before] == [ONE, TWO + ONE]
    copies_of("s3://bucket/again", tmp_path, refresh=True)
    assert [each.stat().st_mtime_ns for each in before] != times


def test_what_was_taken_away_is_not_read_any_more(store: Store, tmp_path: Path) -> None:
    store.put("less/one.nt", ONE)
    store.put("less/two.nt", TWO)
    assert len(copies_of("s3://bucket/less", tmp_path)) == 2
    store.remove("less/one.nt")
    (left,) = copies_of("s3://bucket/less", tmp_path)
    assert left.read_bytes() == TWO


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("s3://bucket/none.nt", "there is nothing at"),
        ("s3://nobucket/one.nt", "there is nothing at"),
        ("s3://bucket/one.nt?access_key=secret", "can't be used"),
        ("s3://key:secret@bucket/one.nt", "holds a key or a password"),
        ("s3://", "can't be used"),
        ("abfs://bucket/one.nt", "can't be read"),
        ("hdfs://127.0.0.1:1/one.nt", "can't be read"),
    ],
)
def test_what_can_not_be_fetched_is_told_without_secrets(
    store: Store, tmp_path: Path, address: str, said: str
) -> None:
    with pytest.raises(InputError) as caught:
        copies_of(address, tmp_path)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_names_in_a_store_are_no_paths(store: Store, tmp_path: Path) -> None:
    store.put("odd/a\\..\\evil.nt", ONE)
    with pytest.raises(InputError, match="can't be the name of a copy"):
        copies_of("s3://bucket/odd", tmp_path)


def test_a_record_that_leads_elsewhere_is_not_followed(store: Store, tmp_path: Path) -> None:
    address = store.put("record/one.nt", ONE)
    (copy,) = copies_of(address, tmp_path)
    record = copy.parent.parent / "copied.json"
    told = json.loads(record.read_text())
    for elsewhere in ("../../other.nt", "/etc/hostname", "0/../../x.nt"):
        told["files"][0]["file"] = elsewhere
        record.write_text(json.dumps(told))
        assert copies_of(address, tmp_path) == [copy]
    record.write_text("{")
    assert copies_of(address, tmp_path) == [copy]


def test_a_server_that_is_gone_is_told(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(InputError, match=r"s3://bucket/one\.nt can't be read") as caught:
        copies_of("s3://bucket/one.nt", tmp_path)
    assert "AWS_ENDPOINT_URL" in str(caught.value)

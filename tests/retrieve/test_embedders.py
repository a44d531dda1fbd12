import logging
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from kgalign.config import as_config
from kgalign.errors import ConfigError, KgalignError, MissingExtra
from kgalign.retrieve.embedders import OpenAIServer, SentenceTransformers, open_embedder
from tests.retrieve import embedding_server as faults
from tests.retrieve.embedding_server import EmbeddingServer, Fault, serving, vector_of

TEXTS = ["Kyoto", "Osaka", "Nara — prefecture: Nara", "Uji ☕", "Kyōto"]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddingServer]:
    for name in ("KGALIGN_LLM_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with serving() as served:
        yield served


def _embed(server: EmbeddingServer, texts: list[str] = TEXTS, *, url: str = "", model: str = "grams") -> None:
    """Ask, and compare with what the server's vectors are."""
    with closing(OpenAIServer(url or server.url, model, timeout=0.3, retries=1)) as embedder:
        vectors = embedder.embed(texts)
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [vector_of(text).tolist() for text in texts]


@pytest.mark.parametrize("suffix", ["", "/", "/embeddings"])
def test_vectors_come_in_the_order_of_the_texts(server: EmbeddingServer, suffix: str) -> None:
    _embed(server, url=f"{server.url}{suffix}")
    assert server.asked == [TEXTS]


def test_the_numbers_of_the_vectors_count_not_their_order(server: EmbeddingServer) -> None:
    server.faults = [faults.shuffled]
    _embed(server)


@pytest.mark.parametrize(
    "fault",
    [
        faults.status(500),
        faults.status(503, b"<html>busy</html>"),
        faults.status(429, Retry_After="0.05"),
        faults.silence,
        faults.hang_up,
    ],
    ids=["500", "503", "429", "silence", "hang up"],
)
def test_what_passes_is_tried_again(server: EmbeddingServer, fault: Fault) -> None:
    server.faults = [fault]
    _embed(server)
    assert server.asked == [TEXTS, TEXTS]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (faults.status(500), r"answers with status 500 \(out of order\)"),
        (faults.status(429, Retry_After="0.01"), "is too busy"),
        (faults.status(400, {"detail": "x" * 9_000}), r"status 400 \(xxx"),
        (faults.silence, r"has not answered within 0.3 seconds, 2 times"),
        (faults.hang_up, "can't be reached"),
        (faults.status(200, b"<html>Welcome</html>"), "does not answer with embeddings"),
        (faults.status(200, {"data": None}), "does not answer with embeddings"),
        (faults.status(200, {"data": [{"embedding": [1.0]}]}), "does not answer with embeddings"),
        (faults.too_few, "answers 4 vectors to 5 texts"),
        (faults.wrong_numbers, "numbers are not those of the texts"),
        (faults.ragged, "vectors of several lengths"),
    ],
)
def test_what_stays_is_one_clear_error(server: EmbeddingServer, fault: Fault, expected: str) -> None:
    server.faults = [fault] * 2
    with pytest.raises(KgalignError, match=expected) as caught:
        _embed(server)
    assert caught.value.message.startswith(f"The embedding server {server.url} ")
    assert caught.value.remedy
    assert len(str(caught.value)) < 500


def test_a_wrong_model_and_a_wrong_url_are_named(server: EmbeddingServer) -> None:
    with pytest.raises(KgalignError, match=r"has no model other.*The model `other` does not exist"):
        _embed(server, model="other")
    with pytest.raises(KgalignError, match="mostly ends in /v1"):
        _embed(server, url=server.url.removesuffix("/v1"))
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    with pytest.raises(KgalignError, match=rf"127.0.0.1:{port}/v1 can't be reached: .*refused"):
        _embed(server, url=f"http://127.0.0.1:{port}/v1")


def test_the_key_comes_from_the_environment_and_is_never_shown(
    server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    _embed(server)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-general")
    _embed(server)
    monkeypatch.setenv("KGALIGN_LLM_KEY", "sk-for-kgalign\n")
    _embed(server)
    assert server.keys == ["no-key", "sk-general", "sk-for-kgalign"]
    server.key = "sk-another"
    server.faults = [faults.status(400, {"error": {"message": "not with sk-for-kgalign"}})]
    with pytest.raises(KgalignError, match="not with …") as told:
        _embed(server)
    with pytest.raises(KgalignError, match=r"refuses the key\. Set KGALIGN_LLM_KEY") as refused:
        _embed(server)
    for text in (str(told.value), str(refused.value), caplog.text):
        assert "sk-" not in text
    monkeypatch.setenv("KGALIGN_LLM_KEY", "sk-ключ")
    with pytest.raises(KgalignError, match="KGALIGN_LLM_KEY holds characters that no key has"):
        _embed(server)


def test_a_server_with_a_limit_on_texts_gets_smaller_requests(server: EmbeddingServer) -> None:
    server.limit = 3
    texts = [f"text {number}" for number in range(14)]
    _embed(server, texts)
    assert [len(request) for request in server.asked] == [14, 7, 3, 3, 3, 3, 2]
    server.limit = 0
    with pytest.raises(KgalignError, match=r"status 413 \(batch size 1 > maximum 0\)"):
        _embed(server, texts)


def test_the_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtra, match=r"pip install 'kgalign\[dense\]'"):
        open_embedder("sentence-transformers:any").embed(["a text"])


def test_a_folder_is_known_by_its_content(tmp_path: Path) -> None:
    model, moved = tmp_path / "model", tmp_path / "moved"
    (model / ".cache").mkdir(parents=True)
    (model / "config.json").write_text("{}", encoding="utf8")
    (model / "weights").mkdir()
    (model / "weights" / "0.bin").write_bytes(b"\0" * 100)
    shutil.copytree(model, moved)
    (moved / ".cache" / "seen").write_text("today", encoding="utf8")
    before = SentenceTransformers(str(model)).identity
    assert SentenceTransformers(str(moved)).identity == before
    (model / "weights" / "0.bin").write_bytes(b"\0" * 99 + b"\1")
    assert SentenceTransformers(str(model)).identity != before
    assert SentenceTransformers("a/name").identity == "sentence-transformers:a/name"
    with pytest.raises(KgalignError, match=r"can't be read: .*too long"):
        SentenceTransformers("x" * 10_000)


def test_a_file_of_a_model_may_have_a_name_that_is_no_utf8(tmp_path: Path) -> None:
    found: set[str] = set()
    for name in (b"\xff.txt", b"\xfe.txt"):
        model = tmp_path / str(len(found))
        model.mkdir()
        Path(os.fsdecode(os.fsencode(model / "") + b"/" + name)).write_bytes(b"notes")
        found.add(SentenceTransformers(str(model)).identity)
    assert len(found) == 2, "names count"


@pytest.mark.parametrize(
    "spec",
    [
        "sentence-transformers:all-MiniLM-L6-v2",
        "sentence-transformers:./models/mine: the second",
        "openai:https://api.openai.com/v1#text-embedding-3-small",
        "openai:http://[::1]:8000/v1#BAAI/bge-m3",
    ],
)
def test_what_an_embedder_may_be(spec: str) -> None:
    assert as_config({"retrieve": {"embedder": spec}}).retrieve.embedder == spec
    open_embedder(spec).close()


def test_auto_is_a_choice_and_no_embedder_by_itself() -> None:
    section = as_config({"retrieve": {"embedder": "auto"}}).retrieve
    assert section.embedder_folder is None
    with pytest.raises(ConfigError, match="must be auto"):
        as_config({"retrieve": {"embedder": "auto:all-MiniLM-L6-v2"}})


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "all-MiniLM-L6-v2",
        "word2vec:vectors.bin",
        "sentence-transformers:",
        "openai:text-embedding-3-small",
        "openai:http://localhost:8000/v1",
        "openai:http://localhost:8000/v1#",
        "openai:ftp://localhost/v1#model",
        "openai:http://#model",
        "openai:http://localhost:99999/v1#model",
        "openai:http://[::1/v1#model",
        "openai:http://local host/v1#model",
        "openai:http://me:secret@localhost/v1#model",
        "openai:http://localhost/v1?api-key=secret#model",
    ],
)
def test_anything_else_is_refused_with_both_forms(spec: str) -> None:
    with pytest.raises(ConfigError) as caught:
        as_config({"retrieve": {"embedder": spec}})
    for expected in ("retrieve.embedder", "must be auto", "sentence-transformers:MODEL", "openai:URL#MODEL"):
        assert expected in str(caught.value)
    assert "secret" not in str(caught.value)

import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import pytest

from kgalign.base.progress import NoProgress
from kgalign.config import RetrieveConfig, SelectConfig
from kgalign.errors import KgalignError, RunError
from kgalign.rdf import read_graph
from kgalign.records import Floats, Profile
from kgalign.retrieve.dense import dense_channel, embed
from kgalign.retrieve.embedders import open_embedder
from kgalign.retrieve.embedding_cache import FILE, open_cache
from kgalign.retrieve.verbalise import verbalise
from kgalign.select import select
from tests.commands import split_off
from tests.conftest import Pair, Watcher
from tests.retrieve import embedding_server as faults
from tests.retrieve.embedding_server import EmbeddingServer, serving, vector_of
from tests.select.turtle import profile

BATCH = 256


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with serving() as served:
        yield served


@pytest.fixture
def sides(elements: Pair) -> tuple[Profile, Profile]:
    left, right = (select(read_graph(path), SelectConfig()) for path in (elements.left, elements.right))
    return left, right


def _channel(
    sides: tuple[Profile, Profile], spec: str, *, k: int = 5, cache: Path | None = None
) -> list[list[tuple[int, int, float]]]:
    config = RetrieveConfig(embedder=spec, k=k)
    found, _ = dense_channel(*sides, config, seed=0, cache=cache, progress=NoProgress())
    return [list(zip(*(column.tolist() for column in pairs), strict=True)) for pairs in found]


def _embed(texts: list[str], spec: str, cache: Path | None = None) -> Floats:
    with closing(open_embedder(spec)) as embedder, open_cache(cache) as kept:
        return embed(texts, embedder, kept, NoProgress())


def _expected(texts: list[str]) -> Floats:
    rows = np.stack([vector_of(text) for text in texts])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def _kept(cache: Path) -> int:
    with closing(sqlite3.connect(cache / FILE)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM embedding").fetchone()
    return int(count)


def test_each_side_asks_for_the_nearest_of_the_other(
    sides: tuple[Profile, Profile], server: EmbeddingServer
) -> None:
    forth, back = _channel(sides, server.spec)
    rows = [_expected(verbalise(side, np.arange(len(side), dtype=np.int32))) for side in sides]
    cosine = rows[0] @ rows[1].T
    for pairs, asking, table, k in ((forth, 0, cosine, 5), (back, 1, cosine.T, 5)):
        assert [pair[asking] for pair in pairs] == [row for row in range(len(table)) for _ in range(k)]
        scores = np.array([pair[2] for pair in pairs]).reshape(-1, k)
        assert np.allclose(scores, -np.sort(-table, axis=1)[:, :k], atol=1e-6)
        assert np.allclose([cosine[pair[:2]] for pair in pairs], scores.ravel(), atol=1e-6)


def test_entities_without_words_and_pairs_without_likeness_are_left_out(server: EmbeddingServer) -> None:
    left = profile('x:a a v:T ; rdfs:label "abc" . x:b a v:T .', ignore_iri_names=True)
    right = profile('x:c a v:T ; rdfs:label "abc" . x:d a v:T ; rdfs:label "zyx" .', ignore_iri_names=True)
    assert vector_of("abc") @ vector_of("zyx") == 0
    forth, back = _channel((left, right), server.spec)
    assert [pair[:2] for pair in forth] == [pair[:2] for pair in back] == [(0, 0)]
    assert sorted(server.texts) == ["abc", "zyx"]
    assert _channel((profile("x:b a v:T .", ignore_iri_names=True), right), server.spec) == [[], []]


def test_a_second_run_asks_nothing(
    sides: tuple[Profile, Profile], server: EmbeddingServer, tmp_path: Path
) -> None:
    cache = tmp_path / "run" / "cache"
    first = _channel(sides, server.spec, cache=cache)
    assert len(server.texts) == len(set(server.texts)) == _kept(cache)
    server.asked.clear()
    assert _channel(sides, server.spec, cache=cache) == first
    assert _channel(sides[::-1], server.spec, cache=cache, k=2)
    assert server.asked == []
    with pytest.raises(KgalignError, match="no model other"):
        _channel(sides, server.spec.replace("#grams", "#other"), cache=cache)


def test_texts_are_embedded_once_and_each_gets_its_own_vector(
    server: EmbeddingServer, watcher: Callable[[], Watcher]
) -> None:
    texts = [f"place {number % 400}" for number in range(1_000)]
    watch = watcher()
    with closing(open_embedder(server.spec)) as embedder, open_cache(None) as kept:
        rows = embed([*texts, ""], embedder, kept, watch)
    assert np.allclose(rows[:-1], _expected(texts), atol=1e-6)
    assert not rows[-1].any()
    assert [len(request) for request in server.asked] == [256, 144]
    assert watch.names == ["embed 400 texts"]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (faults.not_a_number, "missing, empty or not finite"),
        (faults.empty, "missing, empty or not finite"),
        (faults.narrow, "vectors of 32 numbers, and gave some of 64 before"),
        (faults.too_few, "answers 255 vectors to 256 texts"),
    ],
)
def test_a_bad_answer_is_not_kept_and_what_came_before_is(
    server: EmbeddingServer, tmp_path: Path, fault: faults.Fault, expected: str
) -> None:
    texts = [f"place {number:03}" for number in range(600)]
    _embed(texts[:BATCH], server.spec, tmp_path)
    server.faults = [fault]
    with pytest.raises(KgalignError, match=expected):
        _embed(texts, server.spec, tmp_path)
    assert _kept(tmp_path) == BATCH
    server.asked.clear()
    assert np.allclose(_embed(texts, server.spec, tmp_path), _expected(texts), atol=1e-6)
    assert len(server.texts) == 600 - BATCH


def test_a_cache_that_is_none_is_named(server: EmbeddingServer, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database" * 100)
    with pytest.raises(RunError, match=rf"{FILE} can't be used: file is not a database"):
        _embed(["a"], server.spec, tmp_path)
    with pytest.raises(RunError, match=r"can't be used: (File exists|Not a directory)"):
        _embed(["a"], server.spec, tmp_path / FILE / "cache")
    assert server.asked == []


def test_without_an_embedder_there_is_no_channel(sides: tuple[Profile, Profile]) -> None:
    with pytest.raises(ValueError, match="no embedder"):
        dense_channel(*sides, RetrieveConfig(), seed=0, cache=None, progress=NoProgress())


PLACES = [f"place {number:04}" for number in range(1_500)]


def _fill(spec: str, cache: Path) -> None:
    """What a process of its own does."""
    _embed(PLACES, spec, cache)


def _ended(process: ForkServerProcess) -> int | None:
    """How a process ended, once it has."""
    process.join()
    code = process.exitcode
    process.close()
    return code


def test_a_run_that_is_killed_goes_on_where_it_was(server: EmbeddingServer, tmp_path: Path) -> None:
    started: SimpleQueue[ForkServerProcess] = SimpleQueue()
    for answers in (1, 2, 4):

        def kill(count: int, answers: int = answers) -> None:
            if count == answers:  # about when it writes what it got
                started.get().kill()

        server.answers, server.after = 0, kill
        before = _kept(tmp_path) if (tmp_path / FILE).exists() else 0
        process = split_off(_fill, server.spec, tmp_path)
        started.put(process)
        assert _ended(process) == -signal.SIGKILL
        assert _kept(tmp_path) in {before + BATCH * (answers - 1), before + BATCH * answers}
    server.asked.clear()
    left = 1_500 - _kept(tmp_path)
    assert np.array_equal(_embed(PLACES, server.spec, tmp_path), _embed(PLACES, server.spec))
    assert len(server.texts) == left + 1_500


def test_two_runs_may_fill_one_cache(server: EmbeddingServer, tmp_path: Path) -> None:
    processes = [split_off(_fill, server.spec, tmp_path) for _ in range(2)]
    assert [_ended(process) for process in processes] == [0, 0]
    assert _kept(tmp_path) == 1_500

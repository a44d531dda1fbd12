"""Heavy work as tasks of a Ray cluster: parts go to workers, results come back in order."""

import logging
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import chain, islice, pairwise
from types import TracebackType
from typing import Any, TypeVar

import ray
from ray.exceptions import GetTimeoutError, RayError, RayTaskError

from kgalign.engine.cluster import Cluster
from kgalign.engine.pages import watched
from kgalign.engine.sending import Packer, bytes_of
from kgalign.engine.work import ready, work
from kgalign.errors import KgalignError

log = logging.getLogger(__name__)
_Part = TypeVar("_Part")
_Result = TypeVar("_Result")
_AGAIN = 10
"""Times that a part is done again where its worker is lost."""
_AHEAD = 2
"""Parts that are under way for each core of the cluster."""
_SENT = 0.25
"""Share of the object store that they may take."""
_LOOK = 5.0
"""Seconds after which it is looked whether there are workers left."""
_PATIENCE = 60.0
"""Seconds that a cluster may be without workers."""
_FULL = 0.8
"""Share of the object store from which Ray moves objects to disk."""


class Tasks:
    """Does heavy work in tasks of a cluster (:class:`kgalign.base.cores.Engine`)."""

    def __init__(self, cluster: Cluster, partitions: int | None = None) -> None:
        self._cluster, self._partitions = cluster, partitions
        self._packer = Packer(ray.put)
        self._work = ray.remote(work).options(
            num_cpus=1, num_returns=2, max_retries=_AGAIN, scheduling_strategy="SPREAD"
        )
        self._spilled = False
        self._watched = watched()
        self._begin()

    def _begin(self) -> None:
        self._tasks = self._sent = self._back = self._peak = self._idle = self._seen = 0
        self._seconds = 0.0
        self._packer.bytes_put = 0

    def __enter__(self) -> "Tasks":
        self._watched.__enter__()
        # While this process reads, the workers import what it has imported.
        modules = sorted(name for name in list(sys.modules) if name.partition(".")[0] == "kgalign")
        import_all = ray.remote(ready).options(num_cpus=1, scheduling_strategy="SPREAD")
        self._readying = [import_all.remote(modules) for _ in range(self._cluster.cores())]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._packer.forget()
        self._watched.__exit__(kind, error, trace)

    def told(self) -> dict[str, str]:
        """What was done since it was last asked; what was put until now is let go."""
        self._packer.forget()
        if not self._tasks:
            return {}
        found = {
            "ray tasks": str(self._tasks),
            "ray bytes put": str(self._packer.bytes_put),
            "ray bytes sent": str(self._sent),
            "ray bytes back": str(self._back),
            "ray worker idle bytes": str(self._idle),
            "ray worker peak bytes": str(self._peak),
            "ray worker seen bytes": str(self._seen),
            "ray worker seconds": f"{self._seconds:.2f}",
        }
        self._begin()
        return found

    def in_order(
        self, function: Callable[[_Part], _Result], parts: Iterable[_Part], *, streamed: bool = False
    ) -> Generator[_Result, None, None]:
        """What a function makes of each part, in the order of the parts; a single part is done here.

        :raises KgalignError: the cluster is lost, or has no workers any more.
        """
        waiting = iter(parts)
        first = list(islice(waiting, 2))
        if len(first) < 2:
            yield from map(function, first)
            return
        groups = self._grouped(chain(first, waiting), streamed=streamed)
        packed, refs = self._packer.pack(function)
        where = [packed.key, ray.put((packed, refs))]
        self._say_where_full()
        under_way: deque[tuple[tuple[Any, Any], int]] = deque()
        held = 0
        try:
            for group in groups:
                size = bytes_of(group)
                self._tasks += 1
                self._sent += size
                held += size
                under_way.append((self._work.remote(where, group), size))
                del group  # it may be large, and lies in the store
                while len(under_way) > _AHEAD * self._cluster.cores() or (
                    held > _SENT * self._cluster.store_bytes and len(under_way) > 1
                ):
                    refs_of, size = under_way.popleft()
                    held -= size
                    yield from self._taken(refs_of)
            while under_way:
                yield from self._taken(under_way.popleft()[0])
        finally:
            for refs_of, _ in under_way:
                ray.cancel(refs_of[0], force=False)

    def _grouped(self, parts: Iterable[_Part], *, streamed: bool) -> Iterator[list[_Part]]:
        """Parts that are done by one task each."""
        if self._partitions is None or streamed:
            return ([part] for part in parts)
        every = list(parts)
        bounds = [len(every) * place // self._partitions for place in range(self._partitions + 1)]
        return (every[start:end] for start, end in pairwise(bounds) if end > start)

    def _taken(self, refs: tuple[Any, Any]) -> list[Any]:
        """Results, once they are there."""
        alone_since = time.monotonic()
        while True:
            try:
                made, effort = ray.get(list(refs), timeout=_LOOK)
            except GetTimeoutError:
                if self._cluster.cores() > 0:
                    alone_since = time.monotonic()
                elif time.monotonic() - alone_since > _PATIENCE:
                    raise _lost("it has no workers left") from None
                continue
            except RayTaskError as error:
                raise error.cause or error from None
            except RayError as error:
                raise _lost(f"{type(error).__name__}: {str(error).splitlines()[0]}") from error
            self._back += effort.bytes_back
            self._idle = max(self._idle, effort.idle_bytes)
            self._peak = max(self._peak, effort.peak_bytes)
            self._seen = max(self._seen, effort.seen_bytes)
            self._seconds += effort.seconds
            return list(made)

    def _say_where_full(self) -> None:
        held, room = sum(self._packer.sizes.values()), self._cluster.store_bytes
        if held > _FULL * room and not self._spilled:
            self._spilled = True
            log.warning(
                "Ray's object store has %.0f MB, and %.0f MB of what the workers need lie in it: Ray moves "
                "some of it to disk, which takes longer. Give it more where Ray is started "
                "(--object-store-memory)",
                room / 1e6,
                held / 1e6,
            )


def _lost(why: str) -> KgalignError:
    return KgalignError(
        f"The Ray cluster did not do its work: {why}",
        "Start it again; the same command goes on with the step that was under way",
    )

"""Ray on this machine for one run, started while the run reads: it takes seconds until it is there."""

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from threading import Event, Thread
from types import TracebackType
from typing import Generic, TypeVar

from kgalign.base.cores import Engine, in_order

_Part = TypeVar("_Part")
_Result = TypeVar("_Result")


class Starting:
    """An engine that may not be there yet (:class:`kgalign.base.cores.Engine`): work is done here until then.

    Its thread lives as long as it does: Ray's processes end with the thread that started them.
    """

    def __init__(self, partitions: int | None) -> None:
        self._partitions = partitions
        self._engine: Future[Engine] = Future()
        self._over = Event()
        self._thread = Thread(target=self._keep, name="ray", daemon=True)

    def _keep(self) -> None:
        try:
            from kgalign.engine.cluster import connected
            from kgalign.engine.tasks import Tasks

            with connected(None) as cluster, Tasks(cluster, self._partitions) as engine:
                self._engine.set_result(engine)
                self._over.wait()
        except BaseException as error:  # noqa: BLE001 - it is raised where the engine is asked for
            if not self._engine.done():
                self._engine.set_exception(error)

    def __enter__(self) -> "Starting":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def told(self) -> dict[str, str]:
        """As of an engine that is there."""
        return self._engine.result().told() if self._engine.done() else {}

    def in_order(
        self, function: Callable[[_Part], _Result], parts: Iterable[_Part], *, streamed: bool = False
    ) -> Generator[_Result, None, None]:
        """As of an engine that is there; until it is, parts are done by the threads of this process.

        :raises KgalignError: it could not be started.
        """
        waiting = _Waiting(parts)
        yield from in_order(function, waiting.until(self._engine.done))
        if not waiting.over:
            yield from self._engine.result().in_order(function, waiting.until(_never), streamed=streamed)


class _Waiting(Generic[_Part]):
    """Parts of which somebody takes some, and somebody else the others."""

    def __init__(self, parts: Iterable[_Part]) -> None:
        self._parts = iter(parts)
        self.over = False
        """Whether there are no more."""

    def until(self, true: Callable[[], bool]) -> Iterator[_Part]:
        """Those that are asked for before something is so."""
        while not true():
            try:
                part = next(self._parts)
            except StopIteration:
                self.over = True
                return
            yield part


def _never() -> bool:
    return False

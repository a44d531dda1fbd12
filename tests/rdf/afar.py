"""An engine for tests that does parts as another machine would: what comes and goes is pickled."""

import pickle
from collections.abc import Callable, Generator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from kgalign.rdf.pieces import Piece


class Afar:
    """Another machine (:class:`kgalign.base.cores.Engine`).

    :param shared: whether files have the same paths there; else they are not there.
    """

    def __init__(self, *, shared: bool) -> None:
        self._shared = shared
        self.done = 0
        """Parts that were done."""

    def in_order(
        self, function: Callable[[Any], Any], parts: Iterable[Any], *, streamed: bool = False
    ) -> Generator[Any, None, None]:
        for part in parts if streamed else list(parts):
            self.done += 1
            yield pickle.loads(pickle.dumps(self._made(function, part)))

    def _made(self, function: Callable[[Any], Any], part: object) -> object:
        there_function, there = pickle.loads(pickle.dumps((function, part)))
        if self._shared or not isinstance(there, Piece):
            return there_function(there)
        made = there_function(replace(there, path=Path("/nowhere") / there.path.name))
        return there if isinstance(made, Piece) else made

    def told(self) -> dict[str, str]:
        return {}

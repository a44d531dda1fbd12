"""Several servers of one model, as one: those that are down are left out, and taken back once they answer."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from kgalign.errors import KgalignError
from kgalign.llm.http import ServerDown
from kgalign.llm.protocol import Capabilities, Reply, Request, Structure
from kgalign.llm.routing import beginning, ranking
from kgalign.llm.server import OpenAIBackend
from kgalign.rdf.text import shorten

log = logging.getLogger(__name__)

_STRUCTURES: tuple[Structure, ...] = ("none", "choice", "json_schema")
"""From the loosest to the tightest."""
_SAID: set[tuple[str, ...]] = set()
"""Servers that were down, of which it was said already."""


class Servers:
    """A model behind several URLs; :class:`kgalign.llm.pool.Pool` spreads questions over them.

    :param servers: at least one; all are asked for the same model.
    """

    def __init__(self, servers: Sequence[OpenAIBackend]) -> None:
        self.servers = tuple(servers)
        self.name, self.adapter = self.servers[0].name, self.servers[0].adapter
        self.down: dict[str, str] = {}
        """URL → why it is left out, of those that were down when all were asked."""
        self._found: Capabilities | None = None

    async def probe(self) -> Capabilities:
        """Find out what all of them can do that are there; those that are down are named in one warning.

        :raises KgalignError: all are down, one can't be used, or two serve different models.
        """
        asked = await asyncio.gather(*(each.probe() for each in self.servers), return_exceptions=True)
        found: dict[OpenAIBackend, Capabilities] = {}
        down: dict[str, KgalignError] = {}
        for server, told in zip(self.servers, asked, strict=True):
            if isinstance(told, ServerDown):
                down[server.url] = told
            elif isinstance(told, BaseException):
                raise told
            else:
                found[server] = told
        if not found:
            why = "; ".join(each.message for each in down.values())
            raise KgalignError(
                f"None of the {len(self.servers)} servers can be asked: {why}",
                "Start one of them, or correct the URLs in --llm-url",
            )
        _check_same(list(found))
        self.name = next(iter(found)).name
        self.down = {url: each.message for url, each in down.items()}
        if self.down and tuple(self.down) not in _SAID:
            _SAID.add(tuple(self.down))
            log.warning("%s", _left_out(self.down, len(found)))
        self._found = common(list(found.values()))
        return self._found

    async def admit(self, server: OpenAIBackend) -> None:
        """See whether one that was down can be asked now, as those were that were there from the start.

        :raises ServerDown: not yet.
        :raises KgalignError: it serves another model by now, or can't be asked in the same way.
        """
        found = await server.probe()
        if server.name != self.name:
            raise _different(self.name, server)
        known = self._found
        if known is not None and common([known, found]).ways != known.ways:
            raise KgalignError(
                f"The server {server.url} can't be asked in the ways in which the others can",
                "Start it as they were started",
            )

    async def ask(self, request: Request) -> Reply:
        """Ask the server that the request's beginning belongs to, however much it has to do.

        :raises CallFailed: there is no answer.
        """
        first, *_ = ranking(beginning(request), [each.url for each in self.servers])
        return await self.servers[first].ask(request)

    async def close(self) -> None:
        """Close all connections."""
        for each in self.servers:
            await each.close()


def common(found: Sequence[Capabilities]) -> Capabilities:
    """What each of several servers can do; at least one."""
    first = found[0]
    return replace(
        first,
        server=", ".join(dict.fromkeys(each.server for each in found)),
        structure=min((each.structure for each in found), key=_STRUCTURES.index),
        logprobs=min(each.logprobs for each in found),
        context=min((each.context for each in found if each.context), default=0),
        adapters=tuple(name for name in first.adapters if all(name in each.adapters for each in found)),
        ways=tuple(way for way in first.ways if all(way in each.ways for each in found)),
    )


def _check_same(servers: Sequence[OpenAIBackend]) -> None:
    first = servers[0]
    for other in servers[1:]:
        if other.name != first.name:
            raise KgalignError(
                f"The servers serve different models: {first.url} has {shorten(first.name)}, "
                f"{other.url} has {shorten(other.name)}",
                "Give servers of one model, or name it with --model",
            )


def _different(name: str, server: OpenAIBackend) -> KgalignError:
    return KgalignError(
        f"The server {server.url} has {shorten(server.name)}, though {shorten(name)} is asked",
        "Start it with the model that the others serve",
    )


def _left_out(down: dict[str, str], others: int) -> str:
    noun = "server is" if len(down) == 1 else "servers are"
    rest = "the other one is asked" if others == 1 else f"the other {others} are asked"
    return f"{len(down)} {noun} left out, {rest}: {'; '.join(down.values())}"

"""Answers questions on pairs with a small model in this process; what waits is read side by side."""

import asyncio
import importlib.util
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kgalign.base.logs import printable
from kgalign.errors import KgalignError
from kgalign.llm.builtin.base_model import BASE, base_model
from kgalign.llm.builtin.reader import Reader, load_reader
from kgalign.llm.protocol import CallFailed, Capabilities, Reply, Request
from kgalign.llm.taught import temperature_of
from kgalign.llm.vllm.lora import read_adapter
from kgalign.llm.weights import files_digest, weights_mark

PACKAGE = "kgalign_judge_smollm2"
"""Name under which the package with the adapter is imported."""
GATHERED = 0.01
"""Seconds that a first question waits for others, which are then read with it."""
LABELS = ("yes", "no")


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A question that nobody has answered yet."""

    request: Request
    answer: "asyncio.Future[Reply]"
    since: float


class Builtin:
    """Implements :class:`~kgalign.llm.protocol.Backend` with a model that is asked about pairs alone.

    :param model: folder of a model that was trained on pairs, or of one that ``adapter`` was; empty for the
        one that comes as a package.
    :param adapter: folder of a LoRA adapter; empty for the one that comes as a package, or for none where a
        model is named.
    :raises MissingExtra: what reads the model is not installed.
    :raises KgalignError: there is no model or no adapter, or it was trained on another model.
    """

    def __init__(self, model: str = "", adapter: str = "") -> None:
        self._folder = Path(model) if model else base_model()
        self._adapter = Path(adapter) if adapter else None if model else installed_adapter()
        if self._adapter is not None:
            # What two versions of a library unpack need not be the same bytes: the adapter of the package
            # belongs to the model of the package, and that is known by the packed file.
            read_adapter(self._adapter, str(self._folder) if model or adapter else BASE)
        shown = self._folder.resolve().name
        self.name = f"{shown}@{weights_mark(self._folder)}" if model else shown
        self.adapter = f"{self._adapter.resolve().name}@{_mark(self._adapter)}" if self._adapter else ""
        self._temperature = temperature_of(self._adapter or self._folder)
        self._reader: Reader | None = None
        self._waiting: list[_Waiting] = []
        self._worker: asyncio.Task[None] | None = None
        # One thread: the model takes all processors by itself, and must not hold up the event loop.
        self._thread = ThreadPoolExecutor(1, "builtin")

    async def probe(self) -> Capabilities:
        """Load the model.

        :raises MissingExtra: what reads it is not installed.
        :raises KgalignError: the model can't be loaded.
        """
        reader = await self._in_thread(self._loaded)
        return Capabilities(
            server="builtin",
            structure="choice",
            logprobs=len(LABELS),
            context=reader.context,
            adapters=(self.adapter,) if self.adapter else (),
            ways=("pair",),
            notes={
                "where": "in this process",
                "device": str(reader.model.device.type),
                "numbers": "bfloat16" if reader.half else "float32",
                "temperature": f"{self._temperature:g}",
            },
        )

    async def ask(self, request: Request) -> Reply:
        """Answer one question, together with whatever else waits.

        :raises CallFailed: it is no question on a pair, it is too long, or the model fails.
        """
        if request.way != "pair" or len(request.messages) != 1 or set(request.labels) != set(LABELS):
            raise CallFailed("the builtin judge is asked about pairs alone", again=False)
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(request, answer, time.perf_counter()))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await answer

    async def close(self) -> None:
        """Let go of the model's memory; whoever still waits is not answered."""
        if self._worker is not None and not self._worker.done():
            self._worker.cancel()
            await asyncio.wait([self._worker])
        for each in self._waiting:
            each.answer.cancel()
        self._waiting, self._reader = [], None
        self._thread.shutdown()

    async def _in_thread(self, function: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    async def _work(self) -> None:
        """Answer batch after batch until nothing waits."""
        while self._waiting:
            await asyncio.sleep(GATHERED)
            batch, self._waiting = self._waiting, []
            batch = [each for each in batch if not each.answer.done()]
            if not batch:
                continue
            try:
                replies = await self._in_thread(self._answer, [each.request for each in batch])
            except asyncio.CancelledError:
                for each in batch:
                    each.answer.cancel()
                raise
            except KgalignError as error:
                replies = [CallFailed(str(error), again=False, gone=True)] * len(batch)
            except Exception as error:  # noqa: BLE001 - the worker's border: whoever asked must be told
                told = f"{type(error).__name__}: {printable(str(error), 300)}"
                replies = [CallFailed(told, again=False)] * len(batch)
            now = time.perf_counter()
            for each, reply in zip(batch, replies, strict=True):
                if each.answer.done():
                    continue
                if isinstance(reply, CallFailed):
                    each.answer.set_exception(reply)
                else:
                    each.answer.set_result(replace(reply, seconds=now - each.since))

    # What follows runs in the thread.

    def _loaded(self) -> Reader:
        if self._reader is None:
            self._reader = load_reader(self._folder, self._adapter)
        return self._reader

    def _answer(self, requests: Sequence[Request]) -> list[Reply | CallFailed]:
        """Replies in the order of the requests; one that is asked twice at once is read once."""
        reader = self._loaded()
        texts = list(dict.fromkeys(each.messages[0].content for each in requests))
        rows = dict(zip(texts, reader.tokens(texts), strict=True))
        fit = [text for text in texts if 0 < len(rows[text]) <= reader.context]
        odds = dict(zip(fit, reader.odds([rows[text] for text in fit]), strict=True))
        replies: list[Reply | CallFailed] = []
        for request in requests:
            text = request.messages[0].content
            size = len(rows[text])
            if text in odds:
                replies.append(_reply(odds[text] / self._temperature, size))
            else:
                told = f"a question of {size:,} tokens does not fit the {reader.context:,} of the model"
                replies.append(CallFailed(told, again=False))
        return replies


def _reply(odds: float, tokens: int) -> Reply | CallFailed:
    """What the log-odds of " yes" against " no" say."""
    if not math.isfinite(odds):
        return CallFailed("what the model says is no number", again=False)
    share = 1 / (1 + math.exp(-abs(odds)))
    chances = dict(zip(LABELS, (share, 1 - share) if odds > 0 else (1 - share, share), strict=True))
    text = LABELS[0] if odds > 0 else LABELS[1]
    return Reply(text, "stop", probabilities=chances, prompt_tokens=tokens, completion_tokens=1)


def installed_adapter() -> Path:
    """Folder of the adapter in the package that holds it; nothing is imported.

    :raises KgalignError: the package is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    for place in (found and found.submodule_search_locations) or ():
        if (folder := Path(place, "adapter")).is_dir():
            return folder
    raise KgalignError(
        "The builtin judge has no adapter: none is named, and no package brings one",
        "Train one with `kgalign train sft --base builtin`, and name it with --adapter",
    )


def _mark(folder: Path) -> str:
    """Hash of an adapter's files: one that was changed in place is another."""
    paths = [folder / name for name in ("adapter_config.json", "adapter_model.safetensors", "adapter.json")]
    return files_digest([path for path in paths if path.is_file()])[:12]

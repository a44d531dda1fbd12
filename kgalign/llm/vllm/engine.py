"""A model in this process: vLLM's offline engine, which answers whatever waits as one batch."""

import asyncio
import json
import logging
import math
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kgalign.base.logs import printable
from kgalign.errors import KgalignError, MissingExtra
from kgalign.llm.pairs import pair_reply
from kgalign.llm.protocol import NO_THINKING, CallFailed, Capabilities, Message, Reply, Request, Sampling
from kgalign.llm.schema import answer_schema
from kgalign.llm.spelling import label_probabilities
from kgalign.llm.taught import taught_pairs, temperature_of
from kgalign.llm.vllm.faults import failure
from kgalign.llm.vllm.lora import Adapter, read_adapter
from kgalign.llm.vllm.setup import (
    BLOCK,
    STRUCTURED,
    check_model,
    environment,
    number_format,
    on_cpu,
    require_vllm,
    served_name,
)
from kgalign.llm.weights import files_digest

log = logging.getLogger(__name__)

LOGPROBS = 20
"""Alternatives per token that vLLM gives at most by default."""
# Which of these is raised depends on what is missing or damaged; vLLM has no error of its own for it.
_LOADING = (AttributeError, ImportError, LookupError, OSError, RuntimeError, TypeError, ValueError)
_PROBE = Request(
    messages=(Message("user", "Answer with JSON: choice is A, B or none; values is []; reason is empty."),),
    labels=("A", "B", "none"),
    sampling=Sampling(max_tokens=48, logprobs=LOGPROBS),
)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A request that nobody has answered yet."""

    request: Request
    answer: "asyncio.Future[Reply]"
    since: float


class VllmEngine:
    """Implements :class:`~kgalign.llm.protocol.Backend` with a model that is loaded into this process.

    Requests that come while the engine is at work wait, and are then answered together.

    :param model: a folder, or a name on the hub.
    :param adapter: folder of a LoRA adapter on it, empty for none.
    :param context: tokens that a question and its answer may have together, 0 for what the model has.
    :raises MissingExtra: vLLM is not installed.
    :raises KgalignError: the model or the adapter is not there, or they don't belong together.
    """

    def __init__(self, model: str, adapter: str = "", *, context: int = 0) -> None:
        self._version = require_vllm()
        check_model(model)
        self._model = model
        self._lora: Adapter | None = read_adapter(Path(adapter), model) if adapter else None
        # A folder is known by its content: votes of a model that was trained further are others.
        self.name = served_name(model) + content_mark(Path(model))
        self.adapter = self._lora.name + content_mark(self._lora.folder) if self._lora else ""
        taught = self._lora.folder if self._lora else Path(model)
        self._pairs, self._temperature = taught_pairs(taught), temperature_of(taught)
        self._context = context
        self._cpu = on_cpu(self._version)
        self._engine: Any = None
        self._waiting: list[_Waiting] = []
        self._worker: asyncio.Task[None] | None = None
        # One thread: the engine is not made for more, and it must not hold up the event loop.
        self._thread = ThreadPoolExecutor(1, "vllm")

    async def probe(self) -> Capabilities:
        """Load the model and ask it something.

        :raises MissingExtra: vLLM is not installed, or not whole.
        :raises KgalignError: the model can't be loaded, has no chat template, or fails on a question.
        """
        await self._in_thread(self._load)
        notes = {"where": "in this process", "device": "cpu" if self._cpu else "gpu"}
        adapters = (self.adapter,) if self.adapter else ()
        server = f"vllm {self._version}"
        if self._pairs:
            return Capabilities(
                server=server,
                structure="choice",
                logprobs=LOGPROBS,
                context=self._length(),
                adapters=adapters,
                ways=("pair",),
                notes=notes | {"temperature": f"{self._temperature:g}"},
            )
        try:
            reply = await self.ask(_PROBE)
        except CallFailed as error:
            raise KgalignError(
                f"The model {self._model} fails on a first question: {error.reason}", "Give another model"
            ) from error
        held = reply.text.startswith('{"choice":') or _is_json(reply.text)
        return Capabilities(
            server=server,
            structure="json_schema" if held else "none",
            logprobs=LOGPROBS if reply.probabilities else 0,
            context=self._length(),
            adapters=adapters,
            notes=notes,
        )

    async def ask(self, request: Request) -> Reply:
        """Answer one request, together with whatever else waits.

        :raises CallFailed: the question is too long, or the engine has failed.
        """
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(request, answer, time.perf_counter()))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await answer

    async def close(self) -> None:
        """Stop the engine and let go of its memory."""
        if self._worker is not None and not self._worker.done():
            self._worker.cancel()
            await asyncio.wait([self._worker])
        for each in self._waiting:
            each.answer.cancel()
        self._waiting = []
        if self._engine is not None:
            await self._in_thread(self._shut_down)
        self._thread.shutdown()

    async def _in_thread(self, function: Any, *arguments: object) -> Any:  # noqa: ANN401 - whatever it gives
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    async def _work(self) -> None:
        """Answer batch after batch until nothing waits."""
        while self._waiting:
            # Those that were woken together with this one come first to the queue, then into one batch.
            await asyncio.sleep(0)
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
                told = f"{type(error).__name__}: {_reason(error)}"
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

    def _load(self) -> None:
        if self._engine is not None:
            return
        os.environ.update(environment(self._cpu))
        # Its log is written to the terminal, past kgalign's own.
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
        try:
            from vllm import LLM
        except ImportError as error:
            raise MissingExtra("A model in this process", "vllm") from error
        options: dict[str, Any] = {"structured_outputs_config": STRUCTURED, "enable_prefix_caching": True}
        if self._context:
            options["max_model_len"] = self._context
        if self._lora:
            options |= {"enable_lora": True, "max_lora_rank": self._lora.rank}
        if self._cpu:
            options |= {"dtype": number_format(), "enforce_eager": True, "block_size": BLOCK}
        log.info("loading the model %s", self._model)
        try:
            engine = LLM(model=self._model, generation_config="vllm", **options)
        except _LOADING as error:
            raise failure(f"{type(error).__name__}: {error}".splitlines(), 1) from error
        if not self._pairs and not getattr(engine.get_tokenizer(), "chat_template", None):
            _stop(engine)
            raise KgalignError(
                f"The model {self._model} has no chat template",
                "Give one that was trained to chat",
            )
        self._engine = engine

    def _shut_down(self) -> None:
        engine, self._engine = self._engine, None
        _stop(engine)

    def _length(self) -> int:
        return int(self._engine.model_config.max_model_len)

    def _answer(self, requests: Sequence[Request]) -> list[Reply | CallFailed]:
        """Replies in the order of the requests."""
        self._load()
        room = self._length()
        replies: dict[int, Reply | CallFailed] = {}
        fit: list[tuple[Request, list[int]]] = []
        numbers: list[int] = []
        for number, request in enumerate(requests):
            prompt, most = self._tokens(request), request.sampling.max_tokens
            if len(prompt) + most > room:
                told = f"a question of {len(prompt)} tokens and an answer of up to {most} don't fit {room}"
                replies[number] = CallFailed(told, again=False)
            else:
                numbers.append(number)
                fit.append((request, prompt))
        replies |= zip(numbers, self._generate(fit), strict=True)
        return [replies[number] for number in range(len(requests))]

    def _tokens(self, request: Request) -> list[int]:
        if request.way == "pair":
            found = self._engine.get_tokenizer()(request.messages[-1].content, add_special_tokens=False)
            return [int(token) for token in found["input_ids"]]
        messages = [{"role": each.role, "content": each.content} for each in request.messages]
        tokens = self._engine.get_tokenizer().apply_chat_template(
            messages, add_generation_prompt=True, tokenize=True, return_dict=False, **NO_THINKING
        )
        return [int(token) for token in tokens]

    def _generate(self, asked: list[tuple[Request, list[int]]]) -> list[Reply | CallFailed]:
        from vllm.lora.request import LoRARequest
        from vllm.v1.engine.exceptions import EngineDeadError

        if not asked:
            return []
        lora = LoRARequest(self._lora.name, 1, str(self._lora.folder)) if self._lora else None
        try:
            outputs = self._engine.generate(
                [{"prompt_token_ids": prompt} for _, prompt in asked],
                [_parameters(request) for request, _ in asked],
                use_tqdm=False,
                lora_request=lora,
            )
        except EngineDeadError as error:
            return [CallFailed(_reason(error), again=False, gone=True)] * len(asked)
        except (RuntimeError, ValueError) as error:
            if len(asked) > 1:  # one of them is at fault: the others are answered all the same
                return [reply for each in asked for reply in self._generate([each])]
            return [CallFailed(_reason(error), again=False)]
        return [
            _pair_reply(request, output, self._temperature)
            if request.way == "pair"
            else _reply(request, output)
            for (request, _), output in zip(asked, outputs, strict=True)
        ]


def _parameters(request: Request) -> Any:  # noqa: ANN401 - vLLM is imported late
    from vllm import SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    sampling = request.sampling
    if request.way == "pair":
        return SamplingParams(temperature=0.0, max_tokens=1, seed=sampling.seed, logprobs=LOGPROBS)
    return SamplingParams(
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        max_tokens=sampling.max_tokens,
        seed=sampling.seed,
        logprobs=min(sampling.logprobs, LOGPROBS) or None,
        structured_outputs=StructuredOutputsParams(json=answer_schema(request.labels)),
    )


def _reply(request: Request, output: Any) -> Reply:  # noqa: ANN401 - a RequestOutput of vLLM
    answer = output.outputs[0]
    return Reply(
        text=answer.text,
        finish=answer.finish_reason or "unknown",
        probabilities=label_probabilities(_content(answer), request.labels) if answer.logprobs else None,
        prompt_tokens=len(output.prompt_token_ids or ()),
        completion_tokens=len(answer.token_ids),
        cached_tokens=output.num_cached_tokens or 0,
    )


def _pair_reply(request: Request, output: Any, temperature: float) -> Reply | CallFailed:  # noqa: ANN401
    """What the probabilities of " yes" and " no" as the next token say, their log-odds divided."""
    answer = output.outputs[0]
    logs = {
        str(each.decoded_token): float(each.logprob) / temperature for each in answer.logprobs[0].values()
    }
    reply = pair_reply(
        logs,
        request.labels,
        read=len(output.prompt_token_ids or ()),
        cached=output.num_cached_tokens or 0,
    )
    return reply or CallFailed("the model says neither yes nor no to a pair", again=False)


def _content(answer: Any) -> list[dict[str, object]]:  # noqa: ANN401 - a CompletionOutput of vLLM
    """Log-probabilities in the shape of ``logprobs.content`` of a chat completion."""
    content: list[dict[str, object]] = []
    for token, place in zip(answer.token_ids, answer.logprobs, strict=True):
        alternatives = [
            {"token": each.decoded_token or "", "logprob": float(each.logprob)}
            for _, each in sorted(place.items(), key=lambda item: (-item[1].logprob, item[0]))
            if not math.isinf(each.logprob)
        ]
        drawn = place[token]
        content.append(
            {
                "token": drawn.decoded_token or "",
                "logprob": float(drawn.logprob),
                "top_logprobs": alternatives,
            }
        )
    return content


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text, strict=False), Mapping)
    except ValueError:
        return False


def _stop(engine: Any) -> None:  # noqa: ANN401 - vLLM's LLM
    engine.llm_engine.engine_core.shutdown()


def _reason(error: BaseException) -> str:
    return printable(str(error) or type(error).__name__, 300).rstrip(".")


def content_mark(folder: Path) -> str:
    """``@`` and a hash of a folder's files: one changed in place is another; nothing for no folder."""
    if not folder.is_dir():
        return ""
    try:
        files = [
            path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")
        ]
    except OSError as error:
        raise KgalignError(f"{folder} can't be read: {error.strerror}", "Look at its permissions") from error
    return f"@{files_digest(files)[:12]}"

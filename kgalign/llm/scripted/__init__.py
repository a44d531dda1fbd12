"""A deterministic judge with settable accuracy and habits: for tests, demos and studies.

It reads a question as it was put in words: in the last user message each line ``LABEL: {json object}`` is
a record, the first the one that asks, each further one an option. Everything it draws comes from a hash of
its seed, the messages, the sampling and the vote number: a question has one answer, whenever it is asked.

How it chooses, with three draws that do not depend on each other: with the probability ``hallucination`` it
invents; with ``bias`` it takes the option shown first; else it takes the right one with ``accuracy``,
and any other otherwise. Its probabilities are made so that they agree with what it chooses: the label that
it believes in has a margin ``m``, uniform over [0, 2M], above the others, the place shown first a
head start of ``2M * bias``, which is above ``m`` exactly as often as the bias says. So the head start can be
learned from many answers and taken off (PriDe, Zheng et al. 2024); noise keeps this from being perfect.
"""

import asyncio
import json
import math
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from kgalign.llm.protocol import CallFailed, Capabilities, Message, Reply, Request
from kgalign.llm.scripted.settings import CONTENT, TRANSPORT, Fault, ScriptedSettings, draw_fault, parse

__all__ = [
    "ANOTHER_LANGUAGE",
    "CONTENT",
    "MOST_LOGPROBS",
    "NAME",
    "TOKEN",
    "TRANSPORT",
    "Fault",
    "Record",
    "Said",
    "Scripted",
    "ScriptedSettings",
    "Truth",
    "decide",
    "draw_fault",
    "parse",
    "prompt_tokens",
    "records",
    "resemblance",
    "tokens",
    "wrap",
]

NAME = "scripted"
TOKEN = 4
"""Characters that are counted as one token."""
MOST_LOGPROBS = 20
ANOTHER_LANGUAGE = "这两条记录看起来有些相似,但是我无法确定它们描述的是不是同一个事物。"
_STRAYS = ("Z", "Q", "both", "maybe", "unsure")
"""Choices that nobody offers: the first that can't be taken for an offered one is used."""
_RECORD = re.compile(r"^([^\s:{][^:{\n]{0,39}):[ \t]*(\{.*\})[ \t]*$", re.MULTILINE)
_WORD = re.compile(r"\w+")
_LONGEST_TEXT = 4000
"""Characters of a record that are compared."""
_LONGEST_CITED = 120
_NOISE = 0.6
"""Width of the noise on a label's log-odds."""

Truth = Callable[[Request], str]
"""What is right, as a label: for studies that know it."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a question."""

    label: str
    values: tuple[str, ...]
    """Its values as they were before they were quoted."""
    grams: frozenset[str]
    """Its words and their character trigrams."""


def records(messages: tuple[Message, ...]) -> tuple[Record, ...]:
    """The records of a question, the one that asks first; empty if it holds none."""
    return _records(next((each.content for each in reversed(messages) if each.role == "user"), ""))


@lru_cache(maxsize=64)
def _records(said: str) -> tuple[Record, ...]:
    found = ((label, _read(text)) for label, text in _RECORD.findall(said))
    return tuple(Record(label, *content) for label, content in found if content is not None)


@lru_cache(maxsize=2048)
def _read(text: str) -> tuple[tuple[str, ...], frozenset[str]] | None:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    values = tuple(_leaves(content))
    words = set(_WORD.findall(" ".join(values)[:_LONGEST_TEXT].casefold()))
    padded = (f" {word} " for word in words)
    return values, frozenset(words | {word[i : i + 3] for word in padded for i in range(len(word) - 2)})


def _leaves(content: object) -> list[str]:
    if isinstance(content, dict):
        return [leaf for each in content.values() for leaf in _leaves(each)]
    if isinstance(content, list):
        return [leaf for each in content for leaf in _leaves(each)]
    if isinstance(content, str):
        return [content] if content.strip() else []
    return [] if content is None or isinstance(content, bool) else [json.dumps(content)]


def _options(request: Request, found: tuple[Record, ...]) -> dict[str, Record]:
    """Label → record that it stands for, in the order shown. Of a yes-or-no question: the first label → the
    second record.
    """
    by_label = {record.label: record for record in found[1:] if record.label in request.labels[:-1]}
    if not by_label and len(found) == 2 and len(request.labels) > 1:
        return {request.labels[0]: found[1]}
    return by_label


def resemblance(request: Request, threshold: float) -> str:
    """The label of the option that is most like the record that asks, or the last label.

    Words and character trigrams that several options have count less, each by the number that have it.
    """
    found = records(request.messages)
    options = _options(request, found)
    if not options:
        return request.labels[-1]
    asker = found[0].grams
    shared = {label: asker & record.grams for label, record in options.items()}
    having = Counter(gram for grams in shared.values() for gram in grams)

    def rank(label: str) -> tuple[float, tuple[str, ...]]:
        # The values decide between equals: the order of the options must not.
        size = math.sqrt(len(options[label].grams) or 1)
        return -math.fsum(1 / having[gram] for gram in shared[label]) / size, options[label].values

    best = min(options, key=rank)
    cosine = len(shared[best]) / math.sqrt(len(asker) * len(options[best].grams) or 1)
    return best if cosine >= threshold else request.labels[-1]


@dataclass(frozen=True, slots=True)
class Said:
    """What the judge says to one request, before it is put in words."""

    choice: str
    values: tuple[str, ...]
    reason: str
    probabilities: dict[str, float]
    """Of each label; they sum to 1."""
    twist: bool
    """How the choice is spelled in tokens: one of two ways."""

    def as_json(self) -> str:
        """The answer in the form that is asked for."""
        content = {"choice": self.choice, "values": self.values, "reason": self.reason}
        return json.dumps(content, ensure_ascii=False)


def decide(
    settings: ScriptedSettings,
    request: Request,
    *,
    truth: Truth | None = None,
    model: str = NAME,
    stray: bool = True,
) -> Said:
    """What is said to a request with at least one label.

    :param settings: how well it judges.
    :param request: the question.
    :param truth: gives the right label; without it the option that is most like the asker is right.
    :param model: part of what decides the draws, so that an adapter is another judge.
    :param stray: whether it may choose what was not offered.
    """
    draw = random.Random(int.from_bytes(_digest(settings.seed, request, model)))
    invents, how, follows, knows, which = (draw.random() for _ in range(5))
    twist = draw.random() < 0.5
    labels = request.labels
    found = records(request.messages)
    options = _options(request, found)
    true = truth(request) if truth else resemblance(request, settings.threshold)
    first = next(iter(options), labels[0])
    others = [label for label in labels if label != true]
    believed = true if knows < settings.accuracy or not others else others[int(which * len(others))]
    choice = first if follows < settings.bias else believed
    strength = _strength(settings.accuracy, len(labels))
    logits = dict.fromkeys(labels, 0.0)
    margin = strength * follows
    logits[believed] = margin
    if true in logits and true != believed:
        logits[true] = margin * settings.insight
    logits[first] += strength * settings.bias
    probabilities = _softmax(logits, choice, draw)
    cited = _cited(found, options.get(choice))
    reason = f"{choice} agrees best with what is shown" if choice != labels[-1] else "Nothing shown agrees"
    if invents < settings.hallucination:
        if how < 0.5 and stray:
            choice = next(each for each in _STRAYS if not _alike(each, labels))
        else:
            cited = (*cited, f"no. {int(how * 2**40):010x}-{int(which * 2**40):010x}")
    return Said(choice, cited, reason, probabilities, twist)


def _digest(seed: int, request: Request, model: str) -> bytes:
    sampling = request.sampling
    head = (seed, model, sampling.temperature, sampling.top_p, sampling.seed, request.number)
    content = blake2b(repr(head).encode(errors="surrogatepass"), digest_size=16)
    for message in request.messages:
        text = message.content.encode(errors="surrogatepass")
        content.update(f"\0{message.role}\0{len(text)}\0".encode() + text)
    return content.digest()


def _strength(accuracy: float, labels: int) -> float:
    """Greatest margin of the believed label: the mean one gives it the probability ``accuracy``."""
    bounded = min(max(accuracy, 0.01), 0.99)
    return 2 * max(math.log(bounded * max(labels - 1, 1) / (1 - bounded)), 0.5)


def _softmax(logits: dict[str, float], choice: str, draw: random.Random) -> dict[str, float]:
    """Probabilities with noise; so little of it that the choice stays the most probable."""
    noise = {label: _NOISE * (draw.random() - 0.5) for label in logits}
    for scale in (1.0, 0.5, 0.25, 0.0):
        noisy = {label: logit + scale * noise[label] for label, logit in logits.items()}
        if max(noisy.values()) == noisy.get(choice):
            break
    weights = {label: math.exp(logit) for label, logit in noisy.items()}
    total = math.fsum(weights.values())
    return {label: weight / total for label, weight in weights.items()}


def _alike(word: str, labels: tuple[str, ...]) -> bool:
    folded = [(word.casefold(), label.casefold()) for label in labels]
    return any(one.startswith(other) or other.startswith(one) for one, other in folded)


def _cited(found: tuple[Record, ...], option: Record | None) -> tuple[str, ...]:
    """Up to two values of the question: those that both have, else one of each."""
    if not found:
        return ()
    asker = _citable(found[0])
    if option is None:
        return tuple(asker[:1])
    other = _citable(option)
    same = [value for value in other if value in asker]
    return tuple(dict.fromkeys(same[:2] or [*asker[:1], *other[:1]]))


def _citable(record: Record) -> list[str]:
    return [value for value in record.values if len(value) <= _LONGEST_CITED]


def wrap(answer: str) -> str:
    """An answer as a talkative model gives it."""
    return f"Sure! I compared the records. Here is my answer:\n```json\n{answer}\n```\nI hope this helps."


def tokens(text: str) -> int:
    """About how many tokens a text has."""
    return -(-len(text) // TOKEN)


def prompt_tokens(request: Request) -> int:
    """About how many tokens the messages have, with what stands between them."""
    return sum(tokens(message.content) + 4 for message in request.messages)


_REASONS = {
    Fault.BUSY: "the scripted judge is too busy (status 429)",
    Fault.ERROR: "the scripted judge failed (status 500)",
    Fault.UNAVAILABLE: "the scripted judge is not available (status 503)",
    Fault.HALF: "the answer of the scripted judge ended half-way",
    Fault.GARBLED: "the answer of the scripted judge is no JSON",
    Fault.CLOSED: "the scripted judge closed the connection without an answer",
    Fault.BYTES: "the answer of the scripted judge is not UTF-8",
    Fault.SILENT: "the scripted judge gave no answer in time",
}


class Scripted:
    """The scripted judge in this process; it implements :class:`~kgalign.llm.protocol.Backend`.

    Faults on the way become the :class:`~kgalign.llm.protocol.CallFailed` that they are over HTTP; silence
    fails at once, since nobody learns from waiting here.
    """

    adapter = ""

    def __init__(self, settings: ScriptedSettings | None = None, *, truth: Truth | None = None) -> None:
        self.name = NAME
        self.settings = settings or ScriptedSettings()
        self._truth = truth
        self._attempts: Counter[bytes] = Counter()

    @classmethod
    def from_spec(cls, spec: str) -> "Scripted":
        """The judge that ``scripted`` or ``scripted:accuracy=.9,…`` means.

        :raises ConfigError: unknown keys or values that can't be; all of them are listed.
        """
        text = spec.partition(":")[2]
        judge = cls(parse(text))
        # Votes of a judge that was set otherwise must not be taken for this one's.
        judge.name = f"{NAME}:{text}" if text else NAME
        return judge

    async def probe(self) -> Capabilities:
        """What it was set to be able to do."""
        return Capabilities(
            server=NAME,
            structure="json_schema" if self.settings.structure else "none",
            logprobs=MOST_LOGPROBS if self.settings.logprobs else 0,
            context=self.settings.context,
        )

    async def ask(self, request: Request) -> Reply:
        """The answer to one request: always the same one.

        :raises CallFailed: one of the faults on the way that were set, or a question longer than the context.
        """
        settings = self.settings
        read = prompt_tokens(request)
        if read + request.sampling.max_tokens > settings.context:
            raise CallFailed(f"the question has {read} tokens, too many for the scripted judge", again=False)
        if settings.latency:
            await asyncio.sleep(settings.latency)
        fault = self._fault(request)
        if fault in _REASONS:
            after = settings.retry_after if fault is Fault.BUSY else None
            raise CallFailed(_REASONS[fault], again=True, after=after)
        said = decide(settings, request, truth=self._truth)
        answer = said.as_json() if request.way == "json" else said.choice
        text = answer if settings.structure else wrap(answer)
        if fault:
            text = ANOTHER_LANGUAGE if fault is Fault.LANGUAGE else ""
        most = request.sampling.max_tokens * TOKEN
        given = settings.logprobs and request.sampling.logprobs > 0 and not fault
        return Reply(
            text=text[:most],
            finish="length" if len(text) > most else "stop",
            probabilities=said.probabilities if given else None,
            prompt_tokens=read,
            completion_tokens=tokens(text[:most]),
            seconds=settings.latency,
        )

    def _fault(self, request: Request) -> Fault | None:
        if not self.settings.faults:
            return None
        identity = _digest(self.settings.seed, request, NAME)
        self._attempts[identity] += 1
        attempt = self._attempts[identity] - 1
        return draw_fault(self.settings, identity, attempt, asks=bool(records(request.messages)))

    async def close(self) -> None:
        """Nothing to let go of."""

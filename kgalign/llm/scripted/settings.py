"""Settings of the scripted judge, and which of its answers meet a fault."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from hashlib import blake2b
from typing import Any

from kgalign.errors import ConfigError


class Fault(StrEnum):
    """What can go wrong with an answer."""

    BUSY = "busy"
    """Status 429."""
    ERROR = "error"
    """Status 500."""
    UNAVAILABLE = "unavailable"
    """Status 503."""
    HALF = "half"
    """Half of the body, then the connection ends."""
    GARBLED = "garbled"
    """A body that is no JSON."""
    CLOSED = "closed"
    """The connection ends without an answer."""
    SILENT = "silent"
    """Nothing comes for :attr:`ScriptedSettings.silence` seconds."""
    BYTES = "bytes"
    """A body that is not UTF-8."""
    LANGUAGE = "language"
    """A complete answer in prose, in another language."""
    EMPTY = "empty"
    """A complete answer with no text."""


CONTENT = (Fault.LANGUAGE, Fault.EMPTY)
"""Faults of what is said. They depend on the question alone: who asks again hears the same again."""
TRANSPORT = tuple(fault for fault in Fault if fault not in CONTENT)
"""Faults on the way. They also depend on how often the request came before: asking again may help."""


@dataclass(frozen=True, slots=True)
class ScriptedSettings:
    """How the scripted judge behaves.

    :raises ConfigError: a value is out of range; all that are wrong are listed.
    """

    accuracy: float = 0.9
    """Probability of the right label where it neither invents nor follows its bias."""
    bias: float = 0.0
    """Probability of taking the first label whatever is right. In a yes-or-no question that is "yes"."""
    hallucination: float = 0.0
    """Probability of inventing: one half chooses a label not offered, one half cites a value not shown."""
    insight: float = 0.0
    """How far the probabilities of a wrong answer lean to the right one, 0 not at all, 1 all the way."""
    threshold: float = 0.3
    """Least resemblance, 0 to 1, at which two records are one thing, where nothing says what is true."""
    latency: float = 0.0
    """Seconds that an answer takes."""
    seed: int = 0
    faults: Mapping[Fault, float] = field(default_factory=dict)
    """Share of requests that meet a fault of :data:`TRANSPORT`; share of those that don't whose answer
    has a fault of :data:`CONTENT`."""
    silence: float = 60.0
    """Seconds that a silent server holds the connection."""
    retry_after: float | None = 0.0
    """Seconds that a busy server asks to wait; None if it doesn't say."""
    structure: bool = True
    """Whether it keeps to a form that is asked for; else there is prose around its JSON."""
    logprobs: bool = True
    """Whether it gives log-probabilities."""
    context: int = 32768
    """Tokens that a question and its answer may have together."""
    usage: bool = True
    """Whether the server says how many tokens it read and wrote."""
    called: str = ""
    """The name that the server gives to what answers, empty for the one that is asked."""
    repeats_key: bool = False
    """Whether the server puts the key that it was given into its answers, and the header that it came in."""
    adapter: str = ""
    """Name of a LoRA adapter that the server offers as a second model, empty for none."""
    key: str = field(default="", repr=False)
    """The key that the server asks for, empty for none. :func:`parse` has no word for it: texts of settings
    are shown and stored."""

    def __post_init__(self) -> None:
        if faults := list(_out_of_range(self)):
            raise ConfigError(faults, "the scripted judge")


def _out_of_range(settings: ScriptedSettings) -> list[str]:
    shares = {
        name: getattr(settings, name)
        for name in ("accuracy", "bias", "hallucination", "insight", "threshold")
    }
    shares |= {fault.value: share for fault, share in settings.faults.items()}
    found = [f"{name} is {value}, it must be between 0 and 1" for name, value in shares.items()
             if not 0 <= value <= 1]  # fmt: skip
    times = {"latency": settings.latency, "silence": settings.silence, "retry_after": settings.retry_after}
    found += [
        f"{name} is {value}, it must be seconds, 0 or more"
        for name, value in times.items()
        if value is not None and not 0 <= value < math.inf
    ]
    for kind in (TRANSPORT, CONTENT):
        total = sum(settings.faults.get(fault, 0.0) for fault in kind)
        if total > 1 + 1e-9:
            found.append(f"the shares of {', '.join(kind)} come to {total:g}, above 1")
    if settings.context < 1:
        found.append(f"context is {settings.context}, it must be 1 token or more")
    return found


def parse(text: str) -> ScriptedSettings:
    """Settings from a text such as ``accuracy=0.9,bias=0.2,busy=0.1``; an empty one means the defaults.

    Its keys are the fields of :class:`ScriptedSettings` and the names of the faults; ``fail=0.2`` spreads
    that share evenly over all faults.

    :raises ConfigError: unknown keys or values that can't be; all of them are listed.
    """
    plain: dict[str, Any] = {}
    faults: dict[Fault, float] = {}
    wrong: list[str] = []
    seen: set[str] = set()
    for part in (each.strip() for each in text.split(",") if each.strip()):
        key, equals, value = (each.strip() for each in part.partition("="))
        try:
            if not equals:
                raise ValueError(f"'{key}' has no value, write {key}=…")
            if key in seen:
                raise ValueError(f"{key} is given twice")
            seen.add(key)
            if key == "fail":
                share = _number(key, value) / len(Fault)
                faults = dict.fromkeys(Fault, share) | faults
            elif key in set(Fault):
                faults[Fault(key)] = _number(key, value)
            else:
                plain[key] = _value(key, value)
        except ValueError as error:
            wrong.append(str(error))
    try:
        settings = ScriptedSettings(**plain, faults=faults)
    except ConfigError as error:
        wrong += error.faults
    if wrong:
        raise ConfigError(wrong, "the scripted judge")
    return settings


_READ: dict[str, str] = {each.name: str(each.type) for each in fields(ScriptedSettings)}
_YES_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _value(key: str, value: str) -> Any:  # noqa: ANN401 - of the field's type
    kind = "" if key in ("faults", "key") else _READ.get(key, "")
    if "bool" in kind:
        if value.casefold() not in _YES_NO:
            raise ValueError(f"{key} is '{value}', it must be true or false")
        return _YES_NO[value.casefold()]
    if "None" in kind and value.casefold() == "none":
        return None
    if "float" in kind:
        return _number(key, value)
    if "int" in kind:
        if not re.fullmatch(r"-?\d{1,18}", value):
            raise ValueError(f"{key} is '{value}', it must be a whole number")
        return int(value)
    if "str" in kind:
        return value
    known = [name for name in _READ if name not in ("faults", "key")]
    raise ValueError(f"'{key}' is not a setting; there are {', '.join([*known, 'fail', *Fault])}")


def _number(key: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise ValueError(f"{key} is '{value}', it must be a number") from None


def draw_fault(settings: ScriptedSettings, body: bytes, attempt: int, *, asks: bool = True) -> Fault | None:
    """What goes wrong with a request this time.

    :param settings: the shares.
    :param body: the request, or what identifies it.
    :param attempt: how often it came before.
    :param asks: whether it is a question about records. The answer to anything else, such as the request by
        which somebody finds out what a server can do, may be better the next time.
    """
    if not settings.faults:
        return None
    way = _pick(settings, TRANSPORT, f"{settings.seed}\0{attempt}\0".encode() + body)
    again = 0 if asks else attempt
    return way or _pick(settings, CONTENT, f"{settings.seed}\0{again}\0said\0".encode() + body)


def _pick(settings: ScriptedSettings, kinds: tuple[Fault, ...], identity: bytes) -> Fault | None:
    drawn = int.from_bytes(blake2b(identity, digest_size=8).digest()) / 2**64
    for fault in kinds:
        drawn -= settings.faults.get(fault, 0.0)
        if drawn < 0:
            return fault
    return None

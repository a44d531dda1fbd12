"""A small language model that says of pairs of records whether they describe the same thing.

It is never let write: read is how probable " yes" is against " no" after a prompt, from the two rows of the
output layer that belong to them. The rest of that layer, a fifth of a small model, is not computed.
"""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kgalign.base.memory import explained_memory
from kgalign.errors import KgalignError, MissingExtra
from kgalign.rdf.text import shorten

log = logging.getLogger(__name__)

SIDE_BY_SIDE = 16
"""Prompts that are read at once; more were slower on two cores."""
WORTH = 16
"""Fewest tokens at the beginning of prompts that are read once for all that share them."""
_KEPT = 0.8
"""Least share of what prompts share that another must share too to be read with them."""
# Which of these is raised depends on which file is missing or damaged.
_LOADING = (AttributeError, ImportError, LookupError, OSError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Reader:
    """A causal language model and what cuts prompts into its tokens."""

    model: Any
    """Of transformers, perhaps with an adapter of peft around it."""
    tokenizer: Any
    answers: tuple[int, int]
    """Tokens of " yes" and " no"."""
    half: bool
    """Whether it computes in bfloat16."""

    @property
    def context(self) -> int:
        """Most tokens of a prompt."""
        return int(getattr(self.model.config, "max_position_embeddings", 2048))

    def tokens(self, prompts: Sequence[str]) -> list[list[int]]:
        """The tokens of each prompt; nothing is put before or behind it."""
        found = self.tokenizer(list(prompts), add_special_tokens=False)["input_ids"]
        return [[int(token) for token in row] for row in found]

    def margins(self, rows: Sequence[Sequence[int]], share: bool = False) -> Any:  # noqa: ANN401 - a tensor
        """(prompts,) log-odds of " yes" against " no" after each prompt, as a tensor that can be learned by.

        :param rows: the tokens of each prompt, none of them without any.
        :param share: whether what prompts begin with alike is read once; learning by it is slower that way.
        """
        import torch

        begun = beginnings(rows) if share else [(0, [place]) for place in range(len(rows))]
        starts = [rows[which[0]][:length] for length, which in begun]
        order = [place for _, which in begun for place in which]
        ends = [rows[place][length:] for length, which in begun for place in which]
        body = self.model.get_base_model() if hasattr(self.model, "peft_config") else self.model
        device = self.model.device
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=self.half):
            cache, behind = None, None
            if any(starts):
                ids, seen = _padded([start or [0] for start in starts], device)
                cache = body.model(input_ids=ids, attention_mask=seen, use_cache=True).past_key_values
                times = torch.tensor([len(which) for _, which in begun], device=device)
                cache.batch_repeat_interleave(times)
                lengths = torch.tensor([length for length, _ in begun], device=device)
                # Nothing is seen of what only fills a row up, nor of a beginning that is none.
                places = torch.arange(ids.shape[1], device=device)
                seen = (places[None, :] < lengths[:, None]).long().repeat_interleave(times, 0)
                behind = lengths.repeat_interleave(times)
            ids, shown = _padded(ends, device)
            places = torch.arange(ids.shape[1], device=device)[None, :]
            hidden = body.model(
                input_ids=ids,
                attention_mask=shown if behind is None else torch.cat([seen, shown], 1),
                position_ids=places if behind is None else places + behind[:, None],
                past_key_values=cache,
                use_cache=cache is not None,
            ).last_hidden_state
        last = torch.tensor([len(end) - 1 for end in ends], device=device)
        read = hidden[torch.arange(len(ends), device=device), last].float()
        yes, no = body.lm_head.weight[list(self.answers)].float()
        back = torch.tensor(sorted(range(len(order)), key=order.__getitem__), device=device)
        return (read @ (yes - no))[back]

    def odds(self, rows: Sequence[Sequence[int]]) -> list[float]:
        """Log-odds of " yes" after each prompt; those of like length are read side by side.

        Each processor reads prompts of its own. Where all share each step of the reading, they wait for one
        another some hundred times a prompt, and for whatever else the machine does.

        :raises KgalignError: there is not enough memory.
        """
        import torch

        threads = torch.get_num_threads() if self.model.device.type == "cpu" else 1
        found = [0.0] * len(rows)
        told = f"There is not enough memory to read {SIDE_BY_SIDE} pairs at once"
        with explained_memory(told, "Free some memory and run again"), ThreadPoolExecutor(threads) as pool:
            parts = batches(side_by_side(rows), threads)
            read = pool.map(lambda part: self._alone([rows[place] for place in part], threads), parts)
            for part, values in zip(parts, read, strict=True):
                for place, value in zip(part, values, strict=True):
                    found[place] = value
        return found

    def _alone(self, rows: Sequence[Sequence[int]], threads: int) -> list[float]:
        """Log-odds of prompts that are read together, by one thread of so many."""
        import torch

        if threads > 1:
            torch.set_num_threads(1)  # of this thread, and of those that begin while it is at work
        try:
            with torch.inference_mode():
                return [float(each) for each in self.margins(rows, share=True).cpu().tolist()]
        finally:
            if threads > 1:
                torch.set_num_threads(threads)

    def train(self, learns: bool) -> None:
        """Whether it is there to learn, or to be asked."""
        self.model.train(learns)

    def state(self) -> dict[str, Any]:
        """The weights that learn, by name."""
        return {name: each.detach() for name, each in self.model.named_parameters() if each.requires_grad}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Put back the weights that :meth:`state` gave."""
        import torch

        with torch.no_grad():
            for name, each in self.model.named_parameters():
                if each.requires_grad:
                    each.copy_(state[name])


def beginnings(rows: Sequence[Sequence[int]]) -> list[tuple[int, list[int]]]:
    """Prompts that begin alike: how many tokens they share, and which they are.

    >>> beginnings([[1, 2, 3, 4], [1, 2, 3, 5], [7, 8]])
    [(0, [0]), (0, [1]), (0, [2])]

    :param rows: the tokens of each prompt. At least one token of each is never shared.
    :returns: (tokens, places) of each group; every place is in one of them, and where fewer than
        :data:`WORTH` tokens are shared, in one of its own.
    """
    found: list[tuple[int, list[int]]] = []
    for place in sorted(range(len(rows)), key=lambda each: (list(rows[each]), each)):
        row = rows[place]
        if found:
            length, which = found[-1]
            first = rows[which[0]]
            shared = _alike(first[:length] if len(which) > 1 else first[:-1], row[:-1])
            if shared >= max(WORTH, length * _KEPT):
                found[-1] = (shared, [*which, place])
                continue
        found.append((0, [place]))
    return [(length if len(which) > 1 else 0, which) for length, which in found]


def _alike(first: Sequence[int], second: Sequence[int]) -> int:
    pairs = enumerate(zip(first, second, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(first), len(second)))


def side_by_side(rows: Sequence[Sequence[int]]) -> list[int]:
    """The order in which prompts are read: those that begin alike together, those of like length next.

    :param rows: the tokens of each prompt.
    """
    groups = [
        (max(len(rows[place]) - length for place in which), which) for length, which in beginnings(rows)
    ]
    return [place for _, which in sorted(groups) for place in which]


def batches(order: Sequence[int], readers: int) -> list[list[int]]:
    """What is read together, of what is read in an order: at most :data:`SIDE_BY_SIDE`, something for each
    reader if there is as much.

    :param readers: how many read at the same time.
    """
    size = max(1, min(SIDE_BY_SIDE, -(-len(order) // readers)))
    return [list(order[start : start + size]) for start in range(0, len(order), size)]


def _padded(rows: Sequence[Sequence[int]], device: Any) -> tuple[Any, Any]:  # noqa: ANN401 - of PyTorch
    """Tokens and mask, (rows, longest); what fills a row up stands behind it, where it can't be seen."""
    import torch

    widest = max(map(len, rows))
    ids = torch.zeros((len(rows), widest), dtype=torch.long)
    seen = torch.zeros((len(rows), widest), dtype=torch.long)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.tensor(row)
        seen[number, : len(row)] = 1
    return ids.to(device), seen.to(device)


def load_reader(folder: Path, adapter: Path | None = None, *, half: bool | None = None) -> Reader:
    """Load a model to be asked about pairs.

    :param folder: the model, as transformers saves it.
    :param adapter: a LoRA adapter on it; its product is added to the weights, which then read as fast as
        without it.
    :param half: whether to compute in bfloat16; None for where the processor has it.
    :raises MissingExtra: PyTorch, transformers or peft is not installed.
    :raises KgalignError: the model or the adapter is not there or damaged.
    """
    try:
        import torch
        from safetensors import SafetensorError
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging as transformers_logging
    except ImportError as error:
        raise MissingExtra("A judge of pairs", "judge") from error
    half = has_half() if half is None else half
    before = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    log.info("loading the model %s", folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
        if adapter is not None:
            model = _with_adapter(model, adapter)
    except (*_LOADING, SafetensorError) as error:
        reason = shorten(str(error) or type(error).__name__).rstrip(".")
        raise KgalignError(
            f"The model {shorten(str(adapter or folder))} can't be loaded: {reason}",
            "Give a folder that holds a causal language model of transformers, and an adapter made for it",
        ) from error
    finally:
        transformers_logging.set_verbosity(before)
    if half:
        _halve(model)
    if torch.cuda.is_available():
        model = model.cuda()
    return Reader(model.eval(), tokenizer, answers_of(tokenizer, folder), half)


def _halve(model: Any) -> None:  # noqa: ANN401 - a model of transformers
    """Keep the weights of the layers in bfloat16, and what runs between the layers in 32 bit.

    It is what autocast does, without doing it anew in every step. All in bfloat16, what is handed on from
    layer to layer is rounded some sixty times, and a small model hardly learns.
    """
    import torch

    for part in model.modules():
        if isinstance(part, torch.nn.Linear) and part is not model.lm_head:
            part.to(torch.bfloat16)


def _with_adapter(model: Any, adapter: Path) -> Any:  # noqa: ANN401 - models
    try:
        from peft import PeftModel
    except ImportError as error:
        raise MissingExtra("A judge of pairs", "judge") from error
    return PeftModel.from_pretrained(model, adapter).merge_and_unload()


def answers_of(tokenizer: Any, folder: Path) -> tuple[int, int]:  # noqa: ANN401 - of transformers
    """The tokens with which " yes" and " no" begin.

    :raises KgalignError: the tokenizer does not tell them apart.
    """
    first = [tokenizer(text, add_special_tokens=False)["input_ids"][:1] for text in (" yes", " no")]
    if not all(first) or first[0] == first[1]:
        raise KgalignError(
            f"The tokenizer of {shorten(str(folder))} does not tell ' yes' from ' no'", "Take another model"
        )
    return int(first[0][0]), int(first[1][0])


def has_half() -> bool:
    """Whether this machine computes in bfloat16 faster than in 32 bit, as far as PyTorch tells."""
    import torch

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())

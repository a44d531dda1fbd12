"""One adapter of several: for a judge of products and one of people, or for the checkpoints of one training.

What peft's ``add_weighted_adapter`` does to the layers of a model is done to the tensors of the adapters
here, by peft's own functions: the model itself, which may have gigabytes, is not loaded.

- ``linear``: factors added, each by the root of its weight. Rough: it multiplies factors of different ones.
- ``ties`` (2306.01708): of each the largest entries, and of those the ones of the sign that outweighs.
- ``dare_linear``, ``dare_ties`` (2311.03099): entries dropped by lot and the others scaled up, then as above.
- ``average``: of checkpoints of one training, whose factors mean the same.
- ``cat``: exact, with the ranks added up; ``svd``: the nearest to that of the largest rank. Ranks may differ.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from kgalign.base.files import replacing
from kgalign.errors import InputError, KgalignError
from kgalign.llm.weights import weights_mark
from kgalign.train.adapters import CONFIG, WEIGHTS, AdapterRecord, read_record, write_record
from kgalign.train.base import require_training
from kgalign.train.workplace import Workplace

How = Literal["linear", "ties", "dare_linear", "dare_ties", "average", "cat", "svd"]
METHODS: tuple[How, ...] = get_args(How)
_ANY_RANK = ("cat", "svd")
_SUMS = ("ties", "dare_ties")
"""Their entries are averaged over the adapters that share a sign: a weight of 1 leaves one as it is."""
_ALONE = ("bias", "use_dora", "modules_to_save", "rank_pattern", "alpha_pattern", "target_parameters")
"""What an adapter must not have beside its factors."""

Tensor = Any
"""A tensor of torch, which is not imported here."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the adapters that are merged."""

    folder: Path
    config: dict[str, Any]
    record: AdapterRecord | None
    mark: str
    """What its weights are known by."""

    @property
    def rank(self) -> int:
        """Of its factors."""
        return int(self.config["r"])

    @property
    def scaling(self) -> float:
        """By what the product of its factors is multiplied."""
        root = math.sqrt(self.rank) if self.config.get("use_rslora") else self.rank
        return float(self.config.get("lora_alpha", self.rank)) / root

    @property
    def base(self) -> str:
        """What its model is known by."""
        return self.record.base_mark if self.record else str(self.config.get("base_model_name_or_path"))


def merge_adapters(
    folders: Sequence[Path],
    out: Path,
    how: How = "ties",
    *,
    weights: Sequence[float] | None = None,
    by_scores: bool = False,
    density: float = 0.5,
    seed: int = 0,
    force: bool = False,
) -> AdapterRecord:
    """Merge adapters of one base.

    Args:
        folders: the adapters, two or more.
        out: folder of the new one; it gets this name when it is finished.
        how: see the module.
        weights: one for each; equal ones if None.
        by_scores: whether weights go by how each did on its questions kept apart.
        density: share of the entries that ``ties`` and ``dare`` keep.
        seed: draws what ``dare`` drops.
        force: whether to replace what is there.

    Raises:
        InputError: there are too few, they have other bases, other prompts, or ranks that don't go together.
        KgalignError: the weights don't fit.
        RunError: ``out`` is there, or can't be written.
        MissingExtra: peft is not installed.
    """
    place = Workplace(out)
    place.check(force)
    parts = [read_part(folder) for folder in folders]
    check_parts(parts, how)
    if how not in METHODS or not 0 < density <= 1:
        raise KgalignError(
            "Adapters can't be merged so", f"Give one of {', '.join(METHODS)}, a density above 0"
        )
    shares = part_weights(parts, how, weights, by_scores)
    versions = require_training()
    record = _record(parts, how, shares, {"density": density, "seed": seed}, versions)
    what = {"how": how, "density": density, "seed": seed, "parts": record.parents}
    with place.locked(what, force):
        place.finished.mkdir()
        config = _merge(parts, place.finished / WEIGHTS, how, shares, density, seed)
        with replacing(place.finished / CONFIG) as file:
            file.write((json.dumps(config, indent=1, sort_keys=True) + "\n").encode())
        write_record(place.finished, record, out.name)
        place.finish(force)
    return record


def read_part(folder: Path) -> Part:
    """An adapter, without its tensors.

    Raises:
        InputError: it is none, or has more than factors.
    """
    record = read_record(folder)
    path = folder / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf8"))
        lora = config["peft_type"] == "LORA" and config["r"] > 0
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} does not describe an adapter", "Give a folder that peft wrote") from error
    more = [name for name in _ALONE if config.get(name) not in (None, False, "none", [], {})]
    if not lora or more:
        what = f"has {', '.join(more)}" if lora else "is no LoRA adapter"
        raise InputError(f"The adapter {folder} {what} and can't be merged", "Leave it out")
    return Part(folder, config, record, weights_mark(folder))


def check_parts(parts: Sequence[Part], how: How) -> None:
    """See that adapters go together.

    Raises:
        InputError: they don't.
    """
    if len(parts) < 2:
        raise InputError("There is nothing to merge: one adapter was given", "Give two or more")
    first, *others = parts
    for each in others:
        both = f"The adapters {first.folder} and {each.folder}"
        if _of_other_bases(first, each):
            raise InputError(f"{both} were trained on different models", "Merge adapters of the same base")
        if first.rank != each.rank and how not in _ANY_RANK:
            ranks = f"have the ranks {first.rank} and {each.rank}, which {how} can't join"
            raise InputError(f"{both} {ranks}", "Give --how svd or cat")
        if how == "average" and not _one_training(first, each):
            raise InputError(
                f"{both} are not of one training, so that averaging their factors means nothing",
                "Give --how ties or svd",
            )
        for label, digest in each.record.templates.items() if each.record and first.record else ():
            if first.record and first.record.templates.get(label, digest) != digest:
                raise InputError(
                    f"{both} learned the prompt {label} in different words", "Train one of them anew"
                )


def _of_other_bases(one: Part, two: Part) -> bool:
    """Whether two adapters are of different bases, by what kgalign says of both or else by what peft says."""
    if (one.record is None) != (two.record is None):
        names = (one.config.get("base_model_name_or_path"), two.config.get("base_model_name_or_path"))
        return names[0] != names[1]
    return one.base != two.base


def _one_training(one: Part, two: Part) -> bool:
    return bool(
        one.record and two.record and one.record.training and one.record.training == two.record.training
    )


def part_weights(
    parts: Sequence[Part], how: How, given: Sequence[float] | None, by_scores: bool
) -> list[float]:
    """How much of each adapter goes in.

    By scores, weights go with the accuracy on questions kept apart where all have it, else with exp(−loss).

    Raises:
        KgalignError: there are not as many weights as adapters, one is none, or there are no scores.
    """
    whole = float(len(parts)) if how in _SUMS else 1.0
    if given is not None:
        if by_scores:
            raise KgalignError(
                "Weights are given and shall go by scores, too", "Give --weights or --by-scores"
            )
        if len(given) != len(parts) or not all(math.isfinite(each) for each in given) or not any(given):
            raise KgalignError(f"{len(given)} weights don't fit {len(parts)} adapters", "Give one for each")
        return list(given)
    if not by_scores:
        return [whole / len(parts)] * len(parts)
    scores = [each.record.scores.get("valid", {}) if each.record else {} for each in parts]
    for name, worth in (("accuracy", float), ("loss", lambda loss: math.exp(-loss))):
        if all(name in each for each in scores):
            found = [worth(each[name]) for each in scores]
            if sum(found) > 0:
                return [whole * each / sum(found) for each in found]
    raise KgalignError(
        "Not all adapters have scores on questions kept apart",
        "Train them with valid examples, or give --weights",
    )


def _record(
    parts: Sequence[Part],
    how: How,
    shares: Sequence[float],
    settings: dict[str, Any],
    versions: dict[str, str],
) -> AdapterRecord:
    known = [each.record for each in parts if each.record]
    templates = {label: digest for each in known for label, digest in each.templates.items()}
    parents = [
        {"name": each.folder.resolve().name, "mark": each.mark, "weight": share, "data": each.record.data}
        if each.record
        else {"name": each.folder.resolve().name, "mark": each.mark, "weight": share}
        for each, share in zip(parts, shares, strict=True)
    ]
    data = hashlib.sha256("".join(each.data for each in known).encode()).hexdigest() if known else ""
    name = str(parts[0].config.get("base_model_name_or_path"))
    return AdapterRecord(
        how="merge",
        base=known[0].base if known else name,
        base_mark=known[0].base_mark if known else "",
        settings={"how": how, **settings},
        data=data,
        templates=templates,
        end_token=known[0].end_token if known else "",
        versions=versions,
        parents=parents,
    )


def _merge(
    parts: Sequence[Part], path: Path, how: How, shares: Sequence[float], density: float, seed: int
) -> dict[str, Any]:
    """Write the merged tensors.

    :returns: the new adapter's configuration.
    """
    import torch
    from safetensors.torch import load_file, save_file

    loaded = [load_file(each.folder / WEIGHTS) for each in parts]
    places = sorted(
        {name.removesuffix(".lora_A.weight") for each in loaded for name in each if ".lora_A." in name}
    )
    rank = sum(each.rank for each in parts) if how == "cat" else max(each.rank for each in parts)
    merged: dict[str, Tensor] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for place in places:
            factors, weights = [], []
            for part, tensors, share in zip(parts, loaded, shares, strict=True):
                if f"{place}.lora_A.weight" in tensors:
                    factors.append((tensors[f"{place}.lora_A.weight"], tensors[f"{place}.lora_B.weight"]))
                    weights.append(share if how == "average" else share * part.scaling)
            if len({(first.shape[1], second.shape[0]) for first, second in factors}) > 1:
                raise InputError(
                    f"The adapters change {place} in different shapes", "Merge adapters of the same base"
                )
            made = _joined(factors, weights, how, density, rank)
            for name, tensor in zip("AB", made, strict=True):
                merged[f"{place}.lora_{name}.weight"] = tensor.contiguous().to(factors[0][0].dtype)
    save_file(merged, str(path), metadata={"format": "pt"})
    targets = sorted({each for part in parts for each in part.config.get("target_modules") or ()})
    config = {**parts[0].config, "target_modules": targets, "inference_mode": True}
    return config if how == "average" else config | {"r": rank, "lora_alpha": rank, "use_rslora": False}


def _joined(
    factors: Sequence[tuple[Tensor, Tensor]], weights: Sequence[float], how: How, density: float, rank: int
) -> tuple[Tensor, Tensor]:
    """The two factors of one weight: (rank, columns) and (rows, rank)."""
    import torch
    from peft.utils import merge_utils

    if how in _ANY_RANK:
        first = torch.cat([weight * a.float() for weight, (a, _) in zip(weights, factors, strict=True)])
        second = torch.cat([b.float() for _, b in factors], dim=1)
        if how == "svd":
            return _nearest(first, second, rank)
        # A weight that only some adapters change has fewer ranks than the others: noughts make up for them.
        lacks, pad = rank - len(first), torch.nn.functional.pad
        return pad(first, (0, 0, 0, lacks)), pad(second, (0, lacks))
    # As peft does it: a product of the roots is the weight, and a sign goes with one of the factors.
    roots = [math.sqrt(abs(weight)) for weight in weights]
    signed = [root * (1 if weight >= 0 else -1) for root, weight in zip(roots, weights, strict=True)]
    if how == "average":
        signed = roots = list(weights)
    simple = how in ("linear", "average")
    merge = merge_utils.task_arithmetic if simple else getattr(merge_utils, how)
    more = () if simple else (density,)
    return (
        merge([a.float() for a, _ in factors], torch.tensor(signed), *more),
        merge([b.float() for _, b in factors], torch.tensor(roots), *more),
    )


def _nearest(first: Tensor, second: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """The factors of a rank whose product is nearest to that of these, without ever making the product."""
    import torch

    rows, upper = torch.linalg.qr(second)
    columns, lower = torch.linalg.qr(first.T)
    left, values, right = torch.linalg.svd(upper @ lower.T, full_matrices=False)
    root = values[:rank].sqrt()
    return root[:, None] * (right[:rank] @ columns.T), (rows @ left[:, :rank]) * root

"""Adapters merged: the same as peft makes of them in a model, and what can't be merged is refused."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from kgalign.errors import InputError, KgalignError
from kgalign.train.adapters import AdapterRecord, read_record, write_record
from kgalign.train.merge import How, merge_adapters
from tests.vllm.tiny import make_adapter, make_model

# torch and what lies upon it warn of what they themselves use.
pytestmark = [
    pytest.mark.dense,
    pytest.mark.filterwarnings("default"),
    pytest.mark.usefixtures("one_thread"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def parts(model: Path, tmp_path: Path) -> list[Path]:
    """Three adapters of the model, the second with another scaling."""
    made = [make_adapter(tmp_path / name, model, seed) for seed, name in enumerate(("a", "b", "c"), start=2)]
    config = json.loads((made[1] / "adapter_config.json").read_text())
    (made[1] / "adapter_config.json").write_text(json.dumps({**config, "lora_alpha": 16}))
    return made


def _tensors(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(folder / "adapter_model.safetensors"))


def _deltas(folder: Path) -> dict[str, Any]:
    """What an adapter adds to each weight, by its definition."""
    config = json.loads((folder / "adapter_config.json").read_text())
    tensors = _tensors(folder)
    places = [name.removesuffix(".lora_A.weight") for name in tensors if ".lora_A." in name]
    scaling = config["lora_alpha"] / config["r"]
    return {
        place: scaling * tensors[f"{place}.lora_B.weight"] @ tensors[f"{place}.lora_A.weight"]
        for place in places
    }


@pytest.mark.parametrize("how", ["linear", "ties", "dare_linear", "dare_ties", "cat"])
@pytest.mark.parametrize("weights", [[0.7, 0.2, 0.4], [1.0, -0.5, 0.25]])
def test_it_is_what_peft_makes_in_the_model(
    model: Path, parts: list[Path], tmp_path: Path, how: How, weights: list[float]
) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    # Entries dropped by lot can't be compared: all are kept.
    density = 1.0 if how.startswith("dare") else 0.4
    record = merge_adapters(parts, tmp_path / "merged", how, weights=weights, density=density)
    assert [each["weight"] for each in record.parents] == weights
    loaded = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(model), str(parts[0]), "a")
    for name, part in zip("bc", parts[1:], strict=True):
        loaded.load_adapter(str(part), name)
    more = {} if how in ("linear", "cat") else {"density": density}
    loaded.add_weighted_adapter(list("abc"), weights, "merged", combination_type=how, **more)
    loaded.set_adapter("merged")
    ours = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(model), str(tmp_path / "merged"))
    ids = torch.arange(5, 45)[None]
    with torch.inference_mode():
        assert torch.allclose(ours(ids).logits, loaded(ids).logits, atol=1e-4)


def test_cat_is_the_sum_and_svd_the_nearest_to_it_of_a_rank(parts: list[Path], tmp_path: Path) -> None:
    import torch

    weights = [0.5, 0.3, 0.2]
    for how in ("cat", "svd"):
        merge_adapters(parts, tmp_path / how, how, weights=weights)
    of_parts, cat, svd = (
        [_deltas(each) for each in parts],
        _deltas(tmp_path / "cat"),
        _deltas(tmp_path / "svd"),
    )
    for place in cat:
        wanted = sum(weight * each[place] for weight, each in zip(weights, of_parts, strict=True))
        assert torch.allclose(cat[place], wanted, atol=1e-5)
        left, values, right = torch.linalg.svd(wanted, full_matrices=False)
        assert torch.allclose(svd[place], (left[:, :4] * values[:4]) @ right[:4], atol=1e-4)


def test_ranks_and_targets_may_differ_where_the_method_can(
    model: Path, parts: list[Path], tmp_path: Path
) -> None:
    import torch
    from safetensors.torch import save_file

    wide = tmp_path / "wide"
    shutil.copytree(parts[0], wide)
    config = json.loads((wide / "adapter_config.json").read_text())
    (wide / "adapter_config.json").write_text(
        json.dumps({**config, "r": 6, "lora_alpha": 6, "target_modules": ["q_proj"]})
    )
    made = {}
    for name, tensor in _tensors(wide).items():
        if "q_proj" in name:
            shape = (6, tensor.shape[1]) if "lora_A" in name else (tensor.shape[0], 6)
            made[name] = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    save_file(made, str(wide / "adapter_model.safetensors"))
    with pytest.raises(InputError, match=r"have the ranks 4 and 6, which ties can't join.*svd or cat"):
        merge_adapters([parts[1], wide], tmp_path / "out", "ties")
    assert not (tmp_path / "out").exists()
    merge_adapters([parts[1], wide], tmp_path / "out", "cat", weights=[1, 1])
    one, two, both = _deltas(parts[1]), _deltas(wide), _deltas(tmp_path / "out")
    for place, delta in both.items():
        assert torch.allclose(delta, one[place] + two.get(place, 0), atol=1e-5)


def test_dare_drops_by_its_seed_alone(parts: list[Path], tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        merge_adapters(parts, tmp_path / name, "dare_ties", seed=seed)
    one, again, other = (
        (tmp_path / name / "adapter_model.safetensors").read_bytes() for name in ("one", "again", "other")
    )
    assert one == again != other


def _recorded(folder: Path, **fields: Any) -> None:  # noqa: ANN401 - of a record
    usual = {"how": "sft", "base": "tiny", "base_mark": "m", "training": "t"}
    write_record(folder, AdapterRecord(**{**usual, **fields}))


def test_checkpoints_of_one_training_are_averaged_by_their_losses(parts: list[Path], tmp_path: Path) -> None:
    import torch

    for part, loss in zip(parts[:2], (0.5, 1.5), strict=True):
        _recorded(part, scores={"valid": {"loss": loss}})
    record = merge_adapters(parts[:2], tmp_path / "out", "average", by_scores=True)
    share = math.exp(-0.5) / (math.exp(-0.5) + math.exp(-1.5))
    assert [each["weight"] for each in record.parents] == pytest.approx([share, 1 - share])
    one, two, both = _tensors(parts[0]), _tensors(parts[1]), _tensors(tmp_path / "out")
    for name, tensor in both.items():
        assert torch.allclose(tensor, share * one[name] + (1 - share) * two[name], atol=1e-6)
    found = read_record(tmp_path / "out")
    assert found == record
    assert (found.base, found.base_mark, found.how) == ("tiny", "m", "merge")
    _recorded(parts[1], training="another")
    with pytest.raises(InputError, match="are not of one training"):
        merge_adapters(parts[:2], tmp_path / "other", "average")


def test_scores_are_accuracies_where_all_have_them(parts: list[Path], tmp_path: Path) -> None:
    for part, accuracy in zip(parts, (0.9, 0.6, 0.5), strict=True):
        _recorded(part, scores={"valid": {"accuracy": accuracy, "loss": 1.0}})
    record = merge_adapters(parts, tmp_path / "out", "linear", by_scores=True)
    assert [each["weight"] for each in record.parents] == pytest.approx([0.45, 0.3, 0.25])
    _recorded(parts[0])
    with pytest.raises(KgalignError, match="Not all adapters have scores"):
        merge_adapters(parts, tmp_path / "other", "linear", by_scores=True)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"base_mark": "n"}, "were trained on different models"),
        ({"templates": {"select-1@1": "y"}}, "learned the prompt select-1@1 in different words"),
    ],
)
def test_what_does_not_go_together(
    parts: list[Path], tmp_path: Path, fields: dict[str, Any], told: str
) -> None:
    _recorded(parts[0], templates={"select-1@1": "x"})
    _recorded(parts[1], **fields)
    with pytest.raises(InputError, match=told):
        merge_adapters(parts[:2], tmp_path / "out", "ties")
    assert not list(tmp_path.glob("out*"))


def test_another_base_by_the_name_that_peft_gives(parts: list[Path], tmp_path: Path) -> None:
    config = json.loads((parts[1] / "adapter_config.json").read_text())
    (parts[1] / "adapter_config.json").write_text(
        json.dumps({**config, "base_model_name_or_path": "else/where"})
    )
    with pytest.raises(InputError, match="were trained on different models"):
        merge_adapters(parts, tmp_path / "out", "ties")


def test_too_few_and_wrong_weights(parts: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to merge"):
        merge_adapters(parts[:1], tmp_path / "out")
    with pytest.raises(KgalignError, match="2 weights don't fit 3 adapters"):
        merge_adapters(parts, tmp_path / "out", weights=[1, 2])
    with pytest.raises(InputError, match="There is no adapter in"):
        merge_adapters([tmp_path, tmp_path], tmp_path / "out")

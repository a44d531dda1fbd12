"""An adapter merged into its model: the same numbers as peft's."""

from pathlib import Path

import pytest

from kgalign.llm.vllm.merged import merge_into, reason_against
from tests.vllm.conftest import Real

pytestmark = [pytest.mark.vllm, pytest.mark.filterwarnings("default")]


def test_it_is_what_peft_makes_of_both(real: Real, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    assert reason_against(real.adapter, str(real.model)) == ""
    merge_into(real.adapter, real.model, tmp_path / "merged", "float32")
    made = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32).state_dict()
    base = AutoModelForCausalLM.from_pretrained(real.model, dtype=torch.float32)
    before = {name: tensor.clone() for name, tensor in base.state_dict().items()}
    wanted = PeftModel.from_pretrained(base, str(real.adapter)).merge_and_unload().state_dict()
    assert made.keys() == wanted.keys()
    for name, tensor in wanted.items():
        torch.testing.assert_close(made[name], tensor, rtol=1e-4, atol=1e-5)
    assert not torch.equal(
        made["model.layers.3.mlp.up_proj.weight"], before["model.layers.3.mlp.up_proj.weight"]
    )

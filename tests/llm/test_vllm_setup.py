"""What vLLM is told and what its log is read as, where no vLLM is installed."""

import itertools
import json
import os
import signal
import struct
from pathlib import Path

import pytest

from kgalign.errors import KgalignError
from kgalign.llm.vllm.faults import failure
from kgalign.llm.vllm.lora import RANKS, read_adapter
from kgalign.llm.vllm.merged import reason_against
from kgalign.llm.vllm.server import ServerSettings, command
from kgalign.llm.vllm.setup import check_model, environment, on_cpu, served_name, server_environment

Shapes = dict[str, tuple[int, int]]
QUERY = "model.layers.0.self_attn.q_proj"
LORA: Shapes = {
    f"base_model.model.{QUERY}.lora_A.weight": (4, 64),
    f"base_model.model.{QUERY}.lora_B.weight": (32, 4),
}


def _safetensors(path: Path, shapes: Shapes) -> None:
    header = {
        name: {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]} for name, shape in shapes.items()
    }
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)


def _model(folder: Path, shapes: Shapes, **config: object) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    _safetensors(folder / "model.safetensors", shapes)
    return folder


def _adapter(folder: Path, shapes: Shapes = LORA, config: dict[str, object] | None = None) -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"r": 4, **(config or {})}))
    _safetensors(folder / "adapter_model.safetensors", shapes)
    return folder


@pytest.mark.parametrize(
    ("config", "rank"), [({}, 8), ({"r": 8}, 8), ({"r": 9}, 16), ({"rank_pattern": {"q_proj": 100}}, 128)]
)
def test_the_rank_is_one_that_vllm_takes_and_enough(
    tmp_path: Path, config: dict[str, object], rank: int
) -> None:
    adapter = read_adapter(_adapter(tmp_path / "my adapter", config=config), "nobody/model")
    assert (adapter.name, adapter.rank) == ("my-adapter", rank)
    assert adapter.rank in RANKS


@pytest.mark.parametrize(
    "config", [{"r": 0}, {"r": 513}, {"r": "four"}, {"r": None}, {"rank_pattern": ["q_proj"]}]
)
def test_a_rank_that_is_none(tmp_path: Path, config: dict[str, object]) -> None:
    with pytest.raises(KgalignError, match=r"adapter_config\.json"):
        read_adapter(_adapter(tmp_path / "adapter", config=config), "nobody/model")


@pytest.mark.parametrize(
    ("weights", "fits"),
    [
        ({f"{QUERY}.weight": (32, 64)}, True),
        ({f"{QUERY}.weight": (32, 48)}, False),
        ({f"{QUERY}.weight": (64, 64)}, False),
        ({f"language_model.{QUERY}.weight": (1, 1)}, True),  # other names: vLLM knows better than we do
    ],
)
def test_an_adapter_of_another_model_is_found_out(tmp_path: Path, weights: Shapes, fits: bool) -> None:
    model, adapter = _model(tmp_path / "model", weights), _adapter(tmp_path / "adapter")
    if fits:
        assert read_adapter(adapter, str(model)).folder == adapter
    else:
        with pytest.raises(KgalignError, match=rf"another model than .*model: {QUERY} is \d+ × \d+ there"):
            read_adapter(adapter, str(model))


def test_an_adapter_for_more_layers_is_found_out(tmp_path: Path) -> None:
    model = _model(tmp_path / "model", {f"{QUERY}.weight": (32, 64)})
    shapes = {**LORA, "base_model.model.model.layers.30.self_attn.q_proj.lora_A.weight": (4, 64)}
    with pytest.raises(KgalignError, match=r"layers\.30\.self_attn\.q_proj is not there"):
        read_adapter(_adapter(tmp_path / "adapter", shapes), str(model))


def test_weights_that_are_packed_have_other_shapes(tmp_path: Path) -> None:
    model = _model(tmp_path / "model", {f"{QUERY}.weight": (32, 32)}, quantization_config={"bits": 4})
    assert read_adapter(_adapter(tmp_path / "adapter"), str(model)).name == "adapter"


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 16, struct.pack("<Q", 9) + b"[]", b"\x02\0\0\0\0\0\0\0[]"]
)
def test_a_damaged_adapter_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    model, adapter = _model(tmp_path / "model", {}), _adapter(tmp_path / "adapter")
    (adapter / "adapter_model.safetensors").write_bytes(content)
    with pytest.raises(KgalignError, match=r"adapter_model\.safetensors is damaged"):
        read_adapter(adapter, str(model))


def test_flags_suit_the_job_and_those_of_the_user_come_last(tmp_path: Path) -> None:
    adapter = read_adapter(_adapter(tmp_path / "tuned"), "nobody/model")
    settings = ServerSettings("nobody/model", context=2048, seed=5, extra=("--dtype", "bfloat16"))
    line = command(settings, adapter, cpu=True)
    flags = dict(itertools.pairwise(line))
    assert line[-2:] == ["--dtype", "bfloat16"]
    assert flags["--served-model-name"] == "nobody/model"
    assert flags["--max-model-len"] == "2048"
    assert flags["--seed"] == "5"
    assert flags["--max-lora-rank"] == "8"
    assert json.loads(flags["--lora-modules"]) == {"name": "tuned", "path": str(adapter.folder)}
    assert json.loads(flags["--structured-outputs-config"]) == {
        "backend": "xgrammar",
        "disable_any_whitespace": True,
    }
    assert {"--enable-prefix-caching", "--enable-lora", "--enforce-eager"} <= set(line)
    assert not {"--enable-lora", "--enforce-eager", "--max-model-len"} & set(
        command(ServerSettings("nobody/model"), None, cpu=False)
    )


def test_a_merged_adapter_is_served_by_its_own_name_and_the_folder_names_both(tmp_path: Path) -> None:
    adapter = read_adapter(_adapter(tmp_path / "tuned"), "nobody/model")
    merged = tmp_path / "model+tuned"
    line = command(ServerSettings("nobody/model"), adapter, cpu=True, merged=merged)
    flags = dict(itertools.pairwise(line))
    assert (flags["--model"], flags["--served-model-name"]) == (str(merged), "tuned")
    assert "--enable-lora" not in line
    assert flags["--dtype"] in ("bfloat16", "float32")


@pytest.mark.parametrize(
    ("weights", "model", "adapter", "why"),
    [
        ({f"{QUERY}.weight": (32, 64)}, {}, {}, ""),
        ({f"{QUERY}.weight": (32, 64)}, {"quantization_config": {"bits": 4}}, {}, "the model is quantised"),
        ({f"{QUERY}.weight": (32, 64)}, {}, {"use_dora": True}, "the adapter has use_dora"),
        ({f"{QUERY}.weight": (32, 64)}, {}, {"rank_pattern": {"x": 4}}, "the adapter has rank_pattern"),
        ({f"language_model.{QUERY}.weight": (32, 64)}, {}, {}, "names weights otherwise"),
    ],
)
def test_what_can_not_be_merged_is_said(
    tmp_path: Path, weights: Shapes, model: dict[str, object], adapter: dict[str, object], why: str
) -> None:
    made = _adapter(tmp_path / "adapter", config=adapter)
    told = reason_against(made, str(_model(tmp_path / "model", weights, **model)))
    assert why in told
    assert bool(told) == bool(why)
    assert "no folder" in reason_against(made, "nobody/model")


def test_a_cpu_build_runs_on_the_cpu_and_other_builds_know_best() -> None:
    assert on_cpu("0.32.0+cpu")
    assert not on_cpu("0.32.0+rocm700")


def test_what_the_user_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VLLM_CPU_KVCACHE_SPACE", raising=False)
    assert "VLLM_CPU_KVCACHE_SPACE" in environment(cpu=True)
    assert "VLLM_CPU_KVCACHE_SPACE" not in environment(cpu=False)
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
    assert "VLLM_CPU_KVCACHE_SPACE" not in environment(cpu=True)


SPINNING = ("VLLM_ENABLE_V1_MULTIPROCESSING", "OMP_NUM_THREADS", "VLLM_CPU_OMP_THREADS_BIND")


@pytest.mark.parametrize(("cores", "threads"), [(1, "1"), (2, "1"), (4, "3"), (5, None), (64, None)])
def test_on_few_cores_none_is_spent_on_waiting(
    monkeypatch: pytest.MonkeyPatch, cores: int, threads: str | None
) -> None:
    for name in SPINNING:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    added = server_environment(cpu=True)
    assert environment(cpu=True).items() <= added.items()
    assert added.get("OMP_NUM_THREADS") == threads
    assert added.get("VLLM_ENABLE_V1_MULTIPROCESSING") == (threads and "0")
    assert server_environment(cpu=False) == environment(cpu=False)


@pytest.mark.parametrize("name", SPINNING)
def test_how_the_user_shares_out_the_cores_stays(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for each in SPINNING:
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    monkeypatch.setenv(name, "1")
    added = server_environment(cpu=True)
    assert name not in added
    if name == "VLLM_CPU_OMP_THREADS_BIND":
        assert added == environment(cpu=True)


@pytest.mark.parametrize("name", ["", "/no/such/folder", "./none", "../none", "a/b/c", "a b", "-flag"])
def test_what_can_be_no_model(name: str) -> None:
    with pytest.raises(KgalignError, match="There is no folder"):
        check_model(name)


def test_a_models_name(tmp_path: Path) -> None:
    assert served_name("Qwen/Qwen3-8B") == "Qwen/Qwen3-8B"
    assert served_name(str(_model(tmp_path / "mine", {}))) == "mine"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("OSError: [Errno 98] Address already in use", "the port is in use"),
        ("api_server.py: error: unrecognized arguments: --x", "unrecognized arguments: --x"),
        (
            "(Worker pid=7) ERROR 11-21 11:53:36 [core.py:1] torch.OutOfMemoryError: CUDA out of memory",
            "memory",
        ),
        ("huggingface_hub.errors.LocalEntryNotFoundError: Cannot find", "there is no such model"),
        ("ValueError: something new \x1b[31m", r"ValueError: something new \x1b[31m"),
    ],
)
def test_the_telling_line_is_found_in_the_log(line: str, told: str) -> None:
    lines = [
        "INFO 11-21 11:53:36 [api.py:1] vLLM starts",
        "Traceback (most recent call last):",
        line,
        "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}",
        "  warnings.warn('resource_tracker')",
    ]
    said = str(failure(lines, 1))
    assert told in said
    assert "\x1b" not in said
    assert "\n" not in said


def test_a_log_that_says_nothing() -> None:
    assert "was killed" in str(failure([], -signal.SIGKILL))
    assert "it said nothing" in str(failure([], 1))

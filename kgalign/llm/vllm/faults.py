"""What was the matter, read from the log of a vLLM that has died."""

import re
import signal

from kgalign.base.logs import printable
from kgalign.errors import KgalignError

_REPEATED = re.compile(r"^(\([\w ]*pid=\d+\) )?((INFO|WARNING|ERROR|DEBUG) [\d-]+ [\d:]+ \[[^\]]*\] )?")
"""What vLLM puts before the lines of its log."""
_ERROR = re.compile(r"^(\w+\.)*\w*(Error|Exception|Exit)\b: .+|^.*\berror: .+")
_NO_CAUSE = ("Engine core initialization failed", "EngineCore encountered an issue", "Worker failed with")

# What vLLM says → what that means and what to do. The first that is found in its log counts.
_KNOWN = (
    (
        r"Address already in use",
        "the port is in use",
        "Stop what listens there, or give another port with --port",
    ),
    (
        r"unrecognized arguments|argument .*(invalid|expected)",
        "{line}",
        "Correct the flags after --; `vllm serve --help` lists them",
    ),
    (
        r"greater than the derived max_model_len",
        "the model has no such context",
        "Give a smaller --max-context",
    ),
    (
        r"Invalid repository ID|LocalEntryNotFound|RepositoryNotFound|HFValidationError|OfflineModeIsEnabled"
        r"|GatedRepo|ConnectionError|couldn't connect",
        "there is no such model, neither a folder nor one that was downloaded",
        "Give a folder with config.json, or a name on the hub; HF_HUB_OFFLINE=1 takes only what is here",
    ),
    (
        r"[Oo]ut of memory|OutOfMemoryError|Available memory on node|Free memory on device|bad_alloc"
        r"|[Nn]o available memory|available KV cache memory|Cannot allocate memory|larger than the maximum",
        "memory is too small: {line}",
        "Give a smaller --max-context or model, free memory, or set VLLM_CPU_KVCACHE_SPACE on a CPU",
    ),
    (
        r"Failed to infer device type|No CUDA GPUs are available|Found no NVIDIA driver|cudaErrorNoDevice",
        "it finds no GPU that it can use",
        "Give --cpu where a build of vLLM for CPUs is installed",
    ),
)


def failure(lines: list[str], code: int) -> KgalignError:
    """What was the matter, from the last lines of vLLM's log and its exit code."""
    lines = [_REPEATED.sub("", line) for line in lines]
    errors = [line for line in lines if _ERROR.match(line)]
    telling = [line for line in errors if not any(each in line for each in _NO_CAUSE)]
    last = printable((telling or errors or lines or ["it said nothing"])[-1].strip(), 300).rstrip(".")
    for pattern, meaning, remedy in _KNOWN:
        found = next((line for line in reversed(lines) if re.search(pattern, line)), None)
        if found is not None:
            said = printable(found.strip(), 300).rstrip(".")
            return KgalignError(f"vLLM can't serve this: {meaning.replace('{line}', said)}", remedy)
    if code == -signal.SIGKILL:
        return KgalignError(
            "vLLM was killed, most likely because memory ran out", "Free some, or give a smaller model"
        )
    return KgalignError(f"vLLM has stopped: {last}", "`--log-level debug` shows its whole log")

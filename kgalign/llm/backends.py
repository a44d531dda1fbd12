"""What answers the questions of ``--judge``: a server, a model in this process, or a script."""

from kgalign.config import LlmConfig
from kgalign.errors import ConfigError
from kgalign.llm.protocol import Backend
from kgalign.llm.server import OpenAIBackend
from kgalign.llm.servers import Servers


def open_backend(judge: str, config: LlmConfig) -> Backend:
    """The backend that a value of ``judge.judge`` means; nothing is loaded or asked yet.

    :param judge: ``llm``, ``vllm:MODEL``, ``vllm:builtin``, ``builtin``, ``builtin:MODEL``, ``scripted`` or
        ``scripted:accuracy=0.9,…``.
    :raises KgalignError: it means none, or something that is not installed.
    """
    kind, _, rest = judge.partition(":")
    if config.workers > 1:
        from kgalign.llm.workers import open_workers

        return open_workers(judge, config)
    if judge == "llm":
        adapter = config.adapter or ""
        strict = config.strict_model
        servers = [
            OpenAIBackend(url, config.model, adapter, timeout=config.timeout, strict=strict)
            for url in config.urls
        ]
        return servers[0] if len(servers) == 1 else Servers(servers)
    if kind == "vllm" and rest:
        from kgalign.llm.vllm.engine import VllmEngine  # needs the extra

        if rest == "builtin":
            from kgalign.llm.builtin.backend import installed_adapter
            from kgalign.llm.builtin.base_model import base_model
            from kgalign.llm.vllm.setup import require_vllm

            require_vllm()  # before the weights are unpacked
            return VllmEngine(str(base_model()), config.adapter or str(installed_adapter()))
        return VllmEngine(rest, config.adapter or "")
    if kind == "builtin":
        from kgalign.llm.builtin.backend import Builtin  # needs the extra

        return Builtin(rest, config.adapter or "")
    if kind == "scripted":
        from kgalign.llm.scripted import Scripted

        return Scripted.from_spec(judge)
    raise ConfigError([f"judge.judge: {judge} asks no language model"])

"""``kgalign serve``: a language model as a server that ``kgalign run --judge llm`` can ask."""

import shlex
from pathlib import Path

import click

from kgalign.base.logs import printable
from kgalign.errors import KgalignError

from .common import log_options
from .paths import PATH


@click.command(context_settings={"allow_interspersed_args": True})
@click.argument("model", required=False)
@click.argument("extra", nargs=-1, type=click.UNPROCESSED, metavar="[-- FLAGS…]")
@click.option("--adapter", type=PATH, metavar="DIR", help="LoRA adapter in peft's format.")
@click.option(
    "--merge/--no-merge",
    default=None,
    help="Whether the adapter is merged into the model, which is then not served by itself; by default on a "
    "CPU, where it takes a third of the time.",
)
@click.option("--name", default="", metavar="NAME", help="What requests call the model.")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="HOST", help="Address to listen on.")
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="0 for one that is free.",
)
@click.option("--cpu/--gpu", default=None, help="Where the model runs; by default what is found.")
@click.option(
    "--max-context",
    default=0,
    type=click.IntRange(0),
    metavar="N",
    help="Tokens of a question and its answer together, if fewer than the model has.",
)
@click.option("--seed", default=0, type=click.IntRange(0, 2**32 - 1), metavar="N", help="Seed of vLLM.")
@click.option(
    "--start-limit",
    default=1800,
    show_default=True,
    type=click.IntRange(1),
    metavar="SECONDS",
    help="How long the start may take; large models load for minutes.",
)
@click.option(
    "--scripted", is_flag=True, help="No model: serve the scripted judge, for tests, demos and studies."
)
@click.option(
    "--set",
    "scripted_settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="How the scripted judge behaves, such as accuracy=0.9; repeatable.",
)
@log_options
def serve(
    model: str | None,
    extra: tuple[str, ...],
    adapter: Path | None,
    merge: bool | None,
    name: str,
    host: str,
    port: int,
    cpu: bool | None,
    max_context: int,
    seed: int,
    start_limit: int,
    scripted: bool,
    scripted_settings: tuple[str, ...],
) -> None:
    """Serve MODEL with vLLM until Ctrl-C, with flags that suit `kgalign run --judge llm`.

    MODEL is a folder or a name on the hub. It needs the extra `vllm`. Flags after -- go to vLLM as they are.
    """
    if scripted:
        if model or extra or adapter:
            raise KgalignError("--scripted serves no model", "Leave out MODEL, --adapter and what follows --")
        _serve_scripted(scripted_settings, host, port)
        return
    if not model:
        raise KgalignError("No model is given", "Give a folder or a name on the hub, or --scripted")
    if scripted_settings:
        raise KgalignError("--set is for the scripted judge", "Leave it out, or give --scripted")
    from kgalign.llm.vllm import server as vllm_server

    settings = vllm_server.ServerSettings(
        model=model,
        name=name,
        adapter=adapter,
        merge=merge,
        host=host,
        port=port,
        context=max_context,
        seed=seed,
        cpu=cpu,
        extra=extra,
    )

    def ready(server: vllm_server.VllmServer) -> None:
        _announce(server.url, server.name, server.adapter)

    code = vllm_server.serve(settings, _tell, ready, start_limit)
    click.get_current_context().exit(code)


def _serve_scripted(settings: tuple[str, ...], host: str, port: int) -> None:
    from kgalign.llm.scripted import server as scripted_server
    from kgalign.llm.scripted import settings as scripted_settings

    parsed = scripted_settings.parse(",".join(settings))
    scripted_server.serve(parsed, host, port, ready=lambda url: _announce(url, "scripted", parsed.adapter))


def _tell(line: str) -> None:
    click.echo(printable(line), err=True)


def _announce(url: str, model: str, adapter: str) -> None:
    """The address and what to do with it, on the standard output."""
    flags = ["--judge", "llm", "--llm-url", url, "--model", model]
    if adapter:
        flags += ["--adapter", adapter]
    click.echo(f"Serving {printable(model)} at {url}; stop with Ctrl-C. Next:")
    click.echo(printable(f"  kgalign run LEFT RIGHT -o RUN {shlex.join(flags)}"))

"""A Ray cluster: found or started, asked whether it fits this process, and left."""

import logging
import os
import platform
import signal
import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kgalign.base.cores import cores
from kgalign.base.memory import limit
from kgalign.base.version import __version__
from kgalign.errors import KgalignError

# Before Ray is imported: nothing is told to its makers.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
try:
    import grpc
    import ray
    from ray.exceptions import RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError as error:
    raise KgalignError(
        "Ray is not installed here", "Install it: pip install 'kgalign[ray]'; or leave --engine ray out"
    ) from error

_REACHED = 5.0
"""Seconds within which somebody must be there at an address."""
_ANSWERED = 15.0
"""Seconds within which they must have answered."""
_HEAD, _CLIENTS = "/ray.rpc.NodeInfoGcsService/CheckAlive", "/ray.rpc.RayletDriver/ClusterInfo"
"""What a head answers, and the server for ``ray://``; without a token they say that it is missing."""
_ASKED = 60.0
"""Seconds within which each node must have said its versions."""
_TRIES = 3
"""Times that a server for clients is asked to begin: for each it forks, and now and then hangs in that."""
_LEAST_STORE = 100_000_000


class Cluster:
    """A cluster that this process is part of."""

    def __init__(self) -> None:
        nodes = alive()
        self.store_bytes = max(
            (int(each["Resources"].get("object_store_memory", 0)) for each in nodes), default=0
        )
        """Bytes of the largest object store of a node."""

    def cores(self) -> int:
        """Cores of all nodes that are there now."""
        return int(sum(each["Resources"].get("CPU", 0) for each in alive()))


def alive() -> list[dict[str, Any]]:
    """What Ray tells of each node that is there."""
    return [each for each in ray.nodes() if each["Alive"]]


@contextmanager
def connected(address: str | None) -> Iterator[Cluster]:
    """Within this the process is part of a cluster.

    :param address: where it is (:class:`kgalign.config.engine.EngineConfig`); None to start one here.
    :raises KgalignError: nobody answers there, or a node has another Python or kgalign.
    """
    # It says much for whoever writes programs on it; what stops a run is told by us.
    warnings.filterwarnings("ignore", module=r"ray\.")
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    with _signals_kept():
        _join(address)
    try:
        check(address or "this machine")
        yield Cluster()
    finally:
        with _signals_kept():
            ray.shutdown()


def _join(address: str | None) -> None:
    here: dict[str, Any] = {}
    if address is None:
        here = {"num_cpus": cores(), "include_dashboard": False}
        here["object_store_memory"] = max(_LEAST_STORE, limit() // 3)
    elif address != "auto":
        _reach(address)
    try:
        _begin(address or "local", here)
    except (RayError, RuntimeError, ConnectionError, ValueError, ImportError) as error:
        raise _unfit(address or "this machine", str(error).strip().splitlines()[0].rstrip(".")) from error
    except SystemExit as error:
        raise _unfit(address or "this machine", "it did not let this process in") from error


def _begin(address: str, here: dict[str, Any]) -> None:
    left = _TRIES if address.startswith("ray://") else 1
    while True:
        left -= 1
        try:
            ray.init(address=address, log_to_driver=False, logging_level="CRITICAL", **here)
            return
        except ConnectionError:
            if not left:
                raise
            ray.shutdown()


def _reach(address: str) -> None:
    """See whether somebody is there at all: Ray itself would wait for minutes."""
    place = address.removeprefix("ray://")
    host, _, port = place.rpartition(":")
    try:
        if not host or not port.isdigit():
            raise KgalignError(
                f"'{address}' is no address of a Ray cluster", "Give auto, HOST:PORT or ray://HOST:PORT"
            )
        socket.create_connection((host.strip("[]"), int(port)), _REACHED).close()
    except (OSError, OverflowError) as error:
        raise _unfit(address, f"nobody is there ({error})") from error
    if os.environ.get("RAY_USE_TLS", "0") != "1":
        _ask(address, place, _HEAD if place == address else _CLIENTS)


def _ask(address: str, place: str, method: str) -> None:
    """See whether who is there is Ray: anybody else would be waited for too."""
    with grpc.insecure_channel(place, (("grpc.enable_http_proxy", 0),)) as channel:
        try:
            channel.unary_unary(method)(b"", timeout=_ANSWERED)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise _unfit(address, "who is there does not answer") from error
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                raise _unfit(address, "who is there is not Ray") from error
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                other = "HOST:PORT of the head" if method == _HEAD else "ray://HOST:PORT for clients"
                raise _unfit(address, f"who is there is not what answers at {other}") from error


def _unfit(address: str, why: str) -> KgalignError:
    return KgalignError(
        f"No Ray cluster at {address}: {why}",
        "Start one (ray start --head), give its --address, or leave --engine ray out",
    )


def check(address: str) -> None:
    """See whether every node works as this process does.

    :raises KgalignError: it has another Python or kgalign, none, or does not answer.
    """
    ours = platform.python_version(), __version__
    asked = {}
    for node in alive():
        if node["Resources"].get("CPU", 0) >= 1:
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            asked[node["NodeID"]] = node, _versions_there().options(scheduling_strategy=there).remote()
    if not asked:
        raise _unfit(address, "none of its nodes has a core to work with")
    for node, ref in asked.values():
        try:
            theirs = ray.get(ref, timeout=_ASKED)
        except RayError as error:
            raise _unfit(address, f"its node {node['NodeManagerAddress']} did not answer") from error
        if tuple(theirs) != ours:
            raise KgalignError(
                f"The node {node['NodeManagerAddress']} of the Ray cluster at {address} has "
                f"{_named(theirs)}, and here is {_named(ours)}",
                "All nodes need the same: install it there, and start them again",
            )


def _named(versions: tuple[str, str | None]) -> str:
    python, kgalign = versions
    return f"Python {python} with {f'kgalign {kgalign}' if kgalign else 'no kgalign'}"


def _versions_there() -> Any:  # noqa: ANN401 - a remote function
    def versions() -> tuple[str, str | None]:
        import platform

        try:
            from kgalign.base.version import __version__ as found
        except ImportError:
            return platform.python_version(), None
        return platform.python_version(), found

    # Made in here it goes there as it is, and needs no kgalign to be understood.
    told: Callable[..., Any] = ray.remote(num_cpus=1, max_retries=2)(versions)
    return told


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray takes signals over when it begins and ends: they are given back. It can't in another thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = (signal.SIGTERM, signal.SIGINT)
    before = {name: signal.getsignal(name) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            if handler is not None:
                signal.signal(name, handler)

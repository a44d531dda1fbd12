"""Engines: where heavy work is done, in the threads of this process or by workers of a Ray cluster.

Stages know of none: what they hand to :func:`kgalign.base.cores.in_order` as heavy goes there. Ray is
imported only where it is asked for.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from kgalign.base.cores import engaged
from kgalign.config.engine import EngineConfig


@contextmanager
def opened(config: EngineConfig) -> Iterator[None]:
    """Within this, heavy work is done where the configuration says.

    :raises KgalignError: there is no cluster at the address, or it can't work for this process.
    """
    if config.name == "local":
        yield
        return
    if config.address is None:
        # Nobody else on this machine gives it work, and Ray keeps no token in the home folder. It reads both
        # when it is imported.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    # Who has no Ray is told so before anything is read.
    from kgalign.engine import cluster, starting, tasks

    if config.address is None:
        with starting.Starting(config.partitions) as engine, engaged(engine):
            yield
        return
    with (
        cluster.connected(config.address) as found,
        tasks.Tasks(found, config.partitions) as there,
        engaged(there),
    ):
        yield

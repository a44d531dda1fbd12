"""Which of several servers a question goes to: the one that has read its beginning, unless others wait less.

Servers keep what they read of a prompt, so questions that begin alike cost less where the first of them went.
Each beginning ranks the servers by rendezvous hashing (Thaler and Ravishankar, "Using name-based mappings to
increase hit rates", 1998): where a server goes, only its own questions move. A question goes to the first of
its ranking whose queue is hardly longer than the shortest (Mirrokni, Thorup and Zadimoghaddam, "Consistent
hashing with bounded loads", 2018).
"""

from collections.abc import Sequence
from hashlib import blake2b

from kgalign.llm.protocol import Request

_BOUND = 8


def beginning(request: Request) -> bytes:
    """What questions about one record have in common: all up to the first line of what the user says.

    A record is one line; what stands before it is the same for all questions of one form.
    """
    digest = blake2b(digest_size=16)
    for message in request.messages:
        ends = message.role != "system"
        text = message.content.partition("\n")[0] if ends else message.content
        digest.update(f"{message.role}\0{text}\0".encode("utf8", "surrogatepass"))
        if ends:
            break
    return digest.digest()


def ranking(prefix: bytes, servers: Sequence[str]) -> tuple[int, ...]:
    """The places of the servers, the one that a beginning belongs to first.

    :param prefix: the beginning of a question, or a digest of it.
    :param servers: their URLs, which differ; their order makes no difference to which is first.
    """

    def drawn(place: int) -> bytes:
        return blake2b(servers[place].encode() + b"\0" + prefix, digest_size=16).digest()

    return tuple(sorted(range(len(servers)), key=drawn))


def bound_of(most: int) -> int:
    """Requests by which a server's queue may be longer than the shortest one before another is asked.

    :param most: requests that may be under way at a server.
    """
    return max(1, min(_BOUND, most // 2))


def choose(queues: Sequence[int], bound: int) -> int:
    """The place of the first server whose queue is not longer than the shortest by more than a bound.

    :param queues: requests at each server, in the order of a ranking; not empty.
    """
    most = min(queues) + bound
    return next(place for place, queue in enumerate(queues) if queue <= most)

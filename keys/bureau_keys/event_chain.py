"""The chain of events of a subject: a running hash over the leaves that concern them.

An event is a statement about the subject other than a furnisher's submission: consents and
their changes, keys, holds, disputes and answers, inquiries, replays, erasures. The head of the
chain is in the subject's signed file and in every report about them, so an event that is left
out, inserted or altered shows as soon as two heads are compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple

_DOMAIN = b"creditbureau/events/v1\n"


class ChainHead(NamedTuple):
    """A state of a subject's chain.

    Attributes:
        events: Number of events so far.
        hash: The running hash, 32 bytes; empty for a chain without events.
    """

    events: int = 0
    hash: bytes = b""


def extend(head: ChainHead, leaf_hashes: Iterable[bytes]) -> ChainHead:
    """Return the head after further events, in the order of the log.

    Args:
        leaf_hashes: The RFC 6962 leaf hashes of the events, 32 bytes each.
    """
    events, running = head
    for leaf_hash in leaf_hashes:
        running = sha256(_DOMAIN + running + leaf_hash).digest()
        events += 1
    return ChainHead(events, running)

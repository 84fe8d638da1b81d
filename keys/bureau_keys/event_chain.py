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

from creditbureau.v1.report_pb2 import Report

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


def contradict(one: Report, other: Report) -> bool:
    """Return True if two signed reports about one subject show heads that no one chain has.

    A chain only grows: as of a larger log size it has no fewer events, and as many events, or
    one log size, have one hash. A member's report does not show the number of events.
    """
    older, newer = sorted((one, other), key=lambda report: report.log_size)
    both_count = bool(older.event_count and newer.event_count)
    if both_count and older.event_count > newer.event_count:
        return True
    same_length = both_count and older.event_count == newer.event_count
    same_size = older.log_size == newer.log_size
    if same_size and both_count and not same_length:
        return True
    return (same_size or same_length) and older.event_chain_hash != newer.event_chain_hash

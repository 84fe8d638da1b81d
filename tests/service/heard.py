"""What people hear of, of some kinds."""

from __future__ import annotations

from bureau_client import Notice, NoticeKind, Wallet

# What furnishers and deciders do; the rest are consents, inquiries and a person's own deeds.
OF_DATA = {
    NoticeKind.ADVERSE_DATA,
    NoticeKind.DECISION,
    NoticeKind.DISPUTE,
    NoticeKind.ERASURE,
    NoticeKind.REINSERTION,
}


def heard(person: Wallet, *kinds: NoticeKind) -> list[Notice]:
    """Return the notices to a person of some kinds, newest first; of data if none is named."""
    wanted = set(kinds) or OF_DATA
    return [notice for notice in person.notices() if notice.kind in wanted]

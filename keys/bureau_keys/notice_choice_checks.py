"""Checks that a choice of what to hear of is the subject's own, and in the log."""

from __future__ import annotations

from collections.abc import Iterable

from bureau_keys.envelope import verify_envelope
from bureau_keys.errors import BadProof
from bureau_keys.profile import Trust
from bureau_keys.receipt_checks import check_receipt
from bureau_keys.signer_name import subject_signer
from bureau_keys.subject_keys import (
    MemberKeys,
    bound_before,
    check_header,
    prove_subject_keys,
)
from creditbureau.v1.members_pb2 import LoggedStatement
from creditbureau.v1.notices_pb2 import NoticeChoice


def check_notice_choice(
    choice: LoggedStatement,
    keys: Iterable[LoggedStatement],
    members: MemberKeys,
    subject_id: str,
    trust: Trust,
) -> NoticeChoice:
    """Return a choice, verified: the subject signed it, and it is in the log.

    Args:
        choice: The choice as the bureau shows it.
        keys: The statements that bind keys to the subject.
        members: Keys of the attesters of the subject's keys, proved by the log, by member id.
        subject_id: The subject whose choice it is.
        trust: The log's origin and key.

    Raises:
        KeysError: The choice is not the subject's, or not in the log.
    """
    if not choice.HasField("envelope"):
        raise BadProof("the choice of notices comes without its statement")
    bound = prove_subject_keys(keys, members, trust)
    signing = bound_before(bound, subject_id, choice.receipt.leaf_index)
    check_receipt(choice.receipt, choice.envelope, trust, "notice-choice")
    statement, _ = verify_envelope(choice.envelope, NoticeChoice, signing)
    check_header(statement.header, subject_signer(subject_id), trust, "the choice of notices")
    return statement

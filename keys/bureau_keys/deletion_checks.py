"""The time by which the grantee of a consent must delete what it received, and the check that
it confirmed the deletion.
"""

from __future__ import annotations

from collections.abc import Iterable

from bureau_keys.envelope import verify_envelope
from bureau_keys.errors import BadProof, WrongAnswer
from bureau_keys.key_history import LoggedKey, keys_at
from bureau_keys.profile import Trust
from bureau_keys.receipt_checks import check_receipt
from bureau_keys.signer_name import member_signer
from bureau_keys.subject_keys import check_header
from creditbureau.v1.consent_event_pb2 import DeletionConfirmation
from creditbureau.v1.consent_pb2 import Consent
from creditbureau.v1.consents_pb2 import ConsentView
from creditbureau.v1.members_pb2 import LoggedStatement

# Microseconds by which the time of a confirmation's entry may lie before the end of its consent:
# a node judges the consent by its own clock, a moment before the entry is written.
TOLERANCE_US = 60_000_000


def end_of_consent(expire_us: int, final_us: int | None) -> int:
    """Return the time from which a consent allows nothing more.

    Args:
        final_us: Time in the log at which it was revoked or replaced; None if it was not.
    """
    return expire_us if final_us is None else min(expire_us, final_us)


def last_change_us(view: ConsentView) -> int | None:
    """Return the time of the last change of a consent in the log; None without one."""
    changes = [logged.receipt.log_time for logged in view.changes]
    changes += [erased.log_time for erased in view.erased_changes]
    return max((time.ToMicroseconds() for time in changes), default=None)


def check_deletion(
    logged: LoggedStatement,
    consent: Consent,
    end_us: int,
    keys: Iterable[LoggedKey],
    trust: Trust,
) -> DeletionConfirmation:
    """Check that the grantee of a consent confirmed the deletion of what it received.

    Args:
        logged: The signed confirmation with its receipt.
        consent: The consent, verified.
        end_us: The time at which the consent ended.
        keys: The grantee's keys, proved by the log.
        trust: The log's origin and key.

    Raises:
        KeysError: The confirmation is not in the log, is signed by another member, is about
            another consent, or was made before the consent ended.
    """
    receipt, envelope = logged.receipt, logged.envelope
    check_receipt(receipt, envelope, trust, "deletion")
    signers = keys_at(keys, receipt.leaf_index)
    confirmation, _ = verify_envelope(envelope, DeletionConfirmation, signers)
    what = "the confirmation of the deletion"
    check_header(confirmation.header, member_signer(consent.grantee), trust, what)
    named = (confirmation.consent_id, confirmation.subject_id)
    if named != (consent.header.request_id, consent.subject_id):
        raise WrongAnswer(f"{what} is about consent {named[0]} of subject {named[1]}")
    if receipt.log_time.ToMicroseconds() < end_us - TOLERANCE_US:
        raise BadProof(f"{what} was made before the consent ended")
    return confirmation

"""Checks a saved report with the verifier of `bureau_keys.saved_report`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from google.protobuf.message import DecodeError

from bureau_client._codec.report_file import saved_report
from bureau_client._codec.reports import read_report
from bureau_client.errors import NotWitnessed, VerificationFailed
from bureau_client.models.codes import MemberState, ReciprocityLevel
from bureau_client.models.members import Member
from bureau_client.models.reports import Report
from bureau_client.verify.checks import reason_of
from bureau_client.verify.members import with_proved_keys, with_signed_values
from bureau_keys import errors
from bureau_keys.profile import Trust
from bureau_keys.saved_report import NOT_PROVEN, VerifiedReport, advice

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def verify_bundle(bundle: Report, trust: Trust) -> Report:
    """Verify a report that `Report.load` read, with every proof saved beside it.

    Args:
        bundle: The report and its proofs.
        trust: The bureau's pinned keys; never taken from the bundle.

    Returns:
        The report, read again from the bytes that verified.

    Raises:
        VerificationFailed: A signature, the request, the receipt or the evidence does not
            verify, or a proof is missing.
        NotWitnessed: Fewer witnesses than the trust's quorum have cosigned the receipt's
            checkpoint.
    """
    try:
        verified = saved_report(bundle).verify(trust)
        return read_report(
            verified.report,
            envelope=bundle.envelope,
            inquiry=bundle.inquiry,
            receipt=bundle.receipt if verified.receipt is not None else None,
            consent_proof=bundle.consent_proof if verified.receipt is not None else b"",
            portfolio=None if verified.portfolio is None else bundle.portfolio,
            unproved=verified.unproved,
            evidence=bundle.evidence,
            furnishers=tuple(_as_signed(member, verified) for member in bundle.furnishers),
            vouchers=tuple(_as_signed(member, verified) for member in bundle.vouchers),
        )
    except errors.NotWitnessed as error:
        raise NotWitnessed(str(error), reason=error.reason, fix=advice(error)) from error
    except errors.KeysError as error:
        raise VerificationFailed(
            f"The saved report does not verify: {error}",
            reason=reason_of(error),
            fix=advice(error),
        ) from error
    except (ValueError, DecodeError) as error:
        raise VerificationFailed(
            f"The saved report does not verify: {error}",
            reason="MALFORMED_MESSAGE",
            fix=NOT_PROVEN,
        ) from error


def _as_signed(member: Member, verified: VerifiedReport) -> Member:
    """Return a member with its signed values alone: no party signs the others of a file."""
    signed = verified.members[member.member_id]
    proved = with_proved_keys(member, verified.keys[member.member_id])
    return replace(
        with_signed_values(proved, signed),
        state=MemberState.UNSPECIFIED,
        directory_quota=None,
        certificate_fingerprints=(),
        reciprocity=ReciprocityLevel.UNSPECIFIED,
    )

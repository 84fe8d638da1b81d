"""Checks that a report keeps to a consent that its subject signed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from google.protobuf.timestamp_pb2 import Timestamp

from bureau_keys.envelope import open_envelope, peek
from bureau_keys.errors import BadProof, WrongAnswer
from bureau_keys.key_history import LoggedKey
from bureau_keys.profile import Trust
from bureau_keys.receipt_checks import check_logged
from bureau_keys.signer_name import member_id_of, subject_signer
from bureau_keys.subject_keys import SubjectKeys, check_header, prove_subject_keys, signing_key
from creditbureau.v1 import codes_pb2
from creditbureau.v1.consent_pb2 import Consent
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.members_pb2 import LoggedStatement
from creditbureau.v1.report_pb2 import Report
from creditbureau.v1.reporting_pb2 import ConsentProof
from creditbureau.v1.subjects_pb2 import KeyAttestation

# Microseconds by which the time of an inquiry's entry may pass the consent's: a node judges the
# consent by its own clock, a moment before the entry is written.
TOLERANCE_US = 60_000_000
# The section that opens each field of a report.
OPENED_BY = {
    "summary": codes_pb2.SECTION_SUMMARY,
    "standings": codes_pb2.SECTION_SUMMARY,
    "tradelines": codes_pb2.SECTION_TRADELINES,
    "inquiries": codes_pb2.SECTION_INQUIRIES,
    "attributes": codes_pb2.SECTION_ATTRIBUTES,
    "disputes": codes_pb2.SECTION_DISPUTES,
}


def attester_of(proof: ConsentProof) -> str:
    """Return the member that attested the subject's key, without checking its signature.

    Raises:
        KeysError: The proof does not begin with an attestation.
    """
    if not proof.keys:
        raise BadProof("the attestation of the subject's key is missing")
    attestation = peek(proof.keys[0].envelope, KeyAttestation)
    return member_id_of(attestation.header.signer)


def check_consent(
    proof: ConsentProof, keys: Mapping[str, Iterable[LoggedKey]], trust: Trust
) -> Consent:
    """Check that the subject signed a consent, with a key that a member attested.

    Args:
        proof: The consent, and the statements that bound its key to the subject.
        keys: The attesting member's keys, proved by the log, by member id.
        trust: The log's origin and key.

    Raises:
        KeysError: A statement is not in the log, in another order, or signed with another key.
    """
    return verify_consent(proof.consent, prove_subject_keys(proof.keys, keys, trust), trust)


def verify_consent(logged: LoggedStatement, keys: SubjectKeys, trust: Trust) -> Consent:
    """Check that a consent is in the log, signed with a key of its subject.

    Raises:
        KeysError: The consent is not in the log, or not signed with a key that counts.
    """
    receipt, statement = logged.receipt, open_envelope(logged.envelope, Consent)
    consent = statement.message
    key = signing_key(keys, consent.subject_id, logged.envelope, receipt.leaf_index, "the consent")
    check_logged(receipt, statement.digest, trust, "consent")
    statement.verify({key.key.key_id: key.key})
    check_header(consent.header, subject_signer(consent.subject_id), trust, "the consent")
    return consent


def check_scope(report: Report, consent: Consent, receipt: Receipt) -> None:
    """Check that a report is one that a consent allows, and holds no more than it opens.

    Args:
        report: The report, which answers the inquiry of the receipt.
        consent: The consent, verified.
        receipt: The receipt of the inquiry, verified.

    Raises:
        WrongAnswer: The consent is another one, or does not allow the report.
    """
    for problem in _problems(report, consent, receipt):
        raise WrongAnswer(f"the report does not keep to its consent: {problem}")


def _problems(report: Report, consent: Consent, receipt: Receipt) -> Iterator[str]:
    subscribes = codes_pb2.ACTION_INQUIRE if receipt.kind == "inquiry" else codes_pb2.ACTION_MONITOR
    opened = set(consent.sections)
    if consent.header.request_id != report.consent_id:
        yield f"it names {report.consent_id}, this is {consent.header.request_id}"
    if (consent.subject_id, consent.grantee) != (report.subject_id, report.member_id):
        yield f"it is of subject {consent.subject_id}, for {consent.grantee}"
    if subscribes not in consent.actions or report.purpose not in consent.purposes:
        yield "it does not allow the inquiry's action and purpose"
    if not _covers(consent, receipt.log_time):
        yield "it was not in force at the time of the inquiry"
    if set(report.sections) != opened:
        yield f"it opens sections {sorted(opened)}, the report has {sorted(report.sections)}"
    for field, section in OPENED_BY.items():
        descriptor = report.DESCRIPTOR.fields_by_name[field]
        value = getattr(report, field)
        filled = bool(value) if descriptor.is_repeated else report.HasField(field)  # type: ignore[arg-type]
        if filled and section not in opened:
            yield f"it does not open {field}"
    if report.notices:
        yield "the bureau's notices to the subject are for the subject alone"
    if report.log_size > receipt.leaf_index:
        yield f"it was read at log size {report.log_size}, after its own inquiry"
    yield from _beyond(report, consent, opened)


def _beyond(report: Report, consent: Consent, opened: Collection[int]) -> Iterator[str]:
    shows_history = codes_pb2.SECTION_PAYMENT_HISTORY in opened
    months = consent.history_months if shows_history else 0
    for line in report.tradelines:
        if len(line.history.profile) > months:
            yield f"tradeline {line.tradeline_id} has more than {months} months of history"
        if consent.portfolio_types and line.portfolio_type not in consent.portfolio_types:
            yield f"tradeline {line.tradeline_id} is of a kind that it does not open"


def _covers(consent: Consent, time: Timestamp) -> bool:
    try:
        start, end = (t.ToMicroseconds() for t in (consent.start_time, consent.expire_time))
    except ValueError:
        return False
    return start - TOLERANCE_US <= time.ToMicroseconds() < end + TOLERANCE_US

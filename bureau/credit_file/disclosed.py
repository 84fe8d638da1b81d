"""Statements as a subject may read them."""

from __future__ import annotations

from bureau.signed_statement import statement_and_receipt
from bureau.store.database import Connection
from bureau_keys.envelope import digest, payload_type_of, peek
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.erasure_pb2 import Erasure
from creditbureau.v1.members_pb2 import LoggedStatement
from creditbureau.v1.reporting_pb2 import PortfolioInquiry


def disclosed(db: Connection, entry_key: int, subject_id: str) -> LoggedStatement:
    """Read a statement for a subject: without its envelope where it was erased, and with its
    digest in place of its envelope where it names other subjects.
    """
    envelope, receipt = statement_and_receipt(db, entry_key)
    if not envelope.payload:
        return LoggedStatement(receipt=receipt)
    if _subjects_in(envelope) - {subject_id}:
        return LoggedStatement(receipt=receipt, digest=digest(envelope))
    return LoggedStatement(envelope=envelope, receipt=receipt)


def _subjects_in(envelope: Envelope) -> set[str]:
    """Return the subjects whom a statement about several of them names."""
    if envelope.payload_type == payload_type_of(PortfolioInquiry):
        return {*peek(envelope, PortfolioInquiry).subject_ids}
    if envelope.payload_type == payload_type_of(Erasure):
        erasure = peek(envelope, Erasure)
        people = {person for account in erasure.accounts for person in account.subject_ids}
        return (people | {erasure.subject_id}) - {""}
    return set()

"""Offline checks: everything the bureau says can be held against keys one pins.

None of these needs a network. Each raises `VerificationFailed` with what is
wrong; none returns a result that was not checked.
"""

from bureau_client.verify.bundles import verify_bundle
from bureau_client.verify.evidence import verify_complete, verify_evidence, verify_provenance
from bureau_client.verify.members import verify_member
from bureau_client.verify.receipts import verify_checkpoint, verify_receipt
from bureau_client.verify.reports import verify_file, verify_report
from bureau_client.verify.witnesses import verify_witnessed, witness_times, witnesses_of

__all__ = [
    "verify_bundle",
    "verify_checkpoint",
    "verify_complete",
    "verify_evidence",
    "verify_file",
    "verify_member",
    "verify_provenance",
    "verify_receipt",
    "verify_report",
    "verify_witnessed",
    "witness_times",
    "witnesses_of",
]

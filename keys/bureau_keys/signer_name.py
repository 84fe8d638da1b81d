"""Names of the signers of statements, as headers and the log spell them.

A member is `members/<member id>`, a subject is `subjects/<subject id>`, and the bureau, which
signs reports, is `bureau`.
"""

from __future__ import annotations

from typing import NewType

SignerName = NewType("SignerName", str)

BUREAU = SignerName("bureau")
_MEMBERS, _SUBJECTS = "members/", "subjects/"


def member_signer(member_id: str) -> SignerName:
    """Return the name under which a member signs."""
    return SignerName(_MEMBERS + member_id)


def subject_signer(subject_id: str) -> SignerName:
    """Return the name under which a subject signs."""
    return SignerName(_SUBJECTS + subject_id)


def member_id_of(signer: str) -> str:
    """Return the member id in a signer's name; empty if the signer is not a member."""
    return signer.removeprefix(_MEMBERS) if signer.startswith(_MEMBERS) else ""


def subject_id_of(signer: str) -> str:
    """Return the subject id in a signer's name; empty if the signer is not a subject."""
    return signer.removeprefix(_SUBJECTS) if signer.startswith(_SUBJECTS) else ""

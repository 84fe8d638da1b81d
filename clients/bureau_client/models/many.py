"""Requests about many people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from bureau_client.models.codes import EvidenceLevel, Purpose

# Country, scheme and identifier of a person.
Identifier: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """An inquiry about one person, for `query_many`.

    Attributes:
        subject_id: The person's id.
        purpose: Purpose of the inquiry; the consent must cover it.
        consent_id: The consent that allows the inquiry.
        evidence: Level of the furnishers' own signed records to fetch with the report.
        reference: The lender's own name for the application; not sent. In one journal, equal
            inquiries under one reference are one inquiry.
    """

    subject_id: str
    purpose: Purpose
    consent_id: str
    evidence: EvidenceLevel = EvidenceLevel.NONE
    reference: str = ""

"""Alerts, and disputes as they come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bureau_client.models.codes import AlertKind
from bureau_client.models.reports import Dispute


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that happened to a person whom the member monitors.

    Attributes:
        cursor: Acknowledges it and what came before; behind it, a stream goes on.
        consent_id: The consent to monitor that it rests on.
        tradeline_ids: What it is about; none for inquiries.
        cause_leaf_index: The leaf that caused it.
        texts: The text in every language of the bureau, by BCP 47 tag.
    """

    alert_id: str
    cursor: int
    kind: AlertKind
    subject_id: str
    consent_id: str
    tradeline_ids: tuple[str, ...]
    create_time: datetime
    cause_leaf_index: int
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DisputeNews:
    """A dispute against a member's records, as it comes.

    Attributes:
        cursor: Behind it, a stream goes on.
    """

    cursor: int
    dispute: Dispute

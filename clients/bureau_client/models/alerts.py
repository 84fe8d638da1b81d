"""Alerts, and events of disputes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bureau_client.models.codes import AlertKind
from bureau_client.models.reports import Dispute


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An event in the file of a person whom the member monitors.

    Attributes:
        cursor: Position of the alert: acknowledges it and all before, continues a stream
            after it.
        consent_id: The consent to monitor.
        tradeline_ids: The tradelines concerned; none for inquiries.
        cause_leaf_index: Index of the log's leaf that caused the alert.
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
    """An event of a dispute against a member's records.

    Attributes:
        cursor: Position of the event; continues a stream after it.
    """

    cursor: int
    dispute: Dispute

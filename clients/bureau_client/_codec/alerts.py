"""Reads alerts and standards of credit."""

from __future__ import annotations

from bureau_client._codec.scalars import moment_of
from bureau_client.models.alerts import Alert
from bureau_client.models.codes import AlertKind, Classification
from bureau_client.models.receipts import Receipt
from bureau_client.models.standards import Band, Standard
from creditbureau.v1 import reporting_pb2, standard_pb2


def read_alert(message: reporting_pb2.WatchAlertsResponse) -> Alert:
    """Read an alert with its cursor."""
    alert = message.alert
    return Alert(
        alert_id=alert.alert_id,
        cursor=message.cursor,
        kind=AlertKind(alert.kind),
        subject_id=alert.subject_id,
        consent_id=alert.consent_id,
        tradeline_ids=tuple(alert.tradeline_ids),
        create_time=moment_of(alert.create_time),
        cause_leaf_index=alert.cause_leaf_index,
        texts=dict(alert.texts),
    )


def read_standard(
    message: standard_pb2.StandardOfCredit, envelope: bytes, receipt: Receipt
) -> Standard:
    """Read a standard of credit."""
    return Standard(
        version=message.version,
        effective_time=moment_of(message.effective_time),
        jurisdiction=message.jurisdiction,
        currency=message.currency,
        max_unsecured_exposure_minor=message.max_unsecured_exposure_minor,
        max_concurrent_lenders=message.max_concurrent_lenders,
        max_exposure_to_income_percent=message.max_exposure_to_income_percent,
        bands=tuple(
            Band(band.min_days_past_due, Classification(band.classification))
            for band in message.bands
        ),
        envelope=envelope,
        receipt=receipt,
    )

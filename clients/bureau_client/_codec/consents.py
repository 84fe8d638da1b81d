"""Reads consents: the signed text, and the state that the signed changes lead to."""

from __future__ import annotations

from datetime import datetime

from bureau_client._codec.receipts import read_receipt
from bureau_client._codec.scalars import micros_of, moment_at, moment_of, span_of
from bureau_client.models.codes import (
    Action,
    ConsentEventKind,
    ConsentMode,
    ConsentState,
    FrequencyUnit,
    PortfolioType,
    Purpose,
    Section,
)
from bureau_client.models.consents import ConfirmedDeletion, Consent, ConsentEvent, Frequency
from bureau_keys.consent_history import ConsentHistory, arrangement_of
from creditbureau.v1 import consents_pb2


def read_consent(view: consents_pb2.ConsentView, history: ConsentHistory, now: datetime) -> Consent:
    """Read a consent as it is at a time.

    Args:
        history: The consent, and what its changes lead to, verified.
    """
    signed = history.consent
    frequency = None
    if signed.HasField("frequency"):
        unit = FrequencyUnit(signed.frequency.unit)
        frequency = Frequency(unit, signed.frequency.value)
    return Consent(
        consent_id=view.consent_id,
        subject_id=signed.subject_id,
        grantee=signed.grantee,
        actions=tuple(map(Action, signed.actions)),
        purposes=tuple(map(Purpose, signed.purposes)),
        sections=tuple(map(Section, signed.sections)),
        portfolio_types=tuple(map(PortfolioType, signed.portfolio_types)),
        history_months=signed.history_months,
        start_time=moment_of(signed.start_time),
        expire_time=moment_of(signed.expire_time),
        max_uses=signed.max_uses,
        frequency=frequency,
        data_life=span_of(signed.data_life),
        mode=ConsentMode(signed.mode),
        state=ConsentState(history.state_at(micros_of(now), view.use_count)),
        use_count=view.use_count,
        create_time=moment_at(history.grant_us),
        update_time=moment_at(history.change_us),
        note=history.note,
        consent_request_id=signed.consent_request_id,
        replaces=signed.replaces,
        arrangement_id=arrangement_of(signed),
        delete_by_time=None if history.delete_by_us is None else moment_at(history.delete_by_us),
        deletion=_read_deletion(view, history),
        envelope=view.consent.SerializeToString(deterministic=True),
        receipt=read_receipt(view.changes[-1].receipt if view.changes else view.receipt),
        proved=history.proved,
    )


def _read_deletion(
    view: consents_pb2.ConsentView, history: ConsentHistory
) -> ConfirmedDeletion | None:
    if history.deletion is None:
        return None
    receipt = read_receipt(view.deletion.receipt)
    confirm_us = view.deletion.receipt.log_time.ToMicroseconds()
    return ConfirmedDeletion(
        report_count=history.deletion.report_count,
        delete_time=moment_of(history.deletion.delete_time),
        confirm_time=receipt.log_time,
        is_late=history.delete_by_us is not None and confirm_us > history.delete_by_us,
        statement=view.deletion.envelope.SerializeToString(deterministic=True),
        receipt=receipt,
    )


def read_event(
    message: consents_pb2.WatchConsentsResponse, history: ConsentHistory, consent: Consent
) -> ConsentEvent:
    """Read a change of a consent.

    Args:
        history: The consent's history, against which the change was checked.
        consent: The consent as it is now.
    """
    event = message.event
    leaf_index = event.leaf_index if event.HasField("leaf_index") else None
    change = next((each for each in history.changes if each.leaf_index == leaf_index), None)
    return ConsentEvent(
        cursor=message.cursor,
        kind=ConsentEventKind(event.kind),
        event_time=moment_of(event.event_time),
        leaf_index=leaf_index,
        note=change.note if change else "",
        repudiated=change is not None and change.repudiated,
        consent=consent,
    )

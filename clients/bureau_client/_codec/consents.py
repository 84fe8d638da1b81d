"""Reads consents: the signed text, and the state that the signed changes lead to."""

from __future__ import annotations

from datetime import datetime

from bureau_client._codec.receipts import read_receipt
from bureau_client._codec.scalars import micros_of, moment_at, moment_of, span_of
from bureau_client.models.codes import (
    Action,
    ConsentMode,
    ConsentState,
    FrequencyUnit,
    PortfolioType,
    Purpose,
    Section,
)
from bureau_client.models.consents import Consent, Frequency
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
        envelope=view.consent.SerializeToString(deterministic=True),
        receipt=read_receipt(view.changes[-1].receipt if view.changes else view.receipt),
        proved=history.proved,
    )

"""Reads consents: the signed text, and the bureau's statement of its state."""

from __future__ import annotations

from bureau_client._codec.scalars import moment_of, moment_or_none, span_of
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
from bureau_client.models.receipts import Receipt
from bureau_keys.envelope import peek
from creditbureau.v1 import consent_pb2, consents_pb2


def read_consent(view: consents_pb2.ConsentView, receipt: Receipt | None = None) -> Consent:
    """Read a consent and its state.

    Raises:
        KeysError: The signed part is not a canonical Consent.
        ValueError: The state belongs to another consent than the signed text.
    """
    signed = peek(view.consent, consent_pb2.Consent)
    if signed.header.request_id != view.consent_id:
        raise ValueError(f"the state of consent {view.consent_id} came with another consent")
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
        state=ConsentState(view.state),
        use_count=view.use_count,
        create_time=moment_or_none(view.create_time),
        update_time=moment_or_none(view.update_time),
        note=view.note,
        envelope=view.consent.SerializeToString(deterministic=True),
        receipt=receipt,
    )

"""Reads consent requests: the signed text, and the state that the answer leads to."""

from __future__ import annotations

from datetime import datetime

from bureau_client._codec.receipts import read_receipt
from bureau_client._codec.scalars import micros_of, moment_at, moment_of, span_of
from bureau_client.models.codes import (
    Action,
    ConsentMode,
    ConsentRequestState,
    FrequencyUnit,
    PortfolioType,
    Purpose,
    Section,
)
from bureau_client.models.consent_requests import ConsentRequest
from bureau_client.models.consents import Frequency
from bureau_keys.consent_request_checks import CheckedRequest
from creditbureau.v1.consent_pb2 import Consent
from creditbureau.v1.consent_request_pb2 import ConsentRequestDecline, ConsentRequestView


def read_request(
    view: ConsentRequestView, checked: CheckedRequest, now: datetime
) -> ConsentRequest:
    """Read a consent request as it is at a time.

    Args:
        checked: The request and its answer, verified.
    """
    signed, answer = checked.request, checked.answer
    frequency = None
    if signed.HasField("frequency"):
        frequency = Frequency(FrequencyUnit(signed.frequency.unit), signed.frequency.value)
    envelope = b""
    if view.request.HasField("envelope"):
        envelope = view.request.envelope.SerializeToString(deterministic=True)
    newest = view.answer if view.HasField("answer") else view.request
    return ConsentRequest(
        consent_request_id=view.consent_request_id,
        member_id=checked.member_id,
        subject_id=signed.subject_id,
        actions=tuple(map(Action, signed.actions)),
        purposes=tuple(map(Purpose, signed.purposes)),
        sections=tuple(map(Section, signed.sections)),
        portfolio_types=tuple(map(PortfolioType, signed.portfolio_types)),
        history_months=signed.history_months,
        period=span_of(signed.period),
        expire_time=moment_of(signed.expire_time),
        max_uses=signed.max_uses,
        frequency=frequency,
        data_life=span_of(signed.data_life),
        mode=ConsentMode(signed.mode),
        text=signed.text,
        state=ConsentRequestState(checked.state_at(micros_of(now))),
        consent_id=answer.header.request_id if isinstance(answer, Consent) else "",
        create_time=moment_of(view.request.receipt.log_time),
        update_time=moment_at(checked.change_us),
        note=answer.note if isinstance(answer, ConsentRequestDecline) else "",
        envelope=envelope,
        receipt=read_receipt(newest.receipt),
        proved=checked.proved,
    )

"""Follows the changes of the consents that a member holds, and confirms deletions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bureau_client._codec.consents import read_event
from bureau_client._codec.scalars import micros_of, timestamp_of
from bureau_client._operations import arguments, methods
from bureau_client._operations.consents import get_held, read_histories, verified_histories
from bureau_client._operations.context import SigningContext
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.receipts import verify_receipt_and_witnesses
from bureau_client._operations.streams import Stream
from bureau_client.errors import VerificationFailed
from bureau_client.models.codes import ConsentEventKind
from bureau_client.models.consents import Consent, ConsentEvent
from bureau_client.models.receipts import Receipt
from bureau_client.verify.checks import TELL, verifying
from bureau_keys.consent_event_checks import check_consent_event
from bureau_keys.consent_history import ConsentHistory
from bureau_keys.envelope import seal
from bureau_keys.signer_name import member_id_of
from bureau_keys.subject_keys import MemberKeys
from creditbureau.v1 import consent_event_pb2, consents_pb2


def watch_consents(context: SigningContext, after: str) -> Stream[ConsentEvent]:
    """Return the stream of the changes of the member's consents, each verified."""
    order = _Order()
    own = member_id_of(context.signer.name)

    def read(message: consents_pb2.WatchConsentsResponse) -> Operation[ConsentEvent]:
        use = message.use if message.HasField("use") else None

        def check(histories: Sequence[ConsentHistory], members: MemberKeys) -> None:
            [history] = histories
            now_us = micros_of(context.clock())
            check_consent_event(
                message.event,
                message.consent,
                history,
                use,
                members[own],
                context.trust,
                now_us,
            )

        views = [message.consent]
        histories = yield from verified_histories(context, views, message.keys, {own}, check)
        [consent] = read_histories(context, views, histories)
        with verifying("The change of the consent"):
            event = read_event(message, histories[0], consent)
        order.check(event)
        return event

    return Stream(
        methods.WATCH_CONSENTS,
        lambda cursor: consents_pb2.WatchConsentsRequest(cursor=cursor),
        read,
        arguments.consent_cursor(after),
        endless=True,
    )


def confirm_deletion(
    context: SigningContext,
    consent: str | Consent,
    report_count: int | None,
    delete_time: datetime | None,
) -> Operation[Receipt]:
    """Sign and submit that everything received under a consent is deleted."""
    if isinstance(consent, str):
        consent = yield from get_held(context, consent)
    deleted = delete_time or context.clock()
    if deleted.tzinfo is None:
        message = "needs a time zone, for example datetime.now(UTC)"
        raise arguments.refuse("delete_time", "INVALID_FIELD", message)
    confirmation = consent_event_pb2.DeletionConfirmation(
        header=context.signer.header(),
        consent_id=consent.consent_id,
        subject_id=consent.subject_id,
        report_count=consent.use_count if report_count is None else report_count,
        delete_time=timestamp_of(deleted),
    )
    sealed = seal(confirmation, context.signer.key)
    request = consents_pb2.ConfirmDeletionRequest(confirmation=sealed)
    reply = yield from call(methods.CONFIRM_DELETION, request, confirmation.header.request_id)
    return (
        yield from verify_receipt_and_witnesses(context, reply.receipt, sealed, kind="deletion")
    )


class _Order:
    """The place of the last change in the log and of the last expiry: each change comes once."""

    def __init__(self) -> None:
        self._logged = (-1, "")
        self._expired: tuple[datetime, str] | None = None

    def check(self, event: ConsentEvent) -> None:
        """Raise VerificationFailed unless a change comes after those of its kind before."""
        consent_id = event.consent.consent_id
        if event.kind is ConsentEventKind.EXPIRED:
            expired = (event.event_time, consent_id)
            is_next = self._expired is None or expired > self._expired
            self._expired = expired
        else:
            logged = (event.leaf_index or 0, consent_id)
            is_next = logged > self._logged
            self._logged = logged
        if not is_next:
            raise VerificationFailed(
                f"The change {event.kind.name} of consent {consent_id} comes twice, or late",
                reason="WRONG_ANSWER",
                fix=TELL,
            )

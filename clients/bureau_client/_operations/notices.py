"""Lists and follows the bureau's notices to a person, and sets what the person hears of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from bureau_client._codec.receipts import read_receipt
from bureau_client._codec.reports import read_notice
from bureau_client._codec.scalars import moment_of
from bureau_client._operations import arguments, methods
from bureau_client._operations.context import SigningContext
from bureau_client._operations.members import check_with_members
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.pages import Order, as_it_is, collect
from bureau_client._operations.receipts import verify_receipt_and_witnesses
from bureau_client._operations.streams import Stream, without_calls
from bureau_client._operations.subject_requests import subject_request
from bureau_client.errors import NotFound, VerificationFailed
from bureau_client.models.codes import NoticeKind
from bureau_client.models.members import Vouched
from bureau_client.models.notices import NoticeChoice, RelayedNotice
from bureau_client.models.receipts import Receipt
from bureau_client.models.reports import Notice
from bureau_client.verify.checks import TELL, verifying
from bureau_client.verify.evidence import logged_keys_of
from bureau_keys.envelope import seal
from bureau_keys.notice_checks import causes_signed_by, check_notices, is_erased, place_of
from bureau_keys.notice_choice_checks import check_notice_choice
from bureau_keys.signer_name import subject_id_of
from bureau_keys.subject_keys import attesters_of
from creditbureau.v1 import notice_pb2, notices_pb2, subjects_pb2
from creditbureau.v1.members_pb2 import LoggedStatement

NEWEST_FIRST = Order[Notice](
    name=lambda notice: (notice.create_time, place_of(notice.notice_id)[:3])
)


def list_notices(context: SigningContext, limit: int | None) -> Operation[list[Notice]]:
    """List the bureau's notices to the subject, newest first."""

    def page(token: str) -> Operation[tuple[Sequence[Notice], str]]:
        request = subjects_pb2.ListNoticesRequest(
            subject_request=subject_request(context, methods.LIST_NOTICES.path),
            page_token=token,
        )
        reply = yield from call(methods.LIST_NOTICES, request)
        what = "The list of notices"
        notices = yield from _verified(context, reply.notices, reply.causes, reply.keys, what)
        return notices, reply.next_page_token

    return (yield from collect("The list of notices", page, as_it_is, NEWEST_FIRST, limit))


def watch_notices(context: SigningContext, after: str) -> Stream[Notice]:
    """Return the stream of the bureau's notices to the subject, each verified."""
    order = _Order()

    def request(cursor: str) -> notices_pb2.WatchNoticesRequest:
        # Signed each time: a stream is opened again long after a request has expired.
        signed = subject_request(context, methods.WATCH_NOTICES.path)
        return notices_pb2.WatchNoticesRequest(subject_request=signed, cursor=cursor)

    def read(message: notices_pb2.WatchNoticesResponse) -> Operation[Notice]:
        one = [message.notice], [message.cause], message.keys
        [notice] = yield from _verified(context, *one, "The notice")
        order.check(notice)
        return replace(notice, cursor=message.cursor)

    return Stream(
        methods.WATCH_NOTICES, request, read, arguments.notice_cursor(after), endless=True
    )


def relay_notices(after: str) -> Stream[RelayedNotice]:
    """Return the stream of the notices that the agent passes on."""

    def read(message: notices_pb2.RelayNoticesResponse) -> RelayedNotice:
        notice = message.notice
        with verifying("The relayed notice"):
            place_of(notice.notice_id)
            return RelayedNotice(
                notice_id=notice.notice_id,
                subject_id=notice.subject_id,
                kind=NoticeKind(notice.kind),
                create_time=moment_of(notice.create_time),
                language=notice.language,
                cursor=message.cursor,
            )

    return Stream(
        methods.RELAY_NOTICES,
        lambda cursor: notices_pb2.RelayNoticesRequest(cursor=cursor),
        without_calls(read),
        arguments.relay_cursor(after),
        endless=True,
    )


def choose_notices(
    context: SigningContext, muted: Sequence[NoticeKind], agent_id: str, language: str
) -> Operation[Receipt]:
    """Sign and submit what the person hears of."""
    choice = notices_pb2.NoticeChoice(
        header=context.signer.header(),
        muted=sorted(arguments.code(kind, "muted") for kind in set(muted)),  # type: ignore[misc]
        agent_id=agent_id,
        language=language,
    )
    sealed = seal(choice, context.signer.key)
    request = notices_pb2.ChooseNoticesRequest(choice=sealed)
    reply = yield from call(methods.CHOOSE_NOTICES, request, choice.header.request_id)
    return (
        yield from verify_receipt_and_witnesses(
            context, reply.receipt, sealed, kind="notice-choice"
        )
    )


def get_notice_choice(context: SigningContext) -> Operation[NoticeChoice]:
    """Return the person's choice that counts, verified; without one, that of everything."""
    signed = subject_request(context, methods.GET_NOTICE_CHOICE.path)
    request = notices_pb2.GetNoticeChoiceRequest(subject_request=signed)
    try:
        reply = yield from call(methods.GET_NOTICE_CHOICE, request)
    except NotFound:
        return NoticeChoice()
    what, subject_id = "The choice of notices", subject_id_of(context.signer.name)
    with verifying(what):
        needed = attesters_of(reply.keys)
    checked: list[notices_pb2.NoticeChoice] = []

    def check(members: Mapping[str, Vouched]) -> None:
        keys_of = {name: logged_keys_of(members[name].member) for name in needed}
        with verifying(what):
            checked.append(
                check_notice_choice(reply.choice, reply.keys, keys_of, subject_id, context.trust)
            )

    yield from check_with_members(context, needed, check)
    with verifying(what):
        return NoticeChoice(
            muted=tuple(sorted(map(NoticeKind, checked[-1].muted))),
            agent_id=checked[-1].agent_id,
            language=checked[-1].language,
            time=moment_of(reply.choice.receipt.log_time),
            receipt=read_receipt(reply.choice.receipt),
        )


def _verified(
    context: SigningContext,
    notices: Sequence[notice_pb2.Notice],
    causes: Sequence[notice_pb2.NoticeCause],
    keys: Iterable[LoggedStatement],
    what: str,
) -> Operation[list[Notice]]:
    """Return notices, each verified against its cause in the log.

    Raises:
        VerificationFailed: A notice has no cause, or says otherwise than its cause.
    """
    with verifying(what):
        needed = causes_signed_by(causes, keys)
    subject_id = subject_id_of(context.signer.name)

    def check(members: Mapping[str, Vouched]) -> None:
        keys_of = {name: logged_keys_of(members[name].member) for name in needed}
        with verifying(what):
            check_notices(notices, causes, keys, keys_of, subject_id, context.trust)

    yield from check_with_members(context, needed, check)
    with verifying(what):
        return [
            replace(read_notice(notice), proved=not is_erased(cause))
            for notice, cause in zip(notices, causes, strict=True)
        ]


class _Order:
    """The place of the last notice of a deed, and of the last one by the clock: each notice comes
    once.
    """

    def __init__(self) -> None:
        self._logged = (-1, -1)
        self._due = (0, 0, "")

    def check(self, notice: Notice) -> None:
        """Raise VerificationFailed unless a notice comes after those of its kind before."""
        position = place_of(notice.notice_id)
        if position.leaf_index < 0:
            due = (position.time_us, position.number, position.about_id)
            is_next, self._due = due > self._due, due
        else:
            logged = (position.leaf_index, position.number)
            is_next, self._logged = logged > self._logged, logged
        if not is_next:
            raise VerificationFailed(
                f"The notice {notice.notice_id} comes twice, or late",
                reason="WRONG_ANSWER",
                fix=TELL,
            )

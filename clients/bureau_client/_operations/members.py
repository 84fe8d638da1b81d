"""Members and their keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from google.protobuf.message import Message

from bureau_client._codec.members import read_member
from bureau_client._operations import arguments, methods
from bureau_client._operations.context import Context, SigningContext
from bureau_client._operations.operation import Operation, call
from bureau_client._operations.pages import Order, PageBytes, as_it_is, check_size, collect
from bureau_client._operations.receipts import verify_receipt_and_witnesses
from bureau_client.errors import NotFound, VerificationFailed
from bureau_client.models.members import Member, Vouched
from bureau_client.models.receipts import Receipt
from bureau_client.verify.checks import TELL, check_equal, verifying
from bureau_client.verify.members import is_operator, verify_member, vouchers_of
from bureau_keys.envelope import peek, seal, verify_envelope
from bureau_keys.profile import Trust
from bureau_keys.signer_name import member_id_of
from bureau_keys.signing import SigningKey, VerifyKey
from creditbureau.v1 import members_pb2
from creditbureau.v1.envelope_pb2 import Envelope, Header

M = TypeVar("M", bound=Message)

Result = TypeVar("Result")

# Statements about one member. The bureau takes far fewer of a member, and an operator has no
# reason to sign more.
MAX_STATEMENTS = 10_000
# Operators that signed the statements about a member, and about one another.
MAX_VOUCHERS = 100
BY_ID = Order[Member](name=lambda member: member.member_id, descending=False)


def get_member(member_id: str, *, with_statements: bool = False) -> Operation[Member]:
    """Return a member, on request with the signed statements that register its keys."""
    member_id = arguments.member_id(member_id)
    what = f"The list of statements about {member_id}"
    message, size = members_pb2.Member(), PageBytes(what)

    def page(token: str) -> Operation[tuple[Sequence[members_pb2.LoggedStatement], str]]:
        request = members_pb2.GetMemberRequest(
            member_id=member_id, with_statements=with_statements, page_token=token
        )
        reply = yield from call(methods.GET_MEMBER, request)
        check_equal("The member", reply.member.member_id, member_id)
        size.add(reply)
        if not token:
            message.CopyFrom(reply.member)
            message.ClearField("statements")
        return reply.member.statements, reply.next_page_token

    statements = yield from collect(what, page, as_it_is, None, most=MAX_STATEMENTS)
    message.statements.extend(statements)
    with verifying("The member"):
        return read_member(message)


def vouched_member(trust: Trust, member_id: str) -> Operation[Vouched]:
    """Return a member with verified keys, and the operators who vouched for the keys."""
    member = yield from get_member(member_id, with_statements=True)
    vouchers: dict[str, Member] = {}
    wanted = vouchers_of(member.encoded)
    while wanted := wanted - {member_id, *vouchers}:
        name = min(wanted)
        if len(vouchers) == MAX_VOUCHERS or not arguments.is_member_id(name):
            raise VerificationFailed(
                f"The statements about {member_id} lead to {name[:64]!r}, and to "
                f"{len(vouchers)} members before it: they come to no operator",
                reason="WRONG_ANSWER",
                fix=TELL,
            )
        vouchers[name] = yield from get_member(name, with_statements=True)
        wanted |= vouchers_of(vouchers[name].encoded)
    others = tuple(vouchers.values())
    verified = verify_member(member.encoded, trust, others)
    return Vouched(verified, others, is_operator(member.encoded, trust, others))


def check_with_member(
    context: Context, member_id: str, check: Callable[[Member], Result]
) -> Operation[tuple[Result, Vouched]]:
    """Return the result of a check that needs a member's keys, and the member.

    Raises:
        VerificationFailed: See `check_with_members`.
    """

    def check_one(members: Mapping[str, Vouched]) -> tuple[Result, Vouched]:
        return check(members[member_id].member), members[member_id]

    return (yield from check_with_members(context, [member_id], check_one))


def check_with_members(
    context: Context, member_ids: Iterable[str], check: Callable[[Mapping[str, Vouched]], Result]
) -> Operation[Result]:
    """Return the result of a check that needs the keys of members.

    Keys come and go: where the check fails with a member known from before, the members are
    fetched again.

    Raises:
        VerificationFailed: The check fails, or one of the members does not exist.
    """
    wanted = sorted(set(member_ids))
    known = [member_id for member_id in wanted if member_id in context.members]
    members = yield from _vouched(context, wanted)
    if known:
        try:
            return check(members)
        except VerificationFailed:
            for member_id in known:
                context.members.pop(member_id, None)
            members = yield from _vouched(context, wanted)
    return check(members)


def _vouched(context: Context, member_ids: Iterable[str]) -> Operation[dict[str, Vouched]]:
    """Return members; fetch and verify those that are not known yet.

    While one is fetched, another operation may forget those that were known.
    """
    members = {}
    for member_id in member_ids:
        member = context.members.get(member_id)
        if member is None:
            member = context.members[member_id] = yield from _fetched(context, member_id)
        members[member_id] = member
    return members


def _fetched(context: Context, member_id: str) -> Operation[Vouched]:
    if not arguments.is_member_id(member_id):
        raise _no_member(member_id)
    try:
        return (yield from vouched_member(context.trust, member_id))
    except NotFound:
        raise _no_member(member_id) from None


def _no_member(member_id: str) -> VerificationFailed:
    return VerificationFailed(
        f"The answer names {member_id[:64]!r}, which is no member", reason="WRONG_ANSWER", fix=TELL
    )


def signed_by_operator(
    context: Context, label: str, envelope: Envelope, payload: type[M], receipt: Receipt
) -> Operation[M]:
    """Return a logged statement's payload, signed by an operator with a key in force.

    Args:
        label: The statement in the words of an error.
        receipt: The statement's receipt, verified.

    Raises:
        VerificationFailed: An operator's signature does not verify.
    """
    with verifying(label):
        signer = member_id_of(_header(peek(envelope, payload)).signer)

    def check(member: Member) -> M:
        keys = [
            VerifyKey.from_raw(key.public_key)
            for key in member.keys
            if key.valid_at(receipt.leaf_index)
        ]
        with verifying(label):
            return verify_envelope(envelope, payload, {key.key_id: key for key in keys})[0]

    message, operator = yield from check_with_member(context, signer, check)
    if _header(message).audience != context.trust.origin:
        raise VerificationFailed(f"{label} is of another bureau", reason="WRONG_ANSWER", fix=TELL)
    if not operator.is_operator:
        raise VerificationFailed(
            f"{label} is signed by {signer}, who is not an operator",
            reason="WRONG_ANSWER",
            fix=TELL,
        )
    return message


def _header(message: Message) -> Header:
    """Return the header of a statement's payload."""
    header: Header = message.header  # type: ignore[attr-defined]
    return header


def verified_member(context: Context, member_id: str) -> Operation[Member]:
    """Return a member as it is now, as operators signed it.

    Raises:
        NotFound: No member has this id.
        VerificationFailed: The member is shown otherwise than as signed.
    """
    vouched = yield from vouched_member(context.trust, member_id)
    context.members[member_id] = vouched
    return vouched.member


class MemberDiffers(VerificationFailed):
    """A list shows a member otherwise than as the statements about it say."""


def list_members(context: Context, limit: int | None) -> Operation[list[Member]]:
    """List all members, in the order of their ids, each as operators signed it.

    The statements about a member are fetched once, and again if the list shows the member
    otherwise than as they say. A member may change between the list and its statements: then the
    page is listed once more.
    """

    def page(token: str) -> Operation[tuple[Sequence[Member], str]]:
        request = members_pb2.ListMembersRequest(page_token=token)
        try:
            return (yield from listed_now(request))
        except MemberDiffers:
            return (yield from listed_now(request))

    def listed_now(
        request: members_pb2.ListMembersRequest,
    ) -> Operation[tuple[Sequence[Member], str]]:
        reply = yield from call(methods.LIST_MEMBERS, request)
        check_size("The list of members", reply.members)
        with verifying("The list of members"):
            listed = list(map(read_member, reply.members))
        members = []
        for shown in listed:
            if not arguments.is_member_id(shown.member_id):
                raise _no_member(shown.member_id)
            known = context.members.get(shown.member_id)
            if known is None or not _alike(shown, known.member):
                yield from verified_member(context, shown.member_id)
            member = context.members[shown.member_id].member
            if not _alike(shown, member):
                raise MemberDiffers(
                    f"The list shows {shown.member_id} otherwise than as operators signed it",
                    reason="WRONG_ANSWER",
                    fix="List the members again: the member may have changed just now. "
                    f"If it fails again: {TELL[0].lower()}{TELL[1:]}",
                )
            members.append(member)
        return members, reply.next_page_token

    return (yield from collect("The list of members", page, as_it_is, BY_ID, limit))


def _alike(shown: Member, member: Member) -> bool:
    """Return true if a member of a list is shown as a verified one."""

    def described(member: Member) -> tuple[object, ...]:
        sets = (member.roles, member.purposes, member.certificate_fingerprints)
        keys = sorted(key.key_id for key in member.keys if key.valid_to_index is None)
        values = (
            member.display_name,
            member.state,
            member.jurisdiction,
            member.group,
            member.directory_quota,
        )
        return (*map(frozenset, sets), keys, *values)

    return described(shown) == described(member)


def add_key(context: SigningContext, member_id: str, key: SigningKey) -> Operation[Receipt]:
    """Register a further signing key, by a statement signed with the present key."""
    new_signer = replace(context.signer, key=key)
    possession = members_pb2.KeyPossession(
        header=new_signer.header(), public_key=key.verify_key.raw
    )
    change = members_pb2.CredentialChange(
        header=context.signer.header(), member_id=member_id, add_key=seal(possession, key)
    )
    return (yield from _change(context, change))


def withdraw_key(context: SigningContext, member_id: str, key_id: str) -> Operation[Receipt]:
    """Withdraw a signing key; statements with a lower log index stay valid."""
    change = members_pb2.CredentialChange(
        header=context.signer.header(), member_id=member_id, withdraw_key=key_id
    )
    return (yield from _change(context, change))


def rotate_key(
    context: SigningContext, member_id: str, key: SigningKey
) -> Operation[tuple[Receipt, Receipt]]:
    """Register a key and withdraw the present one; then the new key signs."""
    old = context.signer.key.verify_key.key_id
    added = yield from add_key(context, member_id, key)
    context.signer = replace(context.signer, key=key)
    withdrawn = yield from withdraw_key(context, member_id, old)
    return added, withdrawn


def _change(context: SigningContext, change: members_pb2.CredentialChange) -> Operation[Receipt]:
    sealed = seal(change, context.signer.key)
    request = members_pb2.ChangeCredentialRequest(change=sealed)
    reply = yield from call(methods.CHANGE_CREDENTIAL, request, change.header.request_id)
    return (
        yield from verify_receipt_and_witnesses(context, reply.receipt, sealed, kind="credential")
    )

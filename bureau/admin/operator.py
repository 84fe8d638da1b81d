"""The operator's client of its bureau: Members and Log over gRPC.

Like every member the operator connects with its certificate, signs what it wants
changed, and believes the answer only with a receipt that verifies.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc
from google.protobuf.message import Message

from bureau.admin.admission_request import MemberApplication, Signer
from bureau.clock import Clock
from bureau_keys.authority import der_of
from bureau_keys.complaint_register import LineCount, check_register, count_lines
from bureau_keys.cosignature import parse_witness
from bureau_keys.entry_kinds import EntryKind
from bureau_keys.envelope import seal
from bureau_keys.profile import Profile
from bureau_keys.proxies import proxy_options
from bureau_keys.receipt_checks import check_receipt
from bureau_keys.signing import SigningKey
from bureau_keys.status_details import read_explanation
from creditbureau.v1 import complaints_pb2, log_pb2, members_pb2
from creditbureau.v1.complaint_pb2 import Complaint, ComplaintDecision, ComplaintProof
from creditbureau.v1.complaints_pb2 import RegisteredLine
from creditbureau.v1.complaints_pb2_grpc import ComplaintsStub
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.log_pb2_grpc import LogStub
from creditbureau.v1.members_pb2 import CredentialChange, Member, MemberChange, MemberStateChange
from creditbureau.v1.members_pb2_grpc import MembersStub
from creditbureau.v1.standard_pb2 import StandardOfCredit

READ_S, WRITE_S = 10.0, 30.0
# Seconds that one of several addresses may take to answer.
CONNECT_S = 3.0
PAGE = 500
LEAVES_PAGE = 10_000

R = TypeVar("R", bound=Message)

# The same bytes are sent again: a write that was stored gives its first receipt.
_RETRIES = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.2s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE", "ABORTED"],
            },
        }
    ]
}
_OPTIONS = (
    ("grpc.service_config", json.dumps(_RETRIES)),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
)


class CallError(Exception):
    """The bureau refused a call, or could not be reached.

    Attributes:
        status: Name of the gRPC status code.
        reason: A name of the contract's enum Reason; empty if the call did not
            get that far.
        message: The failure in words.
        fix: The operator's next step.
        fields: The violations, each with its field.
    """

    def __init__(
        self, status: str, reason: str, message: str, fix: str, fields: Sequence[str]
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.fix = fix
        self.fields = tuple(fields)


class Operator:
    """A client with one profile; made for the operator's, good for reading with any."""

    def __init__(self, profile: Profile, clock: Clock | None = None) -> None:
        """Connect to the first address that answers, or to the last at the first call.

        Raises:
            bureau_keys.errors.LockedKey: The signing key needs a passphrase.
        """
        self.profile = profile
        self._clock = clock or Clock()
        self._signer = Signer(
            profile.member_id, profile.trust.origin, SigningKey.from_pem(profile.signing_key_pem)
        )
        self._address, self._channel = _reached(profile)
        self._members = MembersStub(self._channel)
        self._log = LogStub(self._channel)
        self._complaints = ComplaintsStub(self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._channel.close()

    # Members. Each change returns the member as it then is, and the receipt.

    def admit(self, newcomer: MemberApplication) -> tuple[Member, Receipt]:
        """Admit a member."""
        sealed = seal(newcomer.admission(self._header()), self._signer.key)
        request = members_pb2.AdmitMemberRequest(admission=sealed)
        return self._write(self._members.AdmitMember, request, sealed, "admission")

    def change(self, member: Member) -> tuple[Member, Receipt]:
        """Give a member the name, roles, purposes, quotas and group that are in `member`."""
        change = MemberChange(
            header=self._header(),
            member_id=member.member_id,
            display_name=member.display_name,
            roles=member.roles,
            purposes=member.purposes,
            directory_quota=member.directory_quota,
            group=member.group,
            quota=member.quota if member.HasField("quota") else None,
            carried_quota=member.carried_quota if member.HasField("carried_quota") else None,
        )
        sealed = seal(change, self._signer.key)
        request = members_pb2.ChangeMemberRequest(change=sealed)
        return self._write(self._members.ChangeMember, request, sealed, "member-change")

    def set_state(
        self, member_id: str, state: int, note_digest: bytes = b""
    ) -> tuple[Member, Receipt]:
        """Suspend a member, or end its suspension.

        Args:
            note_digest: Digest of the reason (`bureau_keys.state_note`); empty without one.
        """
        change = MemberStateChange(
            header=self._header(),
            member_id=member_id,
            state=state,  # type: ignore[arg-type]
            note_digest=note_digest,
        )
        sealed = seal(change, self._signer.key)
        request = members_pb2.SetMemberStateRequest(change=sealed)
        return self._write(self._members.SetMemberState, request, sealed, "member-state")

    def add_key(self, member_id: str, possession: Envelope) -> tuple[Member, Receipt]:
        """Register a further signing key."""
        return self._change_credential(CredentialChange(member_id=member_id, add_key=possession))

    def withdraw_key(self, member_id: str, key_id: str) -> tuple[Member, Receipt]:
        """Withdraw a signing key."""
        return self._change_credential(CredentialChange(member_id=member_id, withdraw_key=key_id))

    def add_certificate(self, member_id: str, pem: bytes) -> tuple[Member, Receipt]:
        """Register a further certificate."""
        change = CredentialChange(member_id=member_id, add_certificate=der_of(pem))
        return self._change_credential(change)

    def withdraw_certificate(self, member_id: str, fingerprint: str) -> tuple[Member, Receipt]:
        """Withdraw a certificate."""
        change = CredentialChange(member_id=member_id, withdraw_certificate=fingerprint)
        return self._change_credential(change)

    def member(self, member_id: str) -> Member:
        """Return one member."""
        request = members_pb2.GetMemberRequest(member_id=member_id)
        return self._call(self._members.GetMember, request, READ_S).member

    def members(self) -> Iterator[Member]:
        """Iterate over all members, in order of id."""
        request = members_pb2.ListMembersRequest(page_size=PAGE)
        for page in self._pages(self._members.ListMembers, request):
            yield from page.members

    # The log. What comes back is unverified: see `bureau.audit_log`.

    def checkpoint(self, cosignatures: int = 0) -> str:
        """Return the newest checkpoint, or the newest with at least `cosignatures` cosignatures
        of the profile's witnesses.
        """
        names = [parse_witness(vkey).name for vkey in self.profile.trust.witnesses]
        request = log_pb2.GetCheckpointRequest(
            cosignatures=cosignatures, witnesses=names if cosignatures else []
        )
        return self._call(self._log.GetCheckpoint, request, READ_S).checkpoint

    def checkpoints(self) -> Iterator[str]:
        """Iterate over every checkpoint, oldest first."""
        for page in self._pages(self._log.ListCheckpoints, log_pb2.ListCheckpointsRequest()):
            yield from page.checkpoints

    def leaves(self, start: int, stop: int) -> Iterator[bytes]:
        """Iterate over the leaves' commitments from `start` up to `stop`, as far as they exist."""
        while start < stop:
            count = min(LEAVES_PAGE, stop - start)
            request = log_pb2.ListLeavesRequest(start_index=start, page_size=count)
            page = self._call(self._log.ListLeaves, request, READ_S).commitments
            if not page:
                return
            yield from page[:count]
            start += len(page)

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """Return the proof that a leaf is in the tree of a size."""
        request = log_pb2.GetInclusionProofRequest(leaf_index=index, tree_size=size)
        return list(self._call(self._log.GetInclusionProof, request, READ_S).proof)

    def consistency_proof(self, first: int, second: int) -> list[bytes]:
        """Return the proof that the tree of one size is a prefix of another's."""
        request = log_pb2.GetConsistencyProofRequest(first_size=first, second_size=second)
        return list(self._call(self._log.GetConsistencyProof, request, READ_S).proof)

    def publish(self, standard: StandardOfCredit) -> Receipt:
        """Publish a standard of credit; its version must be the next."""
        standard.header.CopyFrom(self._header())
        sealed = seal(standard, self._signer.key)
        request = members_pb2.PublishStandardRequest(standard=sealed)
        answer = self._call(self._members.PublishStandard, request, WRITE_S)
        check_receipt(answer.receipt, sealed, self.profile.trust, "standard")
        return answer.receipt

    def standard(self, version: int = 0) -> StandardOfCredit:
        """Return the standard in force, or a version of it."""
        request = members_pb2.GetStandardRequest(version=version)
        answer = self._call(self._members.GetStandard, request, READ_S)
        check_receipt(answer.receipt, answer.standard, self.profile.trust, "standard")
        return StandardOfCredit.FromString(answer.standard.payload)

    # Complaints that people took to the operator.

    def complaints(self) -> Iterator[tuple[Complaint, ComplaintProof]]:
        """Iterate over the complaints that were taken to the operator, oldest first."""
        request = complaints_pb2.ListReceivedComplaintsRequest(page_size=PAGE)
        for page in self._pages(self._complaints.ListReceivedComplaints, request):
            yield from zip(page.complaints, page.proofs, strict=True)

    def decide(self, complaint: Complaint, outcome: int, narrative: str) -> Complaint:
        """Decide a complaint, and return it as it then is."""
        decision = ComplaintDecision(
            header=self._header(),
            complaint_id=complaint.complaint_id,
            subject_id=complaint.subject_id,
            outcome=outcome,  # type: ignore[arg-type]
            narrative=narrative,
        )
        sealed = seal(decision, self._signer.key)
        request = complaints_pb2.DecideComplaintRequest(decision=sealed)
        answer = self._call(self._complaints.DecideComplaint, request, WRITE_S)
        check_receipt(answer.receipt, sealed, self.profile.trust, "complaint-decision")
        return answer.complaint

    def complaint_counts(self) -> list[LineCount]:
        """Count the complaints of the register by member and kind, each line verified.

        Raises:
            KeysError: A line is not covered by a leaf of the log, or one is left out.
        """
        lines: list[RegisteredLine] = []
        request = complaints_pb2.ListComplaintRegisterRequest(page_size=PAGE)
        for page in self._pages(self._complaints.ListComplaintRegister, request):
            check_register(page.lines, len(lines), self.profile.trust)
            lines += page.lines
        return count_lines(lines)

    def _header(self) -> Any:
        return self._signer.header(self._clock.now_us())

    def _change_credential(self, change: CredentialChange) -> tuple[Member, Receipt]:
        change.header.CopyFrom(self._header())
        sealed = seal(change, self._signer.key)
        request = members_pb2.ChangeCredentialRequest(change=sealed)
        return self._write(self._members.ChangeCredential, request, sealed, "credential")

    def _write(
        self, method: Callable[..., Any], request: Message, sealed: Envelope, kind: EntryKind
    ) -> tuple[Member, Receipt]:
        answer = self._call(method, request, WRITE_S)
        check_receipt(answer.receipt, sealed, self.profile.trust, kind)
        return answer.member, answer.receipt

    def _pages(self, method: Callable[..., R], request: Any) -> Iterator[R]:
        """Iterate over the pages of a list.

        Raises:
            CallError: A page token comes a second time, so that the list has no end.
        """
        seen = {""}
        while True:
            page: Any = self._call(method, request, READ_S)
            yield page
            request.page_token = page.next_page_token
            if not request.page_token:
                return
            if request.page_token in seen:
                token = request.page_token[:40]
                raise CallError("", "", f"the page token {token!r} came twice", "", ())
            seen.add(request.page_token)

    def _call(self, method: Callable[..., R], request: Message, seconds: float) -> R:
        try:
            return method(request, timeout=seconds)
        except grpc.RpcError as error:
            raise _explained(error, self._address) from error


def _reached(profile: Profile) -> tuple[str, grpc.Channel]:
    """Find the first address that answers, or the last, with a channel to it."""
    credentials = grpc.ssl_channel_credentials(
        profile.ca_pem, profile.tls_key_pem, profile.tls_certificate_pem
    )
    *others, last = profile.addresses
    for address in others:
        channel = grpc.secure_channel(address, credentials, _options(address))
        try:
            grpc.channel_ready_future(channel).result(timeout=CONNECT_S)
        except grpc.FutureTimeoutError:
            channel.close()
        else:
            return address, channel
    return last, grpc.secure_channel(last, credentials, _options(last))


def _options(address: str) -> tuple[tuple[str, str | int], ...]:
    return (*_OPTIONS, *proxy_options(address))


def _explained(error: Any, address: str) -> CallError:
    code: grpc.StatusCode = error.code()
    explanation = read_explanation(error.trailing_metadata() or ())
    if explanation is not None:
        fields = [f"{field}: {description}" for field, _, description in explanation.violations]
        return CallError(
            code.name, explanation.reason, explanation.message, explanation.fix, fields
        )
    if code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
        return CallError(
            "UNAVAILABLE",
            "",
            f"no bureau answers at {address}",
            "Start it with `bureau serve`; check the address, and that the profile's certificate "
            "is this bureau's and has not expired (`bureau doctor`).",
            (),
        )
    return CallError(code.name, "", f"{address} answered {code.name}: {error.details()}", "", ())

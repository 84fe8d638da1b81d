"""Whose key counted when, and what a member is: proved by the log, from one pinned key on.

The operator's first key is pinned. Each statement about a member is in the log and
signed by an operator (or, for a key of its own, by the member), with a key that an
earlier statement registered. So a key that no one entitled has vouched for does not
count, whatever the bureau says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from bureau_keys.certificate import fingerprint
from bureau_keys.entry_kinds import EntryKind
from bureau_keys.envelope import payload_type_of, peek, verify_envelope
from bureau_keys.errors import BadProof, KeysError, WrongAnswer
from bureau_keys.profile import Trust
from bureau_keys.receipt_checks import check_receipt
from bureau_keys.signer_name import member_id_of, member_signer
from bureau_keys.signing import VerifyKey
from creditbureau.v1.codes_pb2 import ROLE_OPERATOR
from creditbureau.v1.envelope_pb2 import Envelope, Header
from creditbureau.v1.members_pb2 import (
    MEMBER_STATE_ACTIVE,
    Admission,
    CredentialChange,
    KeyPossession,
    LoggedStatement,
    Member,
    MemberChange,
    MemberStateChange,
)

STILL = 1 << 62
Statement: TypeAlias = Admission | MemberChange | MemberStateChange | CredentialChange
KINDS: dict[str, tuple[type[Statement], EntryKind]] = {
    payload_type_of(Admission): (Admission, "admission"),
    payload_type_of(MemberChange): (MemberChange, "member-change"),
    payload_type_of(MemberStateChange): (MemberStateChange, "member-state"),
    payload_type_of(CredentialChange): (CredentialChange, "credential"),
}


class LoggedKey(NamedTuple):
    """A key, and the log indices between which its signatures count."""

    key: VerifyKey
    start: int
    end: int

    def counts_at(self, leaf_index: int) -> bool:
        """Return whether a signature counts that entered the log at this index."""
        return self.start <= leaf_index < self.end


def keys_at(keys: Iterable[LoggedKey], leaf_index: int) -> dict[str, VerifyKey]:
    """Return the keys whose signatures count at a leaf index, by key id."""
    return {logged.key.key_id: logged.key for logged in keys if logged.counts_at(leaf_index)}


def signers_of(member: Member) -> set[str]:
    """Return the members whose keys are needed to check the statements about a member."""
    signers = set()
    for logged in member.statements:
        if logged.envelope.payload_type in KINDS:
            kind, _ = KINDS[logged.envelope.payload_type]
            signers.add(member_id_of(_header(peek(logged.envelope, kind)).signer))
    return signers


def logged_keys(members: Iterable[Member], trust: Trust) -> dict[str, list[LoggedKey]]:
    """Return the keys of members, each proved by the log, by member id.

    Args:
        members: With their statements; the operators who signed these among them.
        trust: The log, and the operator's first key.

    Raises:
        KeysError: A statement is not in the log or no one entitled signed it, or a
            member shows a key that none registers.
    """
    members = list(members)
    register = _Register.of(members, trust)
    return {member.member_id: list(register.shown(member)) for member in members}


class SignedMember(NamedTuple):
    """The description of a member that operators signed: its admission with all changes.

    Attributes:
        state: The MemberState.
        directory_quota: Directory evaluations a day.
        certificates: Fingerprints of the certificates in force; the member registers and
            withdraws them itself, too.
        admit_us: Time of the admission in the log, microseconds since 1970 UTC.
    """

    display_name: str
    state: int
    roles: tuple[int, ...]
    purposes: tuple[int, ...]
    jurisdiction: str
    group: str
    directory_quota: int
    certificates: frozenset[str]
    admit_us: int


def signed_members(members: Iterable[Member], trust: Trust) -> dict[str, SignedMember]:
    """Return the signed descriptions of members, by member id.

    Raises:
        KeysError: As `logged_keys`; or a member comes without its admission.
    """
    members = list(members)
    described = _Register.of(members, trust).described
    for member in members:
        if member.member_id not in described:
            raise BadProof(f"the admission of {member.member_id} is missing")
    return described


def check_described(member: Member, signed: SignedMember) -> None:
    """Check that a member is shown as operators signed it.

    What is shown to the member itself and to operators only may be absent.

    Raises:
        WrongAnswer: A value is another.
    """
    pairs = {
        "name": (member.display_name, signed.display_name),
        "state": (member.state, signed.state),
        "roles": (set(member.roles), set(signed.roles)),
        "purposes": (set(member.purposes), set(signed.purposes)),
        "jurisdiction": (member.jurisdiction, signed.jurisdiction),
        "group": (member.group, signed.group),
        "quota": (member.directory_quota or signed.directory_quota, signed.directory_quota),
    }
    if member.certificate_fingerprints:
        pairs["certificates"] = (set(member.certificate_fingerprints), set(signed.certificates))
    for what, (shown, proved) in pairs.items():
        if shown != proved:
            raise WrongAnswer(
                f"the {what} of {member.member_id} is shown as {shown!r}, not as signed: {proved!r}"
            )


def operators(members: Iterable[Member], trust: Trust) -> set[str]:
    """Return those among members whom the statements make operators.

    Raises:
        KeysError: As `logged_keys`.
    """
    return _Register.of(list(members), trust).operators


@dataclass(slots=True)
class _Register:
    """Members' state after the statements so far, in order of the log."""

    trust: Trust
    keys: dict[str, dict[str, LoggedKey]] = field(default_factory=dict)
    operators: set[str] = field(default_factory=set)
    described: dict[str, SignedMember] = field(default_factory=dict)

    @classmethod
    def of(cls, members: Sequence[Member], trust: Trust) -> _Register:
        """Walk every statement about these members."""
        register = cls(trust)
        about = [(logged, member.member_id) for member in members for logged in member.statements]
        about.sort(key=lambda pair: pair[0].receipt.leaf_index)
        for logged, member_id in about:
            register.enter(logged, member_id)
        return register

    def enter(self, logged: LoggedStatement, member_id: str) -> None:
        """Take in the next statement, about a member."""
        envelope, index = logged.envelope, logged.receipt.leaf_index
        if envelope.payload_type not in KINDS:
            return
        kind, name = KINDS[envelope.payload_type]
        what = f"the {name} of {member_id} at {index}"
        # 1. It is in the log, as what it is.
        try:
            check_receipt(logged.receipt, envelope, self.trust, name)
        except KeysError as error:
            error.args = (f"{what}: {error}",)
            raise
        # 2. Somebody entitled signed it, with a key that counted.
        header = _header(peek(envelope, kind))
        signer = member_id_of(header.signer)
        statement, _ = verify_envelope(envelope, kind, self._keys_of(signer))
        if header.audience != self.trust.origin or statement.member_id != member_id:
            raise BadProof(f"{what}: it is about something else")
        own = isinstance(statement, CredentialChange) and signer == member_id
        if self.keys and not own and signer not in self.operators:
            raise BadProof(f"{what}: {header.signer} is no operator")
        # 3. What it says holds from here on.
        if isinstance(statement, Admission | MemberChange):
            self._appoint(member_id, ROLE_OPERATOR in statement.roles)
        self._describe(statement, logged.receipt.log_time.ToMicroseconds())
        for added in self._registered(statement, member_id):
            self.keys.setdefault(member_id, {})[added.key_id] = LoggedKey(added, index, STILL)
        if isinstance(statement, CredentialChange) and statement.HasField("withdraw_key"):
            registered = self.keys.get(member_id, {})
            if statement.withdraw_key in registered:
                withdrawn = registered[statement.withdraw_key]._replace(end=index)
                registered[statement.withdraw_key] = withdrawn

    def shown(self, member: Member) -> Iterator[LoggedKey]:
        """Return the keys that a member shows, with when they count."""
        key_ids = [shown_key.key_id for shown_key in member.keys]
        if len(key_ids) != len(set(key_ids)):
            raise WrongAnswer(f"{member.member_id} is shown with one key twice")
        for shown_key in member.keys:
            key = VerifyKey.from_raw(shown_key.public_key)
            known = self.keys.get(member.member_id, {}).get(key.key_id)
            if known is None or key.key_id != shown_key.key_id:
                raise BadProof(f"no logged statement registers key {shown_key.key_id}")
            if shown_key.valid_from_index < known.start:
                raise BadProof(
                    f"key {shown_key.key_id} counts from {shown_key.valid_from_index}, "
                    f"before it was registered at {known.start}"
                )
            # A withdrawal that came without its statement counts too.
            end = min(known.end, shown_key.valid_to_index or STILL)
            yield LoggedKey(key, shown_key.valid_from_index, end)

    def _keys_of(self, signer: str) -> dict[str, VerifyKey]:
        """Return the signer's keys in force.

        The pinned key counts for the signer of the first statement, which registers it; from
        then on it is a key as others are, and counts for no one but its owner.
        """
        if not self.keys:
            first = VerifyKey.from_raw(self.trust.operator_key)
            return {first.key_id: first}
        registered = self.keys.get(signer, {})
        return {name: logged.key for name, logged in registered.items() if logged.end == STILL}

    def _appoint(self, member_id: str, is_operator: bool) -> None:
        if is_operator:
            self.operators.add(member_id)
        else:
            self.operators.discard(member_id)

    def _describe(self, statement: Statement, time_us: int) -> None:
        member_id = statement.member_id
        if isinstance(statement, Admission):
            self.described[member_id] = SignedMember(
                display_name=statement.display_name,
                state=MEMBER_STATE_ACTIVE,
                roles=tuple(statement.roles),
                purposes=tuple(statement.purposes),
                jurisdiction=statement.jurisdiction,
                group=statement.group,
                directory_quota=statement.directory_quota,
                certificates=frozenset(map(fingerprint, statement.certificates)),
                admit_us=time_us,
            )
            return
        if member_id not in self.described:
            raise BadProof(f"the admission of {member_id} is missing")
        before = self.described[member_id]
        if isinstance(statement, MemberChange):
            after = before._replace(
                display_name=statement.display_name,
                roles=tuple(statement.roles),
                purposes=tuple(statement.purposes),
                group=statement.group,
                directory_quota=statement.directory_quota,
            )
        elif isinstance(statement, MemberStateChange):
            after = before._replace(state=statement.state)
        else:
            after = before._replace(certificates=_certificates(before.certificates, statement))
        self.described[member_id] = after

    def _registered(self, statement: Statement, member_id: str) -> Iterator[VerifyKey]:
        for possession in _possessions(statement):
            key = VerifyKey.from_raw(peek(possession, KeyPossession).public_key)
            proof, _ = verify_envelope(possession, KeyPossession, {key.key_id: key})
            wanted = (member_signer(member_id), self.trust.origin)
            if (proof.header.signer, proof.header.audience) != wanted:
                raise BadProof(f"a key of {member_id} comes with another's proof of possession")
            yield key


def _certificates(before: frozenset[str], change: CredentialChange) -> frozenset[str]:
    """Return the fingerprints of the certificates in force after a change."""
    if change.HasField("add_certificate"):
        return before | {fingerprint(change.add_certificate)}
    return before - {change.withdraw_certificate}


def _possessions(statement: Statement) -> Iterable[Envelope]:
    if isinstance(statement, Admission):
        return statement.keys
    if isinstance(statement, CredentialChange) and statement.HasField("add_key"):
        return [statement.add_key]
    return ()


def _header(statement: Statement) -> Header:
    return statement.header

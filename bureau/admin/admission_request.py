"""The statements that admit a member: proofs of possession and the admission, made and
signed. Nothing here reaches a bureau.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bureau_keys.authority import der_of
from bureau_keys.envelope import new_header, seal
from bureau_keys.signer_name import member_signer
from bureau_keys.signing import SigningKey
from creditbureau.v1.envelope_pb2 import Envelope, Header
from creditbureau.v1.members_pb2 import Admission, KeyPossession


@dataclass(frozen=True, slots=True)
class Signer:
    """A signer of statements for one bureau.

    Attributes:
        member_id: The signer's member id.
        origin: The bureau's origin: the audience.
        key: The signer's signing key.
    """

    member_id: str
    origin: str
    key: SigningKey

    def header(self, now_us: int) -> Header:
        """Return the header of a new statement, with a request id of its own."""
        return new_header(self.origin, member_signer(self.member_id), now_us)

    def possession(self, now_us: int) -> Envelope:
        """Return the proof that the signer holds the key: signed with it, naming it."""
        message = KeyPossession(header=self.header(now_us), public_key=self.key.verify_key.raw)
        return seal(message, self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberApplication:
    """A member to be admitted. Codes are those of the contract.

    Attributes:
        quota: Directory evaluations a day.
        group: Shared by members of one group; may be empty.
        certificate_pem: The member's TLS certificate.
        possession: The member's signing key with the proof that it holds it.
    """

    member_id: str
    display_name: str
    roles: Sequence[int]
    purposes: Sequence[int]
    jurisdiction: str
    quota: int
    group: str
    certificate_pem: bytes
    possession: Envelope

    def admission(self, header: Header) -> Admission:
        """Return the statement that admits the member."""
        return Admission(
            header=header,
            member_id=self.member_id,
            display_name=self.display_name,
            roles=self.roles,  # type: ignore[arg-type]
            purposes=self.purposes,  # type: ignore[arg-type]
            jurisdiction=self.jurisdiction,
            directory_quota=self.quota,
            certificates=[der_of(self.certificate_pem)],
            keys=[self.possession],
            group=self.group,
        )

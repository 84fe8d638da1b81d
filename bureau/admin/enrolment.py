"""Enrolment of a member: its kit is made, the bureau admits it, the kit is saved for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bureau.admin.admission_request import MemberApplication, Signer
from bureau.admin.bureau_folder import addresses_of, lifetime, load_authority, trust_of
from bureau.admin.operator import Operator
from bureau.clock import Clock
from bureau.config import Settings
from bureau_keys.authority import new_key_and_csr
from bureau_keys.profile import Profile
from bureau_keys.signing import SigningKey
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.log_pb2 import Receipt
from creditbureau.v1.members_pb2 import Member


@dataclass(frozen=True, slots=True)
class EnrolmentKit:
    """The profile and the proof of possession of a new member.

    Attributes:
        profile: The member's profile; its private keys are empty where the
            member keeps them itself.
        possession: The member's signing key with the proof that it holds it.
    """

    profile: Profile
    possession: Envelope

    def save(self, folder: Path) -> None:
        """Write the profile's folder, without files for keys that the member has.

        Raises:
            FileExistsError: The folder is there and not empty.
        """
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise FileExistsError(f"{folder} is not empty: name a new folder for the profile")
        self.profile.save(folder)
        for name, content in (
            ("tls.key", self.profile.tls_key_pem),
            ("signing.pem", self.profile.signing_key_pem),
        ):
            if not content:
                (folder / name).unlink()


def new_kit(settings: Settings, member_id: str, clock: Clock, days: int = 0) -> EnrolmentKit:
    """Make a kit with new keys of every kind.

    Args:
        days: Days that its certificate is valid; 0 takes the settings'.

    Raises:
        FolderError: The authority is not there.
    """
    tls_key, csr = new_key_and_csr(member_id)
    key = SigningKey.generate()
    signer = Signer(member_id, settings.origin, key)
    profile = _profile(settings, member_id, csr, clock, days, tls_key, key.to_pem())
    return EnrolmentKit(profile, signer.possession(clock.now_us()))


def equip_with_own_keys(
    settings: Settings,
    member_id: str,
    csr: bytes,
    possession: Envelope,
    clock: Clock,
    days: int = 0,
) -> EnrolmentKit:
    """Make a kit for a member that made its keys itself and shows only their public halves.

    Raises:
        FolderError: The authority is not there.
        MalformedMessage: `csr` is no certificate request.
    """
    return EnrolmentKit(_profile(settings, member_id, csr, clock, days, b"", b""), possession)


def admit(
    operator: Operator,
    kit: EnrolmentKit,
    *,
    display_name: str,
    roles: Sequence[int],
    purposes: Sequence[int],
    jurisdiction: str,
    quota: int,
    group: str = "",
) -> tuple[Member, Receipt]:
    """Ask the bureau to admit the kit's member.

    Raises:
        CallError: The bureau refused, or did not answer.
    """
    return operator.admit(
        MemberApplication(
            member_id=kit.profile.member_id,
            display_name=display_name,
            roles=roles,
            purposes=purposes,
            jurisdiction=jurisdiction,
            quota=quota,
            group=group,
            certificate_pem=kit.profile.tls_certificate_pem,
            possession=kit.possession,
        )
    )


def _profile(
    settings: Settings,
    member_id: str,
    csr: bytes,
    clock: Clock,
    days: int,
    tls_key: bytes,
    signing_key: bytes,
) -> Profile:
    authority = load_authority(settings)
    return Profile(
        member_id=member_id,
        addresses=addresses_of(settings),
        trust=trust_of(settings),
        ca_pem=authority.pem,
        tls_certificate_pem=authority.issue_member(
            csr, member_id, *lifetime(clock, days or settings.member_days)
        ),
        tls_key_pem=tls_key,
        signing_key_pem=signing_key,
        directory_addresses=settings.directory_addresses,
        sandbox_clock=settings.sandbox_clock,
    )

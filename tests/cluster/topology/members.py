"""Everybody who is admitted when the topology is raised, and their profile folders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bureau.admin.enrolment import admit, new_kit
from bureau.admin.enum_names import PURPOSES, ROLES
from bureau.admin.operator import Operator
from bureau.clock import Clock
from bureau.config import Settings
from bureau_keys.profile import Profile
from tests.cluster.control_files import MemberAt

EVALUATIONS_A_DAY = 10_000_000
# The hostile member meets its quota soon.
EVALUATIONS_OF_HOSTILE = 2_000
LENDER = ("furnisher", "subscriber")
LENDER_PURPOSES = ("credit-application", "account-review", "collection", "written-instruction")


@dataclass(frozen=True, slots=True)
class MemberApplication:
    """Somebody to be admitted."""

    member_id: str
    kind: str
    roles: Sequence[str]
    purposes: Sequence[str] = ()
    quota: int = EVALUATIONS_A_DAY


def newcomers(lenders: int, wallets: int) -> Iterator[MemberApplication]:
    """List the members to admit, for numbers of lenders and wallets."""
    for number in range(1, lenders + 1):
        yield MemberApplication(f"lender-{number}", "lender", LENDER, LENDER_PURPOSES)
    yield MemberApplication("issuer", "issuer", LENDER, LENDER_PURPOSES)
    for number in range(1, wallets + 1):
        yield MemberApplication(f"agent-{number}", "agent", ("agent",))
    for member_id in ("attester", "attester-2"):
        yield MemberApplication(member_id, "attester", ("attester",))
    yield MemberApplication("auditor", "auditor", ("auditor",))
    yield MemberApplication("hostile", "hostile", LENDER, LENDER_PURPOSES, EVALUATIONS_OF_HOSTILE)


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses at which members reach the bureau and its directory."""

    nodes: tuple[str, ...]
    directory: tuple[str, ...]


def admit_all(
    operator: Operator,
    settings: Settings,
    people: Sequence[MemberApplication],
    to: Addresses,
    folder: Path,
) -> list[MemberAt]:
    """Admits everybody, with keys and certificates of their own.

    Args:
        settings: The bureau's, with its authority.
        to: Goes into their profiles.
        folder: Where their profile folders go.
    """
    clock = Clock()
    admitted = []
    for one in people:
        kit = new_kit(settings, one.member_id, clock)
        admit(
            operator,
            kit,
            display_name=one.member_id.title(),
            roles=ROLES.codes(one.roles),
            purposes=PURPOSES.codes(one.purposes),
            jurisdiction=settings.jurisdiction,
            quota=one.quota,
        )
        admitted.append(_save(kit.profile, one, to, folder))
    return admitted


def save_operator(settings: Settings, to: Addresses, folder: Path) -> MemberAt:
    """The operator's profile folders, like everybody's."""
    profile = Profile.load(settings.operator_folder)
    return _save(
        profile, MemberApplication(profile.member_id, "operator", ("operator",)), to, folder
    )


def _save(
    profile: Profile, application: MemberApplication, to: Addresses, folder: Path
) -> MemberAt:
    own = folder / application.member_id
    replace(profile, addresses=to.nodes, directory_addresses=to.directory).save(own / "bureau")
    replace(profile, addresses=to.directory).save(own / "directory")
    return MemberAt(
        application.member_id,
        application.kind,
        str(own / "bureau"),
        str(own / "directory"),
        list(application.roles),
    )

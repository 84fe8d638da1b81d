"""State that the operations of one client share."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bureau_client._operations.operation import Clock, utc_now
from bureau_client._operations.signer import Signer
from bureau_client.errors import NotAuthenticated
from bureau_client.models.members import Vouched
from bureau_client.verify.log_view import LogView
from bureau_client.verify.report_heads import ReportHeads
from bureau_keys.errors import KeysError
from bureau_keys.log_memory import MemoryFolder
from bureau_keys.profile import Profile, Trust
from bureau_keys.sandbox_clock import ClockFile
from bureau_keys.signer_name import member_signer, subject_signer
from bureau_keys.signing import SigningKey, StatementKey


@dataclass(slots=True, kw_only=True)
class Context:
    """State of a client that signs nothing.

    Attributes:
        trust: The pinned keys, from the profile.
        clock: Source of the time.
        log_view: The newest checkpoint that was seen, and those proved to be of its log.
        members: Members whose keys were fetched and verified, by id.
        heads: The chain of events in the newest report about each subject.
    """

    trust: Trust
    clock: Clock
    log_view: LogView
    members: dict[str, Vouched] = field(default_factory=dict)
    heads: ReportHeads = field(default_factory=ReportHeads)


@dataclass(slots=True, kw_only=True)
class SigningContext(Context):
    """State of a client that signs.

    Attributes:
        signer: Signer of the statements; replaced when its key rotates.
    """

    signer: Signer


def clock_of(profile: Profile, clock: Clock) -> Clock:
    """Return the clock that a client goes by: the passed one; in place of the machine's that of
    the sandbox of the profile.
    """
    if profile.sandbox_clock is None or clock is not utc_now:
        return clock
    return ClockFile(profile.sandbox_clock)


def log_view(profile: Profile) -> LogView:
    """Return the memory of a client: what earlier clients of the profile's folder have seen."""
    folder = profile.memory_folder
    return LogView(profile.trust, None if folder is None else MemoryFolder(folder))


def open_key(pem: bytes, passphrase: str | None) -> SigningKey:
    """Return a signing key from PEM.

    Raises:
        NotAuthenticated: The passphrase is wrong, or the PEM is not an Ed25519 key.
    """
    try:
        return SigningKey.from_pem(pem, passphrase.encode() if passphrase else None)
    except KeysError as error:
        raise NotAuthenticated(
            f"The signing key cannot be used: {error}", reason=error.reason, fix=error.fix
        ) from None


def member_context(
    profile: Profile, key: StatementKey | None, passphrase: str | None, clock: Clock
) -> SigningContext:
    """Return the state of a member that signs with the passed key or its profile's."""
    key = key or open_key(profile.signing_key_pem, passphrase)
    clock = clock_of(profile, clock)
    signer = Signer(member_signer(profile.member_id), profile.trust.origin, key, clock)
    return SigningContext(
        trust=profile.trust,
        clock=clock,
        log_view=log_view(profile),
        heads=ReportHeads(profile.memory_folder),
        signer=signer,
    )


def signing_as_well(
    context: Context, profile: Profile, key: StatementKey | None, passphrase: str | None
) -> SigningContext:
    """Return a context that signs as a profile's member, and shares what another one knows."""
    signing = member_context(profile, key, passphrase, context.clock)
    return replace(signing, log_view=context.log_view, members=context.members, heads=context.heads)


def subject_context(
    profile: Profile, subject_id: str, key: StatementKey, clock: Clock
) -> SigningContext:
    """Return the state of a subject who signs with their own key, through an agent."""
    clock = clock_of(profile, clock)
    signer = Signer(subject_signer(subject_id), profile.trust.origin, key, clock)
    return SigningContext(
        trust=profile.trust, clock=clock, log_view=log_view(profile), signer=signer
    )

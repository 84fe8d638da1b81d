"""What every plan of one client shares."""

from __future__ import annotations

from dataclasses import dataclass, field

from bureau_client._operations.operation import Clock
from bureau_client._operations.signer import Signer
from bureau_client.errors import NotAuthenticated
from bureau_client.models.members import Vouched
from bureau_client.verify.log_view import LogView
from bureau_keys.errors import KeysError
from bureau_keys.profile import Profile, Trust
from bureau_keys.signing import SigningKey


@dataclass(slots=True, kw_only=True)
class Context:
    """One client that signs nothing: whom it trusts, what it has seen.

    Attributes:
        trust: What it pins.
        clock: What time it is.
        heads: The checkpoints seen so far.
    """

    trust: Trust
    clock: Clock
    heads: LogView = field(default_factory=LogView)


@dataclass(slots=True, kw_only=True)
class SigningContext(Context):
    """One client that signs.

    Attributes:
        author: Signs its statements; replaced when its key rotates.
        furnishers: Members whose keys were needed, by id.
    """

    author: Signer
    furnishers: dict[str, Vouched] = field(default_factory=dict)


def open_key(pem: bytes, passphrase: str | None) -> SigningKey:
    """A signing key from PEM.

    Raises:
        NotAuthenticated: The passphrase does not open it, or it is no such key.
    """
    try:
        return SigningKey.from_pem(pem, passphrase.encode() if passphrase else None)
    except KeysError as error:
        raise NotAuthenticated(
            f"The signing key cannot be used: {error}", reason=error.reason, fix=error.fix
        ) from None


def member_caller(
    profile: Profile, key: SigningKey | None, passphrase: str | None, clock: Clock
) -> SigningContext:
    """A member that signs with its profile's key, or with one that was passed."""
    key = key or open_key(profile.signing_key_pem, passphrase)
    author = Signer(f"members/{profile.member_id}", profile.trust.origin, key, clock)
    return SigningContext(trust=profile.trust, clock=clock, author=author)


def subject_caller(
    profile: Profile, subject_id: str, key: SigningKey, clock: Clock
) -> SigningContext:
    """A subject that signs with their own key and is carried by the profile's agent."""
    author = Signer(f"subjects/{subject_id}", profile.trust.origin, key, clock)
    return SigningContext(trust=profile.trust, clock=clock, author=author)

"""What the synchronous and the asynchronous clients have in common."""

from __future__ import annotations

from datetime import timedelta
from types import TracebackType
from typing import Self

from bureau_client.author import Author
from bureau_client.driver.aio import AsyncDriver, GrpcAioTransport
from bureau_client.driver.retry import RetryPolicy
from bureau_client.driver.rotation import Routes
from bureau_client.driver.sync import Driver, GrpcTransport
from bureau_client.errors import NotAuthenticated
from bureau_client.plans import witnessing
from bureau_client.plans.caller import Caller, Reader
from bureau_client.plans.plan import Clock
from bureau_client.plans.witnessing import PATIENCE
from bureau_client.receipts import Receipt
from bureau_client.statements import OnStatement, unheard
from bureau_keys.errors import KeysError
from bureau_keys.profile import Profile
from bureau_keys.signing import SigningKey

DEFAULT_POLICY = RetryPolicy()


class Client:
    """A connection that is made when first used, and closed with the `with` block.

    Safe to share between threads. After a fork the child makes connections of
    its own; calls under way in the parent do not reach it.
    """

    def __init__(
        self,
        profile: Profile,
        reader: Reader,
        policy: RetryPolicy,
        on_statement: OnStatement = unheard,
    ) -> None:
        self._reader = reader
        transport = GrpcTransport(profile)
        self._driver = Driver(transport, Routes.of(profile), policy, on_statement)

    def witnessed(
        self, receipt: Receipt, *, quorum: int | None = None, patience: timedelta = PATIENCE
    ) -> Receipt:
        """The same receipt, leading to a checkpoint that enough witnesses have cosigned.

        Args:
            receipt: What the bureau gave.
            quorum: How many are enough; None: as many as the profile says, at least
                one.
            patience: How long they are waited for.

        Raises:
            NotWitnessed: There are not so many in time.
            VerificationFailed: Bureau, witnesses and receipt contradict each other.
        """
        return self._driver.run(witnessing.witnessed(self._reader, receipt, quorum, patience))

    def close(self) -> None:
        """Closes the connections; a later call opens new ones."""
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class AsyncClient:
    """A connection that is made when first used, and closed with the `async with` block.

    For the tasks of one event loop at a time.
    """

    def __init__(
        self,
        profile: Profile,
        reader: Reader,
        policy: RetryPolicy,
        on_statement: OnStatement = unheard,
    ) -> None:
        self._reader = reader
        transport = GrpcAioTransport(profile)
        self._driver = AsyncDriver(transport, Routes.of(profile), policy, on_statement)

    async def witnessed(
        self, receipt: Receipt, *, quorum: int | None = None, patience: timedelta = PATIENCE
    ) -> Receipt:
        """The same receipt, leading to a checkpoint that enough witnesses have cosigned.

        Args:
            receipt: What the bureau gave.
            quorum: How many are enough; None: as many as the profile says, at least
                one.
            patience: How long they are waited for.

        Raises:
            NotWitnessed: There are not so many in time.
            VerificationFailed: Bureau, witnesses and receipt contradict each other.
        """
        plan = witnessing.witnessed(self._reader, receipt, quorum, patience)
        return await self._driver.run(plan)

    async def close(self) -> None:
        """Closes the connections; a later call opens new ones."""
        await self._driver.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


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
) -> Caller:
    """A member that signs with its profile's key, or with one that was passed."""
    key = key or open_key(profile.signing_key_pem, passphrase)
    author = Author(f"members/{profile.member_id}", profile.trust.origin, key, clock)
    return Caller(trust=profile.trust, clock=clock, author=author)


def subject_caller(profile: Profile, subject_id: str, key: SigningKey, clock: Clock) -> Caller:
    """A subject that signs with their own key and is carried by the profile's agent."""
    author = Author(f"subjects/{subject_id}", profile.trust.origin, key, clock)
    return Caller(trust=profile.trust, clock=clock, author=author)

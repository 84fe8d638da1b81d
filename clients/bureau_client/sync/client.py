"""The connection that synchronous clients share."""

from __future__ import annotations

from datetime import timedelta
from types import TracebackType
from typing import Self

from bureau_client._operations import cosigning
from bureau_client._operations.context import Context
from bureau_client._operations.cosigning import WITNESS_TIMEOUT
from bureau_client._transport.grpc_sync import Driver, GrpcTransport
from bureau_client._transport.load_balancing import AddressBook
from bureau_client._transport.retry import RetryPolicy
from bureau_client.models.receipts import Receipt
from bureau_client.models.statements import BeforeSend, ignore
from bureau_keys.profile import Profile


class Client:
    """A connection that is made when first used, and closed with the `with` block.

    Safe to share between threads. After a fork the child makes connections of
    its own; calls under way in the parent do not reach it.
    """

    def __init__(
        self,
        profile: Profile,
        reader: Context,
        policy: RetryPolicy,
        before_send: BeforeSend = ignore,
    ) -> None:
        self._reader = reader
        transport = GrpcTransport(profile)
        self._driver = Driver(transport, AddressBook.of(profile), policy, before_send)

    def wait_for_witnesses(
        self, receipt: Receipt, *, quorum: int | None = None, timeout: timedelta = WITNESS_TIMEOUT
    ) -> Receipt:
        """The same receipt, leading to a checkpoint that enough witnesses have cosigned.

        Args:
            receipt: What the bureau gave.
            quorum: How many are enough; None: as many as the profile says, at least
                one.
            timeout: How long they are waited for.

        Raises:
            NotWitnessed: There are not so many in time.
            VerificationFailed: Bureau, witnesses and receipt contradict each other.
        """
        return self._driver.run(
            cosigning.wait_for_witnesses(self._reader, receipt, quorum, timeout)
        )

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

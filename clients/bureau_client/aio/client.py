"""The connection that asynchronous clients share."""

from __future__ import annotations

from datetime import timedelta
from types import TracebackType
from typing import Self

from bureau_client._operations import cosigning
from bureau_client._operations.context import Context
from bureau_client._operations.cosigning import WITNESS_TIMEOUT
from bureau_client._transport.grpc_aio import AsyncDriver, GrpcAioTransport
from bureau_client._transport.load_balancing import AddressBook
from bureau_client._transport.retry import RetryPolicy
from bureau_client.models.receipts import Receipt
from bureau_client.models.statements import BeforeSend, ignore
from bureau_keys.profile import Profile


class AsyncClient:
    """A connection that is made when first used, and closed with the `async with` block.

    For the tasks of one event loop at a time.
    """

    def __init__(
        self,
        profile: Profile,
        reader: Context,
        policy: RetryPolicy,
        before_send: BeforeSend = ignore,
    ) -> None:
        self._reader = reader
        transport = GrpcAioTransport(profile)
        self._driver = AsyncDriver(transport, AddressBook.of(profile), policy, before_send)

    async def wait_for_witnesses(
        self,
        receipt: Receipt,
        *,
        quorum: int | None = None,
        timeout: timedelta = WITNESS_TIMEOUT,  # noqa: ASYNC109
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
        plan = cosigning.wait_for_witnesses(self._reader, receipt, quorum, timeout)
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

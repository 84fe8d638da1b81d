"""Base class of the clients: one connection to a bureau."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Self

from bureau_client._operations import cosigning
from bureau_client._operations.context import Context
from bureau_client._operations.cosigning import WITNESS_TIMEOUT
from bureau_client._operations.remembering import remembering
from bureau_client._operations.typed_calls import checked
from bureau_client._transport.grpc_aio import AsyncDriver, GrpcAioTransport
from bureau_client._transport.load_balancing import AddressBook
from bureau_client._transport.retry import RetryPolicy
from bureau_client.models.receipts import Receipt
from bureau_client.models.statements import BeforeSend, ignore
from bureau_keys.profile import Profile


@checked
class AsyncClient:
    """Base of the clients: connects on first use, disconnects with its `with` block.

    The clients of `bureau_client.sync` are safe to share between threads; after a
    fork the child makes connections of its own, and calls under way in the parent do
    not reach it. The clients of `bureau_client.aio` serve the tasks of one event
    loop at a time.
    """

    def __init__(
        self,
        profile: Profile,
        context: Context,
        policy: RetryPolicy,
        before_send: BeforeSend = ignore,
    ) -> None:
        self._context = context
        transport = GrpcAioTransport(profile)
        self._last_request_id = transport.last_request_id
        self._driver = AsyncDriver(
            transport,
            AddressBook.of(profile),
            policy,
            before_send,
            around=partial(remembering, context),
        )

    @property
    def origin(self) -> str:
        """The origin of the bureau's log, which names the bureau."""
        return self._context.trust.origin

    @property
    def last_request_id(self) -> str:
        """The request id of the newest call in this thread or asyncio task.

        The operator finds the call in the bureau's logs by it. Empty before the first call,
        and after a call that the bureau did not answer. A stream has it when it has ended.
        """
        return self._last_request_id.value

    async def wait_for_witnesses(
        self,
        receipt: Receipt,
        *,
        quorum: int | None = None,
        timeout: timedelta = WITNESS_TIMEOUT,  # noqa: ASYNC109
    ) -> Receipt:
        """Wait until enough witnesses have cosigned the log with a receipt's entry in it.

        Args:
            receipt: A receipt that the bureau gave.
            quorum: Number of witnesses needed; None for the profile's number, at least
                one.
            timeout: Longest time to wait.

        Returns:
            The receipt of the same entry under the cosigned checkpoint.

        Raises:
            NotWitnessed: Fewer witnesses cosigned in time.
            VerificationFailed: Bureau, witnesses and receipt contradict each other.
        """
        operation = cosigning.wait_for_witnesses(self._context, receipt, quorum, timeout)
        return await self._driver.run(operation)

    async def close(self) -> None:
        """End the streams in progress, close the connections and keep the newest checkpoint.

        An endless stream ends its loop; another one raises `Unavailable` with the reason CLOSED.
        A later call opens new connections.
        """
        await self._driver.close()
        self._context.log_view.write(closing=True)
        self._context.heads.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

"""The client of an engineer or an operator: sees what a node did, and what waits."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from bureau_client._operations import operations
from bureau_client._operations.context import Context, clock_of, log_view
from bureau_client._operations.operation import Clock, utc_now
from bureau_client._operations.typed_calls import checked
from bureau_client._transport.retry import DEFAULT_POLICY, RetryPolicy
from bureau_client.aio.client import AsyncClient
from bureau_client.models.operations import AlertCount, DaySize, Deadline, EndedCall, Story
from bureau_keys.profile import Profile


@checked
class AsyncObserver(AsyncClient):
    """An observer of a bureau: with a member's profile of what is the member's own, with the
    operator's of what is of all members. It signs nothing.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        clock: Clock = utc_now,
        policy: RetryPolicy = DEFAULT_POLICY,
    ) -> None:
        """Prepare the client; the connection is made by the first call.

        Args:
            profile: The certificate that opens the connection, and the trusted keys.
            clock: Source of the time that answers are checked by.
            policy: Deadlines and retries.
        """
        context = Context(
            trust=profile.trust, clock=clock_of(profile, clock), log_view=log_view(profile)
        )
        super().__init__(profile, context, policy)

    @classmethod
    def from_profile(cls, folder: str | Path) -> Self:
        """Return the observer of a profile folder.

        Raises:
            FileNotFoundError: A file of the profile is missing.
            ValueError: `profile.toml` lacks a setting.
        """
        return cls(Profile.load(folder))

    async def calls(self, *, after: int = 0, limit: int = 100) -> list[EndedCall]:
        """List the newest calls of the node that answers, oldest first.

        A node keeps some thousand calls, until it stops.

        Args:
            after: Cursor of a call: only later ones; 0 for the newest.
            limit: Largest number of calls, up to 1,000.
        """
        return await self._driver.run(operations.list_calls(after, limit))

    async def story(self, request_id: str) -> Story:
        """Return what became of a request: calls, statement, consent, entry of the log, verified.

        Args:
            request_id: Request id of a statement, or id of a call (`last_request_id`, and
                `request_id` of an error).

        Raises:
            NotFound: The node has no such call, and the log no such entry, of this member.
            VerificationFailed: An entry is not in the log.
        """
        return await self._driver.run(operations.get_story(self._context, request_id))

    async def deadlines(self) -> list[Deadline]:
        """List the disputes and complaints that wait for an answer, the earliest deadline first."""
        return await self._driver.run(operations.list_deadlines())

    async def alert_counts(self) -> list[AlertCount]:
        """Count the alerts of the newest 30 days by member, up to 1,000 of each."""
        return await self._driver.run(operations.count_alerts())

    async def log_growth(self, *, days: int = 30) -> list[DaySize]:
        """Return the size of the log at the end of each of the newest days, oldest first.

        Args:
            days: Number of days, up to 400.
        """
        return await self._driver.run(operations.get_log_growth(days))

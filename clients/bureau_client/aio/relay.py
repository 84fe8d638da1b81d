"""The client of an agent that passes notices on to the people who chose it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

from bureau_client._operations import notices
from bureau_client._operations.context import Context, clock_of, log_view
from bureau_client._operations.operation import Clock, utc_now
from bureau_client._operations.typed_calls import checked
from bureau_client._transport.retry import DEFAULT_POLICY, RetryPolicy
from bureau_client.aio.client import AsyncClient
from bureau_client.models.notices import RelayedNotice
from bureau_keys.profile import Profile


@checked
class AsyncRelay(AsyncClient):
    """An agent that passes notices on: it learns that there is one, and signs nothing.

    `bureau_client.notifiers` hands each notice to a file or to a webhook.
    """

    def __init__(
        self, profile: Profile, *, clock: Clock = utc_now, policy: RetryPolicy = DEFAULT_POLICY
    ) -> None:
        """Prepare the client; the connection is made by the first call.

        Args:
            profile: The agent's profile.
            clock: Source of the time that answers are checked by.
            policy: Deadlines and retries.
        """
        context = Context(
            trust=profile.trust, clock=clock_of(profile, clock), log_view=log_view(profile)
        )
        super().__init__(profile, context, policy)

    @classmethod
    def from_profile(cls, folder: str | Path) -> Self:
        """Return the relay of an agent's profile folder.

        Raises:
            FileNotFoundError: A file of the profile is missing.
            ValueError: `profile.toml` lacks a setting.
        """
        return cls(Profile.load(folder))

    def relayed_notices(self, after: str = "") -> AsyncIterator[RelayedNotice]:
        """Follow the notices to the people whose choice names this agent; the iterator never ends.

        Each notice that arises while a choice names this agent comes once for a cursor, but for the
        kinds that the choice leaves out. Those of entries come in the order of the log; those by
        the clock in the order of their times, none before a notice of an earlier entry, but up to a
        minute after later ones. Keep the cursor of the last notice passed on.

        Args:
            after: Cursor of the last notice passed on; empty for all from the first.
        """
        return self._driver.follow(notices.relay_notices(after))

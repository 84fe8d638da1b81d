"""The empty bureau that takes a log's statements again, under each of its policies."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bureau.clock import Clock
from bureau.context import Bureau
from bureau.ledger.commit_queue import Writer
from bureau.party_limits import NO_LIMITS
from bureau.policy import Policy
from bureau.store.scratch import ScratchDatabase
from bureau_keys.pseudonym import Evaluator
from bureau_keys.signing import SigningKey


@dataclass(slots=True)
class LogClock(Clock):
    """The clock of a replay: it shows the time of the statement that is replayed.

    Attributes:
        time_us: That time.
    """

    time_us: int = 0

    def now_us(self) -> int:
        """Return the time of the statement."""
        return self.time_us


def bureaus_by_policy(
    origin: str, policy: Policy, scratch: ScratchDatabase, ledger: Writer, clock: Clock
) -> list[Bureau]:
    """Return the empty bureau under the policy in force and under each retired one.

    The newest is first, among those that give notices of accounts and of adverse data: a
    comparison does not miss the notices that another policy leaves out. A retired policy is tried
    with today's notices, too: a node that accepted what another one forbade meanwhile gave them.
    """
    present = Bureau(
        origin=origin,
        policy=policy,
        database=scratch,
        ledger=ledger,
        clock=clock,
        limits=NO_LIMITS,
        # Neither signs nor blinds anything that is kept.
        report_key=SigningKey.generate(),
        evaluator=Evaluator.from_seed(bytes(32)),
    )
    retired = sorted(policy.retired.values(), key=lambda old: old.version, reverse=True)
    notices = {name: getattr(policy, name) for name in ("account_notices", "adverse_notice")}
    as_today = [replace(old, **notices) for old in retired]
    policies = sorted(
        [policy, *as_today, *retired],
        key=lambda each: (not each.account_notices, not each.adverse_notice),
    )
    return [replace(present, policy=each) for each in policies]

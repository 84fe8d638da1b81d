"""An auditor's way to the log, synchronous."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from bureau_client import verify
from bureau_client._operations import auditing, cosigning, log, members, monitoring, standards
from bureau_client._operations.context import Context
from bureau_client._operations.operation import Clock, utc_now
from bureau_client._transport.retry import DEFAULT_POLICY, RetryPolicy
from bureau_client.models.audits import AuditReport, Checkpoint
from bureau_client.models.members import Member
from bureau_client.models.progress import OnProgress
from bureau_client.models.receipts import Receipt
from bureau_client.models.reports import Evidence, Report
from bureau_client.models.standards import Standard
from bureau_client.sync.client import Client
from bureau_keys.profile import Profile


class Auditor(Client):
    """Checks the log: open to every registered certificate, and signs nothing.

    Checkpoints seen by one auditor are remembered; two roots of one size raise
    `VerificationFailed`.
    """

    def __init__(
        self, profile: Profile, *, clock: Clock = utc_now, policy: RetryPolicy = DEFAULT_POLICY
    ) -> None:
        """Prepares; nothing is sent before the first call.

        Args:
            profile: Whose certificate opens the connection, and what to trust.
            clock: What time it is.
            policy: Deadlines and retries.
        """
        super().__init__(profile, Context(trust=profile.trust, clock=clock), policy)

    @classmethod
    def from_profile(cls, folder: str | Path) -> Self:
        """An auditor from a profile folder.

        Raises:
            FileNotFoundError: A file of the profile is missing.
            ValueError: `profile.toml` lacks a setting.
        """
        return cls(Profile.load(folder))

    def checkpoint(self, *, cosignatures: int = 0) -> Checkpoint:
        """The newest checkpoint, its signatures verified.

        Args:
            cosignatures: Only one that so many of the profile's witnesses have
                cosigned.

        Raises:
            NotWitnessed: There is none.
        """
        if cosignatures:
            plan = cosigning.cosigned_checkpoint(self._reader, cosignatures)
            return self._driver.run(plan)
        return self._driver.run(log.newest_checkpoint(self._reader))

    def checkpoints(self) -> list[Checkpoint]:
        """Every checkpoint that was ever signed, oldest first, each verified."""
        return self._driver.run(log.list_checkpoints(self._reader))

    def leaves(self, start: int, stop: int) -> list[bytes]:
        """The leaves from `start` up to, not including, `stop`; 32 bytes each.

        Fewer come back where the log ends before.
        """
        return self._driver.run(log.list_leaves(start, stop))

    def audit(
        self, since: str | None = None, *, on_progress: OnProgress | None = None
    ) -> AuditReport:
        """Downloads the whole log and checks every checkpoint against it.

        Every leaf is hashed; at the size of every checkpoint the root computed
        must be the root that was signed, and so it must be at the newest that the
        profile's witnesses have cosigned. What is wrong is reported, not raised.

        Args:
            since: A checkpoint (signed note) kept from before; the log must still
                hold it.
            on_progress: Told after each 10,000 leaves.
        """
        return self._driver.run(auditing.audit(self._reader, since), on_progress)

    def consistency(self, first: str, second: str) -> None:
        """Checks that the log only grew between two checkpoints.

        Args:
            first: A signed note.
            second: Another; either may be the older one.

        Raises:
            VerificationFailed: One is not the log's, or the log was rewritten.
        """
        self._driver.run(log.check_consistency(self._reader, first, second))

    def replay(self, inquiry_id: str, subject_id: str = "") -> Report:
        """Any report again, exactly as it was. Its subject sees that it was looked at.

        Args:
            inquiry_id: Its `request_id`.
            subject_id: Which one, of a portfolio's.

        Raises:
            NotFound: There is no such report.
        """
        return self._driver.run(monitoring.replay(self._reader, inquiry_id, subject_id))

    def standard(self, version: int = 0) -> Standard:
        """The consortium's standard of credit, verified.

        Args:
            version: 0 for the one in force.

        Raises:
            NotFound: There is none.
        """
        return self._driver.run(standards.get_standard(self._reader, version))

    def member(self, member_id: str) -> Member:
        """A member, each of its keys checked against the log.

        Raises:
            VerificationFailed: A key is not backed by a logged statement of somebody
                entitled.
        """
        plan = members.vouched_member(self._reader.trust, member_id)
        return self._driver.run(plan).member

    def verify_receipt(self, receipt: Receipt, envelope: bytes) -> None:
        """Checks, offline, that a signed statement is in the log.

        Raises:
            VerificationFailed: It is not.
            NotWitnessed: Fewer witnesses have cosigned it than the profile says.
        """
        self._reader.heads.remember(verify.verify_receipt(receipt, envelope, self._reader.trust))
        verify.verify_witnessed(receipt.checkpoint, self._reader.trust)

    def verify_report(self, report: Report) -> Report:
        """Checks, offline, a report with all that came with it (`Report.load`).

        Returns:
            The report, read anew from the bytes that verified.

        Raises:
            VerificationFailed: Something in it does not hold.
            NotWitnessed: Fewer witnesses have cosigned it than the profile says.
        """
        return verify.verify_bundle(report, self._reader.trust)

    def verify_evidence(self, evidence: Evidence, furnisher: Member) -> None:
        """Checks, offline, that a furnisher signed a record.

        Args:
            evidence: What came with a report.
            furnisher: From `member`.

        Raises:
            VerificationFailed: It did not, or with a key that did not count.
        """
        verify.verify_evidence(evidence, furnisher, self._reader.trust)

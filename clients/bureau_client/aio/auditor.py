"""The client of an auditor: checks the log, its checkpoints and its members' keys."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from bureau_client import verify
from bureau_client._operations import (
    auditing,
    complaint_register,
    cosigning,
    decisions,
    erasures,
    log,
    members,
    reporting,
    standards,
)
from bureau_client._operations.context import Context, clock_of, log_view, signing_as_well
from bureau_client._operations.operation import Clock, utc_now
from bureau_client._operations.receipts import sighting_of
from bureau_client._operations.typed_calls import checked
from bureau_client._transport.retry import DEFAULT_POLICY, RetryPolicy
from bureau_client.aio.client import AsyncClient
from bureau_client.models.audits import AuditReport, Checkpoint
from bureau_client.models.complaints import ComplaintCount
from bureau_client.models.decisions import DecidedReport, RecordedDecision
from bureau_client.models.erasures import Erasure
from bureau_client.models.members import Member
from bureau_client.models.progress import OnProgress
from bureau_client.models.receipts import Receipt
from bureau_client.models.reports import Evidence, Report
from bureau_client.models.standards import Standard
from bureau_client.protocols import DecisionPolicy
from bureau_keys.profile import Profile
from bureau_keys.signing import StatementKey


@checked
class AsyncAuditor(AsyncClient):
    """An auditor of the log; needs a registered certificate, and signs replays only.

    The newest checkpoint that an auditor has seen is kept in the profile's folder: a log that
    shrank or forked since raises `VerificationFailed`.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        signing_key: StatementKey | None = None,
        passphrase: str | None = None,
        clock: Clock = utc_now,
        policy: RetryPolicy = DEFAULT_POLICY,
    ) -> None:
        """Prepare the client; the connection is made by the first call.

        Args:
            profile: The certificate that opens the connection, and the trusted keys.
            signing_key: Key that signs replays; None for the profile's.
            passphrase: Passphrase of the profile's signing key.
            clock: Source of the time that statements carry and answers are checked by.
            policy: Deadlines and retries.
        """
        context = Context(
            trust=profile.trust, clock=clock_of(profile, clock), log_view=log_view(profile)
        )
        super().__init__(profile, context, policy)
        self._profile, self._key, self._passphrase = profile, signing_key, passphrase

    @classmethod
    def from_profile(cls, folder: str | Path) -> Self:
        """Return the auditor of a profile folder.

        Raises:
            FileNotFoundError: A file of the profile is missing.
            ValueError: `profile.toml` lacks a setting.
        """
        return cls(Profile.load(folder))

    async def checkpoint(self, *, cosignatures: int = 0) -> Checkpoint:
        """Return the newest checkpoint, its signatures verified.

        Args:
            cosignatures: Least number of the profile's witnesses that have cosigned the
                checkpoint; 0 for the newest of all.

        Raises:
            NotWitnessed: The bureau has no checkpoint with this number of cosignatures.
        """
        if cosignatures:
            operation = cosigning.cosigned_checkpoint(self._context, cosignatures)
            return await self._driver.run(operation)
        return await self._driver.run(log.newest_checkpoint(self._context))

    async def checkpoints(self) -> list[Checkpoint]:
        """List every checkpoint of the log, oldest first, each verified."""
        return await self._driver.run(log.list_checkpoints(self._context))

    async def leaves(self, start: int, stop: int) -> list[bytes]:
        """Return the leaves from `start` up to, not including, `stop`; 32 bytes each.

        A log that ends before `stop` yields fewer.
        """
        return await self._driver.run(log.list_leaves(start, stop))

    async def audit(
        self, since: str | None = None, *, on_progress: OnProgress | None = None
    ) -> AuditReport:
        """Download the whole log and check every checkpoint against it.

        Every leaf is hashed. At the size of every checkpoint, the newest cosigned one
        included, the computed root must equal the signed root. Findings are reported in
        the result, not raised.

        Args:
            since: A checkpoint (signed note) of an earlier audit; the log must still
                contain it.
            on_progress: Called after each 10,000 leaves.
        """
        return await self._driver.run(auditing.audit(self._context, since), on_progress, heavy=True)

    async def consistency(self, first: str, second: str) -> None:
        """Check that the log only grew between two checkpoints.

        Args:
            first: A checkpoint (signed note).
            second: Another checkpoint; either may be the older one.

        Raises:
            VerificationFailed: A checkpoint is not of this log, or the log was rewritten.
        """
        await self._driver.run(log.check_consistency(self._context, first, second))

    async def replay(self, inquiry_id: str, subject_id: str, *, member_id: str = "") -> Report:
        """Return any earlier report again, exactly as it was.

        The replay is signed with the auditor's key, and logged; the subject sees it.

        Args:
            inquiry_id: `request_id` of the report.
            subject_id: The subject of the report; the signed replay names them.
            member_id: The member that inquired; required where several members used one
                request id.

        Raises:
            NotFound: No report was given under this inquiry.
            NotAuthenticated: The signing key of the profile cannot be used.
        """
        return (await self.decisions(inquiry_id, subject_id, member_id=member_id)).report

    async def decisions(
        self, inquiry_id: str, subject_id: str, *, member_id: str = ""
    ) -> DecidedReport:
        """Return any earlier report again, with the decisions that its member recorded on it,
        each verified.

        It is a replay: signed with the auditor's key, logged, and shown to the subject.

        Args:
            inquiry_id: `request_id` of the report.
            subject_id: The subject of the report.
            member_id: The member that inquired; required where several members used one
                request id.

        Raises:
            NotFound: No report was given under this inquiry.
            NotAuthenticated: The signing key of the profile cannot be used.
            VerificationFailed: A decision is not in the log, its member did not sign it, or it
                is about another report.
        """
        signing = signing_as_well(self._context, self._profile, self._key, self._passphrase)
        operation = reporting.replay(signing, inquiry_id, subject_id, member_id)
        return await self._driver.run(operation)

    async def check_decision(
        self, decision: RecordedDecision, report: Report, policy: DecisionPolicy, inputs: bytes
    ) -> None:
        """Check that a recorded decision follows from its report, the policy and the inputs.

        Args:
            decision: A decision of `decisions`, or one that a person or a lender kept.
            report: The report that it is based on, of `decisions` or verified.
            policy: The policy that the lender hands over.
            inputs: The document of the other inputs that the lender hands over.

        Raises:
            VerificationFailed: A signature, proof or digest does not verify, a reason rests on
                an entry that the report lacks, or the policy decides otherwise.
        """
        operation = decisions.check_outcome(self._context, decision, report, policy, inputs)
        await self._driver.run(operation)

    async def complaint_counts(self) -> list[ComplaintCount]:
        """Count the complaints of the register by member and kind, each line proved by the log.

        Raises:
            VerificationFailed: The register lacks a line, or a leaf covers another line.
        """
        return await self._driver.run(complaint_register.count_complaints(self._context))

    async def erasures(self, *, limit: int | None = None) -> list[Erasure]:
        """List the operator's erasures of accounts and statements, newest first, verified.

        Raises:
            VerificationFailed: An erasure is not in the log, or no operator signed it.
        """
        return await self._driver.run(erasures.list_erasures(self._context, limit))

    async def standard(self, version: int = 0) -> Standard:
        """Return the consortium's standard of credit, verified.

        Args:
            version: Version of the standard; 0 for the version in force.

        Raises:
            NotFound: The standard, or this version of it, does not exist.
        """
        return await self._driver.run(standards.get_standard(self._context, version))

    async def member(self, member_id: str) -> Member:
        """Return a member, each of its keys checked against the log.

        Raises:
            VerificationFailed: No logged statement by an entitled signer registers a key.
        """
        operation = members.vouched_member(self._context.trust, member_id)
        vouched = await self._driver.run(operation)
        return vouched.member

    def verify_receipt(self, receipt: Receipt, envelope: bytes) -> None:
        """Verify offline that a signed statement is in the log.

        Raises:
            VerificationFailed: The receipt does not prove that the statement is in the log.
            NotWitnessed: Fewer witnesses than the profile requires have cosigned.
        """
        checkpoint = verify.verify_receipt(receipt, envelope, self._context.trust)
        self._context.log_view.see(sighting_of(checkpoint, receipt))
        verify.verify_witnessed(receipt.checkpoint, self._context.trust)

    def verify_report(self, report: Report) -> Report:
        """Verify offline a report with its receipt and evidence (see `Report.load`).

        Returns:
            The report, read again from the verified bytes.

        Raises:
            VerificationFailed: A signature, proof or digest does not verify.
            NotWitnessed: Fewer witnesses than the profile requires have cosigned.
        """
        return verify.verify_bundle(report, self._context.trust)

    def verify_evidence(self, evidence: Evidence, furnisher: Member) -> None:
        """Verify offline that a furnisher signed a record.

        Args:
            evidence: Evidence of a report.
            furnisher: The furnisher, from `member`.

        Raises:
            VerificationFailed: The signature does not verify, or its key was not in force.
        """
        verify.verify_evidence(evidence, furnisher, self._context.trust)

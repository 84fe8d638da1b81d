"""A lender's way to the bureau, asynchronous."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from pathlib import Path
from typing import Self

from bureau_client._operations import (
    consents,
    directory,
    disputes_and_holds,
    furnishing,
    members,
    monitoring,
    receipts,
    reporting,
    resend,
    standards,
    subjects,
)
from bureau_client._operations.context import member_caller
from bureau_client._operations.furnishing import OnInvalid
from bureau_client._operations.operation import Clock, utc_now
from bureau_client._transport.retry import DEFAULT_POLICY, RetryPolicy
from bureau_client.aio.client import AsyncClient
from bureau_client.models.alerts import Alert, DisputeNews
from bureau_client.models.codes import (
    DisputeOutcome,
    EvidenceLevel,
    IdentificationMethod,
    Purpose,
    SubmissionKind,
)
from bureau_client.models.consents import Consent
from bureau_client.models.members import Member
from bureau_client.models.progress import OnProgress
from bureau_client.models.receipts import Receipt
from bureau_client.models.records import Record, RecordRef
from bureau_client.models.reports import Dispute, Report
from bureau_client.models.standards import Standard
from bureau_client.models.statements import BeforeSend, Statement, ignore
from bureau_client.models.submissions import Submission, SubmitResult
from bureau_keys.profile import Profile
from bureau_keys.signing import SigningKey


class AsyncLender(AsyncClient):
    """A member that submits records and queries reports.

    Every write is signed with the member's key and answered with a receipt; the
    receipt, and the signature of every report, is verified before a method
    returns. Methods raise `BureauError` and its subclasses, nothing of gRPC's.

    Example:
        async with AsyncLender.from_profile("profiles/riverbank") as lender:
            subject = await lender.subject_id("CN", "resident-id", identifier)
            report = await lender.query(subject, purpose=purpose, consent_id=consent_id)
    """

    def __init__(
        self,
        profile: Profile,
        *,
        passphrase: str | None = None,
        signing_key: SigningKey | None = None,
        clock: Clock = utc_now,
        policy: RetryPolicy = DEFAULT_POLICY,
        before_send: BeforeSend = ignore,
    ) -> None:
        """Prepares; nothing is sent before the first call.

        Args:
            profile: Who the member is, where the bureau is, what to trust.
            passphrase: Opens the profile's signing key, if it is locked.
            signing_key: Signs instead of the profile's key.
            clock: What time it is; a sandbox's clock can be passed.
            policy: Deadlines and retries.
            on_statement: Is given what was signed before it is sent; who keeps it can
                `resend` it later, after a crash too.

        Raises:
            NotAuthenticated: The signing key does not open.
        """
        self._member_id = profile.member_id
        self._caller = member_caller(profile, signing_key, passphrase, clock)
        super().__init__(profile, self._caller, policy, before_send)

    @classmethod
    def from_profile(cls, folder: str | Path, *, passphrase: str | None = None) -> Self:
        """A lender from its profile folder.

        Raises:
            FileNotFoundError: A file of the profile is missing.
            ValueError: `profile.toml` lacks a setting.
            NotAuthenticated: The signing key does not open.
        """
        return cls(Profile.load(folder), passphrase=passphrase)

    @property
    def member_id(self) -> str:
        """The member that this is."""
        return self._member_id

    async def subject_id(self, country: str, scheme: str, identifier: str) -> str:
        """The bureau's id of a person, 32 hex characters.

        The identifier is blinded before it is sent: the bureau never sees it.

        Args:
            country: ISO 3166-1 alpha-2: `CN`.
            scheme: Which identifier of that country: `resident-id`.
            identifier: As the document spells it.
        """
        return (await self.subject_ids([(country, scheme, identifier)]))[0]

    async def subject_ids(
        self,
        identifiers: Iterable[tuple[str, str, str]],
        *,
        on_progress: OnProgress | None = None,
    ) -> list[str]:
        """Ids of many persons, in order; 256 a call, each counted once.

        Args:
            identifiers: Country, scheme and identifier of each.
            on_progress: Told after each call.

        Raises:
            QuotaExceeded: The member's evaluations of the day are used up.
        """
        return await self._driver.run(directory.subject_ids(self._caller, identifiers), on_progress)

    async def attest(
        self, binding: bytes, *, method: IdentificationMethod, identify_time: datetime
    ) -> Receipt:
        """Attests that a key is a subject's, whom this member has identified.

        Args:
            binding: What the subject's `Wallet.binding()` made, minutes ago.
            method: How the person was identified.
            identify_time: When, with a time zone.
        """
        plan = subjects.attest(self._caller, binding, method, identify_time)
        return await self._driver.run(plan)

    async def submit(
        self,
        records: Iterable[Record],
        *,
        kind: SubmissionKind = SubmissionKind.ORIGINAL,
        label: str = "",
        on_progress: OnProgress | None = None,
        on_invalid: OnInvalid = "raise",
        idempotency_key: str = "",
    ) -> SubmitResult:
        """Submits records, in batches of at most 10,000 records and 6 MiB.

        A batch is stored whole or not at all. If one fails, `error.partial` tells
        what the batches before it came to.

        Args:
            records: Snapshots, facility actions and deletions; any iterable.
            kind: How they relate to what was sent before.
            label: The furnisher's own name for them, for example a file name.
            on_progress: Told after each batch.
            on_invalid: `raise` refuses a batch with a wrong record; `skip` leaves
                wrong records out, submits the rest and tells of them in
                `SubmitResult.rejected`.
            idempotency_key: A name for the whole, for example a file's digest. The same
                records under the same name are stored once: after a crash, say it
                again, and only what is not there yet is sent.

        Raises:
            InvalidRequest: Records break rules; `violations` names each field.
            ConsentRequired: A person on an account has given no consent to furnish.
        """
        plan = furnishing.submit(
            self._caller,
            records,
            kind=kind,
            label=label,
            on_invalid=on_invalid,
            idempotency_key=idempotency_key,
        )
        return await self._driver.run(plan, on_progress, heavy=True)

    async def query(
        self,
        subject_id: str,
        *,
        purpose: Purpose,
        consent_id: str,
        evidence: EvidenceLevel = EvidenceLevel.NONE,
    ) -> Report:
        """Asks for a report under a consent.

        Args:
            subject_id: From `subject_id`.
            purpose: Why.
            consent_id: The consent that allows it; see `consents`.
            evidence: Whether the furnishers' own signed records come along, to be
                verified here and kept.

        Returns:
            The report; a subject without a credit file is a NO_HIT, not an error.

        Raises:
            ConsentError: No consent, or it is revoked, paused, expired, used up or
                too narrow: one subclass each.
            VerificationFailed: What the bureau answered does not verify.
        """
        plan = reporting.query(
            self._caller, subject_id, purpose=purpose, consent_id=consent_id, evidence=evidence
        )
        return await self._driver.run(plan)

    async def consents(
        self, subject_id: str | None = None, *, limit: int | None = None
    ) -> list[Consent]:
        """The consents that this member holds, newest first; of one subject if named."""
        return await self._driver.run(consents.list_held(subject_id, limit))

    async def submission(self, submission_id: str) -> Submission:
        """A submission that this member made, with its manifest and receipt.

        Raises:
            NotFound: No such submission of this member's.
        """
        return await self._driver.run(furnishing.get_submission(self._caller, submission_id))

    async def submissions(self, *, limit: int | None = None) -> list[Submission]:
        """This member's submissions, newest first."""
        return await self._driver.run(furnishing.list_submissions(limit))

    async def receipt(self, request_id: str, envelope: bytes | None = None) -> Receipt:
        """The receipt of a write that this member made: whether it took effect.

        Args:
            request_id: The statement's request id; `BureauError.request_id` has it
                where a reply was lost.
            envelope: The signed statement. With it the receipt is verified; without
                it only the checkpoint's signature is.

        Raises:
            NotFound: The write took no effect.
        """
        return await self._driver.run(receipts.get_receipt(self._caller, request_id, envelope))

    async def resend(self, statement: Statement) -> Receipt:
        """Sends a statement again as it was signed. It has one effect: then or now.

        Args:
            statement: What `before_send` was given.

        Raises:
            Unavailable: What became of it is still unknown.
            BureauError: It took no effect, and is refused now.
        """
        return await self._driver.run(resend.resend(self._caller, statement))

    async def disputes(self, *, limit: int | None = None) -> list[Dispute]:
        """The disputes against this member's records, oldest first."""
        return await self._driver.run(disputes_and_holds.list_disputed(limit))

    async def answer_dispute(
        self,
        dispute_id: str,
        outcome: DisputeOutcome,
        *,
        narrative: str = "",
        correction: RecordRef | None = None,
        certified: bool = False,
    ) -> Dispute:
        """Answers a dispute. DELETED and FRAUD delete what was disputed.

        Args:
            correction: With MODIFIED: the record that was submitted instead.
            certified: That what stays is complete and accurate; needed where the
                deadline has passed and the law has withdrawn it.

        Raises:
            NotFound: No such dispute against this member.
            WrongState: It is answered.
        """
        plan = disputes_and_holds.answer_dispute(
            self._caller,
            dispute_id,
            outcome,
            narrative=narrative,
            correction=correction,
            certified=certified,
        )
        return await self._driver.run(plan)

    def alerts(self, after: int = 0) -> AsyncIterator[Alert]:
        """Alerts on people who consented to be monitored, as they come; it waits for
        them without end. Each comes at least once, in the order of the log.

        Args:
            after: Cursor of the last one dealt with; 0 for what was acknowledged.

        Raises:
            BureauError: The bureau cannot be reached, for several attempts in a row.
        """
        return self._driver.follow(monitoring.alerts(after))

    async def acknowledge(self, cursor: int) -> None:
        """Tells the bureau that the alert of a cursor, and all before, are dealt with."""
        await self._driver.run(monitoring.acknowledge(cursor))

    def watch_disputes(self, after: int = 0) -> AsyncIterator[DisputeNews]:
        """Disputes against this member's records, as they come; it waits for them
        without end.

        Args:
            after: Cursor of the last one; 0 from the beginning.
        """
        return self._driver.follow(monitoring.disputes(after))

    def portfolio(self, purpose: Purpose, subject_ids: Iterable[str] = ()) -> AsyncIterator[Report]:
        """Reports on this member's own customers who consented to be monitored, one
        after another, each verified. A stream that breaks goes on where it stopped; so
        does another program, with `resume_portfolio`.

        Args:
            purpose: ACCOUNT_REVIEW or COLLECTION.
            subject_ids: Only these; none for all of them.
        """
        return self._driver.follow(monitoring.portfolio(self._caller, purpose, subject_ids))

    def resume_portfolio(self, inquiry: bytes, after: str = "") -> AsyncIterator[Report]:
        """The other reports of a portfolio: it is not asked for again, and no consent is
        used twice. Whoever withdrew meanwhile is passed over.

        Args:
            inquiry: As it was signed: `Report.inquiry` of any of its reports, or
                `Statement.envelope`, which `before_send` was given.
            after: `Report.cursor` of the last one dealt with; empty for all.
        """
        return self._driver.follow(monitoring.resume_portfolio(self._caller, inquiry, after))

    async def replay(self, inquiry_id: str, subject_id: str = "") -> Report:
        """A report that this member got, again, exactly as it was.

        Args:
            inquiry_id: Its `request_id`.
            subject_id: Which one, of a portfolio's.

        Raises:
            NotFound: No such report of this member's.
            ConsentRevoked: The consent that it rested on was revoked since.
        """
        return await self._driver.run(monitoring.replay(self._caller, inquiry_id, subject_id))

    async def standard(self, version: int = 0) -> Standard:
        """The consortium's standard of credit, verified.

        Args:
            version: 0 for the one in force.

        Raises:
            NotFound: There is none.
        """
        return await self._driver.run(standards.get_standard(self._caller, version))

    async def member(self, member_id: str) -> Member:
        """One member.

        Raises:
            NotFound: No such member.
        """
        return await self._driver.run(members.get_member(member_id))

    async def members(self, *, limit: int | None = None) -> list[Member]:
        """All members, in order of id."""
        return await self._driver.run(members.list_members(limit))

    async def add_key(self, key: SigningKey) -> Receipt:
        """Registers a further signing key of this member."""
        return await self._driver.run(members.add_key(self._caller, self._member_id, key))

    async def withdraw_key(self, key_id: str) -> Receipt:
        """Withdraws a signing key; what it signed before stays valid."""
        return await self._driver.run(members.withdraw_key(self._caller, self._member_id, key_id))

    async def rotate_key(self, new_key: SigningKey) -> tuple[Receipt, Receipt]:
        """Registers a new key and withdraws the present one; then the new one signs.

        Save the new key first: from the moment it is registered, only it counts.

        Returns:
            The receipts of the registration and of the withdrawal.
        """
        return await self._driver.run(members.rotate_key(self._caller, self._member_id, new_key))

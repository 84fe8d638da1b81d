"""The client of a lender: submits records, queries reports, follows alerts."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Self

from bureau_client._operations import (
    complaint_register,
    complaints,
    consent_requests,
    consent_watch,
    consents,
    decisions,
    directory,
    disputes,
    erasures,
    events,
    furnishing,
    many,
    members,
    monitoring,
    portfolio,
    receipts,
    reporting,
    resend,
    standards,
    subjects,
)
from bureau_client._operations.context import member_context
from bureau_client._operations.furnishing import OnInvalid
from bureau_client._operations.many import CONCURRENCY, Outcome
from bureau_client._operations.operation import Clock, utc_now
from bureau_client._operations.portfolio import OnWithheld, ignore_withheld
from bureau_client._operations.typed_calls import checked
from bureau_client._transport.retry import DEFAULT_POLICY, RetryPolicy
from bureau_client.aio.client import AsyncClient
from bureau_client.models.alerts import Alert, DisputeNews
from bureau_client.models.codes import (
    Action,
    ComplaintOutcome,
    ConsentMode,
    DisputeOutcome,
    EvidenceLevel,
    IdentificationMethod,
    PortfolioType,
    Purpose,
    Section,
    SubmissionKind,
)
from bureau_client.models.complaints import Complaint, ComplaintCount, ComplaintNews
from bureau_client.models.consent_requests import ConsentRequest
from bureau_client.models.consents import Arrangement, Consent, ConsentEvent, Frequency
from bureau_client.models.decisions import Decision, RecordedDecision
from bureau_client.models.erasures import Erasure
from bureau_client.models.many import Identifier, Inquiry
from bureau_client.models.members import Member
from bureau_client.models.progress import OnProgress
from bureau_client.models.receipts import Receipt
from bureau_client.models.records import Record, RecordRef
from bureau_client.models.reports import Dispute, InquiryLine, Report, Undoing
from bureau_client.models.standards import Standard
from bureau_client.models.statements import BeforeSend, Statement, ignore
from bureau_client.models.submissions import Submission, SubmitResult
from bureau_client.protocols import Journal
from bureau_keys.profile import Profile
from bureau_keys.signing import SigningKey, StatementKey


@checked
class AsyncLender(AsyncClient):
    """A member that submits records and queries reports.

    Every write is signed with the member's key and answered with a receipt; the
    receipt, and the signature of every report, is verified before a method
    returns. Methods raise `BureauError` and its subclasses, never gRPC's errors.

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
        signing_key: StatementKey | None = None,
        clock: Clock = utc_now,
        policy: RetryPolicy = DEFAULT_POLICY,
        before_send: BeforeSend = ignore,
    ) -> None:
        """Prepare the client; the connection is made by the first call.

        Args:
            profile: The member's id and keys, the bureau's addresses, the trusted keys.
            passphrase: Passphrase of the profile's signing key, if the key is locked.
            signing_key: Key that signs in place of the profile's.
            clock: Source of the time that statements carry; a sandbox passes its own.
            policy: Deadlines and retries.
            before_send: Called with each signed statement before it is sent; a statement
                that was kept can be passed to `resend` later, also after a crash.

        Raises:
            NotAuthenticated: The signing key cannot be read, or the passphrase is wrong.
        """
        self._member_id = profile.member_id
        self._signing = member_context(profile, signing_key, passphrase, clock)
        super().__init__(profile, self._signing, policy, before_send)

    @classmethod
    def from_profile(cls, folder: str | Path, *, passphrase: str | None = None) -> Self:
        """Return the lender of a profile folder.

        Raises:
            FileNotFoundError: A file of the profile is missing.
            ValueError: `profile.toml` lacks a setting.
            NotAuthenticated: The signing key cannot be read, or the passphrase is wrong.
        """
        return cls(Profile.load(folder), passphrase=passphrase)

    @property
    def member_id(self) -> str:
        """The id of this member."""
        return self._member_id

    async def subject_id(self, country: str, scheme: str, identifier: str) -> str:
        """Return the subject id of a person, 32 hex characters.

        The identifier is blinded before it is sent: the bureau never sees it.

        Args:
            country: ISO 3166-1 alpha-2: `CN`.
            scheme: Identifier scheme of that country: `resident-id`; see docs/sdk.md.
            identifier: The identifier as the document spells it.

        Raises:
            InvalidRequest: The country, the scheme or the identifier is wrong.
            QuotaExceeded: The member's evaluations of the day are used up.
        """
        [subject_id] = await self.subject_ids([(country, scheme, identifier)])
        return subject_id

    async def subject_ids(
        self,
        identifiers: Iterable[tuple[str, str, str]],
        *,
        on_progress: OnProgress | None = None,
    ) -> list[str]:
        """Return the subject ids of many persons, in order: 256 a call, each counted once.

        Args:
            identifiers: Country, scheme and identifier of each person.
            on_progress: Called after each call to the bureau.

        Raises:
            InvalidRequest: A country, a scheme or an identifier is wrong; nothing was sent.
            QuotaExceeded: The member's evaluations of the day are used up.
        """
        return await self._driver.run(
            directory.subject_ids(self._signing, identifiers), on_progress
        )

    async def subject_ids_many(
        self,
        identifiers: Iterable[Identifier],
        *,
        concurrency: int = CONCURRENCY,
        on_progress: OnProgress | None = None,
    ) -> AsyncGenerator[Outcome[Identifier, str], None]:
        """Yield the subject ids of many persons as they come: 256 a call, several calls at once.

        An identifier that is wrong is an error of its own outcome.

        Args:
            identifiers: Country, scheme and identifier of each person.
            concurrency: Largest number of calls at once.
            on_progress: Called with each outcome.

        Raises:
            QuotaExceeded: The member's evaluations of the day are used up.
        """
        tally = many.Tally.of(identifiers, self._signing.clock, on_progress)
        start = partial(many.subject_ids, self._signing)
        calls = many.checked_concurrency(concurrency)
        batches = tally.until_failure(many.identifier_batches(identifiers))
        async with contextlib.aclosing(self._driver.run_many(batches, start, calls)) as run:
            async for batch, answers in run:
                for identifier, answer in many.each(batch, answers):
                    yield tally.outcome(identifier, answer)
        tally.finish()

    async def attest(
        self,
        binding: bytes,
        *,
        method: IdentificationMethod,
        identify_time: datetime,
        replaces: bool = False,
    ) -> Receipt:
        """Attest that a key belongs to a person whom this member has identified.

        A key that replaces another one comes in force after the waiting period of the
        jurisdiction; at once, if the person approves it with the present key or an attester
        of another group attests it, too.

        Args:
            binding: The result of the person's `Wallet.binding()`, at most five minutes old.
            method: Method by which the person was identified.
            identify_time: Time of the identification, with a time zone; lately.
            replaces: True if the person has or had another key, and only then.

        Raises:
            WrongState: The person has a key, and `replaces` does not say so; or another key
                is pending.
        """
        operation = subjects.attest(self._signing, binding, method, identify_time, replaces)
        return await self._driver.run(operation)

    async def repudiate_key(self, subject_id: str, key_id: str) -> Undoing | None:
        """Repudiate a person's key: it is not theirs. It ends once an attester of another
        group repudiates it, too.

        Args:
            subject_id: The person.
            key_id: The key; the person's notices name it, and the refusal of an attestation
                names the key in force.

        Returns:
            The effects; None if an attester of another group must repudiate the key, too.

        Raises:
            NotFound: The person has no key with this id.
            WrongState: The key is repudiated.
        """
        return await self._driver.run(subjects.repudiate_key(self._signing, subject_id, key_id))

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
        """Submit records, in batches of at most 2,000 records and 6 MiB.

        A batch is stored whole or not at all. If a batch fails, `error.partial` is the
        result of the batches before it. `SubmitResult.warnings` names stored records that are
        probably wrong.

        Args:
            records: Snapshots, facility actions and deletions; any iterable.
            kind: Relation of the records to those submitted before.
            label: The furnisher's own name for the submission, for example a file name.
            on_progress: Called after each batch.
            on_invalid: `raise` refuses a batch with an invalid record; `skip` skips
                invalid records, submits the rest and lists the skipped ones in
                `SubmitResult.rejected`.
            idempotency_key: A name for all the records, for example a file's digest. The
                same records under the same key are stored once: after a crash, pass the
                same key again, and only the missing batches are sent. A batch of which the
                bureau now accepts other records than before is sent whole. Request ids,
                which the log shows, follow from the key and the records: take a key that
                others cannot guess, or they can try out what the records say.

        Raises:
            InvalidRequest: Records break rules; `violations` names each field.
            ConsentRequired: A person on an account has given no consent to furnish.
        """
        operation = furnishing.submit(
            self._signing,
            records,
            kind=kind,
            label=label,
            on_invalid=on_invalid,
            idempotency_key=idempotency_key,
        )
        return await self._driver.run(operation, on_progress, heavy=True)

    async def query(
        self,
        subject_id: str,
        *,
        purpose: Purpose,
        consent_id: str | Consent | Arrangement,
        evidence: EvidenceLevel = EvidenceLevel.NONE,
    ) -> Report:
        """Query a person's report under a consent.

        Args:
            subject_id: The person's id, from the method `subject_id`.
            purpose: Purpose of the inquiry; the consent must cover it.
            consent_id: The consent that allows the inquiry; see `consents`. Or an arrangement,
                or its id: then its consent that no other has replaced.
            evidence: Which of the furnishers' own signed records to fetch, verify and
                keep with the report.

        Returns:
            The report; a subject without a credit file is a NO_HIT, not an error.

        Raises:
            ConsentError: No consent, or the consent is revoked, paused, expired, used up
                or too narrow: one subclass each.
            VerificationFailed: The answer does not verify.
        """
        operation = reporting.query(
            self._signing, subject_id, purpose=purpose, consent_id=consent_id, evidence=evidence
        )
        return await self._driver.run(operation)

    async def query_many(
        self,
        inquiries: Iterable[Inquiry],
        *,
        journal: str | Path | Journal | None = None,
        concurrency: int = CONCURRENCY,
        on_progress: OnProgress | None = None,
    ) -> AsyncGenerator[Outcome[Inquiry, Report], None]:
        """Query the reports of many persons, several at once, and yield each as it comes.

        The refusal of one person's inquiry is the error of its outcome, and stops no other.
        While the bureau asks for pauses, the inquiries wait. After a crash, pass the same
        journal: each inquiry that was sent before is sent again as it was signed, so that the
        bureau counts no second use of its consent and gives the same report. That holds for a
        day; a later run replays the report under the rules of `replay`.

        Close the generator if you leave it before its end (`contextlib.aclosing`): that ends
        the running inquiries and frees the journal.

        Args:
            inquiries: The inquiries; any iterable, read as the inquiries before it end.
            journal: File that keeps the signed inquiries, created if it is missing; one run
                at a time uses it. A `Journal` keeps them elsewhere; None keeps none.
            concurrency: Largest number of inquiries at once.
            on_progress: Called with each outcome.

        Raises:
            Conflict: Another run uses the journal.
            InvalidRequest: The journal has a spoiled line, or is another member's.
            NotAuthenticated, Unavailable, Overloaded, QuotaExceeded, VerificationFailed: The
                other inquiries would fail with the error, too. It is raised after the outcomes
                of the inquiries that were sent; with the same journal a later run continues.
        """
        tally = many.Tally.of(inquiries, self._signing.clock, on_progress)
        calls = many.checked_concurrency(concurrency)
        sent = tally.until_failure(inquiries)
        with many.open_journal(journal, self._signing.signer) as kept:
            start = partial(many.query, self._signing, kept)
            async with contextlib.aclosing(self._driver.run_many(sent, start, calls)) as run:
                async for inquiry, answer in run:
                    yield tally.outcome(inquiry, answer)
        tally.finish()

    async def consents(
        self,
        subject_id: str | None = None,
        *,
        changed_since: datetime | None = None,
        limit: int | None = None,
    ) -> list[Consent]:
        """List the consents that this member holds, newest first; of one subject if named.

        Args:
            subject_id: Only consents of this person; None for all.
            changed_since: Only consents that were granted or changed, expired or were used up
                at this time or later; None for all.
            limit: Largest number of consents; None for all.
        """
        operation = consents.list_held(self._signing, subject_id, limit, changed_since)
        return await self._driver.run(operation)

    async def consent(self, consent_id: str) -> Consent:
        """Return a consent that this member holds, as it is now.

        Raises:
            NotFound: This member holds no consent with this id.
        """
        return await self._driver.run(consents.get_held(self._signing, consent_id))

    def watch_consents(self, after: str = "") -> AsyncIterator[ConsentEvent]:
        """Follow the changes of the consents that this member holds; the iterator never ends.

        Granted, paused, resumed, revoked, used up and expired: each change comes once, in
        order, with the person's note, however late the member asks; each is verified. Keep
        the cursor of the last change handled.

        Args:
            after: Cursor of the last change handled; empty for all from the first.
        """
        return self._driver.follow(consent_watch.watch_consents(self._signing, after))

    async def confirm_deletion(
        self,
        consent: str | Consent,
        *,
        report_count: int | None = None,
        delete_time: datetime | None = None,
    ) -> Receipt:
        """Confirm that everything received under a consent is deleted; the person sees it.

        For a consent to STORE that was revoked or has expired, once. The statement is signed
        and logged.

        Args:
            consent: The consent, or its id.
            report_count: Number of reports, all of them deleted; None takes the bureau's count.
            delete_time: Time at which the last of them was deleted; None for now.

        Raises:
            NotFound: This member holds no such consent.
            WrongState: The consent has not ended, nothing is to be deleted, or the deletion is
                confirmed already.
            InvalidRequest: The number of reports is another one.
        """
        operation = consent_watch.confirm_deletion(
            self._signing, consent, report_count, delete_time
        )
        return await self._driver.run(operation)

    async def arrangements(self, subject_id: str | None = None) -> list[Arrangement]:
        """List the consents that this member holds, each with those that it replaced.

        Args:
            subject_id: Only arrangements with this person.

        Raises:
            VerificationFailed: An arrangement is not whole.
        """
        return await self._driver.run(consents.arrangements_held(self._signing, subject_id))

    async def usable_consent(
        self, subject_id: str, purpose: Purpose, *, action: Action = Action.INQUIRE
    ) -> Consent:
        """Return the consent of a person that allows an action for a purpose now.

        Of several it is the one that expires last. The bureau decides at the inquiry: a consent
        with a number of uses per period may have none left.

        Args:
            subject_id: The person.
            purpose: Purpose of the inquiry.
            action: INQUIRE for a report, MONITOR for alerts and portfolios.

        Raises:
            ConsentRequired: No consent that this member holds does.
        """
        return await self._driver.run(consents.usable(self._signing, subject_id, purpose, action))

    async def request_consent(
        self,
        subject_id: str,
        actions: Sequence[Action],
        purposes: Sequence[Purpose] = (),
        sections: Sequence[Section] = (),
        *,
        text: str,
        period: timedelta,
        expire: datetime | timedelta = timedelta(days=7),
        portfolio_types: Sequence[PortfolioType] = (),
        history_months: int = 24,
        max_uses: int = 0,
        frequency: Frequency | None = None,
        mode: ConsentMode = ConsentMode.VIEW,
        data_life: timedelta = timedelta(0),
    ) -> ConsentRequest:
        """Ask a person for a consent; their wallet grants it, narrows it or declines.

        The bureau answers alike for a subject id that no person has: such a request stays PENDING
        until it expires.

        Args:
            subject_id: The person.
            actions: Actions to allow: FURNISH, INQUIRE, MONITOR.
            purposes: Purposes, for INQUIRE and MONITOR.
            sections: Sections of the reports under the consent.
            text: Reason for the person to read, in words, at most 512 characters.
            period: Time from the consent's start to its end.
            expire: Time until which the person can answer, or time from now to it.
            portfolio_types: Kinds of facility; empty for all.
            history_months: Months of payment history in a report; 0 for none.
            max_uses: Largest number of reports in all; 0 for no limit.
            frequency: Largest number of reports per calendar unit; None for no limit.
            mode: Handling of the report: view, store, query or stream.
            data_life: Time to keep the report; required with STORE, refused with other modes.

        Raises:
            InvalidRequest: The consent would exceed a limit of its purpose; the violation names
                the limit.
            PermissionDenied: The member is not admitted for a purpose.
            WrongState: Too many requests of this member to the person, known or not, are open
                or were made of late.
        """
        operation = consent_requests.request_consent(
            self._signing,
            subject_id,
            actions=actions,
            purposes=purposes,
            sections=sections,
            text=text,
            period=period,
            expire=expire,
            portfolio_types=portfolio_types,
            history_months=history_months,
            max_uses=max_uses,
            frequency=frequency,
            mode=mode,
            data_life=data_life,
        )
        return await self._driver.run(operation)

    async def consent_requests(
        self,
        subject_id: str | None = None,
        *,
        changed_since: datetime | None = None,
        limit: int | None = None,
    ) -> list[ConsentRequest]:
        """List the consent requests that this member made, newest first, each with its answer.

        Args:
            subject_id: Only requests to this person.
            changed_since: Only requests that were made, ended or expired since this time.
            limit: Largest number of requests; None for all.
        """
        operation = consent_requests.list_made(self._signing, subject_id, changed_since, limit)
        return await self._driver.run(operation)

    async def withdraw_consent_request(self, request: str | ConsentRequest) -> ConsentRequest:
        """Withdraw a consent request before it is answered.

        Raises:
            WrongState: The request was answered or withdrawn, or has expired.
        """
        return await self._driver.run(consent_requests.withdraw(self._signing, request))

    async def consents_many(
        self,
        subject_ids: Iterable[str],
        *,
        concurrency: int = CONCURRENCY,
        on_progress: OnProgress | None = None,
    ) -> AsyncGenerator[Outcome[str, list[Consent]], None]:
        """List the consents of many subjects, several at once, and yield each list as it comes.

        Args:
            subject_ids: The subjects.
            concurrency: Largest number of subjects at once.
            on_progress: Called with each outcome.

        Raises:
            NotAuthenticated, Unavailable, Overloaded, QuotaExceeded, VerificationFailed: The
                lists of the other subjects would fail with the error, too.
        """
        tally = many.Tally.of(subject_ids, self._signing.clock, on_progress)
        start = partial(many.consents, self._signing)
        calls = many.checked_concurrency(concurrency)
        asked = tally.until_failure(subject_ids)
        async with contextlib.aclosing(self._driver.run_many(asked, start, calls)) as run:
            async for subject_id, answer in run:
                yield tally.outcome(subject_id, answer)
        tally.finish()

    async def submission(self, submission_id: str) -> Submission:
        """Return a submission of this member, with its manifest and receipt.

        Raises:
            NotFound: This member made no submission with this id.
        """
        return await self._driver.run(furnishing.get_submission(self._signing, submission_id))

    async def submissions(self, *, limit: int | None = None) -> list[Submission]:
        """List this member's submissions, newest first."""
        return await self._driver.run(furnishing.list_submissions(self._signing, limit))

    async def receipt(self, request_id: str, envelope: bytes | None = None) -> Receipt:
        """Return the receipt of a write of this member; a receipt proves that the write took
        effect.

        Args:
            request_id: The statement's request id; after a lost reply it is in
                `BureauError.request_id`.
            envelope: The signed statement. With it the whole receipt is verified; without
                it only the checkpoint's signature is.

        Raises:
            NotFound: The write took no effect.
        """
        return await self._driver.run(receipts.get_receipt(self._signing, request_id, envelope))

    async def resend(self, statement: Statement) -> Receipt:
        """Send a signed statement again, byte for byte. It takes effect once, however often
        it is sent.

        Args:
            statement: A statement that `before_send` received.

        Raises:
            Unavailable: The outcome is still unknown.
            BureauError: The statement took no effect, and the bureau refuses it now.
        """
        return await self._driver.run(resend.resend(self._signing, statement))

    async def disputes(self, *, limit: int | None = None) -> list[Dispute]:
        """List the disputes against this member's records, oldest first."""
        return await self._driver.run(disputes.list_disputed(self._signing, limit))

    async def answer_dispute(
        self,
        dispute_id: str,
        outcome: DisputeOutcome,
        *,
        narrative: str = "",
        correction: RecordRef | None = None,
        certified: bool = False,
    ) -> Dispute:
        """Answer a dispute. DELETED and FRAUD delete the disputed account or month.

        Args:
            dispute_id: The dispute.
            outcome: Result of the investigation.
            narrative: The answer in words, at most 4,000 characters; the person reads it, no
                other lender does. Needed with ACCURATE or MODIFIED where the dispute blocks
                the account for identity theft.
            correction: With MODIFIED: the record that was submitted as the correction.
            certified: Certifies that the remaining data are complete and accurate; needed
                where the deadline has passed and the law has withdrawn the data, and where
                the dispute blocks the account for identity theft.

        Raises:
            InvalidRequest: The narrative is missing or too long, or the correction is not one
                of the disputed account and month from after the dispute.
            NotFound: No dispute with this id names this member as the furnisher.
            WrongState: The dispute is already answered, or the data return only certified.
        """
        operation = disputes.answer_dispute(
            self._signing,
            dispute_id,
            outcome,
            narrative=narrative,
            correction=correction,
            certified=certified,
        )
        return await self._driver.run(operation)

    def alerts(self, after: int = 0) -> AsyncIterator[Alert]:
        """Follow the alerts on persons who consented to be monitored.

        The iterator never ends. Each alert is delivered at least once, in the order of
        the log.

        Args:
            after: Cursor of the last alert handled; 0 for the last one acknowledged.

        Raises:
            BureauError: Several attempts in a row to reach the bureau failed.
        """
        return self._driver.follow(monitoring.alerts(after))

    async def acknowledge(self, cursor: int) -> None:
        """Acknowledge the alert of a cursor and every alert before it."""
        await self._driver.run(monitoring.acknowledge(cursor))

    def watch_disputes(self, after: int = 0) -> AsyncIterator[DisputeNews]:
        """Follow the disputes against this member's records; the iterator never ends.

        Args:
            after: Cursor of the last event handled; 0 for all from the first.
        """
        return self._driver.follow(monitoring.disputes(self._signing, after))

    async def complaints(self, *, limit: int | None = None) -> list[Complaint]:
        """List the complaints about this member, oldest first."""
        return await self._driver.run(complaints.list_received(self._signing, limit))

    async def answer_complaint(
        self,
        complaint: Complaint,
        outcome: ComplaintOutcome,
        narrative: str,
        *,
        remedy: str = "",
    ) -> Complaint:
        """Answer a complaint about this member.

        Args:
            complaint: The complaint, from `complaints` or `watch_complaints`.
            outcome: The outcome.
            narrative: Reasons, for the person to read.
            remedy: What was done about it; required with UPHELD.

        Raises:
            NotFound: No such complaint is about this member.
            WrongState: The complaint is answered or decided.
        """
        operation = complaints.answer_complaint(
            self._signing, complaint, outcome, narrative, remedy
        )
        return await self._driver.run(operation)

    def watch_complaints(self, after: int = 0) -> AsyncIterator[ComplaintNews]:
        """Follow the complaints about this member; the iterator never ends.

        A complaint comes when it is opened, taken to the operator, and decided.

        Args:
            after: The cursor of the last event seen; 0 starts with the first complaint.
        """
        return self._driver.follow(complaints.watch(self._signing, after))

    async def complaint_counts(self) -> list[ComplaintCount]:
        """Count the complaints of the register by member and kind, each line proved by the log.

        Raises:
            VerificationFailed: The register lacks a line, or a complaint about this member.
        """
        own = await self.complaints()
        return await self._driver.run(complaint_register.count_complaints(self._context, own))

    def portfolio(
        self,
        purpose: Purpose,
        subject_ids: Iterable[str] = (),
        *,
        on_withheld: OnWithheld = ignore_withheld,
    ) -> AsyncIterator[Report]:
        """Query the reports on this member's own customers who consented to be monitored.

        The reports are delivered one after another, each verified, also against the one leaf
        of the inquiry, which commits to all of them and to their number. A stream that breaks
        continues where it stopped; another program continues it with
        `resume_portfolio`.

        Args:
            purpose: ACCOUNT_REVIEW or COLLECTION.
            subject_ids: The customers; empty for all of them.
            on_withheld: Called with the index of each report that the bureau withholds, because
                the customer withdrew the consent or froze the file after the inquiry, or because
                the report is larger than clients receive.

        Raises:
            VerificationFailed: A report is not the one that the leaf commits to, or the stream
                ends before the last one.
        """
        return self._driver.follow(
            portfolio.portfolio(self._signing, purpose, subject_ids, on_withheld)
        )

    def resume_portfolio(
        self, inquiry: bytes, after: str = "", *, on_withheld: OnWithheld = ignore_withheld
    ) -> AsyncIterator[Report]:
        """Continue a portfolio inquiry; no second inquiry is made, no consent used twice.

        Args:
            inquiry: The signed inquiry: `Report.inquiry` of any of its reports, or the
                `Statement.envelope` that `before_send` received.
            after: `Report.cursor` of the last report handled; empty for all.
            on_withheld: As of `portfolio`.

        Raises:
            VerificationFailed: As `portfolio`.
        """
        return self._driver.follow(
            portfolio.resume_portfolio(self._signing, inquiry, after, on_withheld)
        )

    async def replay(self, inquiry_id: str, subject_id: str = "") -> Report:
        """Return an earlier report of this member again, exactly as it was.

        Under a consent to STORE: for the report's data life. Under another mode: while the
        consent has uses left. The replay is signed and logged; the subject sees it.

        Args:
            inquiry_id: `request_id` of the report.
            subject_id: The subject of the report, whom the signed replay names. Without it the
                subject is looked up in the list of the member's inquiries; a portfolio has
                several.

        Raises:
            InvalidRequest: The inquiry has several subjects, and none is named.
            NotFound: This member received no report under this inquiry.
            ConsentError: The consent of the inquiry no longer allows its report.
            PermissionDenied: The subject has frozen the file (HOLD).
        """
        operation = reporting.replay(self._signing, inquiry_id, subject_id)
        return (await self._driver.run(operation)).report

    async def record_decision(self, decision: Decision, *, idempotency_key: str = "") -> Receipt:
        """Record a decision on a report that this member queried.

        The bureau logs the signed decision, and notifies the person, who reads the outcome,
        the policy's name and version, and the reasons.

        Args:
            decision: The decision; `subject_id` and `inquiry_id` are `subject_id` and
                `request_id` of its report.
            idempotency_key: A name for the decision. One decision is recorded under a key:
                after a crash, pass the same decision and the same key again.

        Raises:
            NotFound: This member got no report on this person under this inquiry.
            InvalidRequest: The report has another digest; an adverse decision has no reason;
                the report has as many decisions as the bureau allows.
            Conflict: Another decision is recorded under the key.
        """
        operation = decisions.record_decision(self._signing, decision, idempotency_key)
        return await self._driver.run(operation)

    async def decisions(
        self, subject_id: str = "", *, limit: int | None = None
    ) -> list[RecordedDecision]:
        """List this member's own decisions, newest first, each verified.

        Args:
            subject_id: Only those about this person; empty for all.
            limit: Largest number of decisions; None for all.

        Raises:
            VerificationFailed: A decision is not in the log, or this member did not sign it.
        """
        operation = decisions.list_own_decisions(self._signing, subject_id, limit)
        return await self._driver.run(operation)

    async def check_events(self, one: Report, other: Report) -> None:
        """Check that the later of two reports about one subject covers every event that the
        earlier one covered, the earlier inquiry among them.

        `query` does so for the reports that this client got; this is for saved ones.

        Raises:
            VerificationFailed: The chains of events contradict each other: the two signed
                reports are the evidence.
        """
        await self._driver.run(events.check_extends(one, other))

    async def inquiries(
        self, subject_id: str = "", *, limit: int | None = None
    ) -> list[InquiryLine]:
        """List this member's own inquiries and replays, newest first, each verified.

        Args:
            subject_id: Only those about this subject; empty for all.
            limit: Largest number of inquiries; None for all.

        Raises:
            VerificationFailed: This member did not sign what a line shows.
        """
        operation = reporting.list_own_inquiries(self._signing, subject_id, limit)
        return await self._driver.run(operation)

    async def erasures(self, *, limit: int | None = None) -> list[Erasure]:
        """List the operator's erasures of this member's accounts, newest first, verified.

        Raises:
            VerificationFailed: An erasure is not in the log, or no operator signed it.
        """
        return await self._driver.run(erasures.list_erasures(self._signing, limit))

    async def standard(self, version: int = 0) -> Standard:
        """Return the consortium's standard of credit, verified.

        Args:
            version: Version of the standard; 0 for the version in force.

        Raises:
            NotFound: The standard, or this version of it, does not exist.
        """
        return await self._driver.run(standards.get_standard(self._signing, version))

    async def member(self, member_id: str) -> Member:
        """Return a member as operators signed it, each of its keys checked against the log.

        Raises:
            NotFound: No member has this id.
            VerificationFailed: The member is shown otherwise than as signed.
        """
        return await self._driver.run(members.verified_member(self._signing, member_id))

    async def members(self, *, limit: int | None = None) -> list[Member]:
        """List all members, in the order of their ids, each as operators signed it."""
        return await self._driver.run(members.list_members(self._signing, limit))

    async def add_key(self, key: SigningKey) -> Receipt:
        """Register a further signing key of this member."""
        return await self._driver.run(members.add_key(self._signing, self._member_id, key))

    async def withdraw_key(self, key_id: str) -> Receipt:
        """Withdraw a signing key; statements that it signed before stay valid."""
        return await self._driver.run(members.withdraw_key(self._signing, self._member_id, key_id))

    async def rotate_key(self, new_key: SigningKey) -> tuple[Receipt, Receipt]:
        """Register a new key and withdraw the present one; then the new key signs.

        Save the new key first: once it is registered, only the new key is valid.

        Returns:
            The receipts of the registration and of the withdrawal.
        """
        return await self._driver.run(members.rotate_key(self._signing, self._member_id, new_key))

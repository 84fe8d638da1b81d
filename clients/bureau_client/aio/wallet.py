"""The client of a person: grants consents, reads and disputes their credit file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from bureau_client._operations import (
    arguments,
    complaint_register,
    complaints,
    consent_requests,
    consents,
    decisions,
    disputes,
    events,
    notices,
    own_entries,
    receipts,
    resend,
    subjects,
)
from bureau_client._operations.context import subject_context
from bureau_client._operations.operation import Clock, utc_now
from bureau_client._operations.typed_calls import checked
from bureau_client._transport.retry import DEFAULT_POLICY, RetryPolicy
from bureau_client.aio.client import AsyncClient
from bureau_client.models.codes import (
    Action,
    ComplaintKind,
    ConsentMode,
    ConsentTransition,
    DisputeReason,
    HoldKind,
    NoticeKind,
    PortfolioType,
    Purpose,
    Section,
)
from bureau_client.models.complaints import Complaint, ComplaintCount
from bureau_client.models.consent_requests import ConsentRequest
from bureau_client.models.consents import Arrangement, Consent, Frequency
from bureau_client.models.decisions import RecordedDecision
from bureau_client.models.events import Event
from bureau_client.models.months import Month
from bureau_client.models.notices import NoticeChoice
from bureau_client.models.receipts import Receipt
from bureau_client.models.records import RecordRef
from bureau_client.models.reports import Dispute, Hold, InquiryLine, Notice, Report, Undoing
from bureau_client.models.statements import BeforeSend, Statement, ignore
from bureau_client.verify.event_memory import EventMemory
from bureau_keys.profile import Profile
from bureau_keys.signing import SigningKey, StatementKey


@checked
class AsyncWallet(AsyncClient):
    """A person with their own key: grants and revokes consents, lists inquiries.

    Statements are signed here and submitted through an agent (a wallet operator, a
    consent manager). The agent's profile opens the connection; the agent can neither
    read nor change anything by itself. `wallet_folder` keeps the key on disk.
    """

    def __init__(
        self,
        profile: Profile,
        subject_id: str,
        key: StatementKey,
        *,
        clock: Clock = utc_now,
        policy: RetryPolicy = DEFAULT_POLICY,
        before_send: BeforeSend = ignore,
        folder: Path | None = None,
    ) -> None:
        """Prepare the client; the connection is made by the first call.

        Args:
            profile: The agent's profile.
            subject_id: The person's id.
            key: The person's own key: a `SigningKey`, or any object that signs with a key which
                another device holds.
            clock: Source of the time that statements carry and answers are checked by.
            policy: Deadlines and retries.
            before_send: Called with each signed statement before it is sent; a statement
                that was kept can be passed to `resend` later, also after a crash.
            folder: The person's own folder, where the newest signed file is kept; None keeps
                it as long as the wallet lives.

        Raises:
            InvalidRequest: The subject id is not 32 hex characters.
            VerificationFailed: The file that the folder keeps is damaged.
        """
        self._subject_id = arguments.subject_id(subject_id)
        self._events = EventMemory(folder)
        self._signing = subject_context(profile, subject_id, key, clock)
        super().__init__(profile, self._signing, policy, before_send)

    @property
    def subject_id(self) -> str:
        """The subject id of the person."""
        return self._subject_id

    def binding(self) -> bytes:
        """Sign the binding of the person to their key, for the attesting member to submit.

        Needs no connection. A binding is valid for five minutes; make it when the
        member asks for it.
        """
        envelope = subjects.bind(self._signing.signer, self._subject_id)
        return envelope.SerializeToString(deterministic=True)

    async def grant(
        self,
        grantee: str,
        actions: Sequence[Action],
        purposes: Sequence[Purpose] = (),
        sections: Sequence[Section] = (),
        *,
        expire: datetime | timedelta,
        start: datetime | None = None,
        portfolio_types: Sequence[PortfolioType] = (),
        history_months: int = 24,
        max_uses: int = 0,
        frequency: Frequency | None = None,
        mode: ConsentMode = ConsentMode.VIEW,
        data_life: timedelta = timedelta(0),
        replaces: str | Consent | None = None,
    ) -> Consent:
        """Sign a consent and submit it.

        Args:
            grantee: The member that the consent is for.
            actions: Allowed actions: FURNISH, INQUIRE, MONITOR.
            purposes: Allowed purposes; for INQUIRE and MONITOR.
            sections: Sections of the reports under this consent.
            expire: Time of expiry, or time from the start to it.
            start: Start of the consent; None for now.
            portfolio_types: Allowed kinds of facility; empty for all.
            history_months: Months of payment history in a report; 0 for none.
            max_uses: Largest number of reports in all, with replays under a mode other than STORE;
                0 for no limit.
            frequency: Largest number of reports per calendar unit; None for no limit.
            mode: Allowed handling of the report: view, store, query or stream.
            data_life: Time that the grantee may keep the report; required with STORE,
                refused with any other mode.
            replaces: Earlier consent for the grantee that this one replaces from now on; the
                arrangement of both keeps its id. None for a consent of its own.

        Raises:
            InvalidRequest: The consent exceeds a limit of its purpose; the violation
                names the limit.
            NotFound: The person has no consent to replace with this id.
            WrongState: The consent to replace was revoked or replaced.
        """
        operation = consents.grant(
            self._signing,
            self._subject_id,
            grantee,
            actions=actions,
            purposes=purposes,
            sections=sections,
            portfolio_types=portfolio_types,
            history_months=history_months,
            start=start,
            expire=expire,
            max_uses=max_uses,
            frequency=frequency,
            mode=mode,
            data_life=data_life,
            replaces=replaces,
        )
        return await self._driver.run(operation)

    async def consent_requests(
        self, *, changed_since: datetime | None = None, limit: int | None = None
    ) -> list[ConsentRequest]:
        """List the consent requests of members to the person, newest first, with the answers.

        Args:
            changed_since: Only requests that were made, ended or expired since this time.
            limit: Largest number of requests; None for all.
        """
        operation = consent_requests.list_own(self._signing, changed_since, limit)
        return await self._driver.run(operation)

    async def grant_request(
        self,
        request: str | ConsentRequest,
        *,
        actions: Sequence[Action] | None = None,
        purposes: Sequence[Purpose] | None = None,
        sections: Sequence[Section] | None = None,
        expire: datetime | timedelta | None = None,
        start: datetime | None = None,
        portfolio_types: Sequence[PortfolioType] | None = None,
        history_months: int | None = None,
        max_uses: int | None = None,
        frequency: Frequency | None = None,
        mode: ConsentMode | None = None,
        data_life: timedelta | None = None,
        replaces: str | Consent | None = None,
    ) -> Consent:
        """Grant the consent that a member asks for, as it asks or narrowed by what is passed.

        The request and the consent that answers it become one entry's work: the request is
        GRANTED, or NARROWED if the consent is narrower in a field.

        Args:
            request: The request, or its id.
            actions: Some of the requested actions; None for all.
            purposes: Some of the requested purposes; None for all.
            sections: Some of the requested sections; None for all.
            expire: Time of expiry, or time from the start to it; None for the requested period.
            start: Start of the consent; None for now.
            portfolio_types: Some of the requested kinds of facility; None for all.
            history_months: Months of payment history in a report; None for the requested ones.
            max_uses: Largest number of reports in all; None for the requested number.
            frequency: Largest number of reports per calendar unit; None for the requested one.
            mode: The requested mode or VIEW; None for the requested one.
            data_life: Time that the grantee may keep the report; None for the requested one.
            replaces: Earlier consent for the member that this one replaces; None for none.

        Raises:
            InvalidRequest: The consent would be wider than the request; the violation names
                the field.
            NotFound: The person has no such request.
            WrongState: The request was answered or withdrawn, or has expired.
        """
        operation = consent_requests.grant(
            self._signing,
            request,
            actions=actions,
            purposes=purposes,
            sections=sections,
            portfolio_types=portfolio_types,
            history_months=history_months,
            start=start,
            expire=expire,
            max_uses=max_uses,
            frequency=frequency,
            mode=mode,
            data_life=data_life,
            replaces=replaces,
        )
        return await self._driver.run(operation)

    async def decline_request(
        self, request: str | ConsentRequest, note: str = ""
    ) -> ConsentRequest:
        """Decline a consent request; the member can read the note.

        Raises:
            NotFound: The person has no such request.
            WrongState: The request was answered or withdrawn, or has expired.
        """
        request_id = consent_requests.request_id_of(request)
        return await self._driver.run(consent_requests.decline(self._signing, request_id, note))

    async def pause(self, consent_id: str | Consent, note: str = "") -> Consent:
        """Pause a consent, from the next request on; the grantee can read the note.

        Raises:
            WrongState: The consent is paused or revoked, or has ended.
        """
        return await self._change(consent_id, ConsentTransition.PAUSE, note)

    async def resume(self, consent_id: str | Consent, note: str = "") -> Consent:
        """Resume a paused consent.

        Raises:
            WrongState: The consent is not paused, or has ended.
        """
        return await self._change(consent_id, ConsentTransition.RESUME, note)

    async def revoke(self, consent_id: str | Consent, note: str = "") -> Consent:
        """Revoke a consent permanently, from the next request on.

        A consent that has ended keeps its state, EXPIRED or EXHAUSTED.
        """
        return await self._change(consent_id, ConsentTransition.REVOKE, note)

    async def consents(self, *, limit: int | None = None) -> list[Consent]:
        """List every consent that the person granted, newest first."""
        return await self._driver.run(consents.list_own(self._signing, limit))

    async def arrangements(self) -> list[Arrangement]:
        """List the consents that the person granted, each with those that it replaced.

        Raises:
            VerificationFailed: An arrangement is not whole.
        """
        return await self._driver.run(consents.own_arrangements(self._signing))

    async def inquiries(self, *, limit: int | None = None) -> list[InquiryLine]:
        """List the inquiries about the person, granted and denied, and replays of reports,
        newest first, each verified against what the member signed.

        Raises:
            VerificationFailed: A member did not sign what a line shows.
        """
        operation = subjects.list_own_inquiries(self._signing, self._subject_id, limit)
        return await self._driver.run(operation)

    async def file(self) -> Report:
        """Return the person's whole credit file, signed by the bureau.

        `Report.omissions` lists the parts that reports leave out, and the reasons. The file
        covers every event that an earlier one covered: the newest one is kept in the wallet's
        folder.

        Raises:
            VerificationFailed: The file's chain of events does not extend the kept one's.
        """
        return await self._driver.run(subjects.get_file(self._signing, self._events))

    async def events(self, *, limit: int | None = None) -> list[Event]:
        """List every statement about the person that the log holds, oldest first: consents,
        requests for them, keys, holds, disputes, inquiries, replays, erasures; not what
        furnishers submit.

        Raises:
            VerificationFailed: An event is not in the log, or one is missing that a signed
                file covered.
        """
        return await self._driver.run(events.list_events(self._signing, self._events, limit))

    async def place_hold(self, kind: HoldKind, *, expire: datetime | None = None) -> Hold:
        """Freeze the file, or place a fraud alert on it, from the next request on.

        Args:
            kind: Kind of hold.
            expire: Time at which the hold ends by itself; None for never.

        Raises:
            WrongState: A hold of this kind is already in force.
        """
        return await self._driver.run(own_entries.place_hold(self._signing, kind, expire))

    async def lift_hold(
        self, hold_id: str, *, until: datetime | None = None, member_id: str = ""
    ) -> Hold:
        """Lift a hold, permanently or until a time.

        Args:
            hold_id: The hold.
            until: Time from which the hold is in force again; None for never.
            member_id: The only member to lift the hold for; needs `until`. Empty for all.

        Raises:
            NotFound: The person has no hold with this id.
            WrongState: The hold has ended.
        """
        return await self._driver.run(
            own_entries.lift_hold(self._signing, hold_id, until, member_id)
        )

    async def dispute(
        self,
        tradeline_id: str,
        *,
        field: str,
        reason: DisputeReason,
        month: Month | None = None,
        narrative: str = "",
        attachment_digests: Sequence[bytes] = (),
    ) -> Dispute:
        """Dispute a field of a tradeline; reports show the dispute at once.

        Args:
            tradeline_id: The tradeline.
            field: The disputed field, for example `balance_minor`.
            reason: Reason of the dispute.
            month: The disputed month; None for the whole account.
            narrative: Explanation in the person's own words.
            attachment_digests: SHA-256 of documents that the person keeps.

        Raises:
            NotFound: The credit file has no tradeline with this id.
            WrongState: The field is already under dispute.
        """
        operation = disputes.open_dispute(
            self._signing,
            self._subject_id,
            tradeline_id,
            field=field,
            reason=reason,
            month=month,
            narrative=narrative,
            attachment_digests=attachment_digests,
        )
        return await self._driver.run(operation)

    async def add_to_dispute(
        self, dispute_id: str, narrative: str, attachment_digests: Sequence[bytes] = ()
    ) -> Dispute:
        """Add facts to an open dispute; the bureau notifies the furnisher and may extend
        its deadline.

        Args:
            dispute_id: The dispute.
            narrative: The added facts.
            attachment_digests: SHA-256 of documents that the person keeps.

        Raises:
            NotFound: The person has no dispute with this id.
            WrongState: The dispute is closed.
        """
        operation = disputes.add_to_dispute(
            self._signing, dispute_id, narrative, attachment_digests
        )
        return await self._driver.run(operation)

    async def decisions(self, *, limit: int | None = None) -> list[RecordedDecision]:
        """List the decisions that lenders recorded on reports about the person, newest first,
        each verified: its lender signed it, about this person.

        Raises:
            VerificationFailed: A decision is not in the log, its lender did not sign it, or it
                is about another person.
        """
        return await self._driver.run(decisions.list_decisions(self._signing, limit))

    async def disputes(self, *, limit: int | None = None) -> list[Dispute]:
        """List the person's disputes, newest first."""
        return await self._driver.run(disputes.list_own_disputes(self._signing, limit))

    async def complain(
        self, member_id: str, kind: ComplaintKind, deed: str | RecordRef, *, narrative: str = ""
    ) -> Complaint:
        """Open a complaint about a deed of a member; each deed has one.

        An inquiry under complaint is left out of reports for other members until the complaint
        ends, and for good if it is upheld.

        Args:
            member_id: The member whose deed it is.
            kind: Subject of the complaint, which says what the deed is.
            deed: For ACTION_WITHOUT_REASON and REVIEW_MISSED the action's record; otherwise the
                id of the inquiry, decision, dispute or consent.
            narrative: The person's words.

        Raises:
            NotFound: The member has no such deed about the person.
            WrongState: The deed has its complaint, or the dispute waits for its answer.
        """
        operation = complaints.open_complaint(self._signing, member_id, kind, deed, narrative)
        return await self._driver.run(operation)

    async def complaints(self, *, limit: int | None = None) -> list[Complaint]:
        """List the person's complaints, newest first."""
        return await self._driver.run(complaints.list_own(self._signing, limit))

    async def escalate(self, complaint_id: str, narrative: str = "") -> Complaint:
        """Take an overdue or rejected complaint to the operator.

        Args:
            complaint_id: The complaint.
            narrative: The person's words to the operator.

        Raises:
            NotFound: The person has no complaint with this id.
            WrongState: The complaint is neither overdue nor was rejected lately.
        """
        operation = complaints.escalate(self._signing, complaint_id, narrative)
        return await self._driver.run(operation)

    async def complaint_counts(self) -> list[ComplaintCount]:
        """Count the complaints of the register by member and kind, each line proved by the log.

        Raises:
            VerificationFailed: The register lacks a line, or a complaint of the person's own.
        """
        own = await self.complaints()
        return await self._driver.run(complaint_register.count_complaints(self._context, own))

    async def receipt(self, request_id: str, envelope: bytes | None = None) -> Receipt:
        """Return the receipt of a write of the person; a receipt proves that the write took
        effect.

        Args:
            request_id: The statement's request id; after a lost reply it is in
                `BureauError.request_id`.
            envelope: The signed statement. With it the whole receipt is verified; without
                it only the checkpoint's signature is.

        Raises:
            NotFound: The write took no effect.
        """
        return await self._driver.run(receipts.get_own_receipt(self._signing, request_id, envelope))

    async def notices(self, *, limit: int | None = None) -> list[Notice]:
        """List the bureau's notices to the person, newest first.

        A key that was replaced without its approval can list them, too, for the notice
        period of the jurisdiction.
        """
        return await self._driver.run(notices.list_notices(self._signing, limit))

    def watch_notices(self, after: str = "") -> AsyncIterator[Notice]:
        """Follow the bureau's notices to the person; the iterator never ends.

        Each notice comes once for a cursor, in the order of their times, however late the person
        asks, but for the kinds that the person's choice left out when the notice arose; each is
        verified. Keep the cursor of the last notice shown.

        Args:
            after: Cursor of the last notice shown; empty for all from the first.

        Raises:
            NotAuthenticated: The key may read no notices any more: it was replaced.
        """
        return self._driver.follow(notices.watch_notices(self._signing, after))

    async def choose_notices(
        self, muted: Sequence[NoticeKind] = (), *, agent_id: str = "", language: str = ""
    ) -> Receipt:
        """Set what the person hears of, from now on; the choice replaces the one before.

        The statement is signed and logged. Lists have every notice, whatever the choice.

        Args:
            muted: Kinds that streams leave out; empty to hear of everything. Of keys and of
                erasures the person always hears.
            agent_id: Agent that may know that there is a notice, and of which kind, to pass it on
                by mail or message; empty for none.
            language: Language in which the agent writes, a BCP 47 tag; empty for any.

        Raises:
            InvalidRequest: A kind cannot be left out, or no active agent has the id.
        """
        return await self._driver.run(
            notices.choose_notices(self._signing, muted, agent_id, language)
        )

    async def notice_choice(self) -> NoticeChoice:
        """Return the choice of what to hear of, as the person signed it; everything without one.

        The choices of a key that was repudiated do not count: the one before them holds.

        Raises:
            VerificationFailed: The choice is not the person's, or not in the log.
        """
        return await self._driver.run(notices.get_notice_choice(self._signing))

    async def set_statement(self, text: str) -> Receipt:
        """Set the person's own statement on the file; every report shows the statement.

        Args:
            text: At most 2,000 characters; empty removes the statement.
        """
        return await self._driver.run(own_entries.set_statement(self._signing, text))

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

    async def rotate_key(self, new_key: SigningKey) -> Receipt:
        """Replace the person's key, by a statement signed with the present key.

        Save the new key first: once the bureau accepts it, only the new key is valid.
        """
        return await self._driver.run(subjects.rotate_key(self._signing, self._subject_id, new_key))

    async def approve_key(self, key_id: str) -> Receipt:
        """Approve the key that is to replace the present one; it comes in force at once.

        Args:
            key_id: The pending key, as a notice names it.

        Raises:
            NotFound: No pending key has this id.
        """
        return await self._driver.run(subjects.approve_key(self._signing, key_id))

    async def repudiate_key(self, key_id: str) -> Undoing:
        """Repudiate a key that replaces this wallet's: before it comes in force, which vetoes
        it, or within the notice period after.

        The key and all later ones end, this wallet's key is in force, consents that they
        granted are revoked, and their lifts of holds are undone.

        Args:
            key_id: The key, as a notice names it.

        Raises:
            NotFound: No key with this id replaces this wallet's key without its signature.
            WrongState: The key is repudiated.
        """
        operation = subjects.repudiate_own_key(self._signing, self._subject_id, key_id)
        return await self._driver.run(operation)

    async def _change(
        self, consent_id: str | Consent, transition: ConsentTransition, note: str
    ) -> Consent:
        return await self._driver.run(consents.change(self._signing, consent_id, transition, note))

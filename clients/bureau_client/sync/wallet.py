"""A subject's own way to the bureau, synchronous."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bureau_client._operations import (
    arguments,
    consents,
    disputes_and_holds,
    receipts,
    resend,
    subjects,
)
from bureau_client._operations.context import subject_caller
from bureau_client._operations.operation import Clock, utc_now
from bureau_client._transport.retry import DEFAULT_POLICY, RetryPolicy
from bureau_client.models.codes import (
    Action,
    ConsentMode,
    ConsentTransition,
    DisputeReason,
    HoldKind,
    PortfolioType,
    Purpose,
    Section,
)
from bureau_client.models.consents import Consent, Frequency
from bureau_client.models.months import Month
from bureau_client.models.receipts import Receipt
from bureau_client.models.reports import Dispute, Hold, InquiryLine, Notice, Report
from bureau_client.models.statements import BeforeSend, Statement, ignore
from bureau_client.sync.client import Client
from bureau_keys.profile import Profile
from bureau_keys.signing import SigningKey


class Wallet(Client):
    """A person with their own key: grants and revokes consents, sees who looked.

    Statements are signed here and carried by an agent (a wallet operator, a
    consent manager), whose profile opens the connection and which can read and
    change nothing by itself. `wallet_folder` keeps the key on disk.
    """

    def __init__(
        self,
        profile: Profile,
        subject_id: str,
        key: SigningKey,
        *,
        clock: Clock = utc_now,
        policy: RetryPolicy = DEFAULT_POLICY,
        before_send: BeforeSend = ignore,
    ) -> None:
        """Prepares; nothing is sent before the first call.

        Args:
            profile: The agent's profile.
            subject_id: The person's id.
            key: The person's own key.
            clock: What time it is.
            policy: Deadlines and retries.
            on_statement: Is given what was signed before it is sent; who keeps it can
                `resend` it later, after a crash too.

        Raises:
            InvalidRequest: The subject id is none.
        """
        self._subject_id = arguments.subject_id(subject_id)
        self._caller = subject_caller(profile, subject_id, key, clock)
        super().__init__(profile, self._caller, policy, before_send)

    @property
    def subject_id(self) -> str:
        """The person that this is."""
        return self._subject_id

    def binding(self) -> bytes:
        """The person's agreement to their key, for an attesting member to hand in.

        Made without a network. It is good for five minutes; make it when the
        member asks for it.
        """
        envelope = subjects.bind(self._caller.author, self._subject_id)
        return envelope.SerializeToString(deterministic=True)

    def grant(
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
    ) -> Consent:
        """Signs a consent and hands it in.

        Args:
            grantee: The member that may act.
            actions: What it may do: FURNISH, INQUIRE, MONITOR.
            purposes: For INQUIRE and MONITOR: what for.
            sections: What reports under it hold.
            expire: Until when, or for how long.
            start: From when; None: from now.
            portfolio_types: Which kinds of facility; empty means all.
            history_months: Months of payment history; 0 means none.
            max_uses: Reports in all; 0 means no limit.
            frequency: Reports per calendar unit; None means no limit.
            mode: What the grantee may do with what it gets.
            data_life: How long it may keep it; only, and then surely, with STORE.

        Raises:
            InvalidRequest: The consent goes over its purpose's ceiling; the
                violation names it.
        """
        plan = consents.grant(
            self._caller,
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
        )
        return self._driver.run(plan)

    def pause(self, consent_id: str, note: str = "") -> Consent:
        """Pauses a consent, from the next request on; the grantee reads the note."""
        return self._change(consent_id, ConsentTransition.PAUSE, note)

    def resume(self, consent_id: str, note: str = "") -> Consent:
        """Ends a pause.

        Raises:
            WrongState: The consent is not paused.
        """
        return self._change(consent_id, ConsentTransition.RESUME, note)

    def revoke(self, consent_id: str, note: str = "") -> Consent:
        """Revokes a consent for good, from the next request on."""
        return self._change(consent_id, ConsentTransition.REVOKE, note)

    def consents(self, *, limit: int | None = None) -> list[Consent]:
        """All consents that the person granted, newest first."""
        return self._driver.run(consents.list_own(self._caller, limit))

    def inquiries(self, *, limit: int | None = None) -> list[InquiryLine]:
        """Who looked: every inquiry, granted and denied, newest first."""
        return self._driver.run(subjects.list_inquiries(self._caller, limit))

    def file(self) -> Report:
        """The person's whole credit file, signed by the bureau.

        It names what reports leave out, and why.
        """
        return self._driver.run(subjects.get_file(self._caller))

    def place_hold(self, kind: HoldKind, *, expire: datetime | None = None) -> Hold:
        """Freezes the file, or puts a fraud alert on it, from the next request on.

        Args:
            expire: When it ends by itself; None means never.

        Raises:
            WrongState: Such a hold stands already.
        """
        return self._driver.run(disputes_and_holds.place_hold(self._caller, kind, expire))

    def lift_hold(
        self, hold_id: str, *, until: datetime | None = None, member_id: str = ""
    ) -> Hold:
        """Lifts a hold for good; or until a time, after which it is back.

        Args:
            member_id: Lifts it for this member only; needs `until`.

        Raises:
            NotFound: No such hold of the person's.
            WrongState: It has ended.
        """
        return self._driver.run(
            disputes_and_holds.lift_hold(self._caller, hold_id, until, member_id)
        )

    def dispute(
        self,
        tradeline_id: str,
        *,
        field: str,
        reason: DisputeReason,
        month: Month | None = None,
        narrative: str = "",
        attachment_digests: Sequence[bytes] = (),
    ) -> Dispute:
        """Challenges what a tradeline says; reports show it at once.

        Args:
            field: Which field is wrong, for example `balance_minor`.
            month: Which month; None means the whole account.
            narrative: What is wrong, in the person's own words.
            attachment_digests: SHA-256 of documents that the person keeps.

        Raises:
            NotFound: No such tradeline on the file.
            WrongState: The same is disputed already.
        """
        plan = disputes_and_holds.open_dispute(
            self._caller,
            self._subject_id,
            tradeline_id,
            field=field,
            reason=reason,
            month=month,
            narrative=narrative,
            attachment_digests=attachment_digests,
        )
        return self._driver.run(plan)

    def add_to_dispute(
        self, dispute_id: str, narrative: str, attachment_digests: Sequence[bytes] = ()
    ) -> Dispute:
        """Adds facts to an open dispute; the furnisher is told, and may have more time.

        Args:
            narrative: What there is to add.
            attachment_digests: SHA-256 of documents that the person keeps.

        Raises:
            NotFound: No such dispute of the person's.
            WrongState: It is open no more.
        """
        plan = disputes_and_holds.add_to_dispute(
            self._caller, dispute_id, narrative, attachment_digests
        )
        return self._driver.run(plan)

    def disputes(self, *, limit: int | None = None) -> list[Dispute]:
        """The person's disputes, newest first."""
        return self._driver.run(disputes_and_holds.list_own_disputes(self._caller, limit))

    def receipt(self, request_id: str, envelope: bytes | None = None) -> Receipt:
        """The receipt of a write that the person made: whether it took effect.

        Args:
            request_id: The statement's request id; `BureauError.request_id` has it
                where a reply was lost.
            envelope: The signed statement. With it the receipt is verified; without
                it only the checkpoint's signature is.

        Raises:
            NotFound: The write took no effect.
        """
        return self._driver.run(receipts.get_own_receipt(self._caller, request_id, envelope))

    def notices(self, *, limit: int | None = None) -> list[Notice]:
        """What the bureau has to tell the person, newest first."""
        return self._driver.run(subjects.list_notices(self._caller, limit))

    def set_statement(self, text: str) -> Receipt:
        """Puts the person's own statement on the file, for every reader of a report.

        Args:
            text: At most 2,000 characters; empty takes the statement off.
        """
        return self._driver.run(disputes_and_holds.set_statement(self._caller, text))

    def resend(self, statement: Statement) -> Receipt:
        """Sends a statement again as it was signed. It has one effect: then or now.

        Args:
            statement: What `before_send` was given.

        Raises:
            Unavailable: What became of it is still unknown.
            BureauError: It took no effect, and is refused now.
        """
        return self._driver.run(resend.resend(self._caller, statement))

    def rotate_key(self, new_key: SigningKey) -> Receipt:
        """Replaces the key by a statement signed with the present one.

        Save the new key first: from the moment it is accepted, only it counts.
        """
        return self._driver.run(subjects.rotate_key(self._caller, self._subject_id, new_key))

    def _change(self, consent_id: str, transition: ConsentTransition, note: str) -> Consent:
        return self._driver.run(consents.change(self._caller, consent_id, transition, note))

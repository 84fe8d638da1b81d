"""Limits of what one member or one person stores, so that no reply to others grows without end."""

from __future__ import annotations

from math import isqrt
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# Bytes of the largest tradeline without history and actions.
ACCOUNT_BYTES = 500
# Records in one submission: those of the contract, and those that a client may always send.
MOST_OF_SUBMISSION, FEWEST_OF_SUBMISSION = 10_000, 2_000
Count = Annotated[int, Field(ge=1)]


class PartyLimits(BaseModel):
    """The table `[limits]` of the settings. A statement beyond one is refused.

    Attributes:
        records_of_submission: Records in one submission, which is stored in one piece while the
            writes of others wait. The SDK sends FEWEST_OF_SUBMISSION.
        bytes_on_person: Bytes that a report has for the accounts of one member on one person:
            ACCOUNT_BYTES for each, deleted ones too, and the payment history. Where k members
            have accounts on the person, each has a k-th part (`share_on_person`).
        members_on_person: Members with accounts on one person.
        records_of_account: Records of one account, of all months.
        actions_of_account: Facility actions of one account.
        replays_of_report: Replays of one report by one member.
        credentials_a_day: Keys and certificates that a member adds itself in 24 hours.
        credentials: Keys and certificates of a member, withdrawn ones too; the operator adds
            more.
        decisions_of_report: Decisions that a member records on one report; a replay of the
            report shows all.
        open_requests_on_person: Consent requests of one member to one person that can be answered.
            Requests to a subject id that no person has count alike.
        requests_on_person: Consent requests of one member to one person in 30 days.
        days_of_request: Days for which a consent request can be answered.
        rotations: Keys of a person since the last attestation of one.
        waiting_complaints: Complaints of a person that wait for the member's answer. One deed has
            one complaint, ever.
        inquiry_complaints: Complaints of a person about inquiries in 365 days: more would hide a
            search for credit from the lenders who are asked for it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    records_of_submission: Annotated[int, Field(ge=FEWEST_OF_SUBMISSION)] = MOST_OF_SUBMISSION
    bytes_on_person: Count = 3 << 19
    members_on_person: Count = 300
    records_of_account: Count = 20_000
    actions_of_account: Count = 240
    replays_of_report: Count = 50
    credentials_a_day: Count = 24
    credentials: Count = 1_000
    decisions_of_report: Count = 20
    open_requests_on_person: Count = 3
    requests_on_person: Count = 10
    days_of_request: Count = 31
    rotations: Count = 100
    waiting_complaints: Count = 50
    inquiry_complaints: Count = 12

    def share_on_person(self, members: int) -> int:
        """Return the bytes up to which the accounts of one member on one person may grow.

        The share follows from the number of members alone, so no member uses up that of
        another. The k-th member begins with a k-th part, so all accounts on a person have at
        most bytes_on_person * (1 + 1/2 + 1/3 + ... + 1/members_on_person) bytes.

        Args:
            members: Members with accounts on the person, this one included.
        """
        return self.bytes_on_person // members

    def accounts_within_share(self, account_bytes: int) -> int:
        """Return a number of accounts on a person, of all members together, with which no member
        is beyond a limit, however the accounts are divided among the members.

        Args:
            account_bytes: Bytes of the longest account.
        """
        return min(isqrt(self.bytes_on_person // account_bytes), self.members_on_person)


# For a replay of the log: the limits of today say nothing about statements of earlier days.
NO_LIMITS = PartyLimits(**dict.fromkeys(PartyLimits.model_fields, 1 << 62))

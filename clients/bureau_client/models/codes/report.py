"""What reports and credit files hold."""

from __future__ import annotations

from bureau_client.models.codes.base import Code


class EvidenceLevel(Code):
    """Which furnishers' records come with a report."""

    UNSPECIFIED = 0
    NONE = 1
    NEWEST = 2  # the record behind each tradeline's newest month
    ALL = 3  # the record behind every month in the report


class ReportOutcome(Code):
    """Whether the bureau has a credit file; NO_HIT is a normal answer."""

    UNSPECIFIED = 0
    HIT = 1
    NO_HIT = 2


class InquiryKind(Code):
    """HARD inquiries are shown to other members, SOFT ones to the subject only."""

    UNSPECIFIED = 0
    HARD = 1  # shown to other members
    SOFT = 2  # shown to the subject only


class InquiryOutcome(Code):
    """What came of an inquiry."""

    UNSPECIFIED = 0
    REPORTED = 1
    NO_HIT = 2
    DENIED = 3
    REPLAYED = 4  # an auditor had a report made again


class OmissionReason(Code):
    """Why something was left out of a report."""

    UNSPECIFIED = 0
    CONSENT_SCOPE = 1
    HOLD = 2
    RECIPROCITY = 3
    OBSOLETE = 4  # for the subject only: dropped off by age
    DELETED = 5  # for the subject only: deleted
    LEFT = 6  # for the subject only: the account names them no more


class FlagKind(Code):
    """Something to review; the bureau never decides."""

    UNSPECIFIED = 0
    DIVERGENCE = 1  # across lenders
    FRAUD_ALERT = 2
    GROUP_DIVERGENCE = 3  # within one lender, or one group of lenders


class HoldKind(Code):
    """What a subject placed on their own file."""

    UNSPECIFIED = 0
    SECURITY_FREEZE = 1  # no report for new credit
    FRAUD_ALERT = 2  # reports carry a warning to identify the person with care


class HoldState(Code):
    """Where a hold stands."""

    UNSPECIFIED = 0
    IN_FORCE = 1
    LIFTED_FOR_A_TIME = 2
    ENDED = 3


class DisputeReason(Code):
    """What a subject says is wrong."""

    UNSPECIFIED = 0
    NOT_MINE = 1
    SAME_NAME = 2
    NOT_LIABLE = 3
    WRONG_DATES = 4
    WRONG_AMOUNT = 5
    WRONG_STATUS = 6
    INACCURATE = 7
    IDENTITY_THEFT = 8


class DisputeState(Code):
    """Where a dispute stands."""

    UNSPECIFIED = 0
    OPEN = 1
    ANSWERED = 2
    LAPSED = 3


class DisputeOutcome(Code):
    """The furnisher's answer to a dispute."""

    UNSPECIFIED = 0
    ACCURATE = 1
    MODIFIED = 2
    DELETED = 3
    FRAUD = 4

"""Codes in reports and credit files."""

from __future__ import annotations

from bureau_client.models.codes.base import Code


class EvidenceLevel(Code):
    """Amount of evidence in a report."""

    UNSPECIFIED = 0
    NONE = 1
    NEWEST = 2  # the record of each tradeline's newest month
    ALL = 3  # the record of every month in the report


class ReportOutcome(Code):
    """Outcome of the search for a credit file; NO_HIT is a normal answer."""

    UNSPECIFIED = 0
    HIT = 1
    NO_HIT = 2


class StaleReason(Code):
    """Reason why an open account is no longer reported."""

    UNSPECIFIED = 0
    NOT_REPORTED = 1  # for more months than the policy of the place allows
    FURNISHER_LEFT = 2  # its furnisher is suspended, or furnishes no more


class InquiryKind(Code):
    """Visibility of an inquiry: HARD for other members, SOFT for the subject only."""

    UNSPECIFIED = 0
    HARD = 1  # shown to other members
    SOFT = 2  # shown to the subject only


class InquiryOutcome(Code):
    """Outcome of an inquiry."""

    UNSPECIFIED = 0
    REPORTED = 1
    NO_HIT = 2
    DENIED = 3
    REPLAYED = 4  # an auditor had a report made again


class OmissionReason(Code):
    """Reason for leaving a part out of a report."""

    UNSPECIFIED = 0
    CONSENT_SCOPE = 1
    HOLD = 2
    RECIPROCITY = 3
    OBSOLETE = 4  # for the subject only: dropped off by age
    DELETED = 5  # for the subject only: deleted
    LEFT = 6  # for the subject only: the subject is no longer on the account
    ERASED = 7  # for the subject only: erased by the operator
    BLOCKED = 8  # for the subject only: blocked for identity theft


class FlagKind(Code):
    """Kind of a matter to review; the bureau never decides."""

    UNSPECIFIED = 0
    DIVERGENCE = 1  # across lenders
    FRAUD_ALERT = 2
    GROUP_DIVERGENCE = 3  # within one lender, or one group of lenders


class HoldKind(Code):
    """Kind of hold that a subject places on their own file."""

    UNSPECIFIED = 0
    SECURITY_FREEZE = 1  # no report for new credit
    FRAUD_ALERT = 2  # reports carry a warning to identify the person with care


class HoldState(Code):
    """State of a hold."""

    UNSPECIFIED = 0
    IN_FORCE = 1
    LIFTED_FOR_A_TIME = 2
    ENDED = 3


class DisputeReason(Code):
    """Reason of a dispute."""

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
    """State of a dispute."""

    UNSPECIFIED = 0
    OPEN = 1
    ANSWERED = 2
    LAPSED = 3


class DeedType(Code):
    """A deed of a member that a complaint is about."""

    UNSPECIFIED = 0
    ACTION = 1
    INQUIRY = 2
    DECISION = 3
    DISPUTE = 4
    CONSENT = 5


class ComplaintKind(Code):
    """Subject of a complaint."""

    UNSPECIFIED = 0
    ACTION_WITHOUT_REASON = 1
    REVIEW_MISSED = 2
    INQUIRY_NOT_ASKED_FOR = 3
    DECISION_WITHOUT_NOTICE = 4
    EMPTY_ANSWER = 5
    DATA_KEPT_TOO_LONG = 6


class ComplaintState(Code):
    """State of a complaint."""

    UNSPECIFIED = 0
    OPEN = 1
    OVERDUE = 2
    ANSWERED = 3
    ESCALATED = 4
    DECIDED = 5


class ComplaintOutcome(Code):
    """The member's answer to a complaint, or the operator's decision."""

    UNSPECIFIED = 0
    UPHELD = 1
    REJECTED = 2


class DisputeOutcome(Code):
    """The furnisher's answer to a dispute."""

    UNSPECIFIED = 0
    ACCURATE = 1
    MODIFIED = 2
    DELETED = 3
    FRAUD = 4

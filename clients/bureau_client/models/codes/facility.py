"""Codes of credit facilities and of the records about them."""

from __future__ import annotations

from bureau_client.models.codes.base import Code


class SubmissionKind(Code):
    """Relation of a submission to earlier ones; a correction overrides every original."""

    UNSPECIFIED = 0
    ORIGINAL = 1  # the month's regular file
    SUPPLEMENT = 2  # accounts that the regular file missed
    RESEND = 3  # the same again
    CORRECTION = 4  # replaces what was wrong


class PortfolioType(Code):
    """Kind of facility (Metro 2 portfolio type)."""

    UNSPECIFIED = 0
    LINE_OF_CREDIT = 1
    INSTALMENT = 2
    MORTGAGE = 3
    OPEN = 4
    REVOLVING = 5


class PartyRole(Code):
    """Role of a person on an account (Metro 2 ECOA code)."""

    UNSPECIFIED = 0
    INDIVIDUAL = 1  # ECOA 1
    JOINT = 2  # ECOA 2
    AUTHORISED_USER = 3  # ECOA 3
    GUARANTOR = 4  # ECOA 5
    MAKER = 5  # ECOA 7
    TERMINATED = 6  # ECOA T
    DECEASED = 7  # ECOA X
    BUSINESS = 8  # ECOA W


class AccountStatus(Code):
    """Status of an account at a month's end (Metro 2 account status)."""

    UNSPECIFIED = 0
    CURRENT = 1  # 0 to 29 days past due (11)
    PAST_DUE_30 = 2  # 30 to 59 days past due (71)
    PAST_DUE_60 = 3  # 60 to 89 days past due (78)
    PAST_DUE_90 = 4  # 90 to 119 days past due (80)
    PAST_DUE_120 = 5  # 120 to 149 days past due (82)
    PAST_DUE_150 = 6  # 150 to 179 days past due (83)
    PAST_DUE_180 = 7  # 180 or more days past due (84)
    PAID_OR_CLOSED = 8  # paid or closed, zero balance (13)
    TRANSFERRED = 9  # transferred (05)
    PAID_SURRENDER = 10  # paid in full, was a voluntary surrender (61)
    PAID_COLLECTION = 11  # paid in full, was a collection (62)
    PAID_REPOSSESSION = 12  # paid in full, was a repossession (63)
    PAID_CHARGE_OFF = 13  # paid in full, was a charge-off (64)
    PAID_FORECLOSURE_STARTED = 14  # paid in full, a foreclosure was started (65)
    CLAIM_FILED = 15  # claim filed with government for insured portion (88)
    DEED_IN_LIEU = 16  # deed received in lieu of foreclosure (89)
    COLLECTION = 17  # assigned to collections (93)
    FORECLOSURE = 18  # foreclosure completed (94)
    SURRENDER = 19  # voluntary surrender (95)
    REPOSSESSION = 20  # merchandise repossessed (96)
    CHARGE_OFF = 21  # unpaid balance charged off (97)


class CloseReason(Code):
    """Reason for closing an account."""

    UNSPECIFIED = 0
    PAID_OFF = 1
    CHARGED_OFF = 2
    BY_CONSUMER = 3
    BY_GRANTOR = 4
    REFINANCED = 5
    TRANSFERRED = 6


class Classification(Code):
    """Five-tier loan classification of the People's Bank of China."""

    UNSPECIFIED = 0
    NORMAL = 1
    SPECIAL_MENTION = 2
    SUBSTANDARD = 3
    DOUBTFUL = 4
    LOSS = 5


class ComplianceCondition(Code):
    """Compliance condition code (Metro 2)."""

    UNSPECIFIED = 0
    CLOSED_BY_CONSUMER = 1  # XA: closed at the consumer's request
    DISPUTE_OPEN = 2  # XB: the consumer disputes the information, investigation open
    DISPUTE_DISAGREES = 3  # XC: investigation complete, the consumer disagrees
    DISPUTE_RESOLVED = 4  # XH: previously in dispute, investigation complete
    REMOVE = 5  # XR: removes the code reported before


class FacilityActionKind(Code):
    """Kind of a lender's action on a facility."""

    UNSPECIFIED = 0
    FREEZE = 1
    RESTORE = 2
    LIMIT_CHANGE = 3
    CLOSE = 4
    CHARGE_OFF = 5
    TRANSFER = 6
    RENUMBER = 7
    RESTRUCTURE = 8


class Initiator(Code):
    """Initiator of a facility action."""

    UNSPECIFIED = 0
    LENDER = 1
    SUBJECT = 2
    AUTHORITY = 3


class ActionReason(Code):
    """Reason for a facility action."""

    UNSPECIFIED = 0
    DELINQUENCY_HERE = 1
    DELINQUENCY_ELSEWHERE = 2
    OVER_INDEBTEDNESS = 3
    INCOME_CHANGE = 4
    FRAUD_SUSPECTED = 5
    INACTIVITY = 6
    COLLATERAL = 7
    POLICY_CHANGE = 8
    AT_REQUEST = 9
    LEGAL_ORDER = 10
    INQUIRIES = 11


class DeletionReason(Code):
    """Reason for withdrawing a record."""

    UNSPECIFIED = 0
    INACCURATE = 1
    FRAUD = 2
    DISPUTE = 3

"""Messages that the bureau sends unasked: alerts to members, notices to persons."""

from __future__ import annotations

from bureau_client.models.codes.base import Code


class AlertKind(Code):
    """Kind of event in a monitored person's file."""

    UNSPECIFIED = 0
    NEW_INQUIRY = 1
    INQUIRY_BURST = 2
    FIRST_DELINQUENCY = 3
    STATUS_WORSE = 4
    UTILISATION_JUMP = 5
    LINE_FROZEN = 6
    LINE_RESTORED = 7
    NEW_TRADELINE = 8
    DISPUTE = 9
    DIVERGENCE = 10  # one line frozen while another lends, across lenders
    GROUP_DIVERGENCE = 11  # the same within one lender, or one group of lenders
    STATUS_BETTER = 12


class NoticeKind(Code):
    """Kind of notice to a person about their own file."""

    UNSPECIFIED = 0
    ADVERSE_DATA = 1
    DISPUTE = 2
    REINSERTION = 3
    DECISION = 4
    KEY_REPLACED = 5
    ERASURE = 6
    KEY_PENDING = 7
    KEY_REPUDIATED = 8
    COMPLAINT = 20
    INQUIRY = 21  # a member got a report
    INQUIRY_DENIED = 22
    REPLAY = 23  # a report was made again
    NEW_ACCOUNT = 24  # an account names the person for the first time
    LINE_FROZEN = 25
    LINE_RESTORED = 26
    LIMIT_CHANGED = 27  # neither lowered nor raised
    LINE_CLOSED = 28
    CONSENT_GRANTED = 29
    CONSENT_CHANGED = 30
    CONSENT_USED_UP = 31  # the last of its uses was used
    CONSENT_ENDING = 32  # it ends in 7 days
    CONSENT_REQUEST = 33
    CONSENT_REQUEST_WITHDRAWN = 34
    CONSENT_REQUEST_ENDING = 35  # it ends in 2 days
    HOLD_PLACED = 36
    HOLD_LIFTED = 37
    DELETION_CONFIRMED = 38
    DELETION_MISSING = 39  # not confirmed in time
    LIMIT_LOWERED = 40
    LIMIT_RAISED = 41
    DISPUTE_OVERDUE = 42  # not answered by its deadline
    COMPLAINT_OVERDUE = 43  # not answered by its deadline
    COMPLAINT_UNDECIDED = 44  # not decided by the operator by its deadline

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

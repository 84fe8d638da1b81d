"""The deadlines of disputes and complaints, as queries of notices take them."""

from __future__ import annotations

from bureau.calendar import DAY_US
from bureau.policy import Policy


def deadlines(policy: Policy) -> dict[str, int]:
    """Return the parameters by which a query finds what is overdue; 0 for no deadline."""
    return {
        "dispute_us": policy.dispute_days * DAY_US,
        "extension_us": policy.dispute_extension_days * DAY_US,
        "complaint_us": policy.complaint.days * DAY_US,
        "decision_us": policy.complaint.decision_days * DAY_US,
    }

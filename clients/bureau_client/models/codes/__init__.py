"""The coded fields: every enum of the contract, under short names.

`Purpose.CREDIT_APPLICATION` is the contract's `PURPOSE_CREDIT_APPLICATION`;
numbers are the contract's numbers. `text` is the name in words, `text_in("zh")` the
meaning in a language (`bureau_client.models.texts`). A number unknown to this release reads
as a member named `UNKNOWN_<number>`, so that an older client can show a newer bureau's
report.
"""

from bureau_client.models.codes.alerts import AlertKind, NoticeKind
from bureau_client.models.codes.base import Code
from bureau_client.models.codes.decisions import DecisionOutcome
from bureau_client.models.codes.facility import (
    AccountStatus,
    ActionReason,
    Classification,
    CloseReason,
    ComplianceCondition,
    DeletionReason,
    FacilityActionKind,
    Initiator,
    PartyRole,
    PortfolioType,
    SubmissionKind,
)
from bureau_client.models.codes.operations import DeadlineKind
from bureau_client.models.codes.permission import (
    Action,
    ConsentEventKind,
    ConsentMode,
    ConsentRequestState,
    ConsentState,
    ConsentTransition,
    FrequencyUnit,
    IdentificationMethod,
    MemberState,
    Purpose,
    ReciprocityLevel,
    Role,
    Section,
)
from bureau_client.models.codes.report import (
    ComplaintKind,
    ComplaintOutcome,
    ComplaintState,
    DeedType,
    DisputeOutcome,
    DisputeReason,
    DisputeState,
    EvidenceLevel,
    FlagKind,
    HoldKind,
    HoldState,
    InquiryKind,
    InquiryOutcome,
    OmissionReason,
    ReportOutcome,
    StaleReason,
)

__all__ = [
    "AccountStatus",
    "Action",
    "ActionReason",
    "AlertKind",
    "Classification",
    "CloseReason",
    "Code",
    "ComplaintKind",
    "ComplaintOutcome",
    "ComplaintState",
    "ComplianceCondition",
    "ConsentEventKind",
    "ConsentMode",
    "ConsentRequestState",
    "ConsentState",
    "ConsentTransition",
    "DeadlineKind",
    "DecisionOutcome",
    "DeedType",
    "DeletionReason",
    "DisputeOutcome",
    "DisputeReason",
    "DisputeState",
    "EvidenceLevel",
    "FacilityActionKind",
    "FlagKind",
    "FrequencyUnit",
    "HoldKind",
    "HoldState",
    "IdentificationMethod",
    "Initiator",
    "InquiryKind",
    "InquiryOutcome",
    "MemberState",
    "NoticeKind",
    "OmissionReason",
    "PartyRole",
    "PortfolioType",
    "Purpose",
    "ReciprocityLevel",
    "ReportOutcome",
    "Role",
    "Section",
    "StaleReason",
    "SubmissionKind",
]

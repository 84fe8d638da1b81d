"""The SDK of the credit bureau.

`Lender` submits records and queries reports, `Wallet` grants and revokes
consents, `Auditor` checks the log, `Observer` sees what a node did and what waits, `Relay` passes
notices on; `AsyncLender`, `AsyncWallet`, `AsyncAuditor`, `AsyncObserver` and `AsyncRelay` are the
asynchronous forms. `CreditBureau` is the protocol that a lender's own code depends on. Every
exception is a `BureauError` (`bureau_client.errors`). `bureau_client.verify` checks reports and
receipts offline.
"""

from bureau_client._operations.many import Outcome
from bureau_client._transport.retry import RetryPolicy
from bureau_client.aio.auditor import AsyncAuditor
from bureau_client.aio.lender import AsyncLender
from bureau_client.aio.observer import AsyncObserver
from bureau_client.aio.relay import AsyncRelay
from bureau_client.aio.wallet import AsyncWallet
from bureau_client.errors import (
    BureauError,
    Conflict,
    ConsentError,
    ConsentExhausted,
    ConsentExpired,
    ConsentPaused,
    ConsentReplaced,
    ConsentRequired,
    ConsentRevoked,
    ConsentScope,
    DeadlineExceeded,
    HoldInForce,
    Internal,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    NotWitnessed,
    Overloaded,
    PermissionDenied,
    QuotaExceeded,
    Unavailable,
    VerificationFailed,
    WrongState,
)
from bureau_client.models.alerts import Alert, DisputeNews
from bureau_client.models.attributes import AttributeDefinition, attribute_dictionary
from bureau_client.models.audits import AuditReport, Checkpoint, Fault
from bureau_client.models.codes import (
    AccountStatus,
    Action,
    ActionReason,
    AlertKind,
    Classification,
    CloseReason,
    ComplaintKind,
    ComplaintOutcome,
    ComplaintState,
    ComplianceCondition,
    ConsentEventKind,
    ConsentMode,
    ConsentRequestState,
    ConsentState,
    DeadlineKind,
    DecisionOutcome,
    DeedType,
    DeletionReason,
    DisputeOutcome,
    DisputeReason,
    DisputeState,
    EvidenceLevel,
    FacilityActionKind,
    FlagKind,
    FrequencyUnit,
    HoldKind,
    HoldState,
    IdentificationMethod,
    Initiator,
    InquiryKind,
    InquiryOutcome,
    NoticeKind,
    OmissionReason,
    PartyRole,
    PortfolioType,
    Purpose,
    ReciprocityLevel,
    ReportOutcome,
    Role,
    Section,
    StaleReason,
    SubmissionKind,
)
from bureau_client.models.complaints import (
    Complaint,
    ComplaintCount,
    ComplaintNews,
    ComplaintReply,
    Deed,
)
from bureau_client.models.consent_requests import ConsentRequest
from bureau_client.models.consents import (
    Arrangement,
    ConfirmedDeletion,
    Consent,
    ConsentEvent,
    Frequency,
)
from bureau_client.models.decisions import (
    DecidedReport,
    Decision,
    DecisionBasis,
    DecisionReason,
    RecordedDecision,
)
from bureau_client.models.erasures import ErasedAccount, Erasure
from bureau_client.models.events import Event
from bureau_client.models.many import Inquiry
from bureau_client.models.members import Member, MemberKey
from bureau_client.models.months import Month
from bureau_client.models.notices import NoticeChoice, RelayedNotice
from bureau_client.models.progress import Progress
from bureau_client.models.receipts import Receipt
from bureau_client.models.records import (
    Deletion,
    FacilityAction,
    Party,
    RawCode,
    Record,
    RecordRef,
    Snapshot,
)
from bureau_client.models.reports import (
    Attribute,
    Evidence,
    InquiryLine,
    Notice,
    PortfolioPlace,
    Report,
    Summary,
    Undoing,
)
from bureau_client.models.standards import Band, Standard
from bureau_client.models.statements import Statement
from bureau_client.models.submissions import (
    RecordWarning,
    Rejection,
    Submission,
    SubmitResult,
)
from bureau_client.models.tradelines import HistoryMonth, PaymentHistory, Tradeline
from bureau_client.models.violations import Violation
from bureau_client.protocols import CreditBureau, DecisionPolicy
from bureau_client.sync.auditor import Auditor
from bureau_client.sync.lender import Lender
from bureau_client.sync.observer import Observer
from bureau_client.sync.relay import Relay
from bureau_client.sync.wallet import Wallet
from bureau_keys.profile import Profile, Trust
from bureau_keys.signing import SigningKey, StatementKey

__all__ = [
    "AccountStatus",
    "Action",
    "ActionReason",
    "Alert",
    "AlertKind",
    "Arrangement",
    "AsyncAuditor",
    "AsyncLender",
    "AsyncObserver",
    "AsyncRelay",
    "AsyncWallet",
    "Attribute",
    "AttributeDefinition",
    "AuditReport",
    "Auditor",
    "Band",
    "BureauError",
    "Checkpoint",
    "Classification",
    "CloseReason",
    "Complaint",
    "ComplaintCount",
    "ComplaintKind",
    "ComplaintNews",
    "ComplaintOutcome",
    "ComplaintReply",
    "ComplaintState",
    "ComplianceCondition",
    "ConfirmedDeletion",
    "Conflict",
    "Consent",
    "ConsentError",
    "ConsentEvent",
    "ConsentEventKind",
    "ConsentExhausted",
    "ConsentExpired",
    "ConsentMode",
    "ConsentPaused",
    "ConsentReplaced",
    "ConsentRequest",
    "ConsentRequestState",
    "ConsentRequired",
    "ConsentRevoked",
    "ConsentScope",
    "ConsentState",
    "CreditBureau",
    "DeadlineExceeded",
    "DeadlineKind",
    "DecidedReport",
    "Decision",
    "DecisionBasis",
    "DecisionOutcome",
    "DecisionPolicy",
    "DecisionReason",
    "Deed",
    "DeedType",
    "Deletion",
    "DeletionReason",
    "DisputeNews",
    "DisputeOutcome",
    "DisputeReason",
    "DisputeState",
    "ErasedAccount",
    "Erasure",
    "Event",
    "Evidence",
    "EvidenceLevel",
    "FacilityAction",
    "FacilityActionKind",
    "Fault",
    "FlagKind",
    "Frequency",
    "FrequencyUnit",
    "HistoryMonth",
    "HoldInForce",
    "HoldKind",
    "HoldState",
    "IdentificationMethod",
    "Initiator",
    "Inquiry",
    "InquiryKind",
    "InquiryLine",
    "InquiryOutcome",
    "Internal",
    "InvalidRequest",
    "Lender",
    "Member",
    "MemberKey",
    "Month",
    "NotAuthenticated",
    "NotFound",
    "NotWitnessed",
    "Notice",
    "NoticeChoice",
    "NoticeKind",
    "Observer",
    "OmissionReason",
    "Outcome",
    "Overloaded",
    "Party",
    "PartyRole",
    "PaymentHistory",
    "PermissionDenied",
    "PortfolioPlace",
    "PortfolioType",
    "Profile",
    "Progress",
    "Purpose",
    "QuotaExceeded",
    "RawCode",
    "Receipt",
    "ReciprocityLevel",
    "Record",
    "RecordRef",
    "RecordWarning",
    "RecordedDecision",
    "Rejection",
    "Relay",
    "RelayedNotice",
    "Report",
    "ReportOutcome",
    "RetryPolicy",
    "Role",
    "Section",
    "SigningKey",
    "Snapshot",
    "StaleReason",
    "Standard",
    "Statement",
    "StatementKey",
    "Submission",
    "SubmissionKind",
    "SubmitResult",
    "Summary",
    "Tradeline",
    "Trust",
    "Unavailable",
    "Undoing",
    "VerificationFailed",
    "Violation",
    "Wallet",
    "WrongState",
    "attribute_dictionary",
]

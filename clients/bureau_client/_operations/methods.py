"""The contract's methods that the SDK calls, with their patience."""

from __future__ import annotations

from bureau_client._operations.operation import DeadlineClass, Method, Reply, Request
from creditbureau.v1 import (
    consents_pb2,
    directory_pb2,
    furnishing_pb2,
    log_pb2,
    members_pb2,
    reporting_pb2,
    subjects_pb2,
)


def _method(
    path: str, request: type[Request], reply: type[Reply], deadline_class: DeadlineClass
) -> Method[Request, Reply]:
    return Method(f"creditbureau.v1.{path}", request, reply, deadline_class)


EVALUATE = _method(
    "Directory/Evaluate",
    directory_pb2.EvaluateRequest,
    directory_pb2.EvaluateResponse,
    DeadlineClass.WRITE,
)

SUBMIT_RECORDS = _method(
    "Furnishing/SubmitRecords",
    furnishing_pb2.SubmitRecordsRequest,
    furnishing_pb2.SubmitRecordsResponse,
    DeadlineClass.BULK,
)
GET_SUBMISSION = _method(
    "Furnishing/GetSubmission",
    furnishing_pb2.GetSubmissionRequest,
    furnishing_pb2.GetSubmissionResponse,
    DeadlineClass.READ,
)
LIST_SUBMISSIONS = _method(
    "Furnishing/ListSubmissions",
    furnishing_pb2.ListSubmissionsRequest,
    furnishing_pb2.ListSubmissionsResponse,
    DeadlineClass.READ,
)

WATCH_DISPUTES = _method(
    "Furnishing/WatchDisputes",
    furnishing_pb2.WatchDisputesRequest,
    furnishing_pb2.WatchDisputesResponse,
    DeadlineClass.STREAM,
)
WATCH_ALERTS = _method(
    "Reporting/WatchAlerts",
    reporting_pb2.WatchAlertsRequest,
    reporting_pb2.WatchAlertsResponse,
    DeadlineClass.STREAM,
)
ACKNOWLEDGE_ALERTS = _method(
    "Reporting/AcknowledgeAlerts",
    reporting_pb2.AcknowledgeAlertsRequest,
    reporting_pb2.AcknowledgeAlertsResponse,
    DeadlineClass.WRITE,
)
QUERY_PORTFOLIO = _method(
    "Reporting/QueryPortfolio",
    reporting_pb2.QueryPortfolioRequest,
    reporting_pb2.QueryPortfolioResponse,
    DeadlineClass.STREAM,
)
REPLAY_REPORT = _method(
    "Reporting/ReplayReport",
    reporting_pb2.ReplayReportRequest,
    reporting_pb2.ReplayReportResponse,
    DeadlineClass.WRITE,
)
GET_STANDARD = _method(
    "Members/GetStandard",
    members_pb2.GetStandardRequest,
    members_pb2.GetStandardResponse,
    DeadlineClass.READ,
)
LIST_NOTICES = _method(
    "Subjects/ListNotices",
    subjects_pb2.ListNoticesRequest,
    subjects_pb2.ListNoticesResponse,
    DeadlineClass.READ,
)
LIST_DISPUTED_RECORDS = _method(
    "Furnishing/ListDisputedRecords",
    furnishing_pb2.ListDisputedRecordsRequest,
    furnishing_pb2.ListDisputedRecordsResponse,
    DeadlineClass.READ,
)
ANSWER_DISPUTE = _method(
    "Furnishing/AnswerDispute",
    furnishing_pb2.AnswerDisputeRequest,
    furnishing_pb2.AnswerDisputeResponse,
    DeadlineClass.WRITE,
)

QUERY_REPORT = _method(
    "Reporting/QueryReport",
    reporting_pb2.QueryReportRequest,
    reporting_pb2.QueryReportResponse,
    DeadlineClass.WRITE,
)

GRANT_CONSENT = _method(
    "Consents/GrantConsent",
    consents_pb2.GrantConsentRequest,
    consents_pb2.GrantConsentResponse,
    DeadlineClass.WRITE,
)
CHANGE_CONSENT = _method(
    "Consents/ChangeConsent",
    consents_pb2.ChangeConsentRequest,
    consents_pb2.ChangeConsentResponse,
    DeadlineClass.WRITE,
)
LIST_CONSENTS = _method(
    "Consents/ListConsents",
    consents_pb2.ListConsentsRequest,
    consents_pb2.ListConsentsResponse,
    DeadlineClass.READ,
)

ATTEST_KEY = _method(
    "Subjects/AttestKey",
    subjects_pb2.AttestKeyRequest,
    subjects_pb2.AttestKeyResponse,
    DeadlineClass.WRITE,
)
ROTATE_KEY = _method(
    "Subjects/RotateKey",
    subjects_pb2.RotateKeyRequest,
    subjects_pb2.RotateKeyResponse,
    DeadlineClass.WRITE,
)
LIST_INQUIRIES = _method(
    "Subjects/ListInquiries",
    subjects_pb2.ListInquiriesRequest,
    subjects_pb2.ListInquiriesResponse,
    DeadlineClass.READ,
)
GET_FILE = _method(
    "Subjects/GetFile",
    subjects_pb2.GetFileRequest,
    subjects_pb2.GetFileResponse,
    DeadlineClass.READ,
)

PLACE_HOLD = _method(
    "Subjects/PlaceHold",
    subjects_pb2.PlaceHoldRequest,
    subjects_pb2.PlaceHoldResponse,
    DeadlineClass.WRITE,
)
LIFT_HOLD = _method(
    "Subjects/LiftHold",
    subjects_pb2.LiftHoldRequest,
    subjects_pb2.LiftHoldResponse,
    DeadlineClass.WRITE,
)
OPEN_DISPUTE = _method(
    "Subjects/OpenDispute",
    subjects_pb2.OpenDisputeRequest,
    subjects_pb2.OpenDisputeResponse,
    DeadlineClass.WRITE,
)
ADD_TO_DISPUTE = _method(
    "Subjects/AddToDispute",
    subjects_pb2.AddToDisputeRequest,
    subjects_pb2.AddToDisputeResponse,
    DeadlineClass.WRITE,
)
LIST_DISPUTES = _method(
    "Subjects/ListDisputes",
    subjects_pb2.ListDisputesRequest,
    subjects_pb2.ListDisputesResponse,
    DeadlineClass.READ,
)
SET_STATEMENT = _method(
    "Subjects/SetStatement",
    subjects_pb2.SetStatementRequest,
    subjects_pb2.SetStatementResponse,
    DeadlineClass.WRITE,
)

GET_MEMBER = _method(
    "Members/GetMember",
    members_pb2.GetMemberRequest,
    members_pb2.GetMemberResponse,
    DeadlineClass.READ,
)
LIST_MEMBERS = _method(
    "Members/ListMembers",
    members_pb2.ListMembersRequest,
    members_pb2.ListMembersResponse,
    DeadlineClass.READ,
)
CHANGE_CREDENTIAL = _method(
    "Members/ChangeCredential",
    members_pb2.ChangeCredentialRequest,
    members_pb2.ChangeCredentialResponse,
    DeadlineClass.WRITE,
)

GET_CHECKPOINT = _method(
    "Log/GetCheckpoint",
    log_pb2.GetCheckpointRequest,
    log_pb2.GetCheckpointResponse,
    DeadlineClass.READ,
)
LIST_CHECKPOINTS = _method(
    "Log/ListCheckpoints",
    log_pb2.ListCheckpointsRequest,
    log_pb2.ListCheckpointsResponse,
    DeadlineClass.READ,
)
LIST_LEAVES = _method(
    "Log/ListLeaves",
    log_pb2.ListLeavesRequest,
    log_pb2.ListLeavesResponse,
    DeadlineClass.READ,
)
GET_INCLUSION_PROOF = _method(
    "Log/GetInclusionProof",
    log_pb2.GetInclusionProofRequest,
    log_pb2.GetInclusionProofResponse,
    DeadlineClass.READ,
)
GET_CONSISTENCY_PROOF = _method(
    "Log/GetConsistencyProof",
    log_pb2.GetConsistencyProofRequest,
    log_pb2.GetConsistencyProofResponse,
    DeadlineClass.READ,
)
GET_TILE = _method(
    "Log/GetTile",
    log_pb2.GetTileRequest,
    log_pb2.GetTileResponse,
    DeadlineClass.READ,
)
GET_RECEIPT = _method(
    "Log/GetReceipt",
    log_pb2.GetReceiptRequest,
    log_pb2.GetReceiptResponse,
    DeadlineClass.READ,
)

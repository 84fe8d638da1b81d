"""The one table of methods: who may call what, how large, and how long.

Deny by default: a method of the contract that is not listed is not served.
Further rules (own things only, whose signature) are the journeys'.
"""

from __future__ import annotations

from dataclasses import dataclass

from creditbureau.v1.codes_pb2 import (
    ROLE_AGENT,
    ROLE_ATTESTER,
    ROLE_AUDITOR,
    ROLE_FURNISHER,
    ROLE_OPERATOR,
    ROLE_SUBSCRIBER,
)

KIB = 1024
MIB = 1024 * KIB

FURNISHER, SUBSCRIBER, ATTESTER = 1 << ROLE_FURNISHER, 1 << ROLE_SUBSCRIBER, 1 << ROLE_ATTESTER
AGENT, AUDITOR, OPERATOR = 1 << ROLE_AGENT, 1 << ROLE_AUDITOR, 1 << ROLE_OPERATOR
ANYBODY = FURNISHER | SUBSCRIBER | ATTESTER | AGENT | AUDITOR | OPERATOR
LENDERS = FURNISHER | SUBSCRIBER
# Of a stream; it is opened again where it stopped.
STREAM_S = 600.0


@dataclass(frozen=True, slots=True)
class Method:
    """What the guard holds a method to.

    Attributes:
        roles: Mask of roles, one of which the member must have.
        max_bytes: Size of the largest request.
        max_seconds: Longest deadline; a client's longer one is cut to it.
    """

    roles: int
    max_bytes: int = 16 * KIB
    max_seconds: float = 10.0


METHODS: dict[str, Method] = {
    "Directory/GetDirectoryKey": Method(ANYBODY),
    "Directory/Evaluate": Method(LENDERS | ATTESTER | AGENT, max_seconds=30),
    "Subjects/AttestKey": Method(ATTESTER, max_seconds=30),
    "Subjects/RotateKey": Method(AGENT, max_seconds=30),
    "Subjects/ListInquiries": Method(AGENT),
    "Subjects/GetFile": Method(AGENT),
    "Subjects/PlaceHold": Method(AGENT, max_seconds=30),
    "Subjects/LiftHold": Method(AGENT, max_seconds=30),
    "Subjects/OpenDispute": Method(AGENT, max_bytes=64 * KIB, max_seconds=30),
    "Subjects/AddToDispute": Method(AGENT, max_bytes=64 * KIB, max_seconds=30),
    "Subjects/ListDisputes": Method(AGENT),
    "Subjects/SetStatement": Method(AGENT, max_seconds=30),
    "Subjects/ListNotices": Method(AGENT),
    "Consents/GrantConsent": Method(AGENT, max_seconds=30),
    "Consents/ChangeConsent": Method(AGENT, max_seconds=30),
    "Consents/GetConsent": Method(LENDERS | AGENT),
    "Consents/ListConsents": Method(LENDERS | AGENT),
    "Furnishing/SubmitRecords": Method(FURNISHER, max_bytes=7 * MIB, max_seconds=60),
    "Furnishing/GetSubmission": Method(FURNISHER),
    "Furnishing/ListSubmissions": Method(FURNISHER),
    "Furnishing/ListDisputedRecords": Method(FURNISHER),
    "Furnishing/WatchDisputes": Method(FURNISHER, max_seconds=STREAM_S),
    "Furnishing/AnswerDispute": Method(FURNISHER, max_bytes=64 * KIB, max_seconds=30),
    "Reporting/QueryReport": Method(SUBSCRIBER, max_seconds=30),
    "Reporting/ReplayReport": Method(SUBSCRIBER | AUDITOR, max_seconds=30),
    "Reporting/QueryPortfolio": Method(SUBSCRIBER, max_bytes=512 * KIB, max_seconds=STREAM_S),
    "Reporting/WatchAlerts": Method(SUBSCRIBER, max_seconds=STREAM_S),
    "Reporting/AcknowledgeAlerts": Method(SUBSCRIBER),
    "Log/GetCheckpoint": Method(ANYBODY),
    "Log/ListCheckpoints": Method(ANYBODY),
    "Log/ListLeaves": Method(ANYBODY),
    "Log/GetInclusionProof": Method(ANYBODY),
    "Log/GetConsistencyProof": Method(ANYBODY),
    "Log/GetTile": Method(ANYBODY),
    "Log/GetReceipt": Method(ANYBODY),
    "Members/AdmitMember": Method(OPERATOR, max_bytes=64 * KIB, max_seconds=30),
    "Members/ChangeMember": Method(OPERATOR, max_seconds=30),
    "Members/SetMemberState": Method(OPERATOR, max_seconds=30),
    "Members/ChangeCredential": Method(ANYBODY, max_seconds=30),
    "Members/GetMember": Method(ANYBODY),
    "Members/ListMembers": Method(ANYBODY),
    "Members/PublishStandard": Method(OPERATOR, max_seconds=30),
    "Members/GetStandard": Method(ANYBODY),
}

# The largest request of all: what gRPC itself lets in.
MAX_REQUEST_BYTES = max(method.max_bytes for method in METHODS.values())

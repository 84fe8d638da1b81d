"""The thin servicers: each method of the contract is one call of a journey."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message

from bureau.context import Bureau
from bureau.credit_file import notices
from bureau.journeys import (
    audit,
    consent,
    directory,
    disclosure,
    dispute,
    hold,
    member,
    monitoring,
    portfolio,
    query,
    replay,
    standard,
    subject,
    submit,
)
from bureau.rpc.guard import AnyHandler, Guard, Handler, Streamer, name_of
from creditbureau.v1 import (
    consents_pb2,
    directory_pb2,
    furnishing_pb2,
    log_pb2,
    members_pb2,
    reporting_pb2,
    subjects_pb2,
)

CONTRACT: tuple[ServiceDescriptor, ...] = tuple(
    file.DESCRIPTOR.services_by_name[name]
    for file, name in (
        (directory_pb2, "Directory"),
        (subjects_pb2, "Subjects"),
        (consents_pb2, "Consents"),
        (furnishing_pb2, "Furnishing"),
        (reporting_pb2, "Reporting"),
        (log_pb2, "Log"),
        (members_pb2, "Members"),
    )
)


def handlers(guard: Guard, served: Iterable[str]) -> list[grpc.GenericRpcHandler]:
    """GRPC handlers of the services named; what a service does not yet serve, and
    a method without a rule, is refused.
    """
    wanted = set(served)
    journeys, streams = journeys_of(guard.bureau), streams_of(guard.bureau)

    def handler(method: MethodDescriptor) -> AnyHandler:
        name = name_of(method)
        if name in journeys:
            return guard.unary_handler(method, journeys[name])
        if name in streams:
            return guard.stream_handler(method, streams[name])
        return guard.unimplemented_handler(method)

    return [
        grpc.method_handlers_generic_handler(
            service.full_name, {method.name: handler(method) for method in service.methods}
        )
        for service in CONTRACT
        if service.name in wanted
    ]


def streams_of(b: Bureau) -> dict[str, Streamer]:
    """Every streaming method that the bureau serves, by `Service/Method`."""
    return {
        "Furnishing/WatchDisputes": lambda c, r: dispute.watch_disputes(b, c, r.cursor),
        "Reporting/QueryPortfolio": lambda c, r: portfolio.query_portfolio(
            b, c, r.inquiry, r.cursor
        ),
        "Reporting/WatchAlerts": lambda c, r: monitoring.watch_alerts(b, c, r.cursor),
    }


def journeys_of(b: Bureau) -> dict[str, Handler]:
    """Every method that the bureau serves, by `Service/Method`."""
    return {
        # Directory
        "Directory/GetDirectoryKey": lambda *_: directory_pb2.GetDirectoryKeyResponse(
            public_key=directory.evaluator_of(b).public_key
        ),
        "Directory/Evaluate": lambda c, r: directory.evaluate(b, c, r.evaluation),
        # Subjects
        "Subjects/AttestKey": lambda c, r: subjects_pb2.AttestKeyResponse(
            receipt=subject.attest_key(b, c, r.attestation)
        ),
        "Subjects/RotateKey": lambda c, r: subjects_pb2.RotateKeyResponse(
            receipt=subject.rotate_key(b, c, r.rotation)
        ),
        "Subjects/ListInquiries": lambda _, r: _page(
            subjects_pb2.ListInquiriesResponse,
            "inquiries",
            disclosure.list_inquiries(b, r.subject_request, r.page_size, r.page_token),
        ),
        "Subjects/GetFile": lambda _, r: subjects_pb2.GetFileResponse(
            file=disclosure.get_file(b, r.subject_request)
        ),
        "Subjects/PlaceHold": lambda _, r: _receipted(
            subjects_pb2.PlaceHoldResponse, "hold", hold.place_hold(b, r.placement)
        ),
        "Subjects/LiftHold": lambda _, r: _receipted(
            subjects_pb2.LiftHoldResponse, "hold", hold.lift_hold(b, r.lift)
        ),
        "Subjects/OpenDispute": lambda _, r: _receipted(
            subjects_pb2.OpenDisputeResponse, "dispute", dispute.open_dispute(b, r.opening)
        ),
        "Subjects/AddToDispute": lambda _, r: _receipted(
            subjects_pb2.AddToDisputeResponse, "dispute", dispute.add_to_dispute(b, r.addition)
        ),
        "Subjects/ListDisputes": lambda _, r: _page(
            subjects_pb2.ListDisputesResponse,
            "disputes",
            dispute.list_disputes(b, r.subject_request, r.page_size, r.page_token),
        ),
        "Subjects/SetStatement": lambda _, r: subjects_pb2.SetStatementResponse(
            receipt=dispute.set_statement(b, r.statement)
        ),
        "Subjects/ListNotices": lambda _, r: _page(
            subjects_pb2.ListNoticesResponse,
            "notices",
            notices.list_notices(b, r.subject_request, r.page_size, r.page_token),
        ),
        # Consents
        "Consents/GrantConsent": lambda _, r: _receipted(
            consents_pb2.GrantConsentResponse, "consent", consent.grant_consent(b, r.consent)
        ),
        "Consents/ChangeConsent": lambda _, r: _receipted(
            consents_pb2.ChangeConsentResponse, "consent", consent.change_consent(b, r.change)
        ),
        "Consents/GetConsent": lambda c, r: consents_pb2.GetConsentResponse(
            consent=consent.get_consent(b, c, r.consent_id, _given(r, "subject_request"))
        ),
        "Consents/ListConsents": lambda c, r: _page(
            consents_pb2.ListConsentsResponse,
            "consents",
            consent.list_consents(
                b, c, _given(r, "subject_request"), r.subject_id, r.page_size, r.page_token
            ),
        ),
        # Furnishing
        "Furnishing/SubmitRecords": lambda c, r: _receipted(
            furnishing_pb2.SubmitRecordsResponse,
            "submission",
            submit.submit_records(b, c, r.manifest, r.batch),
        ),
        "Furnishing/GetSubmission": lambda c, r: _submission(
            submit.find_submission(b, c, r.submission_id)
        ),
        "Furnishing/ListSubmissions": lambda c, r: _page(
            furnishing_pb2.ListSubmissionsResponse,
            "submissions",
            submit.list_submissions(b, c, r.page_size, r.page_token),
        ),
        "Furnishing/ListDisputedRecords": lambda c, r: _page(
            furnishing_pb2.ListDisputedRecordsResponse,
            "disputes",
            dispute.disputed_records(b, c, r.page_size, r.page_token),
        ),
        "Furnishing/AnswerDispute": lambda c, r: _receipted(
            furnishing_pb2.AnswerDisputeResponse, "dispute", dispute.answer_dispute(b, c, r.answer)
        ),
        # Reporting
        "Reporting/QueryReport": lambda c, r: query.query_report(b, c, r.inquiry),
        "Reporting/ReplayReport": lambda c, r: replay.replay_report(
            b, c, r.inquiry_id, r.subject_id
        ),
        "Reporting/AcknowledgeAlerts": lambda c, r: monitoring.acknowledge_alerts(b, c, r.cursor),
        # Log
        "Log/GetCheckpoint": lambda _, r: log_pb2.GetCheckpointResponse(
            checkpoint=audit.get_checkpoint(b, r)
        ),
        "Log/ListCheckpoints": lambda _, r: _page(
            log_pb2.ListCheckpointsResponse,
            "checkpoints",
            audit.list_checkpoints(b, r.page_size, r.page_token),
        ),
        "Log/ListLeaves": lambda _, r: audit.list_leaves(b, r.start_index, r.page_size),
        "Log/GetInclusionProof": lambda _, r: audit.inclusion_proof(b, r.leaf_index, r.tree_size),
        "Log/GetConsistencyProof": lambda _, r: log_pb2.GetConsistencyProofResponse(
            proof=audit.consistency_proof(b, r.first_size, r.second_size)
        ),
        "Log/GetTile": lambda _, r: log_pb2.GetTileResponse(hashes=audit.tile(b, r.level, r.index)),
        "Log/GetReceipt": lambda c, r: log_pb2.GetReceiptResponse(
            receipt=audit.receipt(b, c, r.request_id, _given(r, "subject_request"))
        ),
        # Members
        "Members/AdmitMember": lambda c, r: _receipted(
            members_pb2.AdmitMemberResponse, "member", member.admit_member(b, c, r.admission)
        ),
        "Members/ChangeMember": lambda c, r: _receipted(
            members_pb2.ChangeMemberResponse, "member", member.change_member(b, c, r.change)
        ),
        "Members/SetMemberState": lambda c, r: _receipted(
            members_pb2.SetMemberStateResponse, "member", member.set_member_state(b, c, r.change)
        ),
        "Members/ChangeCredential": lambda c, r: _receipted(
            members_pb2.ChangeCredentialResponse, "member", member.change_credential(b, c, r.change)
        ),
        "Members/GetMember": lambda c, r: members_pb2.GetMemberResponse(
            member=member.get_member(b, c, r.member_id, with_statements=r.with_statements)
        ),
        "Members/ListMembers": lambda c, r: _page(
            members_pb2.ListMembersResponse,
            "members",
            member.list_members(b, c, r.page_size, r.page_token),
        ),
        "Members/PublishStandard": lambda c, r: members_pb2.PublishStandardResponse(
            receipt=standard.publish(b, c, r.standard)
        ),
        "Members/GetStandard": lambda _, r: _receipted(
            members_pb2.GetStandardResponse, "standard", standard.get(b, r.version)
        ),
    }


def _receipted(response: Any, name: str, answer: tuple[Any, Any]) -> Message:
    """A response of a thing and the receipt for it."""
    thing, receipt = answer
    return response(**{name: thing, "receipt": receipt})  # type: ignore[no-any-return]


def _page(response: Any, name: str, page: tuple[list[Any], str]) -> Message:
    """A response of a page and the token of the next."""
    things, token = page
    return response(**{name: things, "next_page_token": token})  # type: ignore[no-any-return]


def _submission(answer: tuple[Any, Any, Any]) -> Message:
    submission, manifest, receipt = answer
    return furnishing_pb2.GetSubmissionResponse(
        submission=submission, manifest=manifest, receipt=receipt
    )


def _given(request: Message, name: str) -> Any:
    """An optional message field, or None."""
    return getattr(request, name) if request.HasField(name) else None

"""The servicer of Subjects: each method is one call of a journey."""

from __future__ import annotations

from typing import final

import grpc

from bureau.journeys import (
    decision,
    disclosure,
    dispute,
    events,
    hold,
    notices,
    repudiation,
    subject,
)
from bureau.rpc.servicer import Servicer
from creditbureau.v1 import subjects_pb2
from creditbureau.v1.subjects_pb2_grpc import SubjectsServicer


@final
class Subjects(Servicer, SubjectsServicer):
    """The servicer of one call of Subjects."""

    def AttestKey(
        self, request: subjects_pb2.AttestKeyRequest, context: grpc.ServicerContext
    ) -> subjects_pb2.AttestKeyResponse:
        return subjects_pb2.AttestKeyResponse(
            receipt=subject.attest_key(self.bureau, self.caller, request.attestation)
        )

    def RotateKey(
        self, request: subjects_pb2.RotateKeyRequest, context: grpc.ServicerContext
    ) -> subjects_pb2.RotateKeyResponse:
        return subjects_pb2.RotateKeyResponse(
            receipt=subject.rotate_key(self.bureau, self.caller, request.rotation)
        )

    def ApproveKey(
        self, request: subjects_pb2.ApproveKeyRequest, context: grpc.ServicerContext
    ) -> subjects_pb2.ApproveKeyResponse:
        return subjects_pb2.ApproveKeyResponse(
            receipt=subject.approve_key(self.bureau, self.caller, request.approval)
        )

    def RepudiateKey(
        self, request: subjects_pb2.RepudiateKeyRequest, context: grpc.ServicerContext
    ) -> subjects_pb2.RepudiateKeyResponse:
        receipt, undoing = repudiation.repudiate_key(self.bureau, self.caller, request.repudiation)
        return subjects_pb2.RepudiateKeyResponse(receipt=receipt, undoing=undoing)

    def ListInquiries(
        self, request: subjects_pb2.ListInquiriesRequest, context: grpc.ServicerContext
    ) -> subjects_pb2.ListInquiriesResponse:
        page = disclosure.list_inquiries(
            self.bureau, request.subject_request, request.page_size, request.page_token
        )
        return subjects_pb2.ListInquiriesResponse(**page._asdict())

    def ListDecisions(
        self, request: subjects_pb2.ListDecisionsRequest, context: grpc.ServicerContext
    ) -> subjects_pb2.ListDecisionsResponse:
        return decision.list_decisions(
            self.bureau, request.subject_request, request.page_size, request.page_token
        )

    def ListEvents(
        self, request: subjects_pb2.ListEventsRequest, context: grpc.ServicerContext
    ) -> subjects_pb2.ListEventsResponse:
        return events.list_events(
            self.bureau, request.subject_request, request.page_size, request.page_token
        )

    def GetFile(
        self, request: subjects_pb2.GetFileRequest, context: grpc.ServicerContext
    ) -> subjects_pb2.GetFileResponse:
        return subjects_pb2.GetFileResponse(
            file=disclosure.get_file(self.bureau, request.subject_request)
        )

    def PlaceHold(
        self, request: subjects_pb2.PlaceHoldRequest, context: grpc.ServicerContext
    ) -> subjects_pb2.PlaceHoldResponse:
        current, receipt = hold.place_hold(self.bureau, request.placement)
        return subjects_pb2.PlaceHoldResponse(hold=current, receipt=receipt)

    def LiftHold(
        self, request: subjects_pb2.LiftHoldRequest, context: grpc.ServicerContext
    ) -> subjects_pb2.LiftHoldResponse:
        current, receipt = hold.lift_hold(self.bureau, request.lift)
        return subjects_pb2.LiftHoldResponse(hold=current, receipt=receipt)

    def OpenDispute(
        self, request: subjects_pb2.OpenDisputeRequest, context: grpc.ServicerContext
    ) -> subjects_pb2.OpenDisputeResponse:
        case, receipt = dispute.open_dispute(self.bureau, request.opening)
        return subjects_pb2.OpenDisputeResponse(dispute=case, receipt=receipt)

    def AddToDispute(
        self, request: subjects_pb2.AddToDisputeRequest, context: grpc.ServicerContext
    ) -> subjects_pb2.AddToDisputeResponse:
        case, receipt = dispute.add_to_dispute(self.bureau, request.addition)
        return subjects_pb2.AddToDisputeResponse(dispute=case, receipt=receipt)

    def ListDisputes(
        self, request: subjects_pb2.ListDisputesRequest, context: grpc.ServicerContext
    ) -> subjects_pb2.ListDisputesResponse:
        page = dispute.list_disputes(
            self.bureau, request.subject_request, request.page_size, request.page_token
        )
        return subjects_pb2.ListDisputesResponse(**page._asdict())

    def SetStatement(
        self, request: subjects_pb2.SetStatementRequest, context: grpc.ServicerContext
    ) -> subjects_pb2.SetStatementResponse:
        return subjects_pb2.SetStatementResponse(
            receipt=dispute.set_statement(self.bureau, request.statement)
        )

    def ListNotices(
        self, request: subjects_pb2.ListNoticesRequest, context: grpc.ServicerContext
    ) -> subjects_pb2.ListNoticesResponse:
        return notices.list_notices(
            self.bureau, request.subject_request, request.page_size, request.page_token
        )

"""The servicer of Complaints: each method is one call of a journey."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import grpc

from bureau.journeys import complaint
from bureau.rpc.servicer import Servicer
from creditbureau.v1 import complaints_pb2
from creditbureau.v1.complaints_pb2_grpc import ComplaintsServicer


@final
class Complaints(Servicer, ComplaintsServicer):
    """The servicer of one call of Complaints."""

    def OpenComplaint(
        self, request: complaints_pb2.OpenComplaintRequest, context: grpc.ServicerContext
    ) -> complaints_pb2.OpenComplaintResponse:
        accepted = complaint.open_complaint(self.bureau, request.opening)
        return complaints_pb2.OpenComplaintResponse(**accepted._asdict())

    def EscalateComplaint(
        self, request: complaints_pb2.EscalateComplaintRequest, context: grpc.ServicerContext
    ) -> complaints_pb2.EscalateComplaintResponse:
        accepted = complaint.escalate_complaint(self.bureau, request.escalation)
        return complaints_pb2.EscalateComplaintResponse(**accepted._asdict())

    def ListComplaints(
        self, request: complaints_pb2.ListComplaintsRequest, context: grpc.ServicerContext
    ) -> complaints_pb2.ListComplaintsResponse:
        page = complaint.list_complaints(
            self.bureau, request.subject_request, request.page_size, request.page_token
        )
        return complaints_pb2.ListComplaintsResponse(**page._asdict())

    def ListReceivedComplaints(
        self, request: complaints_pb2.ListReceivedComplaintsRequest, context: grpc.ServicerContext
    ) -> complaints_pb2.ListReceivedComplaintsResponse:
        page = complaint.list_received(
            self.bureau, self.caller, request.page_size, request.page_token
        )
        return complaints_pb2.ListReceivedComplaintsResponse(**page._asdict())

    def WatchComplaints(
        self, request: complaints_pb2.WatchComplaintsRequest, context: grpc.ServicerContext
    ) -> Iterator[complaints_pb2.WatchComplaintsResponse]:
        return self.follow(complaint.watch_complaints(self.bureau, self.caller, request.cursor))

    def AnswerComplaint(
        self, request: complaints_pb2.AnswerComplaintRequest, context: grpc.ServicerContext
    ) -> complaints_pb2.AnswerComplaintResponse:
        accepted = complaint.answer_complaint(self.bureau, self.caller, request.answer)
        return complaints_pb2.AnswerComplaintResponse(**accepted._asdict())

    def DecideComplaint(
        self, request: complaints_pb2.DecideComplaintRequest, context: grpc.ServicerContext
    ) -> complaints_pb2.DecideComplaintResponse:
        accepted = complaint.decide_complaint(self.bureau, self.caller, request.decision)
        return complaints_pb2.DecideComplaintResponse(**accepted._asdict())

    def ListComplaintRegister(
        self, request: complaints_pb2.ListComplaintRegisterRequest, context: grpc.ServicerContext
    ) -> complaints_pb2.ListComplaintRegisterResponse:
        lines, token = complaint.list_register(self.bureau, request.page_size, request.page_token)
        return complaints_pb2.ListComplaintRegisterResponse(lines=lines, next_page_token=token)

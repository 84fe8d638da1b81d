"""The servicer of Furnishing: each method is one call of a journey."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import grpc

from bureau.journeys import dispute, erasure, submit
from bureau.rpc.servicer import Servicer
from creditbureau.v1 import furnishing_pb2
from creditbureau.v1.furnishing_pb2_grpc import FurnishingServicer


@final
class Furnishing(Servicer, FurnishingServicer):
    """The servicer of one call of Furnishing."""

    def SubmitRecords(
        self, request: furnishing_pb2.SubmitRecordsRequest, context: grpc.ServicerContext
    ) -> furnishing_pb2.SubmitRecordsResponse:
        return submit.submit_records(self.bureau, self.caller, request.manifest, request.batch)

    def GetSubmission(
        self, request: furnishing_pb2.GetSubmissionRequest, context: grpc.ServicerContext
    ) -> furnishing_pb2.GetSubmissionResponse:
        submission, manifest, receipt = submit.find_submission(
            self.bureau, self.caller, request.submission_id
        )
        return furnishing_pb2.GetSubmissionResponse(
            submission=submission, manifest=manifest, receipt=receipt
        )

    def ListSubmissions(
        self, request: furnishing_pb2.ListSubmissionsRequest, context: grpc.ServicerContext
    ) -> furnishing_pb2.ListSubmissionsResponse:
        return submit.list_submissions(
            self.bureau, self.caller, request.page_size, request.page_token
        )

    def WatchDisputes(
        self, request: furnishing_pb2.WatchDisputesRequest, context: grpc.ServicerContext
    ) -> Iterator[furnishing_pb2.WatchDisputesResponse]:
        return self.follow(dispute.watch_disputes(self.bureau, self.caller, request.cursor))

    def ListDisputedRecords(
        self, request: furnishing_pb2.ListDisputedRecordsRequest, context: grpc.ServicerContext
    ) -> furnishing_pb2.ListDisputedRecordsResponse:
        page = dispute.disputed_records(
            self.bureau, self.caller, request.page_size, request.page_token
        )
        return furnishing_pb2.ListDisputedRecordsResponse(**page._asdict())

    def AnswerDispute(
        self, request: furnishing_pb2.AnswerDisputeRequest, context: grpc.ServicerContext
    ) -> furnishing_pb2.AnswerDisputeResponse:
        case, receipt = dispute.answer_dispute(self.bureau, self.caller, request.answer)
        return furnishing_pb2.AnswerDisputeResponse(dispute=case, receipt=receipt)

    def ListErasures(
        self, request: furnishing_pb2.ListErasuresRequest, context: grpc.ServicerContext
    ) -> furnishing_pb2.ListErasuresResponse:
        erasures, token = erasure.list_erasures(
            self.bureau, self.caller, request.page_size, request.page_token
        )
        return furnishing_pb2.ListErasuresResponse(erasures=erasures, next_page_token=token)

"""The servicer of Operations: each method is one call of a journey."""

from __future__ import annotations

from typing import final

import grpc

from bureau.journeys import operations
from bureau.rpc.servicer import Servicer
from creditbureau.v1 import operations_pb2
from creditbureau.v1.operations_pb2_grpc import OperationsServicer


@final
class Operations(Servicer, OperationsServicer):
    """The servicer of one call of Operations."""

    def ListCalls(
        self, request: operations_pb2.ListCallsRequest, context: grpc.ServicerContext
    ) -> operations_pb2.ListCallsResponse:
        return operations.list_calls(self.bureau, self.caller, request.cursor, request.page_size)

    def GetStory(
        self, request: operations_pb2.GetStoryRequest, context: grpc.ServicerContext
    ) -> operations_pb2.GetStoryResponse:
        return operations.get_story(self.bureau, self.caller, request.request_id)

    def ListDeadlines(
        self, request: operations_pb2.ListDeadlinesRequest, context: grpc.ServicerContext
    ) -> operations_pb2.ListDeadlinesResponse:
        return operations.list_deadlines(self.bureau, self.caller)

    def CountAlerts(
        self, request: operations_pb2.CountAlertsRequest, context: grpc.ServicerContext
    ) -> operations_pb2.CountAlertsResponse:
        return operations.count_alerts(self.bureau, self.caller)

    def GetLogGrowth(
        self, request: operations_pb2.GetLogGrowthRequest, context: grpc.ServicerContext
    ) -> operations_pb2.GetLogGrowthResponse:
        return operations.get_log_growth(self.bureau, request.days)

"""The servicer of Reporting: each method is one call of a journey."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import grpc

from bureau.journeys import (
    decision,
    disclosure,
    events,
    monitoring,
    portfolio,
    query,
    replay,
)
from bureau.rpc.servicer import Servicer
from creditbureau.v1 import reporting_pb2
from creditbureau.v1.reporting_pb2_grpc import ReportingServicer


@final
class Reporting(Servicer, ReportingServicer):
    """The servicer of one call of Reporting."""

    def QueryReport(
        self, request: reporting_pb2.QueryReportRequest, context: grpc.ServicerContext
    ) -> reporting_pb2.QueryReportResponse:
        return query.query_report(self.bureau, self.caller, request.inquiry, request.page_token)

    def ReplayReport(
        self, request: reporting_pb2.ReplayReportRequest, context: grpc.ServicerContext
    ) -> reporting_pb2.ReplayReportResponse:
        return replay.replay_report(self.bureau, self.caller, request.replay, request.page_token)

    def QueryPortfolio(
        self, request: reporting_pb2.QueryPortfolioRequest, context: grpc.ServicerContext
    ) -> Iterator[reporting_pb2.QueryPortfolioResponse]:
        return self.deliver(
            portfolio.query_portfolio(self.bureau, self.caller, request.inquiry, request.cursor)
        )

    def ListOwnInquiries(
        self, request: reporting_pb2.ListOwnInquiriesRequest, context: grpc.ServicerContext
    ) -> reporting_pb2.ListOwnInquiriesResponse:
        page = disclosure.list_own_inquiries(
            self.bureau,
            self.caller,
            request.subject_id,
            request.page_size,
            request.page_token,
        )
        return reporting_pb2.ListOwnInquiriesResponse(**page._asdict())

    def ProveEvents(
        self, request: reporting_pb2.ProveEventsRequest, context: grpc.ServicerContext
    ) -> reporting_pb2.ProveEventsResponse:
        return events.prove_events(self.bureau, request)

    def WatchAlerts(
        self, request: reporting_pb2.WatchAlertsRequest, context: grpc.ServicerContext
    ) -> Iterator[reporting_pb2.WatchAlertsResponse]:
        return self.follow(monitoring.watch_alerts(self.bureau, self.caller, request.cursor))

    def AcknowledgeAlerts(
        self, request: reporting_pb2.AcknowledgeAlertsRequest, context: grpc.ServicerContext
    ) -> reporting_pb2.AcknowledgeAlertsResponse:
        return monitoring.acknowledge_alerts(self.bureau, self.caller, request.cursor)

    def RecordDecision(
        self, request: reporting_pb2.RecordDecisionRequest, context: grpc.ServicerContext
    ) -> reporting_pb2.RecordDecisionResponse:
        return reporting_pb2.RecordDecisionResponse(
            receipt=decision.record_decision(self.bureau, self.caller, request.decision)
        )

    def ListOwnDecisions(
        self, request: reporting_pb2.ListOwnDecisionsRequest, context: grpc.ServicerContext
    ) -> reporting_pb2.ListOwnDecisionsResponse:
        return decision.list_own_decisions(
            self.bureau,
            self.caller,
            request.subject_id,
            request.page_size,
            request.page_token,
        )

"""The servicer of Notices: each method is one call of a journey."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import grpc

from bureau.journeys import notice_relay, notices
from bureau.rpc.servicer import Servicer
from creditbureau.v1 import notices_pb2
from creditbureau.v1.notices_pb2_grpc import NoticesServicer


@final
class Notices(Servicer, NoticesServicer):
    """The servicer of one call of Notices."""

    def WatchNotices(
        self, request: notices_pb2.WatchNoticesRequest, context: grpc.ServicerContext
    ) -> Iterator[notices_pb2.WatchNoticesResponse]:
        return self.follow(
            notices.watch_notices(self.bureau, request.subject_request, request.cursor)
        )

    def RelayNotices(
        self, request: notices_pb2.RelayNoticesRequest, context: grpc.ServicerContext
    ) -> Iterator[notices_pb2.RelayNoticesResponse]:
        return self.follow(notice_relay.relay_notices(self.bureau, self.caller, request.cursor))

    def ChooseNotices(
        self, request: notices_pb2.ChooseNoticesRequest, context: grpc.ServicerContext
    ) -> notices_pb2.ChooseNoticesResponse:
        return notices_pb2.ChooseNoticesResponse(
            receipt=notices.choose_notices(self.bureau, request.choice)
        )

    def GetNoticeChoice(
        self, request: notices_pb2.GetNoticeChoiceRequest, context: grpc.ServicerContext
    ) -> notices_pb2.GetNoticeChoiceResponse:
        return notices.get_notice_choice(self.bureau, request.subject_request)

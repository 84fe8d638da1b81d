"""The servicer of Consents: each method is one call of a journey."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import grpc

from bureau.errors import Refusal
from bureau.journeys import consent, consent_request, consent_watch, deletion
from bureau.rpc.servicer import Servicer
from creditbureau.v1 import consents_pb2
from creditbureau.v1.consents_pb2_grpc import ConsentsServicer


@final
class Consents(Servicer, ConsentsServicer):
    """The servicer of one call of Consents."""

    def GrantConsent(
        self, request: consents_pb2.GrantConsentRequest, context: grpc.ServicerContext
    ) -> consents_pb2.GrantConsentResponse:
        shown, receipt = consent.grant_consent(self.bureau, request.consent)
        return consents_pb2.GrantConsentResponse(
            consent=shown.views[0], receipt=receipt, keys=shown.keys
        )

    def ChangeConsent(
        self, request: consents_pb2.ChangeConsentRequest, context: grpc.ServicerContext
    ) -> consents_pb2.ChangeConsentResponse:
        shown, receipt = consent.change_consent(self.bureau, request.change)
        return consents_pb2.ChangeConsentResponse(
            consent=shown.views[0], receipt=receipt, keys=shown.keys
        )

    def GetConsent(
        self, request: consents_pb2.GetConsentRequest, context: grpc.ServicerContext
    ) -> consents_pb2.GetConsentResponse:
        subject_request = request.subject_request if request.HasField("subject_request") else None
        shown = consent.get_consent(self.bureau, self.caller, request.consent_id, subject_request)
        return consents_pb2.GetConsentResponse(consent=shown.views[0], keys=shown.keys)

    def ListConsents(
        self, request: consents_pb2.ListConsentsRequest, context: grpc.ServicerContext
    ) -> consents_pb2.ListConsentsResponse:
        subject_request = request.subject_request if request.HasField("subject_request") else None
        shown = consent.list_consents(
            self.bureau,
            self.caller,
            subject_request,
            request.subject_id,
            request.page_size,
            request.page_token,
            _since_us(request),
        )
        return consents_pb2.ListConsentsResponse(
            consents=shown.views, next_page_token=shown.next_page_token, keys=shown.keys
        )

    def RequestConsent(
        self, request: consents_pb2.RequestConsentRequest, context: grpc.ServicerContext
    ) -> consents_pb2.RequestConsentResponse:
        shown, receipt = consent_request.request_consent(self.bureau, self.caller, request.request)
        return consents_pb2.RequestConsentResponse(
            request=shown.views[0], receipt=receipt, keys=shown.keys
        )

    def WithdrawConsentRequest(
        self,
        request: consents_pb2.WithdrawConsentRequestRequest,
        context: grpc.ServicerContext,
    ) -> consents_pb2.WithdrawConsentRequestResponse:
        shown, receipt = consent_request.withdraw_request(
            self.bureau, self.caller, request.withdrawal
        )
        return consents_pb2.WithdrawConsentRequestResponse(
            request=shown.views[0], receipt=receipt, keys=shown.keys
        )

    def DeclineConsentRequest(
        self,
        request: consents_pb2.DeclineConsentRequestRequest,
        context: grpc.ServicerContext,
    ) -> consents_pb2.DeclineConsentRequestResponse:
        shown, receipt = consent_request.decline_request(self.bureau, request.decline)
        return consents_pb2.DeclineConsentRequestResponse(
            request=shown.views[0], receipt=receipt, keys=shown.keys
        )

    def ListConsentRequests(
        self,
        request: consents_pb2.ListConsentRequestsRequest,
        context: grpc.ServicerContext,
    ) -> consents_pb2.ListConsentRequestsResponse:
        shown = consent_request.list_requests(self.bureau, self.caller, request)
        return consents_pb2.ListConsentRequestsResponse(
            requests=shown.views, next_page_token=shown.next_page_token, keys=shown.keys
        )

    def WatchConsents(
        self, request: consents_pb2.WatchConsentsRequest, context: grpc.ServicerContext
    ) -> Iterator[consents_pb2.WatchConsentsResponse]:
        return self.follow(consent_watch.watch_consents(self.bureau, self.caller, request.cursor))

    def ConfirmDeletion(
        self, request: consents_pb2.ConfirmDeletionRequest, context: grpc.ServicerContext
    ) -> consents_pb2.ConfirmDeletionResponse:
        return consents_pb2.ConfirmDeletionResponse(
            receipt=deletion.confirm_deletion(self.bureau, self.caller, request.confirmation)
        )


def _since_us(request: consents_pb2.ListConsentsRequest) -> int | None:
    """Return the time since which listed consents changed, microseconds; None for all.

    Raises:
        Refusal: INVALID_FIELD if a subject asks: their own list is whole.
    """
    if not request.HasField("changed_since"):
        return None
    if request.HasField("subject_request"):
        raise Refusal.of_field("INVALID_FIELD", "changed_since", "is for members")
    return request.changed_since.ToMicroseconds()

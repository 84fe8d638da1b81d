"""The servicer of Members: each method is one call of a journey."""

from __future__ import annotations

from typing import final

import grpc

from bureau.journeys import member, standard
from bureau.rpc.servicer import Servicer
from creditbureau.v1 import members_pb2
from creditbureau.v1.members_pb2_grpc import MembersServicer


@final
class Members(Servicer, MembersServicer):
    """The servicer of one call of Members."""

    def AdmitMember(
        self, request: members_pb2.AdmitMemberRequest, context: grpc.ServicerContext
    ) -> members_pb2.AdmitMemberResponse:
        current, receipt = member.admit_member(self.bureau, self.caller, request.admission)
        return members_pb2.AdmitMemberResponse(member=current, receipt=receipt)

    def ChangeMember(
        self, request: members_pb2.ChangeMemberRequest, context: grpc.ServicerContext
    ) -> members_pb2.ChangeMemberResponse:
        current, receipt = member.change_member(self.bureau, self.caller, request.change)
        return members_pb2.ChangeMemberResponse(member=current, receipt=receipt)

    def SetMemberState(
        self, request: members_pb2.SetMemberStateRequest, context: grpc.ServicerContext
    ) -> members_pb2.SetMemberStateResponse:
        current, receipt = member.set_member_state(self.bureau, self.caller, request.change)
        return members_pb2.SetMemberStateResponse(member=current, receipt=receipt)

    def ChangeCredential(
        self, request: members_pb2.ChangeCredentialRequest, context: grpc.ServicerContext
    ) -> members_pb2.ChangeCredentialResponse:
        current, receipt = member.change_credential(self.bureau, self.caller, request.change)
        return members_pb2.ChangeCredentialResponse(member=current, receipt=receipt)

    def GetMember(
        self, request: members_pb2.GetMemberRequest, context: grpc.ServicerContext
    ) -> members_pb2.GetMemberResponse:
        message, token = member.get_member(
            self.bureau,
            self.caller,
            request.member_id,
            with_statements=request.with_statements,
            page_token=request.page_token,
        )
        return members_pb2.GetMemberResponse(member=message, next_page_token=token)

    def ListMembers(
        self, request: members_pb2.ListMembersRequest, context: grpc.ServicerContext
    ) -> members_pb2.ListMembersResponse:
        members, token = member.list_members(
            self.bureau, self.caller, request.page_size, request.page_token
        )
        return members_pb2.ListMembersResponse(members=members, next_page_token=token)

    def PublishStandard(
        self, request: members_pb2.PublishStandardRequest, context: grpc.ServicerContext
    ) -> members_pb2.PublishStandardResponse:
        return members_pb2.PublishStandardResponse(
            receipt=standard.publish(self.bureau, self.caller, request.standard)
        )

    def GetStandard(
        self, request: members_pb2.GetStandardRequest, context: grpc.ServicerContext
    ) -> members_pb2.GetStandardResponse:
        envelope, receipt = standard.get(self.bureau, request.version)
        return members_pb2.GetStandardResponse(standard=envelope, receipt=receipt)

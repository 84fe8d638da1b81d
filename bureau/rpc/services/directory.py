"""The servicer of Directory: each method is one call of a journey."""

from __future__ import annotations

from typing import final

import grpc

from bureau.journeys import directory
from bureau.rpc.servicer import Servicer
from creditbureau.v1 import directory_pb2
from creditbureau.v1.directory_pb2_grpc import DirectoryServicer


@final
class Directory(Servicer, DirectoryServicer):
    """The servicer of one call of Directory."""

    def GetDirectoryKey(
        self, request: directory_pb2.GetDirectoryKeyRequest, context: grpc.ServicerContext
    ) -> directory_pb2.GetDirectoryKeyResponse:
        return directory_pb2.GetDirectoryKeyResponse(
            public_key=directory.evaluator_of(self.bureau).public_key
        )

    def Evaluate(
        self, request: directory_pb2.EvaluateRequest, context: grpc.ServicerContext
    ) -> directory_pb2.EvaluateResponse:
        return directory.evaluate(self.bureau, self.caller, request.evaluation)

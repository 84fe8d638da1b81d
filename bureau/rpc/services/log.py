"""The servicer of Log: each method is one call of a journey."""

from __future__ import annotations

from typing import final

import grpc

from bureau.journeys import audit
from bureau.rpc.servicer import Servicer
from creditbureau.v1 import log_pb2
from creditbureau.v1.log_pb2_grpc import LogServicer


@final
class Log(Servicer, LogServicer):
    """The servicer of one call of Log."""

    def GetCheckpoint(
        self, request: log_pb2.GetCheckpointRequest, context: grpc.ServicerContext
    ) -> log_pb2.GetCheckpointResponse:
        return log_pb2.GetCheckpointResponse(checkpoint=audit.get_checkpoint(self.bureau, request))

    def ListCheckpoints(
        self, request: log_pb2.ListCheckpointsRequest, context: grpc.ServicerContext
    ) -> log_pb2.ListCheckpointsResponse:
        checkpoints, token = audit.list_checkpoints(
            self.bureau, request.page_size, request.page_token
        )
        return log_pb2.ListCheckpointsResponse(checkpoints=checkpoints, next_page_token=token)

    def ListLeaves(
        self, request: log_pb2.ListLeavesRequest, context: grpc.ServicerContext
    ) -> log_pb2.ListLeavesResponse:
        return audit.list_leaves(self.bureau, request.start_index, request.page_size)

    def GetInclusionProof(
        self, request: log_pb2.GetInclusionProofRequest, context: grpc.ServicerContext
    ) -> log_pb2.GetInclusionProofResponse:
        return audit.inclusion_proof(self.bureau, request.leaf_index, request.tree_size)

    def GetConsistencyProof(
        self, request: log_pb2.GetConsistencyProofRequest, context: grpc.ServicerContext
    ) -> log_pb2.GetConsistencyProofResponse:
        return log_pb2.GetConsistencyProofResponse(
            proof=audit.consistency_proof(self.bureau, request.first_size, request.second_size)
        )

    def GetTile(
        self, request: log_pb2.GetTileRequest, context: grpc.ServicerContext
    ) -> log_pb2.GetTileResponse:
        return log_pb2.GetTileResponse(hashes=audit.tile(self.bureau, request.level, request.index))

    def GetReceipt(
        self, request: log_pb2.GetReceiptRequest, context: grpc.ServicerContext
    ) -> log_pb2.GetReceiptResponse:
        subject_request = request.subject_request if request.HasField("subject_request") else None
        return log_pb2.GetReceiptResponse(
            receipt=audit.receipt(self.bureau, self.caller, request.request_id, subject_request)
        )

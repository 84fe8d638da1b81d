"""What the entrance over HTTP refuses that the contract does not have."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from bureau.rpc.http.context import HttpContext, Peer
from bureau.rpc.http.entrance import PEER, HttpEntrance
from bureau.rpc.limits import MemberLimits
from bureau.rpc.services import ServedMethod


def nothing() -> None:
    """Ends no connection: there is none."""


SOMEBODY = Peer(b"", "127.0.0.1:1", nothing, nothing)


def test_a_stream_of_requests_is_refused() -> None:
    file = FileDescriptorProto(name="streams.proto", package="streams")
    file.message_type.add(name="Message")
    message = ".streams.Message"
    method = file.service.add(name="Streams").method
    method.add(name="Send", input_type=message, output_type=message, client_streaming=True)
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    descriptor = pool.FindServiceByName("streams.Streams").methods_by_name["Send"]
    handler: Any = grpc.stream_unary_rpc_method_handler(lambda _requests, _context: b"")
    methods = {"/streams.Streams/Send": ServedMethod(descriptor, handler)}
    sent: list[Any] = []

    async def send(event: Any) -> None:
        sent.append(event)

    async def receive() -> Any:
        raise AssertionError("nothing of the stream is read")

    with ThreadPoolExecutor(1) as threads:
        entrance = HttpEntrance(methods, threads, MemberLimits(1))
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/streams.Streams/Send",
            "root_path": "",
            "state": {PEER: SOMEBODY},
            "query_string": b"",
            "headers": [(b"content-type", b"application/connect+json")],
        }
        asyncio.run(entrance(scope, receive, send))
    assert sent[0]["status"] == 501
    error = json.loads(sent[1]["body"])
    assert error["message"] == "NOT_SERVED: a stream of requests is served over gRPC alone"


def test_a_context_tells_of_its_cancellation_once() -> None:
    context = HttpContext(SOMEBODY, (), None)
    calls: list[str] = []
    assert context.add_callback(lambda: calls.append("first"))
    assert context.cancel()
    assert not context.cancel()
    assert not context.add_callback(lambda: calls.append("late"))
    assert (calls, context.is_active(), context.time_remaining()) == (["first"], False, None)

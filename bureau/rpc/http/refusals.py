"""Statuses of gRPC as errors of the Connect protocol, with the same details."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from functools import cache

import grpc
from connectrpc.code import Code
from connectrpc.errors import ConnectError, ErrorDetail
from google.protobuf import duration_pb2
from google.protobuf.any_pb2 import Any as PackedDetail
from google.protobuf.descriptor_pb2 import DescriptorProto
from google.protobuf.descriptor_pb2 import FileDescriptorSet as Files
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status
from protobuf import Registry
from protobuf.wkt import Any, FileDescriptorSet

from bureau.errors import Refusal
from bureau.rpc.status import status_of

# Codes of the Connect protocol by their numbers in gRPC. It has the same ones, and spells one
# of them otherwise.
CODES = {
    status.value[0]: Code[status.name.replace("CANCELLED", "CANCELED")]
    for status in grpc.StatusCode
    if status is not grpc.StatusCode.OK
}


def error_of_refusal(refusal: Refusal) -> ConnectError:
    """Return the error of a refusal, under a request id of its own."""
    return error_of_status(status_of(refusal, str(uuid.uuid4())))


def error_of_status(status: Status) -> ConnectError:
    """Return the error of a status; its details have their JSON beside their bytes."""
    details = [_detail(packed) for packed in status.details]
    return ConnectError(CODES[status.code], status.message, details)


def reason_of(status: Status) -> str:
    """Return the reason of a refusal's status; empty for another status."""
    info = error_details_pb2.ErrorInfo()
    return next((info.reason for packed in status.details if packed.Unpack(info)), "")


def _detail(packed: PackedDetail) -> ErrorDetail:
    kind = _details().message(packed.TypeName())
    wire = Any(type_url=packed.type_url, value=packed.value)
    message = wire.unpack(kind) if kind else None
    return ErrorDetail(message if message is not None else wire)


@cache
def _details() -> Registry:
    """Return the details of google.rpc, as the Connect library's runtime knows messages: it
    writes the JSON of those that it knows.
    """
    files = Files()
    for module in (duration_pb2, error_details_pb2):
        file = files.file.add()
        module.DESCRIPTOR.CopyToProto(file)
        _name_in_json(file.message_type)
    return FileDescriptorSet.from_binary(files.SerializeToString()).to_registry()


def _name_in_json(messages: Iterable[DescriptorProto]) -> None:
    """Give fields the JSON names that `CopyToProto` leaves out."""
    for message in messages:
        for field in message.field:
            first, *rest = field.name.split("_")
            field.json_name = first + "".join(map(str.capitalize, rest))
        _name_in_json(message.nested_type)

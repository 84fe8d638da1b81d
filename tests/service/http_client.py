"""A client that speaks plain HTTP and JSON: no gRPC, no SDK."""

from __future__ import annotations

import json
import ssl
import struct
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from google.protobuf.json_format import MessageToJson, Parse
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2 as details

from bureau.rpc.methods import SERVICES
from bureau_keys.profile import Profile
from tests.service.raw import STREAM_S, Answer, Raw

PREFIX = "/creditbureau.v1."
JSON = {"content-type": "application/json"}
STREAM = {"content-type": "application/connect+json", "connect-timeout-ms": f"{STREAM_S:.0f}000"}
END_OF_STREAM = 2


def tls_of(profile: Profile, certificate: bytes = b"", key: bytes = b"") -> ssl.SSLContext:
    """TLS with a member's certificate, or with another one."""
    context = ssl.create_default_context(cadata=profile.ca_pem.decode())
    with TemporaryDirectory() as folder:
        pem = Path(folder) / "tls.pem"
        pem.write_bytes((certificate or profile.tls_certificate_pem) + (key or profile.tls_key_pem))
        context.load_cert_chain(pem)
    return context


def client_of(profile: Profile, address: str, **options: Any) -> httpx.Client:
    """A client with a member's certificate."""
    return httpx.Client(
        base_url=f"https://{address}", verify=tls_of(profile), timeout=60, **options
    )


@dataclass(slots=True)
class HttpRaw(Raw):
    """A member over HTTP, with the manners of `Raw`: none."""

    address: str = ""
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        super(HttpRaw, self).__post_init__()
        self.client = client_of(self.profile, self.address)

    def _send(self, method: str, request: Message | bytes, timeout: float) -> Answer:
        """Calls `Service/Method` with a message in JSON, or with any bytes."""
        service, _, name = method.partition("/")
        descriptor = next(s for s in SERVICES if s.name == service).methods_by_name[name]
        body = request if isinstance(request, bytes) else MessageToJson(request).encode()
        if descriptor.server_streaming:
            return next(streamed(self.client, descriptor, body), Answer("OK"))
        reply = self.client.post(f"{PREFIX}{method}", content=body, headers=JSON, timeout=timeout)
        if reply.status_code == 200:
            message = GetMessageClass(descriptor.output_type)()
            return Answer("OK", reply=Parse(reply.text, message))
        return answer_of(reply.json())


def streamed(client: httpx.Client, descriptor: Any, body: bytes) -> Iterator[Answer]:
    """The answers of a stream, until it ends or brings nothing for a while."""
    path = f"{PREFIX}{descriptor.containing_service.name}/{descriptor.name}"
    framed = struct.pack(">BI", 0, len(body)) + body
    received = b""
    with client.stream("POST", path, content=framed, headers=STREAM) as reply:
        if reply.status_code != 200:
            yield answer_of(json.loads(reply.read()))
            return
        for chunk in reply.iter_raw():
            received += chunk
            while len(received) >= 5 and len(received) >= 5 + (size := length_in(received)):
                kind, data, received = received[0], received[5 : 5 + size], received[5 + size :]
                if kind != END_OF_STREAM:
                    message = GetMessageClass(descriptor.output_type)()
                    yield Answer("OK", reply=Parse(data, message))
                elif error := json.loads(data).get("error"):
                    answer = answer_of(error)
                    if answer.code != "DEADLINE_EXCEEDED":
                        yield answer


def length_in(envelope: bytes) -> int:
    return int.from_bytes(envelope[1:5], "big")


def answer_of(error: dict[str, Any]) -> Answer:
    """An error as JSON has it; its details say the same as bytes and as JSON."""
    code = {"canceled": "CANCELLED"}.get(error["code"], error["code"].upper())
    shown = {detail["type"]: detail["debug"] for detail in error.get("details", ())}
    for detail in error.get("details", ()):
        kind = getattr(details, detail["type"].removeprefix("google.rpc."))
        packed = kind.FromString(b64decode(detail["value"] + "=="))
        assert packed == Parse(json.dumps(detail["debug"]), kind())
    bad = shown.get("google.rpc.BadRequest", {}).get("fieldViolations", [])
    return Answer(
        code,
        shown.get("google.rpc.ErrorInfo", {}).get("reason", ""),
        tuple(violation["field"] for violation in bad),
        shown.get("google.rpc.LocalizedMessage", {}).get("message", ""),
        shown.get("google.rpc.RequestInfo", {}).get("requestId", ""),
        error["message"],
    )

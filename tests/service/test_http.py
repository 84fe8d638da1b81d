"""The entrance over HTTP: what gRPC answers, HTTP answers, and nothing that gRPC refuses."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from bureau.admin.bureau_folder import InitOptions, create, issue_node, load_authority
from bureau.admin.operator import Operator
from bureau.clock import Clock
from bureau.config import SANDBOX_FILE, Settings
from bureau.main import Server
from bureau.rpc.call_log import CallLog
from bureau.rpc.edge import Edge
from bureau.rpc.http import HttpNotInstalled
from bureau.testing import free_port, running_bureau
from bureau_keys.authority import Authority, fingerprint, new_key_and_csr
from bureau_keys.envelope import verify_envelope
from bureau_keys.profile import Profile
from bureau_keys.receipt_checks import check_receipt
from bureau_keys.signing import VerifyKey
from creditbureau.v1.members_pb2 import MEMBER_STATE_ACTIVE, MEMBER_STATE_SUSPENDED
from creditbureau.v1.report_pb2 import Report
from tests.service.calls import GOOD, MAY, ROLES, Scenario, ok, open_scenario
from tests.service.http_client import JSON, PREFIX, HttpRaw, answer_of, client_of, tls_of
from tests.service.raw import Answer, Raw

CHECKPOINT = f"{PREFIX}Log/GetCheckpoint"
STREAMS = {
    "Complaints/WatchComplaints",
    "Consents/WatchConsents",
    "Furnishing/WatchDisputes",
    "Reporting/QueryPortfolio",
    "Reporting/WatchAlerts",
}


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario(http_listen=f"127.0.0.1:{free_port()}") as scenario:
        yield scenario


@pytest.fixture(scope="module")
def members(scenario: Scenario) -> dict[str, HttpRaw]:
    """The scenario's members, over HTTP."""
    return {role: over_http(scenario, raw) for role, raw in scenario.members.items()}


def over_http(scenario: Scenario, raw: Raw) -> HttpRaw:
    assert scenario.bureau.server.http
    return HttpRaw(raw.profile, address=scenario.bureau.server.http.address)


def told(answer: Answer) -> tuple[Any, ...]:
    """What an answer tells, but for the id of its call."""
    return (answer.code, answer.reason, answer.fields, answer.fix, answer.message)


# The same answers --------------------------------------------------------------------


@pytest.mark.parametrize("method", MAY)
def test_a_role_opens_over_http_what_it_opens_over_grpc(
    scenario: Scenario, members: dict[str, HttpRaw], method: str
) -> None:
    allowed = [role for role in ROLES if role in MAY[method].split()]
    raw = members[allowed[0]]
    answer = raw.send(method, GOOD[method](scenario, raw))
    assert answer.code == "OK", answer
    for role in ROLES:
        if role in allowed and method in STREAMS:
            continue  # it would stay open
        over_grpc = scenario.members[role].send(method, b"")
        over_http = members[role].send(method, b"{}")
        assert told(over_http) == told(over_grpc)
        assert (over_http.reason == "ROLE_REQUIRED") == (role not in allowed)


def test_a_report_over_http_is_the_signed_one(
    scenario: Scenario, members: dict[str, HttpRaw]
) -> None:
    """The bytes that a client verifies are those that gRPC answers, and one statement with one
    request id has one effect and one receipt, by whichever entrance it comes."""
    subscriber, trust = members["subscriber"], members["subscriber"].profile.trust
    request = GOOD["Reporting/QueryReport"](scenario, subscriber)
    reply = ok(subscriber.send("Reporting/QueryReport", request))
    keys = {key.key_id: key for key in map(VerifyKey.from_raw, trust.report_keys)}
    report, _ = verify_envelope(reply.report, Report, keys)
    assert report.subject_id == scenario.person.subject_id
    check_receipt(reply.receipt, request.inquiry, trust, "inquiry")  # type: ignore[attr-defined]
    size = scenario.size()
    again = ok(subscriber.send("Reporting/QueryReport", request))
    over_grpc = ok(scenario.members["subscriber"].send("Reporting/QueryReport", request))
    assert reply == again == over_grpc
    assert scenario.size() == size


def test_a_used_request_id_conflicts(scenario: Scenario, members: dict[str, HttpRaw]) -> None:
    subscriber = members["subscriber"]
    consent_id = scenario.inquire["subscriber"]
    header = subscriber.header()
    ok(scenario.members["subscriber"].query(scenario.person.subject_id, consent_id, header=header))
    later = subscriber.header(request_id=header.request_id)
    later.issue_time.FromDatetime(datetime.now(UTC))
    answer = subscriber.query(scenario.person.subject_id, consent_id, header=later)
    assert (answer.code, answer.reason) == ("ALREADY_EXISTS", "IDEMPOTENCY_CONFLICT")


def test_every_call_is_found_in_the_log_by_its_id(members: dict[str, HttpRaw]) -> None:
    auditor = members["auditor"]
    fine = auditor.client.post(CHECKPOINT, json={})
    refused = auditor.client.post(f"{PREFIX}Furnishing/ListSubmissions", json={})
    assert len(fine.headers["request-id"]) == 36
    assert answer_of(refused.json()).request_id == refused.headers["request-id"]


def test_the_wire_format_is_served_too(members: dict[str, HttpRaw]) -> None:
    reply = members["auditor"].client.post(
        CHECKPOINT, content=b"", headers={"content-type": "application/proto"}
    )
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/proto")
    assert b"creditbureau.local/log\n" in reply.content


# Requests that are none --------------------------------------------------------------

NONE: list[tuple[str, dict[str, Any], str, tuple[str, ...]]] = [
    ("no JSON", {"content": b"{"}, "MALFORMED_MESSAGE", ()),
    ("nothing", {"content": b""}, "MALFORMED_MESSAGE", ()),
    ("a list", {"content": b"[]"}, "MALFORMED_MESSAGE", ()),
    ("not UTF-8", {"content": b'{"\xff": 1}'}, "MALFORMED_MESSAGE", ()),
    ("a name twice", {"content": b'{"page": 1, "page": 2}'}, "MALFORMED_MESSAGE", ()),
    ("deep", {"content": b"[" * 12_000}, "MALFORMED_MESSAGE", ()),
    ("a long number", {"content": b'{"pageSize": ' + b"9" * 9000 + b"}"}, "MALFORMED_MESSAGE", ()),
    ("an unknown field", {"json": {"pages": 1}}, "MALFORMED_MESSAGE", ("pages",)),
    (
        "a field of another type",
        {"json": {"startIndex": "a"}},
        "MALFORMED_MESSAGE",
        ("startIndex",),
    ),
    ("a field out of its range", {"json": {"pageSize": -1}}, "INVALID_FIELD", ("page_size",)),
    ("compressed", {"content": b"{}", "headers": {"content-encoding": "gzip"}}, "", ()),
    ("another type", {"content": b"{}", "headers": {"content-type": "text/xml"}}, "", ()),
    ("a time in words", {"json": {}, "headers": {"connect-timeout-ms": "soon"}}, "", ()),
    ("no time", {"json": {}, "headers": {"connect-timeout-ms": "50"}}, "DEADLINE", ()),
    ("a long head", {"json": {}, "headers": {"x-long": "x" * 20_000}}, "", ()),
    ("another protocol", {"json": {}, "headers": {"connect-protocol-version": "2"}}, "", ()),
    ("too large", {"content": b" " * 40_000}, "TOO_LARGE", ()),
]


@pytest.mark.parametrize(
    ("sent", "reason", "fields"), [one[1:] for one in NONE], ids=[one[0] for one in NONE]
)
def test_what_is_no_request_is_refused_with_its_reason(
    members: dict[str, HttpRaw], sent: dict[str, Any], reason: str, fields: tuple[str, ...]
) -> None:
    sent = {**sent, "headers": {**JSON, **sent.get("headers", {})}}
    reply = members["auditor"].client.post(f"{PREFIX}Log/ListLeaves", **sent)
    answer = answer_of(reply.json())
    assert (answer.reason, answer.fields) == (reason or "MALFORMED_MESSAGE", fields)
    assert answer.fix
    assert answer.message.startswith(f"{answer.reason}: ")


def test_a_field_inside_a_message_is_named(members: dict[str, HttpRaw]) -> None:
    body = {"inquiry": {"payload": "AAAA", "signatures": [{"sig": "AAAA"}, {"signer": "me"}]}}
    reply = members["subscriber"].client.post(f"{PREFIX}Reporting/QueryReport", json=body)
    answer = answer_of(reply.json())
    assert answer.fields == ("inquiry.signatures[1].signer",)


def test_a_body_without_a_length_is_bounded_too(members: dict[str, HttpRaw]) -> None:
    client = members["auditor"].client
    reply = client.post(CHECKPOINT, content=iter([b" " * 8000] * 10), headers=JSON)
    assert answer_of(reply.json()).reason == "TOO_LARGE"
    assert client.post(CHECKPOINT, json={}).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
def test_only_a_post_is_a_call(members: dict[str, HttpRaw], method: str) -> None:
    reply = members["auditor"].client.request(method, CHECKPOINT)
    assert reply.status_code == 400
    if method != "HEAD":
        assert answer_of(reply.json()).reason == "MALFORMED_MESSAGE"


@pytest.mark.parametrize(
    "path", ["/", "/refused", "/creditbureau.v1.Log/Forget", "/grpc.health.v1.Health/Check"]
)
def test_what_is_not_of_the_contract_is_not_served(members: dict[str, HttpRaw], path: str) -> None:
    reply = members["auditor"].client.post(path, json={})
    answer = answer_of(reply.json())
    assert (reply.status_code, answer.reason) == (501, "NOT_SERVED")


# Who calls ---------------------------------------------------------------------------


def test_a_certificate_counts_at_every_call_of_its_connection(scenario: Scenario) -> None:
    bureau = scenario.bureau
    former = over_http(scenario, Raw(bureau.add_member("former", ["auditor"])))
    with Operator(bureau.operator) as operator:
        reasons = [former.send("Log/GetCheckpoint", b"{}").reason]
        operator.set_state("former", MEMBER_STATE_SUSPENDED)
        reasons.append(former.send("Log/GetCheckpoint", b"{}").reason)
        operator.set_state("former", MEMBER_STATE_ACTIVE)
        reasons.append(former.send("Log/GetCheckpoint", b"{}").reason)
        certificate = former.profile.tls_certificate_pem
        operator.withdraw_certificate("former", fingerprint(certificate))
        reasons.append(former.send("Log/GetCheckpoint", b"{}").reason)
    assert reasons == ["", "MEMBER_SUSPENDED", "", "UNKNOWN_CERTIFICATE"]


def test_a_certificate_that_is_not_registered_is_unknown(
    scenario: Scenario, members: dict[str, HttpRaw]
) -> None:
    """Also one of the authority's, also with another member's certificate in its headers."""
    auditor, settings = members["auditor"], scenario.bureau.settings
    authority = load_authority(settings)
    key, csr = new_key_and_csr("auditor")
    certificate = authority.issue_member(csr, "auditor", datetime.now(UTC))
    assert scenario.bureau.server.http
    with httpx.Client(
        base_url=f"https://{scenario.bureau.server.http.address}",
        verify=tls_of(auditor.profile, certificate, key),
    ) as client:
        pem = auditor.profile.tls_certificate_pem.decode().strip().replace("\n", " ")
        forged = {"x509_pem_cert": pem, "x-client-cert": pem, "x-forwarded-client-cert": pem}
        reply = client.post(CHECKPOINT, json={}, headers=forged)
    assert reply.status_code == 401
    assert answer_of(reply.json()).reason == "UNKNOWN_CERTIFICATE"


def test_nobody_without_a_certificate_of_the_authority_comes_in(
    scenario: Scenario, members: dict[str, HttpRaw]
) -> None:
    profile = members["auditor"].profile
    other = Authority.create("other", datetime.now(UTC))
    key, csr = new_key_and_csr("auditor")
    without = ssl.create_default_context(cadata=profile.ca_pem.decode())
    certificate = other.issue_member(csr, "auditor", datetime.now(UTC))
    assert scenario.bureau.server.http
    for context in (without, tls_of(profile, certificate, key)):
        with (
            httpx.Client(verify=context) as client,
            pytest.raises((httpx.TransportError, ssl.SSLError)),
        ):
            client.post(f"https://{scenario.bureau.server.http.address}{CHECKPOINT}", json={})


# On, off, and not installed ----------------------------------------------------------


def test_it_is_off_unless_it_is_switched_on() -> None:
    with running_bureau() as bureau:
        assert bureau.server.http is None
        assert not any("HTTP" in part.name for part in bureau.server.parts)
        loaded = "import sys, bureau.main; print(*{'connectrpc', 'uvicorn'} & set(sys.modules))"
        done = subprocess.run(
            [sys.executable, "-c", loaded], capture_output=True, text=True, check=True
        )
    assert done.stdout.strip() == ""


def test_the_extra_is_named_if_it_is_missing(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("bureau.rpc.http.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "connectrpc.errors", None)
    settings = Settings.load(scenario.bureau.folder, http_listen="127.0.0.1:0")
    with pytest.raises(HttpNotInstalled, match=r"http_listen is 127.0.0.1:0") as error:
        Server(settings)
    assert "creditbureau[server,http]" in error.value.fix


def test_a_sandbox_has_its_faults_over_http_too(tmp_path: Path) -> None:
    create(tmp_path, InitOptions())
    (tmp_path / SANDBOX_FILE).touch()
    settings = Settings.load(tmp_path, listen="127.0.0.1:0", http_listen="127.0.0.1:0")
    server = Server(settings, edge=Edge({}, Faulty(), CallLog()))
    server.start()
    try:
        assert server.http
        with client_of(Profile.load(settings.operator_folder), server.http.address) as client:
            reply = client.post(CHECKPOINT, json={})
    finally:
        server.stop()
    assert reply.status_code == 503
    assert reply.json() == {"code": "unavailable", "message": "connection reset"}


class Faulty(grpc.ServerInterceptor):
    """Ends every call before the guard, as a fault of the sandbox does."""

    def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        assert continuation(handler_call_details) is not None

        def behaviour(_requests: Any, context: grpc.ServicerContext) -> Any:
            context.abort(grpc.StatusCode.UNAVAILABLE, "connection reset")

        return grpc.stream_unary_rpc_method_handler(behaviour)


def test_new_connections_show_a_renewed_certificate(
    scenario: Scenario, members: dict[str, HttpRaw]
) -> None:
    def shown() -> bytes | None:
        with socket.create_connection(("127.0.0.1", port)) as stream:
            tls = tls_of(members["auditor"].profile)
            with tls.wrap_socket(stream, server_hostname="127.0.0.1") as connection:
                return connection.getpeercert(binary_form=True)

    settings = scenario.bureau.settings
    assert scenario.bureau.server.http
    port = int(scenario.bureau.server.http.address.rpartition(":")[2])
    before = shown()
    assert before == shown()
    issue_node(settings, load_authority(settings), Clock())
    assert shown() != before
    assert members["auditor"].send("Log/GetCheckpoint", b"{}").code == "OK"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_connection_is_resumed(
    scenario: Scenario, members: dict[str, HttpRaw], version: ssl.TLSVersion
) -> None:
    """Every connection shows its certificate, and the key for it."""
    tls = tls_of(members["auditor"].profile)
    tls.minimum_version = tls.maximum_version = version
    assert scenario.bureau.server.http
    port = int(scenario.bureau.server.http.address.rpartition(":")[2])
    session = None
    for _ in range(2):
        with (
            socket.create_connection(("127.0.0.1", port)) as stream,
            tls.wrap_socket(stream, server_hostname="127.0.0.1", session=session) as connection,
        ):
            assert connection.version() == version.name.replace("TLSv1_", "TLSv1.")
            assert not connection.session_reused
            connection.send(b"GET / HTTP/1.1\r\nhost: bureau\r\nconnection: close\r\n\r\n")
            while connection.recv(65536):
                pass
            session = connection.session
            with contextlib.suppress(OSError):
                connection.unwrap()

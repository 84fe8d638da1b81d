"""From gRPC's words to a person's."""

from __future__ import annotations

import pickle
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2 as details
from google.rpc import status_pb2

from bureau_client import errors
from bureau_client._transport.status_errors import BY_REASON, translate
from bureau_client.errors import BureauError
from bureau_client.models.violations import Violation
from bureau_keys.status_details import LONGEST_DELAY
from creditbureau.v1 import error_pb2

ADDRESS = "bureau.example:7443"
CODE = grpc.StatusCode


def trailers(*parts: Any, message: Any = "what happened") -> Any:
    status = status_pb2.Status(code=3, message=message)
    for part in parts:
        packed = Packed()
        packed.Pack(part)
        status.details.append(packed)
    return (("other", "x"), ("grpc-status-details-bin", status.SerializeToString()))


def info(reason: Any, domain: Any = "creditbureau") -> Any:
    return details.ErrorInfo(reason=reason, domain=domain)


def test_everything_that_the_bureau_says_arrives() -> None:
    field = details.BadRequest.FieldViolation(
        field="records[7].snapshot.month", description="lies ahead", reason="DATE_ORDER"
    )
    error = translate(
        CODE.INVALID_ARGUMENT,
        "grpc's words",
        trailers(
            info("DATE_ORDER"),
            details.BadRequest(field_violations=[field]),
            details.LocalizedMessage(locale="en", message="Give real dates."),
            details.RequestInfo(request_id="abc"),
            details.RetryInfo(retry_delay=Duration(seconds=1, nanos=500_000_000)),
            message="DATE_ORDER: a date is wrong",
        ),
        address=ADDRESS,
    )
    assert type(error) is errors.InvalidRequest
    assert error.violations == (Violation("records[7].snapshot.month", "DATE_ORDER", "lies ahead"),)
    assert error.retry_after == timedelta(seconds=1.5)
    assert str(error) == (
        "A date is wrong. records[7].snapshot.month: lies ahead. Give real dates. "
        "Try again in 1.5 s. (request abc)"
    )


def test_help_is_taken_where_there_is_no_message() -> None:
    link = details.Help.Link(description="Ask the operator", url="https://x.example")
    error = translate(
        CODE.PERMISSION_DENIED, "", trailers(info("HOLD"), details.Help(links=[link])), address=""
    )
    assert error.fix == "Ask the operator https://x.example"


@pytest.mark.parametrize(
    ("reason", "code", "cls"),
    [
        ("CONSENT_REQUIRED", CODE.PERMISSION_DENIED, errors.ConsentRequired),
        ("CONSENT_REVOKED", CODE.PERMISSION_DENIED, errors.ConsentRevoked),
        ("CONSENT_PAUSED", CODE.PERMISSION_DENIED, errors.ConsentPaused),
        ("CONSENT_EXPIRED", CODE.PERMISSION_DENIED, errors.ConsentExpired),
        ("CONSENT_EXHAUSTED", CODE.PERMISSION_DENIED, errors.ConsentExhausted),
        ("CONSENT_SCOPE", CODE.PERMISSION_DENIED, errors.ConsentScope),
        ("HOLD", CODE.PERMISSION_DENIED, errors.HoldInForce),
        ("BAD_SIGNATURE", CODE.UNAUTHENTICATED, errors.NotAuthenticated),
        ("NOT_FOUND", CODE.NOT_FOUND, errors.NotFound),
        ("BEYOND_LOG", CODE.OUT_OF_RANGE, errors.NotFound),
        ("IDEMPOTENCY_CONFLICT", CODE.ALREADY_EXISTS, errors.Conflict),
        ("WRONG_STATE", CODE.FAILED_PRECONDITION, errors.WrongState),
        ("QUOTA_EXCEEDED", CODE.RESOURCE_EXHAUSTED, errors.QuotaExceeded),
        ("OVERLOADED", CODE.RESOURCE_EXHAUSTED, errors.Overloaded),
        ("DATABASE_UNAVAILABLE", CODE.UNAVAILABLE, errors.Unavailable),
        ("CONFLICT", CODE.ABORTED, errors.Unavailable),
        ("DEADLINE", CODE.DEADLINE_EXCEEDED, errors.DeadlineExceeded),
        ("NOT_SERVED", CODE.UNIMPLEMENTED, errors.NotFound),
        ("INTERNAL", CODE.INTERNAL, errors.Internal),
        ("A_REASON_OF_TOMORROW", CODE.PERMISSION_DENIED, errors.PermissionDenied),
    ],
)
def test_reasons_and_codes_become_classes(reason: Any, code: Any, cls: Any) -> None:
    error = translate(code, "", trailers(info(reason)), address=ADDRESS)
    assert type(error) is cls
    assert error.reason == reason


def test_the_table_names_reasons_of_the_contract() -> None:
    known = {name.removeprefix("REASON_") for name, _ in error_pb2.Reason.items()}
    assert set(BY_REASON) <= known


# As grpcio 1.85 words them, each provoked once against a real server.
CONNECTION = "failed to connect to all addresses; last error: "
NOT_RESOLVED = (
    "errors resolving no-such-host.invalid:1: [field:hostname lookup error:address lookup "
    "failed for no-such-host.invalid:1: Domain name not found]"
)
WORDS = [
    (
        CONNECTION + "UNKNOWN: ipv4:127.0.0.1:1: Failed to connect to remote host: "
        "Connection refused",
        errors.Unavailable,
        "Nothing listens",
    ),
    (
        NOT_RESOLVED,
        errors.Unavailable,
        "host name",
    ),
    (
        CONNECTION + "UNKNOWN: ipv4:127.0.0.2:1: Custom verification check failed with error: "
        "UNAUTHENTICATED: Hostname Verification Check failed.",
        errors.NotAuthenticated,
        "not for that host",
    ),
    (
        CONNECTION + "UNKNOWN: ipv4:127.0.0.1:1: Tls handshake failed (TSI_PROTOCOL_FAILURE): "
        "SSL_ERROR_SSL: error:1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED: "
        "certificate has expired: OK",
        errors.NotAuthenticated,
        "has expired",
    ),
    (
        CONNECTION + "UNKNOWN: ipv4:127.0.0.1:1: Tls handshake failed (TSI_PROTOCOL_FAILURE): "
        "SSL_ERROR_SSL: error:1a000064:ECDSA routines:OPENSSL_internal:BAD_SIGNATURE: "
        "certificate signature failure: OK",
        errors.NotAuthenticated,
        "ca.pem",
    ),
    (
        CONNECTION + "UNKNOWN: ipv4:127.0.0.1:1: Tls handshake failed (TSI_PROTOCOL_FAILURE): "
        "SSL_ERROR_SSL: error:100000f7:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER: "
        "Invalid certificate verification context: OK",
        errors.NotAuthenticated,
        "does not speak TLS",
    ),
    (
        CONNECTION + "UNKNOWN: ipv4:127.0.0.1:1: Failed to create security handshaker.",
        errors.NotAuthenticated,
        "tls.key",
    ),
    (
        CONNECTION + "UNAVAILABLE: ipv4:127.0.0.1:1: Socket closed",
        errors.NotAuthenticated,
        "tls.pem",
    ),
    ("Socket closed", errors.Unavailable, "connection"),
    ("recvmsg:Connection reset by peer", errors.Unavailable, "connection"),
    ("something never heard of", errors.Unavailable, "connection"),
]


@pytest.mark.parametrize(("words", "cls", "says"), WORDS)
def test_grpcs_own_words_never_reach_a_person(words: Any, cls: Any, says: Any) -> None:
    error = translate(CODE.UNAVAILABLE, words, (), address=ADDRESS)
    assert type(error) is cls
    assert says in str(error)
    assert error.fix
    for jargon in ("Socket closed", "handshake", "TSI_", "OPENSSL", "ipv4:", "recvmsg"):
        assert jargon not in str(error)


@pytest.mark.parametrize("code", [code for code in CODE if code is not CODE.OK])
def test_every_code_has_a_class_even_without_an_explanation(code: Any) -> None:
    for words in (
        (),
        trailers(info("X", domain="elsewhere")),
        (("grpc-status-details-bin", b"\xff"),),
    ):
        error = translate(code, "details", words, address=ADDRESS)
        assert isinstance(error, BureauError)
        assert str(error)


def test_a_long_list_of_fields_is_cut_in_the_text_only() -> None:
    violations = [Violation(f"records[{n}]", "R", f"m{n}") for n in range(40)]
    error = errors.InvalidRequest("No", violations=violations)
    assert "and 30 more" in str(error)
    assert len(error.violations) == 40


def test_errors_cross_processes() -> None:
    error = errors.ConsentPaused(
        "paused", reason="CONSENT_PAUSED", violations=[Violation("a", "b", "c")]
    )
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is errors.ConsentPaused
    assert str(again) == str(error)
    assert again.violations == error.violations


def test_consent_errors_are_permissions_denied() -> None:
    assert issubclass(errors.ConsentError, errors.PermissionDenied)
    assert issubclass(errors.DeadlineExceeded, errors.Unavailable)


@pytest.mark.parametrize(
    "kind", [details.BadRequest, details.RetryInfo, details.LocalizedMessage, details.Help]
)
def test_a_detail_of_junk_says_nothing(kind: Any) -> None:
    spoilt = Packed(type_url=f"type.googleapis.com/{kind.DESCRIPTOR.full_name}", value=b"\x0a\xff")
    status = status_pb2.Status(code=8, message="OVERLOADED: busy")
    status.details.add().Pack(info("OVERLOADED"))
    status.details.append(spoilt)
    error = translate(
        CODE.RESOURCE_EXHAUSTED,
        "",
        [("grpc-status-details-bin", status.SerializeToString())],
        address=ADDRESS,
    )
    assert isinstance(error, errors.Overloaded)
    assert (error.message, error.fix, error.violations, error.retry_after) == ("busy", "", (), None)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(-5, 0.0), (-(2**63), 0.0), (2, 2.0), (2**63 - 1, LONGEST_DELAY.total_seconds())],
)
def test_a_delay_is_a_pause_of_a_day_at_most(seconds: int, expected: float) -> None:
    delay = details.RetryInfo(retry_delay=Duration(seconds=seconds))
    error = translate(
        CODE.RESOURCE_EXHAUSTED, "", trailers(info("OVERLOADED"), delay), address=ADDRESS
    )
    assert error.retry_after is not None
    assert error.retry_after.total_seconds() == expected

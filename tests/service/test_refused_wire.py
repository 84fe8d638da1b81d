"""What is refused before its meaning: bytes, certificates, times, pages, floods."""

from __future__ import annotations

import gc
import gzip
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bureau.clock import Clock
from bureau.rpc.methods import SERVICES
from bureau.testing import running_bureau
from bureau_keys.authority import Authority, new_key_and_csr
from bureau_keys.envelope import seal
from bureau_keys.signing import SigningKey
from creditbureau.v1 import (
    codes_pb2,
    consent_pb2,
    consents_pb2,
    furnishing_pb2,
    log_pb2,
    members_pb2,
    record_pb2,
    reporting_pb2,
)
from creditbureau.v1.envelope_pb2 import Envelope
from tests.service.raw import Answer, Raw, answer_of, channel_of, snapshot
from tests.service.raw_scenario import FURNISH, LENDER, Scenario, open_scenario, refused


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    with open_scenario() as scenario:
        yield scenario


# The wire --------------------------------------------------------------------


def test_wire(scenario: Scenario) -> None:
    send = scenario.acme.send
    garbage = send("Reporting/QueryReport", b"\xff\xff\xff")
    refused(scenario, garbage, "INVALID_ARGUMENT", "MALFORMED_MESSAGE")
    empty = send("Reporting/QueryReport", b"")
    refused(scenario, empty, "INVALID_ARGUMENT", "INVALID_FIELD", "inquiry")
    huge = send("Reporting/QueryReport", b"\0" * 20_000)
    refused(scenario, huge, "RESOURCE_EXHAUSTED", "TOO_LARGE")
    monster = send("Furnishing/SubmitRecords", b"\0" * 9_000_000)
    assert monster.code == "RESOURCE_EXHAUSTED", monster
    short = send("Log/GetCheckpoint", log_pb2.GetCheckpointRequest(), timeout=0.05)
    assert short.code == "DEADLINE_EXCEEDED", short
    text = reporting_pb2.QueryReportRequest(inquiry=Envelope(payload_type="x")).SerializeToString()
    bad_utf8 = text.replace(b"x", b"\xff")
    refused(
        scenario, send("Reporting/QueryReport", bad_utf8), "INVALID_ARGUMENT", "MALFORMED_MESSAGE"
    )
    beyond = send("Log/GetInclusionProof", log_pb2.GetInclusionProofRequest(leaf_index=10**9))
    refused(scenario, beyond, "OUT_OF_RANGE", "BEYOND_LOG")


def test_a_gzip_bomb_is_not_unpacked(scenario: Scenario) -> None:
    bomb = b"\0" * 200_000_000
    assert len(gzip.compress(bomb, 1)) < 1_000_000
    call: Any = scenario.acme.channel.unary_unary("/creditbureau.v1.Reporting/QueryReport")
    with pytest.raises(grpc.RpcError) as error:
        call(bomb, timeout=120, compression=grpc.Compression.Gzip)
    assert answer_of(error.value).code == "RESOURCE_EXHAUSTED"


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(share=st.floats(0, 1), byte=st.integers(0, 255), cut=st.booleans())
def test_no_mutation_is_an_internal_error(
    scenario: Scenario, share: float, byte: int, cut: bool
) -> None:
    raw = snapshot(scenario.person.subject_id).SerializeToString(deterministic=True)
    request = scenario.acme.submission([raw]).SerializeToString()
    index = min(int(share * len(request)), len(request) - 1)
    mutated = request[:index] + (b"" if cut else bytes([byte])) + request[index + 1 :]
    answer = scenario.acme.send("Furnishing/SubmitRecords", mutated)
    assert answer.code not in {"INTERNAL", "UNKNOWN"}, answer


# Certificates ----------------------------------------------------------------


def every_method() -> list[str]:
    return [
        f"/{service.full_name}/{method.name}" for service in SERVICES for method in service.methods
    ]


def test_a_certificate_that_is_not_registered_opens_nothing(scenario: Scenario) -> None:
    settings_ = scenario.bureau.settings
    from bureau.admin.bureau_folder import load_authority  # noqa: PLC0415  (only here)
    from bureau.calendar import utc  # noqa: PLC0415

    authority = load_authority(settings_)
    key, csr = new_key_and_csr("acme")
    now = utc(scenario.bureau.clock.now_us())
    stranger = replace(
        scenario.acme.profile,
        tls_key_pem=key,
        tls_certificate_pem=authority.issue_member(csr, "acme", now),
    )
    channel: Any = channel_of(stranger)
    others = [
        "/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ]
    for method in [*every_method(), others[0]]:
        with pytest.raises(grpc.RpcError) as error:
            channel.unary_unary(method)(b"", timeout=60)
        assert error.value.code() == grpc.StatusCode.UNAUTHENTICATED, method
    with pytest.raises(grpc.RpcError) as error:
        list(channel.stream_stream(others[1])(iter([b""]), timeout=60))
    assert error.value.code() == grpc.StatusCode.UNAUTHENTICATED
    channel.close()


def test_no_expired_or_foreign_certificate_gets_in(scenario: Scenario) -> None:
    from bureau.admin.bureau_folder import load_authority  # noqa: PLC0415  (only here)

    long_ago = datetime.now(UTC) - timedelta(days=900)
    own, foreign = (
        load_authority(scenario.bureau.settings),
        Authority.create("x", datetime.now(UTC)),
    )
    for issue in (
        lambda csr: own.issue_member(csr, "acme", long_ago, 30),
        lambda csr: foreign.issue_member(csr, "acme", datetime.now(UTC)),
        None,
    ):
        key, csr = new_key_and_csr("acme")
        pem = issue(csr) if issue else b""
        profile = replace(
            scenario.acme.profile, tls_key_pem=key if issue else b"", tls_certificate_pem=pem
        )
        answer = Raw.send(_as(scenario.acme, profile), "Log/GetCheckpoint", b"")
        assert answer.code == "UNAVAILABLE", answer


def _as(raw: Raw, profile: Any) -> Raw:
    member = Raw.__new__(Raw)
    member.profile, member.key, member.channel = profile, raw.key, channel_of(profile)
    return member


def test_a_certificate_expires_on_a_live_connection() -> None:
    clock = Clock()
    with running_bureau(clock=clock) as bureau:
        acme = Raw(bureau.add_member("acme", LENDER))
        assert acme.send("Log/GetCheckpoint", b"").code == "OK"
        clock.offset_us = 500 * 86_400 * 1_000_000
        answer = acme.send("Log/GetCheckpoint", b"")
        assert (answer.code, answer.reason) == ("UNAUTHENTICATED", "UNKNOWN_CERTIFICATE")


def test_a_suspended_member_is_refused_at_the_next_call(scenario: Scenario) -> None:
    from bureau.admin.operator import Operator  # noqa: PLC0415  (only here)

    carol = Raw(scenario.bureau.add_member("carol", LENDER))
    assert carol.send("Log/GetCheckpoint", b"").code == "OK"
    with Operator(scenario.bureau.operator) as operator:
        operator.set_state("carol", 2)
        answer = carol.send("Log/GetCheckpoint", b"")
        refused(scenario, answer, "PERMISSION_DENIED", "MEMBER_SUSPENDED")
        operator.set_state("carol", 1)
        assert carol.send("Log/GetCheckpoint", b"").code == "OK"


def test_roles_open_methods(scenario: Scenario) -> None:
    denied = scenario.agent.query(scenario.person.subject_id, scenario.consent_id)
    refused(scenario, denied, "PERMISSION_DENIED", "ROLE_REQUIRED")
    request = consents_pb2.GrantConsentRequest(consent=scenario.person.consent("acme", FURNISH))
    refused(
        scenario,
        scenario.acme.send("Consents/GrantConsent", request),
        "PERMISSION_DENIED",
        "ROLE_REQUIRED",
    )


# What is no time, and no page ------------------------------------------------


NO_TIMES = [(-62135596801, 0), (253402300800, 0), (-1, 0), (0, -1), (0, 10**9), (2**63 - 1, 0)]


@pytest.mark.parametrize(("seconds", "nanos"), NO_TIMES)
def test_what_is_no_time_is_refused_by_field(scenario: Scenario, seconds: int, nanos: int) -> None:
    def with_time(field: str) -> Answer:
        consent = consent_pb2.Consent.FromString(scenario.person.consent("acme", FURNISH).payload)
        message = consent.header if field == "header.issue_time" else consent
        time = getattr(message, field.rpartition(".")[2])
        time.seconds, time.nanos = seconds, nanos
        return scenario.grant(seal(consent, scenario.person.key))

    for field in ("start_time", "expire_time", "header.issue_time"):
        refused(scenario, with_time(field), "INVALID_ARGUMENT", "INVALID_FIELD", field)


@pytest.mark.parametrize(("seconds", "nanos"), NO_TIMES)
def test_an_action_at_no_time_is_refused_by_field(
    scenario: Scenario, seconds: int, nanos: int
) -> None:
    action = record_pb2.FacilityAction(
        kind=record_pb2.FACILITY_ACTION_KIND_FREEZE,
        initiator=record_pb2.INITIATOR_LENDER,
        reasons=[1],  # type: ignore[list-item]
    )
    action.effective_time.seconds, action.effective_time.nanos = seconds, nanos
    record = record_pb2.Record(salt=bytes(32), account_ref="a1", action=action)
    answer = scenario.acme.submit([record])
    field = "records[0].action.effective_time"
    refused(scenario, answer, "INVALID_ARGUMENT", "INVALID_FIELD", field)


def test_a_flood_of_violations_still_says_what_is_wrong(scenario: Scenario) -> None:
    """The answer travels in headers, which have few kilobytes."""
    bad = {"currency": "x", "account_type": "?", "original_creditor": "y" * 80, "open_date": -1}
    answer = scenario.acme.submit([snapshot(scenario.person.subject_id, **bad) for _ in range(200)])
    assert (answer.code, answer.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD"), answer
    assert len(answer.fields) > 10
    assert "more)" in answer.message


def test_a_flood_of_empty_items_is_not_told_one_by_one(scenario: Scenario) -> None:
    """Two bytes each, and several rules broken by each: telling all would take gigabytes."""
    record = snapshot(scenario.person.subject_id, parties=[record_pb2.Party()] * 1900)
    answer = scenario.acme.submit([record] * 200)
    refused(scenario, answer, "INVALID_ARGUMENT", "TOO_MANY_ITEMS", "records[0].snapshot.parties")
    assert "at least 1000 more" in answer.message
    nobody = reporting_pb2.PortfolioInquiry(
        header=scenario.acme.header(), subject_ids=[""] * 200_000
    )
    # Refused before it is parsed into objects.
    asked = reporting_pb2.QueryPortfolioRequest(inquiry=seal(nobody, scenario.acme.key))
    answer = scenario.acme.send("Reporting/QueryPortfolio", asked)
    refused(scenario, answer, "INVALID_ARGUMENT", "MALFORMED_MESSAGE")
    # Of as many as are parsed, one is told.
    del nobody.subject_ids[40_000:]
    asked = reporting_pb2.QueryPortfolioRequest(inquiry=seal(nobody, scenario.acme.key))
    answer = scenario.acme.send("Reporting/QueryPortfolio", asked)
    refused(scenario, answer, "INVALID_ARGUMENT", "UNKNOWN_ENUM", "subject_ids[0]")


@pytest.mark.parametrize("token", ["²", "١", "-1", "9" * 30, "1x", "\0", "1.\0", "1.x"])
def test_what_is_no_page_token_is_refused(scenario: Scenario, token: str) -> None:
    checkpoints = log_pb2.ListCheckpointsRequest(page_token=token)
    answer = scenario.acme.send("Log/ListCheckpoints", checkpoints)
    refused(scenario, answer, "INVALID_ARGUMENT", "BAD_PAGE_TOKEN", "page_token")
    submissions = furnishing_pb2.ListSubmissionsRequest(page_token=token)
    answer = scenario.acme.send("Furnishing/ListSubmissions", submissions)
    refused(scenario, answer, "INVALID_ARGUMENT", "BAD_PAGE_TOKEN", "page_token")
    consents = consents_pb2.ListConsentsRequest(page_token=token)
    answer = scenario.acme.send("Consents/ListConsents", consents)
    refused(scenario, answer, "INVALID_ARGUMENT", "BAD_PAGE_TOKEN", "page_token")
    members = members_pb2.ListMembersRequest(page_token=token)
    answer = scenario.acme.send("Members/ListMembers", members)
    refused(scenario, answer, "INVALID_ARGUMENT", "BAD_PAGE_TOKEN", "page_token")
    inquiry = seal(reporting_pb2.PortfolioInquiry(header=scenario.acme.header()), scenario.acme.key)
    portfolio = reporting_pb2.QueryPortfolioRequest(inquiry=inquiry, cursor=token)
    answer = scenario.acme.send("Reporting/QueryPortfolio", portfolio)
    refused(scenario, answer, "INVALID_ARGUMENT", "BAD_PAGE_TOKEN", "cursor")


# What a refusal leaves behind ------------------------------------------------


def test_refusals_are_freed_without_the_collector(scenario: Scenario) -> None:
    """A call that a circle of references kept open would count against the streams of
    its connection: after 100 of them the next is turned away.
    """
    revoked = scenario.granted("acme", codes_pb2.ACTION_INQUIRE)
    assert scenario.change(revoked, consent_pb2.CONSENT_TRANSITION_REVOKE).code == "OK"
    stranger = SigningKey.generate()
    forged = reporting_pb2.Inquiry(
        header=scenario.acme.header(), subject_id=scenario.person.subject_id
    )
    signed = reporting_pb2.QueryReportRequest(inquiry=seal(forged, stranger))
    wanted: dict[str, Callable[[], Answer]] = {
        "BAD_SIGNATURE": lambda: scenario.acme.send("Reporting/QueryReport", signed),
        "CONSENT_REVOKED": lambda: scenario.acme.query(scenario.person.subject_id, revoked),
        "CONSENT_REQUIRED": lambda: scenario.acme.submit([snapshot(uuid.uuid4().hex)]),
        "MALFORMED_MESSAGE": lambda: scenario.acme.send("Reporting/QueryReport", b"\xff"),
    }
    gc.collect()
    gc.disable()
    try:
        for reason, send in wanted.items():
            assert [send().reason for _ in range(120)] == [reason] * 120
    finally:
        gc.enable()

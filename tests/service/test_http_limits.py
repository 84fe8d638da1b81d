"""Nobody holds the entrance over HTTP: slow, many or large requests of one keep nobody else out."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from bureau import main
from bureau.admin.bureau_folder import load_authority
from bureau.admin.operator import Operator
from bureau.rpc import guard
from bureau.rpc.guard import Guard
from bureau.rpc.http import connection, handshakes
from bureau.testing import RunningBureau, free_port, running_bureau
from bureau_keys.authority import fingerprint, new_key_and_csr
from bureau_keys.profile import Profile
from creditbureau.v1.members_pb2 import MEMBER_STATE_SUSPENDED
from tests.service.http_client import JSON, PREFIX, STREAM, HttpRaw, answer_of, client_of, tls_of
from tests.service.postgres import until
from tests.service.raw import Raw

CHECKPOINT = f"{PREFIX}Log/GetCheckpoint"
ALERTS = f"{PREFIX}Reporting/WatchAlerts"
HEAD = f"POST {CHECKPOINT} HTTP/1.1\r\nhost: bureau\r\ncontent-type: application/json\r\n"
SLOW = HEAD + "content-length: 100\r\n\r\n{"


@contextmanager
def serving(**settings: Any) -> Iterator[RunningBureau]:
    with running_bureau(http_listen=f"127.0.0.1:{free_port()}", **settings) as bureau:
        yield bureau


def address_of(bureau: RunningBureau) -> str:
    assert bureau.server.http
    return bureau.server.http.address


def connections_of(bureau: RunningBureau) -> Counter[str]:
    """The number of open connections of each certificate."""
    assert bureau.server.http
    assert bureau.server.http._server
    return bureau.server.http._server.connections.of_certificate


def certificate_of(profile: Profile) -> str:
    return fingerprint(profile.tls_certificate_pem)


def connect(bureau: RunningBureau, profile: Profile) -> ssl.SSLSocket:
    """A connection of a member, for bytes of any kind."""
    host, _, port = address_of(bureau).rpartition(":")
    return tls_of(profile).wrap_socket(
        socket.create_connection((host, int(port)), timeout=60), server_hostname=host
    )


def answers_of(bureau: RunningBureau, profile: Profile) -> int:
    """The status of a call on a new connection."""
    with client_of(profile, address_of(bureau)) as client:
        return client.post(CHECKPOINT, json={}).status_code


def answer_on(stream: ssl.SSLSocket) -> tuple[int, dict[str, Any]]:
    """Status and error of the answer that comes."""
    received = b""
    while b"}]}" not in received and b'in time"}' not in received:
        data = stream.recv(65536)
        assert data, received
        received += data
    head, _, body = received.partition(b"\r\n\r\n")
    body = body[body.index(b"{") : body.rindex(b"}") + 1]
    return int(head.split()[1]), json.loads(body)


def ends(stream: ssl.SSLSocket) -> bool:
    """True once the other side closes the connection; TimeoutError if it does not."""
    with suppress(ConnectionError, ssl.SSLError):
        while stream.recv(65536):  # the rest of an answer
            pass
    return True


# Slow ones ---------------------------------------------------------------------------


def test_a_head_that_trickles_ends_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "IDLE_S", 1.0)
    with serving() as bureau:
        stream = connect(bureau, bureau.add_member("bad", ["auditor"]))
        stream.settimeout(0.1)
        stream.send(b"POST / HTTP/1.1\r\n")
        sent = 0
        with suppress(OSError):
            while sent < 1000:
                stream.send(b"x")
                sent += 1
                with suppress(TimeoutError):
                    assert stream.recv(1) == b""
                    break
        assert 0 < sent < 1000


def test_a_body_that_trickles_ends_its_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "READ_TIMEOUT_S", 1.0)
    with serving() as bureau, connect(bureau, bureau.add_member("bad", ["auditor"])) as stream:
        stream.send(SLOW.encode())
        status, error = answer_on(stream)
        assert (status, error["code"]) == (499, "canceled")
        assert error["message"] == "the request did not arrive in time"


def test_a_member_has_one_limit_at_both_entrances() -> None:
    with serving(calls=2) as bureau:
        bad, good = (
            HttpRaw(bureau.add_member(name, ["auditor"]), address=address_of(bureau))
            for name in ("bad", "good")
        )
        limits = bureau.server._limits
        with connect(bureau, bad.profile) as stream:
            stream.send(SLOW.encode())
            until(lambda: "bad" in limits._taken, "the call is at work")
            over_http = bad.client.post(CHECKPOINT, json={})
            reasons = [
                answer_of(over_http.json()).reason,
                Raw(bad.profile).send("Log/GetCheckpoint", b"").reason,
                good.send("Log/GetCheckpoint", b"{}").reason,
                Raw(good.profile).send("Log/GetCheckpoint", b"").reason,
            ]
        until(lambda: "bad" not in limits._taken, "the caller that is gone has given it back")
        assert bad.send("Log/GetCheckpoint", b"{}").code == "OK"
    assert reasons == ["OVERLOADED", "OVERLOADED", "", ""]
    assert over_http.status_code == 429
    (retry,) = (d for d in over_http.json()["details"] if d["type"] == "google.rpc.RetryInfo")
    assert retry["debug"] == {"retryDelay": "0.500s"}


# Many of them ------------------------------------------------------------------------


def test_connections_are_bounded_for_a_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MAX_OF_CERTIFICATE", 2)
    with serving() as bureau:
        of_certificate = connections_of(bureau)
        bad, good = (bureau.add_member(name, ["auditor"]) for name in ("bad", "good"))
        opened = [connect(bureau, bad), connect(bureau, bad)]
        until(lambda: of_certificate[certificate_of(bad)] == 2, "both are open")
        with capture_logs() as lines:
            assert ends(connect(bureau, bad))
            assert ends(connect(bureau, bad))
        refused = [line for line in lines if line["event"] == "connection_refused"]
        assert len(refused) == 1  # one line, however often it tries
        assert (refused[0]["member"], refused[0]["certificate"]) == ("bad", certificate_of(bad))
        assert answers_of(bureau, good) == 200
        for stream in opened:
            stream.close()
        until(lambda: not of_certificate, "all are closed")
        assert answers_of(bureau, bad) == 200


def test_a_withdrawn_certificate_takes_no_connection_of_the_one_that_replaced_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "MAX_OF_CERTIFICATE", 2)
    with serving() as bureau:
        former = bureau.add_member("acme", ["auditor"])
        key, csr = new_key_and_csr("acme")
        pem = load_authority(bureau.settings).issue_member(csr, "acme", datetime.now(UTC))
        with Operator(bureau.operator) as operator:
            operator.add_certificate("acme", pem)
            operator.withdraw_certificate("acme", certificate_of(former))
        present = replace(former, tls_certificate_pem=pem, tls_key_pem=key)
        with connect(bureau, former), connect(bureau, former):
            until(lambda: connections_of(bureau)[certificate_of(former)] == 2, "both are open")
            assert answers_of(bureau, present) == 200


def test_a_connection_whose_caller_is_no_member_ends_with_its_answer() -> None:
    with serving() as bureau:
        acme, former = (bureau.add_member(name, ["auditor"]) for name in ("acme", "former"))
        with Operator(bureau.operator) as operator:
            operator.set_state("acme", MEMBER_STATE_SUSPENDED)
            operator.withdraw_certificate("former", certificate_of(former))
        reasons = []
        for profile in (acme, former):
            with connect(bureau, profile) as stream:
                stream.send(f"{HEAD}content-length: 2\r\n\r\n{{}}".encode())
                _, error = answer_on(stream)
                reasons.append(answer_of(error).reason)
                assert ends(stream)
        assert reasons == ["MEMBER_SUSPENDED", "UNKNOWN_CERTIFICATE"]


def test_a_connection_that_waits_makes_room_for_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MAX_CONNECTIONS", 2)
    with serving() as bureau:
        bad, good = (bureau.add_member(name, ["auditor"]) for name in ("bad", "good"))
        first, second = connect(bureau, bad), connect(bureau, bad)
        until(lambda: connections_of(bureau)[certificate_of(bad)] == 2, "all are open")
        assert answers_of(bureau, good) == 200
        assert ends(first)  # the one that has waited longest
        with connect(bureau, bad) as third:
            for stream in (second, third):
                stream.send(SLOW.encode())
            until(lambda: bureau.server._limits._taken.get("bad") == 2, "both calls are at work")
            with pytest.raises(httpx.HTTPError):
                answers_of(bureau, good)


def test_strangers_who_complete_no_handshake_keep_no_member_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "MAX_CONNECTIONS", 4)
    monkeypatch.setattr(handshakes, "MAX_HANDSHAKES", 5)
    monkeypatch.setattr(handshakes, "MAX_OF_ADDRESS", 2)
    with serving() as bureau, ExitStack() as opened:
        good = bureau.add_member("good", ["auditor"])
        host, _, port = address_of(bureau).rpartition(":")

        def stranger(address: str) -> socket.socket:
            stream = socket.create_connection((host, int(port)), 60, (address, 0))
            return opened.enter_context(stream)

        elsewhere = [stranger("127.0.0.2") for _ in range(3)]
        assert elsewhere[0].recv(1) == b""  # the oldest of its address
        assert answers_of(bureau, good) == 200
        others = [stranger(f"127.0.0.{number}") for number in range(3, 8)]
        assert elsewhere[1].recv(1) == b""  # the oldest of all
        assert elsewhere[2].recv(1) == b""
        assert answers_of(bureau, good) == 200
        assert others[0].recv(1) == b""
        # A handshake that ended by itself counts no more.
        others[4].close()
        assert answers_of(bureau, good) == 200
        others[1].setblocking(False)
        with pytest.raises(BlockingIOError):
            others[1].recv(1)


def test_a_stream_gives_its_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "STREAMS_OF_MEMBER", 1)
    guards: list[Guard] = []

    def kept(*arguments: Any, **named: Any) -> Guard:
        guards.append(Guard(*arguments, **named))
        return guards[-1]

    monkeypatch.setattr(main, "Guard", kept)
    with serving() as bureau:
        profile = bureau.add_member("acme", ["subscriber"], ["account-review"])
        limits = guards[0].stream_limits
        body = struct.pack(">BI", 0, 2) + b"{}"
        headers = {**STREAM, "connect-timeout-ms": "600000"}
        with connect(bureau, profile) as stream:
            lines = [f"POST {ALERTS} HTTP/1.1", "host: bureau", f"content-length: {len(body)}"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            stream.send("\r\n".join([*lines, "", ""]).encode() + body)
            until(lambda: "acme" in limits._taken, "the stream is open")
            with client_of(profile, address_of(bureau)) as client:
                second = client.post(ALERTS, content=body, headers=headers)
        assert second.status_code == 200  # a stream says in its end how it ended
        end = json.loads(second.content[5:])
        assert answer_of(end["error"]).reason == "OVERLOADED"
        until(lambda: "acme" not in limits._taken, "the stream of the caller that is gone")


# Large ones --------------------------------------------------------------------------


def test_json_is_counted_before_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "MEMBER_REQUEST_BYTES", 100_000)
    with serving() as bureau:
        acme = HttpRaw(bureau.add_member("acme", ["furnisher"]), address=address_of(bureau))
        answer = acme.send("Furnishing/SubmitRecords", b'{"batch": "' + b"A" * 200_000 + b'"}')
        assert (answer.reason, answer.message) == (
            "OVERLOADED",
            "OVERLOADED: the member is at its limit on this node",
        )


def test_json_of_many_values_is_refused_before_it_is_parsed() -> None:
    """A parser would keep every other thread waiting meanwhile."""
    with serving() as bureau:
        acme = HttpRaw(bureau.add_member("acme", ["furnisher"]), address=address_of(bureau))
        for body in (b'{"x": [' + b"[]," * 60_000 + b"[]]}", b'{"x": [' + b"1," * 60_000 + b"1]}"):
            answer = acme.send("Furnishing/SubmitRecords", body)
            assert answer.reason == "MALFORMED_MESSAGE"
            assert "more than 50000 brackets" in answer.message


# The end -----------------------------------------------------------------------------


def blocked(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Calls stop at work, until the second event is set."""
    at_work, end = threading.Event(), threading.Event()
    parse = guard.parse

    def parsed(*arguments: Any) -> Any:
        at_work.set()
        end.wait()
        return parse(*arguments)

    monkeypatch.setattr(guard, "parse", parsed)
    return at_work, end


def test_a_node_that_stops_finishes_what_it_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as bureau:
        acme, bad = (bureau.add_member(name, ["auditor"]) for name in ("acme", "bad"))
        idle, slow = client_of(acme, address_of(bureau)), connect(bureau, bad)
        assert idle.post(CHECKPOINT, json={}).status_code == 200
        slow.send(SLOW.encode())
        until(lambda: "bad" in bureau.server._limits._taken, "the slow call is at work")
        at_work, end = blocked(monkeypatch)
        replies: list[httpx.Response] = []

        def call() -> None:
            with client_of(acme, address_of(bureau)) as client:
                replies.append(client.post(CHECKPOINT, json={}, headers=JSON))

        calling = threading.Thread(target=call)
        calling.start()
        at_work.wait()
        stopping = threading.Thread(target=bureau.server.stop, args=(3600.0,))
        stopping.start()
        # What has not arrived was not accepted.
        assert answer_on(slow)[1]["code"] == "canceled"
        with pytest.raises(httpx.HTTPError):
            idle.post(CHECKPOINT, json={})
        end.set()
        calling.join()
        stopping.join()
    assert [reply.status_code for reply in replies] == [200]

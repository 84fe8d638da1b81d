"""Notifiers: a file and a webhook, which is real, on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Event, Thread
from typing import Any

import pytest

from bureau_client import NoticeKind, RelayedNotice
from bureau_client.notifiers import FileNotifier, NotDelivered, WebhookNotifier, forward

SUBJECT = "ab" * 16


def notice(number: int = 1) -> RelayedNotice:
    return RelayedNotice(
        notice_id=f"{number}-0",
        subject_id=SUBJECT,
        kind=NoticeKind.INQUIRY,
        create_time=datetime(2026, 11, 29, tzinfo=UTC),
        language="zh-CN",
        cursor=f"{number + 1}.{SUBJECT}.0.0.0.",
    )


class Receiver:
    """A webhook that answers with one status after another, the last one forever."""

    def __init__(self, statuses: Sequence[int]) -> None:
        self.statuses, self.received = list(statuses), list[tuple[str, dict[str, Any], Any]]()

    def handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append((self.path, dict(self.headers), json.loads(body)))
                statuses = receiver.statuses
                self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        return Handler


@contextmanager
def webhook(*statuses: int) -> Iterator[tuple[str, Receiver]]:
    receiver = Receiver(statuses)
    server = ThreadingHTTPServer(("127.0.0.1", 0), receiver.handler())
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook?of=bureau", receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_webhook_gets_no_more_than_it_needs() -> None:
    with webhook(204) as (url, receiver):
        WebhookNotifier(url, token="secret").notify(notice())
    ((path, headers, body),) = receiver.received
    assert path == "/hook?of=bureau"
    assert headers["Idempotency-Key"] == f"{SUBJECT}/1-0"
    assert headers["Authorization"] == "Bearer secret"
    assert body == {
        "id": f"{SUBJECT}/1-0",
        "subject_id": SUBJECT,
        "kind": "INQUIRY",
        "create_time": "2026-11-29T00:00:00+00:00",
        "language": "zh-CN",
    }


def test_a_webhook_that_is_away_is_tried_again_with_longer_pauses() -> None:
    pauses: list[float] = []
    with webhook(503, 429, 500, 200) as (url, receiver):
        WebhookNotifier(url, pause=pauses.append).notify(notice())
    assert pauses == [1, 2, 4]
    assert len({headers["Idempotency-Key"] for _, headers, _ in receiver.received}) == 1
    assert len(receiver.received) == 4


@pytest.mark.parametrize("status", [302, 400, 404, 410])
def test_a_webhook_that_refuses_is_not_tried_again(status: int) -> None:
    pauses: list[float] = []
    with (
        webhook(status) as (url, receiver),
        pytest.raises(NotDelivered, match=f"it answers {status}"),
    ):
        WebhookNotifier(url, pause=pauses.append).notify(notice())
    assert (len(receiver.received), pauses) == (1, [])


def test_attempts_end() -> None:
    pauses: list[float] = []
    with webhook(200) as (url, _):
        pass
    with pytest.raises(NotDelivered, match="not reached"):
        WebhookNotifier(url, pause=pauses.append).notify(notice())
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


def test_the_time_of_an_attempt_is_that_of_all_its_steps() -> None:
    """A receiver that is never silent, and never done, takes no longer than another."""
    over = Event()

    class Trickling(BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                self.request.sendall(b"HTTP/1.1 200 ")
                while not over.wait(0.02):
                    self.request.sendall(b".")

    with ThreadingTCPServer(("127.0.0.1", 0), Trickling) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        webhook = WebhookNotifier(
            f"http://127.0.0.1:{server.server_address[1]}/", timeout_s=0.3, attempts=1
        )
        with pytest.raises(NotDelivered, match="not reached: TimeoutError"):
            webhook.notify(notice())
        over.set()
        server.shutdown()


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "ftp://localhost/hook",
        "https:///hook",
        "https://me:secret@example.com/",
        "http://localhost.example.com/",
        "",
    ],
)
def test_a_webhook_is_https_or_on_this_machine(url: str) -> None:
    with pytest.raises(ValueError, match="the webhook"):
        WebhookNotifier(url)


@pytest.mark.parametrize("token", ["one\ntwo", "one two", "tökén"])
def test_a_token_that_is_no_header_is_refused_without_being_quoted(token: str) -> None:
    with pytest.raises(ValueError, match="the webhook's token") as refused:
        WebhookNotifier("https://example.com/hook", token=token)
    assert token not in str(refused.value)


def test_a_port_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"[Pp]ort"):
        WebhookNotifier("https://example.com:99999/hook")


class FakeRelay:
    """An agent's stream of three notices."""

    def __init__(self) -> None:
        self.after: list[str] = []

    def relayed_notices(self, after: str = "") -> Iterator[RelayedNotice]:
        self.after.append(after)
        notices = [notice(number) for number in (1, 2, 3)]
        yield from (one for one in notices if one.cursor > after)


def test_a_notice_that_was_not_passed_on_comes_again(tmp_path: Path) -> None:
    relay, cursor, passed = FakeRelay(), tmp_path / "cursor", list[str]()

    class Failing:
        def notify(self, one: RelayedNotice) -> None:
            if one.notice_id == "2-0" and len(passed) < 2:
                passed.append("failed")
                raise NotDelivered("away")
            passed.append(one.notice_id)

    with pytest.raises(NotDelivered):
        forward(relay, Failing(), cursor)  # type: ignore[arg-type]
    assert cursor.read_text().strip() == notice(1).cursor
    forward(relay, Failing(), cursor)  # type: ignore[arg-type]
    assert passed == ["1-0", "failed", "2-0", "3-0"]
    assert relay.after == ["", notice(1).cursor]


def test_a_file_has_a_line_for_each_notice(tmp_path: Path) -> None:
    file = tmp_path / "mail.jsonl"
    forward(FakeRelay(), FileNotifier(file), tmp_path / "cursor")  # type: ignore[arg-type]
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["id"] for line in lines] == [f"{SUBJECT}/{number}-0" for number in (1, 2, 3)]
    # A line that was cut short stays apart from what follows.
    file.write_text('{"id": "ab', "utf-8")
    FileNotifier(file).notify(notice(7))
    torn, whole = file.read_text().splitlines()
    assert (torn, json.loads(whole)["id"]) == ('{"id": "ab', f"{SUBJECT}/7-0")
    with pytest.raises(NotDelivered, match="cannot append"):
        FileNotifier(tmp_path).notify(notice())

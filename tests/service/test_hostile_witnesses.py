"""Witnesses that are none: they hang, answer rubbish, sign for others. The bureau goes on,
and one that is honest is heard.
"""

from __future__ import annotations

import hashlib
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bureau.admin.bureau_folder import InitOptions, create, trust_of
from bureau.ledger import witness_client, witness_feeder
from bureau.testing import running_bureau
from bureau_client import Lender, RetryPolicy, Unavailable
from bureau_client.verify import witnesses_of
from bureau_keys.cosignature import cosignature_line
from bureau_keys.note import COSIGNATURE_V1, note_vkey
from bureau_keys.signing import SigningKey
from bureau_keys.witness import MAX_ANSWER, SIZE_TYPE, AddCheckpoint
from tests.service.test_witnesses import errands, eventually
from tests.service.witnesses import WitnessProcess

Answer = Callable[[AddCheckpoint], tuple[int, str, bytes]]


def key_of(name: str) -> SigningKey:
    return SigningKey.from_seed(hashlib.sha256(name.encode()).digest())


def stranger(request: AddCheckpoint) -> tuple[int, str, bytes]:
    """Cosigns under the right name, with a key of its own."""
    line = cosignature_line(request.note, "stranger.example/witness", SigningKey.generate(), 1)
    return 200, "text/plain", line.encode()


def other_tree(request: AddCheckpoint) -> tuple[int, str, bytes]:
    """Cosigns something else than it was brought."""
    note = request.note.replace("\n", "\n1", 1)
    line = cosignature_line(note, "tree.example/witness", key_of("tree"), 1)
    return 200, "text/plain", line.encode()


def sizes() -> Answer:
    """Names another size each time."""
    counted = iter(range(10**6))
    return lambda _: (409, SIZE_TYPE, b"%d\n" % (next(counted) % 2))


ROGUES: dict[str, tuple[str, Answer]] = {
    "rubbish": ("misunderstood", lambda _: (200, "text/plain", b"\xff\xfe rubbish")),
    "empty": ("misunderstood", lambda _: (200, "text/plain", b"")),
    "much": ("misunderstood", lambda _: (200, "text/plain", b"a" * (4 * MAX_ANSWER))),
    "stranger": ("misunderstood", stranger),
    "tree": ("misunderstood", other_tree),
    "sizes": ("misunderstood", sizes()),
    "nosize": ("misunderstood", lambda _: (409, SIZE_TYPE, b"many\n")),
    "no": ("refused", lambda _: (403, "text/plain", b"no")),
    "moved": ("refused", lambda _: (302, "text/plain", b"")),
    "broken": ("refused", lambda _: (500, "text/plain", b"Traceback")),
}


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """A server that answers every request so; its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, kind, content = answer(AddCheckpoint.from_bytes(body))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def hanging() -> Iterator[str]:
    """A server that takes requests and never answers."""
    let_go = threading.Event()

    def never(_: AddCheckpoint) -> tuple[int, str, bytes]:
        let_go.wait()
        return 500, "text/plain", b""

    with answering(never) as url:
        try:
            yield url
        finally:
            let_go.set()


# The answers of witnesses that send their first bytes, and then one byte of the rest, `DRIP`,
# every `DRIP_S`: sooner than any timeout that counts from the last byte.
DRIP, DRIP_S = b"a", 0.5
TRICKLES = {
    "status": b"",
    "header": b"HTTP/1.1 200 OK\r\nX-Comment: ",
    "body": b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n",
    "chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n",
    "endless": b"HTTP/1.1 200 OK\r\n\r\n",
    "conflict": b"HTTP/1.1 409 Conflict\r\nContent-Type: text/x.tlog.size\r\n\r\n",
}


@contextmanager
def trickling(first: bytes) -> Iterator[str]:
    """A server that sends the first bytes of its answer, and the rest without end; its URL."""
    ended = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1 << 16)
            content = first or DRIP
            while not ended.is_set():
                try:
                    self.request.sendall(content)
                except OSError:
                    return
                content = DRIP
                ended.wait(DRIP_S)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            ended.set()
            server.shutdown()
            thread.join()


def setting(name: str, url: str) -> dict[str, str]:
    key = note_vkey(f"{name}.example/witness", key_of(name).verify_key, COSIGNATURE_V1)
    return {"url": url, "key": key}


@pytest.fixture
def honest(tmp_path: Path) -> Iterator[WitnessProcess]:
    settings = create(tmp_path / "bureau", InitOptions())
    witness = WitnessProcess(tmp_path / "honest", "honest.example/witness", trust_of(settings))
    yield witness
    witness.stop()


def happened(name: str, outcome: str) -> bool:
    return errands(name, outcome) > 0


def test_rogues_are_told_apart(tmp_path: Path, honest: WitnessProcess) -> None:
    with ExitStack() as closing:
        rogues = [
            setting(name, closing.enter_context(answering(answer)))
            for name, (_, answer) in ROGUES.items()
        ]
        settings = [*rogues, honest.setting]
        with running_bureau(tmp_path / "bureau", witnesses=settings) as bureau:
            acme = bureau.add_member("acme").requiring(1)
            with Lender(acme) as lender:
                receipt = lender.add_key(SigningKey.generate())
            assert witnesses_of(receipt.checkpoint, acme.trust) == (honest.name,)
            for name, (outcome, _) in ROGUES.items():
                eventually(partial(happened, name, outcome))
                assert errands(name, "cosigned") == 0, name


def same_size(request: AddCheckpoint) -> tuple[int, str, bytes]:
    """Names the size of the checkpoint, as if it had cosigned another root of that size."""
    return 409, SIZE_TYPE, b"%d\n" % request.checkpoint.size


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("huge", lambda _: (409, SIZE_TYPE, b"9223372036854775807\n")),
        ("same", same_size),
        ("rewritten", lambda _: (422, "text/plain", b"the proof does not hold")),
    ],
)
def test_a_witness_that_has_seen_another_log_stops_writes_alone(
    tmp_path: Path, honest: WitnessProcess, name: str, answer: Answer
) -> None:
    """Stop writes, though the witness may lie: a fork cannot be taken back."""
    with running_bureau(tmp_path / "bureau", witnesses=[honest.setting]) as bureau:
        acme = bureau.add_member("acme")
        with answering(answer) as url:
            bureau.overrides["witnesses"] = [setting(name, url), honest.setting]
            bureau.restart()
            with Lender(acme, policy=RetryPolicy(attempts=1)) as lender:
                with pytest.raises(Unavailable, match=f"{name}.example/witness") as refused:
                    lender.add_key(SigningKey.generate())
                assert refused.value.reason == "NODE_UNFIT"
                assert lender.member("acme").member_id == "acme"  # reads go on
        bureau.overrides["witnesses"] = [honest.setting]
        bureau.restart()
        with Lender(acme.requiring(1)) as lender:
            receipt = lender.add_key(SigningKey.generate())
        assert witnesses_of(receipt.checkpoint, acme.trust) == (honest.name,)


def test_who_hangs_keeps_nobody(tmp_path: Path, honest: WitnessProcess) -> None:
    with ExitStack() as closing:
        url = closing.enter_context(hanging())
        rogues = [setting("hung", url), honest.setting]
        with running_bureau(tmp_path / "bureau", witnesses=rogues) as bureau:
            acme = bureau.add_member("acme").requiring(1)
            with Lender(acme) as lender:
                for _ in range(3):
                    receipt = lender.add_key(SigningKey.generate())
                    assert witnesses_of(receipt.checkpoint, acme.trust) == (honest.name,)
            eventually(partial(happened, "hung", "unreachable"))


def test_no_part_of_an_answer_that_trickles_stops_writes(
    tmp_path: Path, honest: WitnessProcess
) -> None:
    """Every part of an answer falls under one deadline; a socket's timeout never passes."""
    with ExitStack() as closing:
        rogues = [
            setting(name, closing.enter_context(trickling(first)))
            for name, first in TRICKLES.items()
        ]
        with running_bureau(tmp_path / "bureau", witnesses=[*rogues, honest.setting]) as bureau:
            acme = bureau.add_member("acme").requiring(1)
            with Lender(acme) as lender:
                receipt = lender.add_key(SigningKey.generate())
            assert witnesses_of(receipt.checkpoint, acme.trust) == (honest.name,)
            for name in TRICKLES:
                eventually(partial(happened, name, "unreachable"))
                assert errands(name, "cosigned") == 0, name


def test_a_witness_without_an_answer_at_the_limit_stops_no_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit covers what no timeout of HTTP does: here many answers, each in its time."""
    monkeypatch.setattr(witness_feeder, "FIRST_ANSWER_S", 1.0)
    monkeypatch.setattr(witness_client, "TRIES", 10**6)
    counted = iter(range(10**6))

    def another_size(_: AddCheckpoint) -> tuple[int, str, bytes]:
        time.sleep(0.1)  # the pace of the attempts, so that they outlast the limit
        return 409, SIZE_TYPE, b"%d\n" % (next(counted) % 2)

    with (
        answering(another_size) as url,
        running_bureau(tmp_path / "bureau", witnesses=[setting("pages", url)]) as bureau,
        Lender(bureau.add_member("acme")) as lender,
    ):
        lender.add_key(SigningKey.generate())
        assert errands("pages", "misunderstood") == 0  # the first request goes on

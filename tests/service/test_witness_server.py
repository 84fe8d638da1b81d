"""`bureau-witness` over HTTP: the specification's codes, garbage, races, kills."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import urllib3

from bureau_keys.c2sp_text import from_base64
from bureau_keys.checkpoint import open_checkpoint
from bureau_keys.cosignature import parse_witness
from bureau_keys.note import note_vkey
from bureau_keys.profile import Trust
from bureau_keys.witness import AddCheckpoint, read_cosignature
from tests.service.witnesses import WitnessProcess
from tests.unit.keys.test_witness import LOG, ORIGIN, OTHER, Log, log

TRUST = Trust(ORIGIN, note_vkey(ORIGIN, LOG.verify_key), bytes(32), (), bytes(32))
SIZE = "text/x.tlog.size"
NOT_FOUND, CONFLICT, PARTIAL = 4, 6, 8


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[WitnessProcess]:
    process = WitnessProcess(tmp_path / "witness", "w.example/1", TRUST)
    yield process
    process.stop()


def post(witness: WitnessProcess, body: bytes) -> urllib3.BaseHTTPResponse:
    url = f"{witness.url}/add-checkpoint"
    return urllib3.request("POST", url, body=body, retries=False, timeout=120)


def ask(witness: WitnessProcess, request: AddCheckpoint) -> tuple[int, str, bytes]:
    answer = post(witness, request.to_bytes())
    return answer.status, answer.headers["Content-Type"], answer.data


def cosigned(witness: WitnessProcess, request: AddCheckpoint) -> None:
    """Has a checkpoint cosigned."""
    status, _, body = ask(witness, request)
    assert status == 200, body
    assert time_of(witness, request, body)


def time_of(witness: WitnessProcess, request: AddCheckpoint, body: bytes) -> int:
    """When the cosignature in an answer was made, once it verifies."""
    line = read_cosignature(body, request.note, parse_witness(witness.key))
    return int.from_bytes(from_base64(line.split()[2])[4:12], "big")


def test_the_codes_of_the_specification(witness: WitnessProcess) -> None:
    honest = log()
    cosigned(witness, honest.asks(0, 9))
    assert ask(witness, honest.asks(0, 12)) == (409, SIZE, b"9\n")
    cosigned(witness, honest.asks(9, 12))
    cosigned(witness, honest.asks(12, 12))
    assert ask(witness, log(changed=3).asks(12, 12)) == (409, SIZE, b"12\n")
    assert ask(witness, log(changed=3).asks(12, 15))[0] == 422
    assert ask(witness, honest.asks(12, 15, OTHER))[0] == 403
    assert ask(witness, replace(honest.asks(0, 5), old_size=9))[0] == 400
    stranger = replace(honest.asks(0, 5), note=honest.asks(0, 5).note.replace(ORIGIN, "other/log"))
    assert ask(witness, stranger)[0] == 404
    (followed,) = witness.shown(expected=CONFLICT)["logs"]
    assert (followed["size"], followed["root"]) == (12, honest.checkpoint(12).root.hex())
    assert (followed["forks"], followed["unexplained"]) == (2, 0)


def test_what_is_kept_convicts_the_log(witness: WitnessProcess) -> None:
    cosigned(witness, log().asks(0, 12))
    assert ask(witness, log(changed=3).asks(12, 15))[0] == 422
    (piece,) = witness.shown(expected=CONFLICT)["evidence"]
    assert piece["verdict"] == "fork"
    # Both are the log's own, and the request is as it came.
    seen, other = (
        open_checkpoint(piece[key], ORIGIN, LOG.verify_key) for key in ("cosigned", "other")
    )
    assert (seen, other) == (log().checkpoint(12), log(changed=3).checkpoint(15))
    assert piece["request"].encode() == log(changed=3).asks(12, 15).to_bytes()
    assert "IS FORKED" in witness.run("show", expected=CONFLICT).stdout


def test_a_proof_that_shows_nothing_convicts_nobody(witness: WitnessProcess) -> None:
    """Whoever has a checkpoint can send it along with rubbish."""
    honest = log()
    cosigned(witness, honest.asks(0, 12))
    rubbish = replace(honest.asks(12, 15), proof=(bytes(32),) * 5)
    for _ in range(3):
        assert ask(witness, rubbish)[0] == 422
    (piece,) = witness.shown(expected=PARTIAL)["evidence"]
    assert piece["verdict"] == "unexplained"
    # The log explains itself.
    cosigned(witness, honest.asks(12, 15))
    assert witness.shown()["evidence"] == []


def test_garbage_is_told_so(witness: WitnessProcess) -> None:
    chance = random.Random(7)
    whole = log().asks(9, 12).to_bytes()
    for _ in range(200):
        body = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        answer = post(witness, bytes(body))
        assert answer.status in {200, 400, 403, 404, 409, 422}, answer.data
    for broken in (b"", b"\xff" * 400, b"old 0\n\n", whole[:-1], b"\n" * 60_000):
        assert post(witness, broken).status == 400
    assert post(witness, b"old 0\n\n" * 20_000).status == 413
    assert urllib3.request("GET", f"{witness.url}/add-checkpoint").status == 405
    assert urllib3.request("POST", f"{witness.url}/", body=whole).status == 404
    assert "Traceback" not in (witness.folder / "serve.log").read_text("utf-8")


def test_slow_callers_hold_nobody_up(witness: WitnessProcess) -> None:
    host, _, port = witness.listen.rpartition(":")
    with ExitStack() as closing:
        for _ in range(50):
            slow = closing.enter_context(socket.create_connection((host, int(port))))
            slow.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 100\r\n\r\nold")
        cosigned(witness, log().asks(0, 9))


def test_requests_that_race_make_one_history(witness: WitnessProcess) -> None:
    honest, forked = log(), log(changed=0)

    def push(number: int) -> list[tuple[Log, int, int]]:
        """What one node got cosigned: sizes and times."""
        chance, known, got = random.Random(number), 0, []
        mine = forked if number % 4 == 3 else honest
        for _ in range(12):
            size = chance.randint(known, 40)
            request = mine.asks(min(known, size), size)
            status, kind, body = ask(witness, request)
            if status == 200:
                got.append((mine, size, time_of(witness, request, body)))
                known = size
            elif kind == SIZE:
                known = int(body)
        return got

    with ThreadPoolExecutor(8) as pool:
        cosigned_checkpoints = [item for got in pool.map(push, range(8)) for item in got]
    assert cosigned_checkpoints
    assert len({mine.hashes for mine, _, _ in cosigned_checkpoints}) == 1, "one history of the two"
    # One size may be cosigned again, later: in order of size, then of time.
    cosigned_at = [
        time_s for _, time_s in sorted((size, time_s) for _, size, time_s in cosigned_checkpoints)
    ]
    assert cosigned_at == sorted(cosigned_at)
    newest = max(size for _, size, _ in cosigned_checkpoints)
    result = witness.run("show", "--output", "json", expected=CONFLICT)
    assert f'"size": {newest}' in result.stdout


def test_a_killed_witness_remembers(witness: WitnessProcess) -> None:
    honest = log()
    for old, size in ((0, 5), (5, 11), (11, 23)):
        cosigned(witness, honest.asks(old, size))
        witness.kill()
        witness.start()
        assert ask(witness, honest.asks(0, 3)) == (409, SIZE, b"%d\n" % size)
        assert ask(witness, log(changed=1).asks(size, size)) == (409, SIZE, b"%d\n" % size)


def test_a_witness_without_its_book_does_not_serve(witness: WitnessProcess) -> None:
    witness.stop()
    for path in witness.folder.glob("witness.db*"):
        path.unlink()
    refused = witness.run("serve", expected=NOT_FOUND)
    assert "must not go on under its old key" in refused.stderr
    witness.run("init", "--name", "w.example/1", expected=CONFLICT)
    with pytest.raises(AssertionError):
        witness.start()

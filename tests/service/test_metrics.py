"""The Prometheus endpoint tells what the operator's guide says."""

from __future__ import annotations

import socket
import threading
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bureau.testing import free_port, running_bureau
from bureau_client import Lender
from tests.service.postgres import until


def samples(address: str) -> dict[str, float]:
    """Every sample without labels, and counts of calls by method and reason."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    values: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            values[" ".join((sample.name, *sample.labels.values()))] = sample.value
    return values


def status(address: str, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=60) as answer:
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_alive_and_ready_are_told_without_a_certificate(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    with running_bureau(tmp_path, metrics_listen=address) as bureau:
        assert (status(address, "/livez"), status(address, "/readyz")) == (200, 200)
        assert [status(address, path) for path in ("/", "/favicon.ico", "/metrics/x")] == [404] * 3
        draining = threading.Thread(target=bureau.server.stop, kwargs={"drain_s": 2.0})
        draining.start()
        until(lambda: status(address, "/readyz") == 503, "it is not ready")
        # The shorter answer has its own length, not that of the one before.
        assert status(address, "/livez") == 200
        draining.join()


def test_calls_and_commits_are_counted(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    with running_bureau(tmp_path, metrics_listen=address) as bureau:
        before = samples(address)
        with Lender(bureau.add_member("acme")) as acme:
            acme.subject_id("US", "SSN", "000-12-3456")
        after = samples(address)

    def grown(name: str) -> float:
        return after[name] - before.get(name, 0)

    assert grown("bureau_calls_total Directory/Evaluate OK") == 1
    assert grown("bureau_call_seconds_count Directory/Evaluate") == 1
    commits = grown("bureau_commit_units_count")
    assert commits >= 1
    assert grown("bureau_commit_units_sum") >= commits
    assert grown("bureau_commit_seconds_count") == grown("bureau_head_seconds_count") == commits
    assert after["bureau_head_seconds_sum"] <= after["bureau_commit_seconds_sum"]
    with pytest.raises(urllib.error.URLError):
        samples(address)


def test_a_failed_handshake_is_the_difference_of_two_counts(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    with running_bureau(tmp_path, metrics_listen=address) as bureau:
        acme = bureau.add_member("acme")
        before = samples(address)
        host, _, port = bureau.address.rpartition(":")
        with Lender(acme) as lender:
            lender.subject_id("US", "SSN", "000-12-3456")
            lender.subject_id("US", "SSN", "000-12-3457")
        for _ in range(3):
            with (
                socket.create_connection((host, int(port)), timeout=60) as connection,
                suppress(OSError),
            ):
                connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
                while connection.recv(1024):
                    pass  # until the node has closed it
        after = samples(address)

    def grown(name: str) -> float:
        return after[name] - before[name]

    used = grown("bureau_connections_used_total")
    assert used >= 1
    assert grown("bureau_connections_accepted_total") == used + 3

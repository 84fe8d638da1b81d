"""Proxies of the environment, and the addresses that they are kept away from."""

from __future__ import annotations

import pytest

from bureau_client._transport.connection_errors import explain
from bureau_keys.proxies import is_loopback, proxy_of, proxy_options

HERE = ["127.0.0.1:7443", "127.8.9.1:1", "localhost:7443", "[::1]:7443", "a.localhost:1", "unix:/x"]
ELSEWHERE = ["bureau.example:7443", "10.0.0.1:7443", "[2001:db8::1]:7443", "localhost.example:1"]
PROXY = {"https_proxy": "http://user:secret@proxy.example:3128"}


def test_loopback_never_goes_through_a_proxy() -> None:
    for address in HERE:
        assert is_loopback(address), address
        assert proxy_options(address) == (("grpc.enable_http_proxy", 0),)
        assert proxy_of(address, PROXY) == ""
    assert not any(proxy_options(address) for address in ELSEWHERE)


def test_a_proxy_is_named_without_its_password() -> None:
    for address in ELSEWHERE:
        assert proxy_of(address, PROXY) == "https_proxy=proxy.example:3128"
    assert proxy_of("bureau.example:1", {}) == ""
    assert proxy_of("bureau.example:1", PROXY | {"no_proxy": "other, .example"}) == ""


def test_a_failed_connection_names_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("grpc_proxy", "https_proxy", "no_proxy", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    refused = "failed to connect to all addresses; last error: Connection refused"
    assert "through the proxy http_proxy=127.0.0.1:9" in str(explain(refused, ELSEWHERE[0]))
    assert "Nothing listens" in str(explain(refused, HERE[0]))
    assert "has expired" in str(explain("certificate has expired", ELSEWHERE[0]))

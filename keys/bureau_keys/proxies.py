"""Proxies of the environment, which gRPC applies to every address: never to this machine's own.

gRPC reads `grpc_proxy`, `https_proxy` and `http_proxy`, and the exceptions of `no_grpc_proxy` and
`no_proxy`. A bureau on loopback is not behind a proxy (grpc/grpc#9989).
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from urllib.parse import urlsplit

VARIABLES = ("grpc_proxy", "https_proxy", "http_proxy")
EXCEPTIONS = ("no_grpc_proxy", "no_proxy")


def proxy_options(address: str) -> tuple[tuple[str, int], ...]:
    """Return the channel options that keep a proxy away from an address on this machine."""
    return (("grpc.enable_http_proxy", 0),) if is_loopback(address) else ()


def is_loopback(address: str) -> bool:
    """Return True for an address on this machine."""
    if address.startswith("unix:"):
        return True
    host = _host_of(address)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def proxy_of(address: str, environment: Mapping[str, str] = os.environ) -> str:
    """Describe the proxy that gRPC reaches an address through: variable, host and port.

    Empty for none. A user and password in the variable are left out.
    """
    if is_loopback(address):
        return ""
    host = _host_of(address)
    exceptions = next((environment[name] for name in EXCEPTIONS if environment.get(name)), "")
    if any(host.endswith(end.strip()) for end in exceptions.split(",") if end.strip()):
        return ""
    for name in VARIABLES:
        if value := environment.get(name):
            return f"{name}={urlsplit(value).netloc.rpartition('@')[2] or '...'}"
    return ""


def _host_of(address: str) -> str:
    host = address.rpartition("/")[2]
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host

"""Meanings of gRPC's texts about failed connections, with a fix for each.

The texts are those of grpcio 1.85. `UNAVAILABLE` without an explanation
from the bureau always means that the call did not reach it, or that the connection
broke during the call.
"""

from __future__ import annotations

from bureau_client.errors import BureauError, NotAuthenticated, Unavailable
from bureau_keys.proxies import proxy_of

TLS_REFUSED = "TLS_REFUSED"
# Reason of an address whose certificate has expired, or is another host's or authority's.
CERTIFICATE_REASON = "BUREAU_CERTIFICATE"


# Texts of connections that reached a server: a proxy is not their cause.
_OF_TLS = (
    "Hostname Verification",
    "certificate has expired",
    "CERTIFICATE_VERIFY_FAILED",
    "BAD_SIGNATURE",
    "security handshaker",
)


def explain(details: str, address: str) -> BureauError:
    """Return the exception for a failed connection.

    Args:
        details: gRPC's own text.
        address: The address that was called.
    """
    connecting = "failed to connect" in details
    proxy = proxy_of(address)
    if proxy and not any(text in details for text in _OF_TLS):
        return Unavailable(
            f"The bureau at {address} was not reached through the proxy {proxy}",
            reason="UNREACHABLE",
            fix="Check the proxy, or name the bureau's host in the environment variable no_proxy",
        )
    if "Connection refused" in details:
        return Unavailable(
            f"Nothing listens at {address}",
            reason="UNREACHABLE",
            fix="Check the profile's addresses, and that the bureau is running",
        )
    if "resolving" in details or "Domain name not found" in details:
        return Unavailable(
            f"The host name of {address} is not known",
            reason="UNREACHABLE",
            fix="Check the profile's addresses and this machine's DNS",
        )
    if "Hostname Verification" in details:
        return NotAuthenticated(
            f"The certificate shown at {address} is not for that host",
            reason=CERTIFICATE_REASON,
            fix="Use an address that the bureau's certificate names; "
            "if it should name this one, tell the operator",
        )
    if "certificate has expired" in details:
        return NotAuthenticated(
            f"The certificate shown at {address} has expired",
            reason=CERTIFICATE_REASON,
            fix="Tell the operator, and check this machine's clock",
        )
    if "CERTIFICATE_VERIFY_FAILED" in details or "BAD_SIGNATURE" in details:
        return NotAuthenticated(
            f"The certificate shown at {address} was not issued by the profile's authority",
            reason=CERTIFICATE_REASON,
            fix="Check that ca.pem and the addresses belong to the same bureau",
        )
    if "WRONG_VERSION_NUMBER" in details:
        return NotAuthenticated(
            f"The server at {address} does not speak TLS",
            reason=CERTIFICATE_REASON,
            fix="Check the port in the profile's addresses",
        )
    if "security handshaker" in details:
        return NotAuthenticated(
            "The profile's TLS files cannot be used",
            reason="PROFILE_TLS",
            fix="Check that tls.key belongs to tls.pem and that ca.pem is a certificate",
        )
    if connecting and ("Socket closed" in details or "reset" in details or "handshake" in details):
        return NotAuthenticated(
            f"The bureau at {address} refused the connection before any call",
            reason=TLS_REFUSED,
            fix="Its usual cause is the profile's tls.pem: check that it has not expired and "
            "that this bureau issued it; ask the operator for a new one if so",
        )
    return Unavailable(
        f"The connection to the bureau at {address} failed",
        reason="UNREACHABLE",
        fix="Repeat the call; if it fails again check the network and the bureau's health",
    )

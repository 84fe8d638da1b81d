"""Channel options and credentials that both drivers use."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import grpc
from google.protobuf.message import Message

from bureau_client._operations.operation import Call, Method
from bureau_client._transport.connection_errors import TLS_REFUSED
from bureau_client.errors import BureauError, NotAuthenticated, VerificationFailed
from bureau_client.verify.checks import TELL
from bureau_keys.authority import not_after
from bureau_keys.bounded_parsing import parse
from bureau_keys.errors import MalformedMessage
from bureau_keys.profile import Profile
from bureau_keys.proxies import proxy_options

MAX_MESSAGE_BYTES = 16 * 1024 * 1024

OPTIONS: tuple[tuple[str, int | str], ...] = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # Retries are made by the engine only: the same for both drivers, and testable.
    ("grpc.enable_retries", 0),
    # Milliseconds. During a call, a node that does not answer a ping within the timeout is
    # given up, so that the call goes to another address.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    # Milliseconds. Shorter than the pauses between attempts, so that a node that restarts is
    # reachable at the next attempt.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.primary_user_agent", "bureau-client"),
)


def options(address: str) -> tuple[tuple[str, int | str], ...]:
    """Return the channel options of an address: no proxy lies before this machine's own."""
    return (*OPTIONS, *proxy_options(address))


def read_reply(call: Call, data: bytes) -> Message:
    """Parse the bytes of a reply.

    Raises:
        VerificationFailed: The bytes are not the message that the method answers with.
    """
    method: Method[Any, Message] = call.method
    try:
        return parse(method.reply, data)
    except MalformedMessage as error:
        raise VerificationFailed(
            f"The bureau's reply to {method.path} cannot be read: {error}",
            reason=error.reason,
            fix=TELL,
            request_id=call.request_id,
        ) from error


def credentials(profile: Profile) -> grpc.ChannelCredentials:
    """Return credentials for mutual TLS from the profile's files."""
    return grpc.ssl_channel_credentials(
        root_certificates=profile.ca_pem,
        private_key=profile.tls_key_pem,
        certificate_chain=profile.tls_certificate_pem,
    )


def explain_expired_certificate(error: BureauError, profile: Profile, now: datetime) -> BureauError:
    """Return the error, or a clearer one if the profile's certificate has expired.

    A bureau that refuses a certificate only closes the connection; the expiry is
    checked here, in the profile.
    """
    if error.reason != TLS_REFUSED:
        return error
    try:
        end = not_after(profile.tls_certificate_pem)
    except MalformedMessage:
        return error
    if now < end:
        return error
    return NotAuthenticated(
        f"The profile's certificate (tls.pem) expired on {end:%Y-%m-%d %H:%M} UTC",
        reason="UNKNOWN_CERTIFICATE",
        fix="Ask the operator for a new certificate, or check this machine's clock",
    )

"""Sealed streams: a file encrypted in chunks under a passphrase.

A random data key encrypts the chunks (AES-256-GCM); the data key itself is
wrapped by a key that scrypt (RFC 7914) derives from the passphrase. The nonce of
a chunk is its number and whether it is the last, so that chunks cannot be
swapped, repeated or cut off (the STREAM construction, Hoang et al. 2015), and
every chunk is bound to the header.

Layout: one line of JSON, then for each chunk its length (4 bytes, big-endian)
and its ciphertext.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from bureau_keys.errors import LockedKey, MalformedMessage

FORMAT = "creditbureau sealed stream v1"
CHUNK_BYTES = 1 << 20
TAG_BYTES, NONCE_BYTES = 16, 12
MAX_HEADER_BYTES = 65536
# About 250 ms and 64 MiB: a stolen file can be guessed at offline.
SCRYPT = {"n": 1 << 16, "r": 8, "p": 1}


@dataclass(frozen=True, slots=True)
class _Header:
    """A sealed file's first line.

    Attributes:
        wrapped: The data key under the passphrase's, after its nonce.
        binding: Digest of the line; every chunk is encrypted with it.
    """

    about: dict[str, Any]
    salt: bytes
    wrapped: bytes
    binding: bytes


def seal_stream(
    pieces: Iterable[bytes], target: BinaryIO, passphrase: bytes, about: dict[str, Any]
) -> None:
    """Encrypt pieces of any size into a file.

    Args:
        about: What the header says in clear, JSON; it is authenticated.
    """
    data_key, salt = secrets.token_bytes(32), secrets.token_bytes(16)
    nonce = secrets.token_bytes(NONCE_BYTES)
    wrapped = nonce + AESGCM(_derive(passphrase, salt)).encrypt(nonce, data_key, FORMAT.encode())
    header = {
        "format": FORMAT,
        "about": about,
        "salt": base64.b64encode(salt).decode("ascii"),
        "data_key": base64.b64encode(wrapped).decode("ascii"),
    }
    line = json.dumps(header).encode() + b"\n"
    target.write(line)
    cipher, binding = AESGCM(data_key), hashlib.sha256(line).digest()
    for number, (chunk, last) in enumerate(_chunks(pieces)):
        sealed = cipher.encrypt(_nonce(number, last=last), chunk, binding)
        target.write(len(sealed).to_bytes(4, "big") + sealed)


def read_about(source: BinaryIO) -> dict[str, Any]:
    """Return what a sealed file's header says in clear, unverified.

    Raises:
        MalformedMessage: It is no sealed file.
    """
    return _read_header(source).about


def open_stream(source: BinaryIO, passphrase: bytes) -> Iterator[bytes]:
    """Decrypt a sealed file, chunk by chunk. What was read counts only once the
    iterator has ended: a file that was cut off fails at its end.

    Raises:
        LockedKey: The passphrase does not open it.
        MalformedMessage: It is no sealed file, or it was changed or cut off.
    """
    header = _read_header(source)
    nonce, wrapped = header.wrapped[:NONCE_BYTES], header.wrapped[NONCE_BYTES:]
    try:
        wrapping = AESGCM(_derive(passphrase, header.salt))
        data_key = wrapping.decrypt(nonce, wrapped, FORMAT.encode())
    except (InvalidTag, ValueError) as error:
        raise LockedKey("the passphrase does not open the file") from error
    cipher = AESGCM(data_key)
    number, sealed = 0, _sealed_chunk(source)
    while True:
        following = _sealed_chunk(source, may_end=True)
        try:
            chunk = cipher.decrypt(_nonce(number, last=not following), sealed, header.binding)
        except InvalidTag as error:
            raise MalformedMessage("the file was changed or cut off") from error
        yield chunk
        if not following:
            return
        number, sealed = number + 1, following


def _chunks(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield chunks of even size, each with whether it is the last; at least one."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) > CHUNK_BYTES:
            yield bytes(waiting[:CHUNK_BYTES]), False
            del waiting[:CHUNK_BYTES]
    yield bytes(waiting), True


def _read_header(source: BinaryIO) -> _Header:
    line = source.readline(MAX_HEADER_BYTES)
    try:
        stored = json.loads(line)
        if stored["format"] != FORMAT or not isinstance(stored["about"], dict):
            raise MalformedMessage(f"not a {FORMAT}")
        salt, wrapped = (base64.b64decode(stored[name]) for name in ("salt", "data_key"))
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedMessage("not a sealed file") from error
    return _Header(stored["about"], salt, wrapped, hashlib.sha256(line).digest())


def _sealed_chunk(source: BinaryIO, *, may_end: bool = False) -> bytes:
    prefix = source.read(4)
    if not prefix and may_end:
        return b""
    size = int.from_bytes(prefix, "big")
    if len(prefix) < 4 or not TAG_BYTES <= size <= CHUNK_BYTES + TAG_BYTES:
        raise MalformedMessage("the file was changed or cut off")
    sealed = source.read(size)
    if len(sealed) < size:
        raise MalformedMessage("the file was changed or cut off")
    return sealed


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _derive(passphrase: bytes, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, **SCRYPT).derive(passphrase)

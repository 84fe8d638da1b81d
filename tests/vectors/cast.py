"""Fixed keys, times and ids, and a log: whoever the vectors speak of."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from bureau_keys.checkpoint import Checkpoint, sign_checkpoint
from bureau_keys.envelope import digest, seal
from bureau_keys.merkle import inclusion_proof, leaf_hash, root_of
from bureau_keys.note import COSIGNATURE_V1, note_vkey
from bureau_keys.profile import Trust
from bureau_keys.receipt import LeafStatement, commitment
from bureau_keys.signing import SigningKey
from creditbureau.v1.envelope_pb2 import Envelope, Header
from creditbureau.v1.log_pb2 import Receipt

ORIGIN = "bureau.example/log"
SUBJECT = hashlib.sha256(b"subject").hexdigest()[:32]
NAMES = uuid.UUID("3f0c2b1e-6b0f-5a53-9a0e-6d0f6a7d1c11")
# 2026-03-01 12:00:00 UTC, in microseconds.
NOON_US = 1_772_366_400_000_000


def secret(name: str) -> bytes:
    """Return 32 bytes that follow from a name."""
    return hashlib.sha256(f"creditbureau vectors/{name}".encode()).digest()


def key(name: str) -> SigningKey:
    """Return the signing key of a name."""
    return SigningKey.from_seed(secret(f"key/{name}"))


def request_id(name: str) -> str:
    """Return the UUID of a name."""
    return str(uuid.uuid5(NAMES, name))


def moment(time_us: int) -> Timestamp:
    """Return a protobuf timestamp from microseconds."""
    seconds, rest = divmod(time_us, 1_000_000)
    return Timestamp(seconds=seconds, nanos=rest * 1000)


def header(signer: str, name: str, **changes: Any) -> Header:
    """Return the header of the statement that has a name."""
    fields: dict[str, Any] = {
        "audience": ORIGIN,
        "signer": signer,
        "request_id": request_id(name),
        "issue_time": moment(NOON_US + 123_456),
        "schema_version": 1,
    }
    return Header(**(fields | changes))


def encoded(message: Message) -> str:
    """Return a message's canonical encoding in hex."""
    return message.SerializeToString(deterministic=True).hex()


def flipped(data: bytes, index: int = 0) -> bytes:
    """Return bytes with one bit changed."""
    return data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]


LOG, OPERATOR, REPORTS = key("log"), key("operator"), key("reports")
WITNESSES = {name: key(name) for name in ("witness.example/a", "witness.example/b")}
WITNESS_KEYS = {
    name: note_vkey(name, own.verify_key, COSIGNATURE_V1) for name, own in WITNESSES.items()
}
TRUST = Trust(
    origin=ORIGIN,
    log_key=note_vkey(ORIGIN, LOG.verify_key),
    operator_key=OPERATOR.verify_key.raw,
    report_keys=(REPORTS.verify_key.raw,),
    directory_key=bytes.fromhex("32a9026a46988d7acb69720565c2eda1fd02aa1863dc3c1ba9a39507b17f800c"),
)


def trust_of(trust: Trust) -> dict[str, Any]:
    """Return what a client pins, as JSON."""
    return {
        "origin": trust.origin,
        "log_key": trust.log_key,
        "operator_key": trust.operator_key.hex(),
        "report_keys": [raw.hex() for raw in trust.report_keys],
        "directory_key": trust.directory_key.hex(),
        "witnesses": list(trust.witnesses),
        "quorum": trust.quorum,
        **({"issued_identifiers_only": True} if trust.issued_identifiers_only else {}),
    }


@dataclass(slots=True)
class Log:
    """A log that signs a checkpoint after each leaf; its salts follow from indices."""

    signer: SigningKey = LOG
    hashes: list[bytes] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.hashes)

    def checkpoint(self) -> str:
        return sign_checkpoint(Checkpoint(ORIGIN, self.size, root_of(self.hashes)), self.signer)

    def append(self, kind: str, envelope: Envelope, answer_digest: bytes = b"") -> Receipt:
        """Log a statement; return its receipt."""
        index = self.size
        salt, time_us = secret(f"salt/{index}"), NOON_US + 1_000_000 * (index + 1)
        statement = LeafStatement(kind, digest(envelope), answer_digest, time_us)
        self.hashes.append(leaf_hash(commitment(statement, salt)))
        return Receipt(
            leaf_index=index,
            proof=inclusion_proof(self.hashes, index),
            checkpoint=self.checkpoint(),
            salt=salt,
            kind=kind,
            answer_digest=answer_digest,
            log_time=moment(time_us),
        )

    def say(self, kind: str, message: Message, signer: SigningKey) -> tuple[Envelope, Receipt]:
        """Sign a statement and log it."""
        envelope = seal(message, signer)
        return envelope, self.append(kind, envelope)

"""Checkpoints and witnesses' cosignatures, by C2SP's example and its words."""

from __future__ import annotations

import base64
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from bureau_keys.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint, sign_checkpoint
from bureau_keys.cosignature import cosign, verify_cosignature
from bureau_keys.errors import BadProof, KeysError, MalformedMessage
from bureau_keys.note import COSIGNATURE_V1, key_hash, parse_note, sign_note
from bureau_keys.signing import SigningKey

# C2SP tlog-checkpoint and tlog-cosignature.
BODY = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
LOGS_LINE = (
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/"
    "Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)
WITNESSS_LINE = (
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX"
    "3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)
ORIGIN = "example.com/behind-the-sofa"
TREE = Checkpoint(
    ORIGIN,
    20852163,
    bytes.fromhex("0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"),
)
LOG = SigningKey.from_seed(bytes(range(32)))
WITNESS = SigningKey.from_seed(bytes(32))
NAME = "witness.example.com/w1"


def test_the_specifications_example() -> None:
    assert TREE.body() == BODY
    text, signatures = parse_note(f"{BODY}\n{LOGS_LINE}{WITNESSS_LINE}")
    assert parse_checkpoint(text) == TREE
    log, witness = signatures
    assert (log.name, len(log.signature)) == (ORIGIN, 64)
    # tlog-cosignature: the time, then the signature.
    assert (witness.name, len(witness.signature)) == (NAME, 8 + 64)
    assert witness.signature[:8] == struct.pack(">Q", 1679315147)


def test_a_signed_checkpoint_opens() -> None:
    note = sign_checkpoint(TREE, LOG)
    assert open_checkpoint(note, ORIGIN, LOG.verify_key) == TREE
    for origin, key in ((ORIGIN, WITNESS), ("example.com/other", LOG)):
        with pytest.raises(BadProof) as refused:
            open_checkpoint(note, origin, key.verify_key)
        assert refused.value.reason == "BAD_PROOF"


def test_one_log_does_not_sign_for_another() -> None:
    body = Checkpoint("example.com/other", 1, bytes(32)).body()
    with pytest.raises(BadProof):
        open_checkpoint(sign_note(body, ORIGIN, LOG), ORIGIN, LOG.verify_key)


def test_extension_lines_are_covered_and_passed_over() -> None:
    note = sign_note(BODY + "extension\n", ORIGIN, LOG)
    assert open_checkpoint(note, ORIGIN, LOG.verify_key) == TREE
    with pytest.raises(BadProof):
        open_checkpoint(note.replace("extension", "other"), ORIGIN, LOG.verify_key)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "\n",
        "origin\n1\n",
        "\n1\n" + BODY.split("\n")[2] + "\n",
        BODY[:-1],
        BODY + "\n",
        BODY + "extension",
        BODY + "\nextension\n",
        BODY.replace("20852163", "020852163"),
        BODY.replace("20852163", "-1"),
        BODY.replace("20852163", "٣"),
        BODY.replace("20852163", "9" * 5000),
        BODY.replace("q2I=", "q2J="),
        BODY.replace("q2I=", "q2"),
        BODY.replace("q2I=", "é"),
        "origin\n1\nAAAA\n",
    ],
)
def test_malformed_checkpoints(body: str) -> None:
    with pytest.raises(MalformedMessage):
        parse_checkpoint(body)
    # A log that signs such a thing is not believed; nothing else breaks.
    if body.endswith("\n"):
        with pytest.raises(BadProof):
            open_checkpoint(sign_note(body, ORIGIN, LOG), ORIGIN, LOG.verify_key)


@pytest.mark.parametrize("origin", ["", "two\nlines", "a b", "a+b"])
def test_origins_that_cannot_sign(origin: str) -> None:
    with pytest.raises(MalformedMessage):
        sign_checkpoint(Checkpoint(origin, 0, bytes(32)), LOG)


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_any_tree_comes_back(size: int, root: bytes) -> None:
    tree = Checkpoint(ORIGIN, size, root)
    assert open_checkpoint(sign_checkpoint(tree, LOG), ORIGIN, LOG.verify_key) == tree


@given(st.data())
def test_any_changed_byte_of_a_checkpoint_is_noticed(data: st.DataObject) -> None:
    raw = bytearray(sign_checkpoint(TREE, LOG).encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises((BadProof, UnicodeDecodeError)):
        open_checkpoint(bytes(raw).decode(), ORIGIN, LOG.verify_key)


def test_a_cosignature_is_what_the_specification_says() -> None:
    note = sign_checkpoint(TREE, LOG)
    cosigned = cosign(note, NAME, WITNESS, 1679315147)
    name, encoded = cosigned.removeprefix(note).removeprefix("— ").split()
    data = base64.b64decode(encoded)
    message = b"cosignature/v1\ntime 1679315147\n" + BODY.encode()
    signature = Ed25519PrivateKey.from_private_bytes(WITNESS.seed).sign(message)
    assert name == NAME
    assert data[:4] == key_hash(NAME, COSIGNATURE_V1, WITNESS.verify_key)
    assert data[4:] == struct.pack(">Q", 1679315147) + signature


def test_cosigned_checkpoints_open_for_both() -> None:
    cosigned = cosign(sign_checkpoint(TREE, LOG), NAME, WITNESS, 1679315147)
    cosigned = cosign(cosigned, "witness.example.com/w2", LOG, 1679315148)
    assert verify_cosignature(cosigned, NAME, WITNESS.verify_key) == 1679315147
    assert verify_cosignature(cosigned, "witness.example.com/w2", LOG.verify_key) == 1679315148
    assert open_checkpoint(cosigned, ORIGIN, LOG.verify_key) == TREE


def test_who_has_not_cosigned_has_not() -> None:
    note = sign_checkpoint(TREE, LOG)
    cosigned = cosign(note, NAME, WITNESS, 1)
    for text, name, key in (
        (note, NAME, WITNESS),
        (cosigned, "other", WITNESS),
        (cosigned, NAME, LOG),
        # The log's own signature is none of a witness.
        (note, ORIGIN, LOG),
    ):
        with pytest.raises(BadProof):
            verify_cosignature(text, name, key.verify_key)


def test_a_cosignature_is_for_one_time_and_one_tree() -> None:
    note = sign_checkpoint(TREE, LOG)
    line = cosign(note, NAME, WITNESS, 1679315147).removeprefix(note)
    other = sign_checkpoint(Checkpoint(ORIGIN, 20852164, TREE.root), LOG)
    with pytest.raises(BadProof):
        verify_cosignature(other + line, NAME, WITNESS.verify_key)
    raw = bytearray(base64.b64decode(line.split()[2]))
    raw[11] ^= 1
    late = f"— {NAME} {base64.b64encode(raw).decode()}\n"
    with pytest.raises(BadProof):
        verify_cosignature(note + late, NAME, WITNESS.verify_key)


def test_a_short_cosignature_is_none() -> None:
    short = key_hash(NAME, COSIGNATURE_V1, WITNESS.verify_key) + bytes(7)
    note = sign_checkpoint(TREE, LOG) + f"— {NAME} {base64.b64encode(short).decode()}\n"
    with pytest.raises(BadProof):
        verify_cosignature(note, NAME, WITNESS.verify_key)


@pytest.mark.parametrize("time_s", [-1, 2**63, 2**64])
def test_times_have_63_bits(time_s: int) -> None:
    note = sign_checkpoint(TREE, LOG)
    with pytest.raises(MalformedMessage):
        cosign(note, NAME, WITNESS, time_s)


def test_a_time_beyond_63_bits_is_not_believed() -> None:
    note, time_s = sign_checkpoint(TREE, LOG), 2**63
    message = f"cosignature/v1\ntime {time_s}\n{BODY}".encode()
    data = key_hash(NAME, COSIGNATURE_V1, WITNESS.verify_key)
    data += struct.pack(">Q", time_s) + WITNESS.sign(message)
    with pytest.raises(BadProof):
        verify_cosignature(
            note + f"— {NAME} {base64.b64encode(data).decode()}\n", NAME, WITNESS.verify_key
        )


@given(st.data())
def test_any_changed_byte_of_a_cosigned_text_is_noticed(data: st.DataObject) -> None:
    raw = bytearray(cosign(sign_checkpoint(TREE, LOG), NAME, WITNESS, 1679315147).encode())
    raw[data.draw(st.integers(0, len(BODY) - 1))] ^= data.draw(st.integers(1, 127))
    with pytest.raises(KeysError):
        verify_cosignature(bytes(raw).decode(), NAME, WITNESS.verify_key)

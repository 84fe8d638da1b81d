"""Receipts that stand alone, in C2SP's text for proofs."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bureau_keys.checkpoint import Checkpoint, sign_checkpoint
from bureau_keys.cosignature import cosign, verify_cosignature
from bureau_keys.errors import BadProof, KeysError, MalformedMessage
from bureau_keys.merkle import Frontier, inclusion_proof, leaf_hash, root_of
from bureau_keys.receipt import LeafStatement, Receipt, commitment
from bureau_keys.signing import SigningKey
from tests.unit.keys import trees

ORIGIN = "bureau.example/log"
LOG = SigningKey.from_seed(bytes(range(32)))
ENVELOPE = hashlib.sha256(b"envelope").digest()
ANSWER = hashlib.sha256(b"answer").digest()
SALT = bytes(range(100, 132))
STATEMENT = LeafStatement("inquiry", ENVELOPE, ANSWER, 1_790_000_000_000_000)


def receipt(index: int, size: int, statement: LeafStatement = STATEMENT) -> Receipt:
    """The receipt of a statement among other leaves."""
    leaves = trees.leaves(size)
    leaves[index] = leaf_hash(commitment(statement, SALT))
    checkpoint = sign_checkpoint(Checkpoint(ORIGIN, size, root_of(leaves)), LOG)
    proof = tuple(inclusion_proof(leaves, index))
    return Receipt(index, proof, checkpoint, SALT, statement)


def test_the_lines_that_are_committed_to() -> None:
    assert STATEMENT.text().decode("ascii").split("\n") == [
        "creditbureau/leaf/v1",
        "inquiry",
        ENVELOPE.hex(),
        ANSWER.hex(),
        "1790000000000000",
        "",
    ]
    assert LeafStatement("consent", ENVELOPE, b"", 0).text().endswith(b"\n-\n0\n")
    assert commitment(STATEMENT, SALT) == hmac.digest(SALT, STATEMENT.text(), "sha256")


@pytest.mark.parametrize("size", [1, 2, 3, 8, 100])
def test_a_receipt_in_text(size: int) -> None:
    mine = receipt(size // 2, size)
    head, checkpoint = mine.to_text().split("\n\n", 1)
    first, extra, index, *proof = head.split("\n")
    assert first == "c2sp.org/tlog-proof@v1"
    assert extra.startswith("extra ")
    assert index == f"index {size // 2}"
    assert len(proof) == len(mine.proof)
    assert checkpoint == mine.checkpoint
    again = Receipt.from_text(mine.to_text())
    assert again == mine
    tree = again.verify(ENVELOPE, ORIGIN, LOG.verify_key)
    assert (tree.origin, tree.size) == (ORIGIN, size)


@given(
    st.builds(
        LeafStatement,
        kind=st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True),
        envelope_digest=st.binary(min_size=32, max_size=32),
        answer_digest=st.just(b"") | st.binary(min_size=32, max_size=32),
        time_us=st.integers(0, 2**63 - 1),
    )
)
def test_any_statement_comes_back(statement: LeafStatement) -> None:
    assert LeafStatement.from_text(statement.text()) == statement


@pytest.mark.parametrize(
    "statement",
    [
        LeafStatement("", ENVELOPE, b"", 0),
        LeafStatement("two\nlines", ENVELOPE, b"", 0),
        LeafStatement("inquiry\n", ENVELOPE, b"", 0),
        LeafStatement("Inquiry", ENVELOPE, b"", 0),
        LeafStatement("inquiry", ENVELOPE[:31], b"", 0),
        LeafStatement("inquiry", b"", b"", 0),
        LeafStatement("inquiry", ENVELOPE, ANSWER + b"\0", 0),
        LeafStatement("inquiry", ENVELOPE, b"", -1),
    ],
)
def test_statements_that_are_not_committed_to(statement: LeafStatement) -> None:
    with pytest.raises(MalformedMessage):
        commitment(statement, SALT)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        STATEMENT.text()[:-1],
        STATEMENT.text() + b"\n",
        STATEMENT.text().replace(b"leaf/v1", b"leaf/v2"),
        STATEMENT.text().replace(b"17900", b"017900"),
        STATEMENT.text().replace(b"17900", b"1_7900"),
        STATEMENT.text().replace(b"17900", b"9" * 5000),
        STATEMENT.text().replace(ENVELOPE.hex().encode(), ENVELOPE.hex().upper().encode()),
        STATEMENT.text().replace(ANSWER.hex().encode(), b""),
        STATEMENT.text().replace(b"inquiry", "inquirý".encode()),
    ],
)
def test_other_lines_are_no_statement(text: bytes) -> None:
    with pytest.raises(MalformedMessage):
        LeafStatement.from_text(text)


@pytest.mark.parametrize("salt", [b"", SALT[:31], SALT + b"\0"])
def test_a_salt_has_32_bytes(salt: bytes) -> None:
    with pytest.raises(MalformedMessage):
        commitment(STATEMENT, salt)


def test_receipts_of_a_batch() -> None:
    # As the ledger makes them: proofs from the edge, one checkpoint for all.
    frontier = Frontier()
    frontier.extend(trees.leaves(1000))
    statements = [LeafStatement("submission", ENVELOPE, b"", time_us) for time_us in range(5)]
    proofs = frontier.extend_with_proofs([leaf_hash(commitment(one, SALT)) for one in statements])
    note = sign_checkpoint(Checkpoint(ORIGIN, frontier.size, frontier.root()), LOG)
    for index, (one, proof) in enumerate(zip(statements, proofs, strict=True), 1000):
        Receipt(index, tuple(proof), note, SALT, one).verify(ENVELOPE, ORIGIN, LOG.verify_key)


def test_a_receipt_is_for_one_statement_of_one_log() -> None:
    mine = receipt(3, 9)
    for digest, origin, key in (
        (ANSWER, ORIGIN, LOG),
        (ENVELOPE, "other.example/log", LOG),
        (ENVELOPE, ORIGIN, SigningKey.from_seed(bytes(32))),
    ):
        with pytest.raises(BadProof):
            mine.verify(digest, origin, key.verify_key)


def test_what_is_said_of_a_statement_is_committed_to() -> None:
    mine = receipt(3, 9)
    for said in (
        LeafStatement("consent", ENVELOPE, ANSWER, STATEMENT.time_us),
        LeafStatement("inquiry", ENVELOPE, b"", STATEMENT.time_us),
        LeafStatement("inquiry", ENVELOPE, ANSWER, STATEMENT.time_us + 1),
    ):
        other = Receipt(mine.index, mine.proof, mine.checkpoint, mine.salt, said)
        with pytest.raises(BadProof):
            other.verify(ENVELOPE, ORIGIN, LOG.verify_key)


def test_witnesses_lines_stay_with_a_receipt() -> None:
    mine = receipt(0, 2)
    witness = SigningKey.from_seed(bytes(32))
    note = cosign(mine.checkpoint, "witness.example/w", witness, 7)
    again = Receipt.from_text(Receipt(0, mine.proof, note, SALT, STATEMENT).to_text())
    again.verify(ENVELOPE, ORIGIN, LOG.verify_key)
    assert verify_cosignature(again.checkpoint, "witness.example/w", witness.verify_key) == 7


@given(st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    raw = bytearray(receipt(3, 9).to_text().encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises((KeysError, UnicodeDecodeError)):
        Receipt.from_text(bytes(raw).decode()).verify(ENVELOPE, ORIGIN, LOG.verify_key)


@given(st.data())
def test_any_lost_or_doubled_line_is_noticed(data: st.DataObject) -> None:
    lines = receipt(3, 9).to_text().split("\n")
    index = data.draw(st.integers(0, len(lines) - 2))
    # The signature's line twice is the same signature.
    twice = data.draw(st.booleans()) and not lines[index].startswith("—")
    lines[index : index + 1] = lines[index : index + 1] * (2 if twice else 0)
    with pytest.raises(KeysError):
        Receipt.from_text("\n".join(lines)).verify(ENVELOPE, ORIGIN, LOG.verify_key)


TEXT = receipt(3, 9).to_text()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        TEXT.replace("@v1", "@v2"),
        TEXT.replace("extra ", "other "),
        TEXT.replace("index 3", "index 03"),
        TEXT.replace("index 3", "index -3"),
        TEXT.replace("index 3", "index " + "9" * 5000),
        TEXT.replace("index 3\n", "index 3\n" + f"{'A' * 43}=\n" * 64),
        TEXT.replace("index 3\n", "index 3\nAAAA\n"),
        TEXT.replace("\n", "\r\n"),
        "\n".join(line for line in TEXT.split("\n") if not line.startswith("extra")),
        "c2sp.org/tlog-proof@v1\nextra AAAA\nindex 0\n\n",
    ],
)
def test_malformed_receipts(text: str) -> None:
    with pytest.raises(MalformedMessage) as refused:
        Receipt.from_text(text)
    assert refused.value.reason == "MALFORMED_MESSAGE"

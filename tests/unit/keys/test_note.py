"""Signed notes, by the examples of C2SP and of Go's sumdb/note."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bureau_keys.c2sp_text import from_base64, from_decimal, to_base64
from bureau_keys.errors import BadProof, KeysError, MalformedMessage
from bureau_keys.note import (
    COSIGNATURE_V1,
    Verifier,
    key_hash,
    note_vkey,
    parse_note,
    parse_vkey,
    sign_note,
    verify_note,
)
from bureau_keys.signing import SigningKey

# pkg.go.dev/golang.org/x/mod/sumdb/note, "Generating Signed Notes" and its tests.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETERS_SECRET = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
PETERS_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXg"
    "KvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ENOCHS_LINE = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01"
    "oOTGwnWLox33WWd1RvMc+QQ=\n"
)
NOTE = f"{TEXT}\n{PETERS_LINE}"
# C2SP signed-note: the text has an empty line of its own.
QUASIMODO = (
    "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n"
)
QUASIMODOS_LINE = (
    "— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJ"
    "KONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
)
KEY = SigningKey.from_seed(bytes(range(32)))


def test_the_known_note() -> None:
    secret = from_base64(PETERS_SECRET)
    key = SigningKey.from_seed(secret[1:])
    assert sign_note(TEXT, "PeterNeumann", key) == NOTE
    assert note_vkey("PeterNeumann", key.verify_key) == PETER
    assert verify_note(NOTE, parse_vkey(PETER)) == TEXT


def test_signatures_of_unknown_keys_are_passed_over() -> None:
    both = NOTE + ENOCHS_LINE
    assert verify_note(both, parse_vkey(PETER)) == TEXT
    assert verify_note(both, parse_vkey(ENOCH)) == TEXT
    assert verify_note(both, parse_vkey(PETER), parse_vkey(ENOCH)) == TEXT
    with pytest.raises(BadProof):
        verify_note(NOTE, parse_vkey(ENOCH))
    with pytest.raises(BadProof):
        verify_note(NOTE)


def test_a_name_alone_is_no_key() -> None:
    # Enoch's key under Peter's name: name and hash must both be right.
    verifier = Verifier("PeterNeumann", parse_vkey(ENOCH).key)
    with pytest.raises(BadProof):
        verify_note(NOTE, verifier)


def test_one_false_signature_of_a_known_key_spoils_the_note() -> None:
    false = PETERS_LINE.replace("x08go/Z", "x08go/Y")
    assert verify_note(NOTE + ENOCHS_LINE.replace("rwz+eBz", "rwz+eBy"), parse_vkey(PETER)) == TEXT
    for note in (f"{TEXT}\n{false}", NOTE + false):
        with pytest.raises(BadProof):
            verify_note(note, parse_vkey(PETER))


def test_the_last_empty_line_parts_text_and_signatures() -> None:
    text, [signature] = parse_note(f"{QUASIMODO}\n{QUASIMODOS_LINE}")
    assert text == QUASIMODO
    assert signature.name == "quasimodo.example/salvatore"
    assert signature.key_hash.hex() == "367ba04b"
    assert len(signature.signature) == 64


@pytest.mark.parametrize(
    "note",
    [
        "",
        TEXT,
        TEXT + "\n",
        NOTE[:-1],
        "\x01" + NOTE,
        NOTE.replace("\n", "\r\n"),
        "\ud800" + NOTE,
        f"{TEXT}\n— Bad Name {PETERS_LINE.split()[2]}\n",
        f"{TEXT}\n— Bad+Name {PETERS_LINE.split()[2]}\n",
        f"{TEXT}\n— Bad\u00a0Name {PETERS_LINE.split()[2]}\n",
        f"{TEXT}\n— Bad\x7f\x00 {PETERS_LINE.split()[2]}\n",
        f"{TEXT}\n—  {PETERS_LINE.split()[2]}\n",
        f"{TEXT}\n- PeterNeumann {PETERS_LINE.split()[2]}\n",
        f"{TEXT}\n— PeterNeumann\n",
        f"{TEXT}\n— PeterNeumann x08gow==\n",
        f"{TEXT}\n— PeterNeumann x08goQ=\n",
        NOTE + "Unexpected line.\n",
        f"{TEXT}\n" + PETERS_LINE * 101,
        "long\n" * 250_000 + f"\n{PETERS_LINE}",
    ],
)
def test_malformed_notes(note: str) -> None:
    with pytest.raises(MalformedMessage):
        verify_note(note, parse_vkey(PETER))


def test_sixteen_signatures_are_accepted() -> None:
    assert verify_note(f"{TEXT}\n" + ENOCHS_LINE * 15 + PETERS_LINE, parse_vkey(PETER)) == TEXT


@pytest.mark.parametrize("index", range(len(PETER)))
def test_manglings_of_a_key_are_refused(index: int) -> None:
    following = chr(ord(PETER[index]) + 1)
    for vkey in (PETER[:index], PETER[index + 1 :], PETER[:index] + following + PETER[index + 1 :]):
        with pytest.raises(KeysError):
            parse_vkey(vkey)


@pytest.mark.parametrize(
    "vkey",
    [
        # With the right hash: a key too long, an unknown algorithm.
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "",
        "++",
        PETER.replace("c74f20a3", "C74F20A3"),
    ],
)
def test_other_keys_are_refused(vkey: str) -> None:
    with pytest.raises(MalformedMessage):
        parse_vkey(vkey)


def test_a_witnesss_key_keeps_its_type() -> None:
    vkey = note_vkey("witness.example/w1", KEY.verify_key, COSIGNATURE_V1)
    witness = parse_vkey(vkey)
    assert witness.kind == COSIGNATURE_V1
    assert witness.key_hash == key_hash("witness.example/w1", COSIGNATURE_V1, KEY.verify_key)
    assert vkey.split("+")[1] == witness.key_hash.hex()
    # It does not pass for a key that signs notes.
    note = sign_note(TEXT, "witness.example/w1", KEY)
    with pytest.raises(BadProof):
        verify_note(note, witness)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\tb", "a\x00", "\udc80"])
def test_names_that_no_key_has(name: str) -> None:
    with pytest.raises(MalformedMessage):
        sign_note(TEXT, name, KEY)
    with pytest.raises(MalformedMessage):
        note_vkey(name, KEY.verify_key)


@pytest.mark.parametrize("text", ["", "no newline", "tab\t\n", "\udc80\n"])
def test_texts_that_are_not_signed(text: str) -> None:
    with pytest.raises(MalformedMessage):
        sign_note(text, "name", KEY)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.just("\n"), max_size=80))
def test_any_text_comes_back(text: str) -> None:
    note = sign_note(text + "\n", "name", KEY)
    assert verify_note(note, Verifier("name", KEY.verify_key)) == text + "\n"


@given(st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    raw = bytearray(NOTE.encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises((KeysError, UnicodeDecodeError)):
        verify_note(bytes(raw).decode(), parse_vkey(PETER))


@pytest.mark.parametrize("text", ["A", "AA", "AA=", "AB==", "AAB=", "A A=", "AA==\n", "é", "-_=="])
def test_base64_has_one_spelling(text: str) -> None:
    with pytest.raises(MalformedMessage):
        from_base64(text)


@given(st.binary(max_size=100))
def test_base64_comes_back(data: bytes) -> None:
    assert from_base64(to_base64(data)) == data


@pytest.mark.parametrize("text", ["", "00", "01", "-1", "+1", " 1", "1_0", "1.0", "١", "²"])
@pytest.mark.parametrize("ending", ["", "\n"])
def test_decimals_have_one_spelling(text: str, ending: str) -> None:
    with pytest.raises(MalformedMessage):
        from_decimal(text + ending)


def test_decimals_have_63_bits() -> None:
    assert [from_decimal(text) for text in ("0", "10", str(2**63 - 1))] == [0, 10, 2**63 - 1]
    for text in (str(2**63), "9" * 19, "9" * 5000):
        with pytest.raises(MalformedMessage):
            from_decimal(text)

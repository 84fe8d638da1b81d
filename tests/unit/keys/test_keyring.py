"""Secrets at rest."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from bureau_keys import keyring
from bureau_keys.errors import LockedKey, MalformedMessage
from bureau_keys.keyring import Keyring
from bureau_keys.secret_files import write_private
from bureau_keys.signing import SigningKey

PASSPHRASE = b"correct horse"
KEY = SigningKey.from_seed(bytes(range(32)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keyring"


def test_secrets_come_back(path: Path) -> None:
    ring = Keyring.create(path, PASSPHRASE)
    ring.add("log", KEY)
    ring.add_seed("directory", bytes(32))
    again = Keyring.open(path, PASSPHRASE)
    assert again.names() == ring.names() == ["directory", "log"]
    assert again.get("log").verify_key == KEY.verify_key
    assert again.seed("directory") == bytes(32)


def test_nothing_is_there_to_be_read(path: Path) -> None:
    ring = Keyring.create(path, PASSPHRASE)
    ring.add("log", KEY)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    stored = path.read_text("ascii")
    assert "log" not in json.loads(stored)
    assert KEY.seed.hex() not in stored
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("passphrase", [b"wrong", PASSPHRASE + b" ", PASSPHRASE[:-1]])
def test_a_wrong_passphrase_opens_nothing(path: Path, passphrase: bytes) -> None:
    Keyring.create(path, PASSPHRASE)
    with pytest.raises(LockedKey) as refused:
        Keyring.open(path, passphrase)
    assert refused.value.reason == "LOCKED_KEY"


def test_an_empty_passphrase_is_refused(path: Path) -> None:
    with pytest.raises(LockedKey):
        Keyring.create(path, b"")
    assert not path.exists()
    ring = Keyring.create(path, PASSPHRASE)
    with pytest.raises(LockedKey):
        ring.change_passphrase(b"")
    with pytest.raises(LockedKey):
        Keyring.open(path, b"")


def test_a_changed_file_opens_nothing(path: Path) -> None:
    Keyring.create(path, PASSPHRASE).add("log", KEY)
    stored = json.loads(path.read_text("ascii"))
    for name in ("salt", "sealed"):
        text = stored[name]
        other = "A" if text[20] != "A" else "B"
        path.write_text(json.dumps({**stored, name: text[:20] + other + text[21:]}), "ascii")
        with pytest.raises(LockedKey):
            Keyring.open(path, PASSPHRASE)
    path.write_text(json.dumps({**stored, "sealed": "AAAA"}), "ascii")
    with pytest.raises(LockedKey):
        Keyring.open(path, PASSPHRASE)


@pytest.mark.parametrize("text", ["", "[]", "{}", "é", '{"salt": 1, "sealed": 2}', '{"salt": "A"}'])
def test_another_file_is_no_keyring(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
    with pytest.raises(MalformedMessage):
        Keyring.open(path, PASSPHRASE)


def test_one_ring_does_not_replace_another(path: Path) -> None:
    Keyring.create(path, PASSPHRASE).add("log", KEY)
    with pytest.raises(FileExistsError):
        Keyring.create(path, PASSPHRASE)
    with pytest.raises(FileNotFoundError):
        Keyring.open(path.with_name("other"), PASSPHRASE)


def test_names_are_given_once(path: Path) -> None:
    ring = Keyring.create(path, PASSPHRASE)
    ring.add("log", KEY)
    with pytest.raises(KeyError):
        ring.add("log", SigningKey.generate())
    for missing in (ring.get, ring.seed, ring.rotate):
        with pytest.raises(KeyError):
            missing("other")


@pytest.mark.parametrize(("name", "seed"), [("log@1", bytes(32)), ("a", b""), ("a", bytes(31))])
def test_what_is_no_secret_is_refused(path: Path, name: str, seed: bytes) -> None:
    ring = Keyring.create(path, PASSPHRASE)
    with pytest.raises(MalformedMessage):
        ring.add_seed(name, seed)
    assert Keyring.open(path, PASSPHRASE).names() == []


def test_rotated_keys_stay(path: Path) -> None:
    ring = Keyring.create(path, PASSPHRASE)
    ring.add("log", KEY)
    ring.add("log-book", KEY)
    first, second = ring.rotate("log")
    again, third = Keyring.open(path, PASSPHRASE).rotate("log")
    assert first.seed == KEY.seed
    assert again.seed == second.seed
    ring = Keyring.open(path, PASSPHRASE)
    assert ring.names() == ["log", "log-book", "log@1", "log@2"]
    kept = [ring.seed(name) for name in ("log@1", "log@2", "log")]
    assert kept == [first.seed, second.seed, third.seed]
    assert len(set(kept)) == 3


def test_a_key_is_prepared_before_it_counts(path: Path) -> None:
    ring = Keyring.create(path, PASSPHRASE)
    ring.add("report", KEY)
    to_come = ring.prepare("report")
    assert ring.prepare("report").seed == to_come.seed
    assert ring.get("report").seed == KEY.seed
    assert Keyring.open(path, PASSPHRASE).names() == ["report", "report@next"]
    old, new = ring.rotate("report")
    assert (old.seed, new.seed) == (KEY.seed, to_come.seed)
    assert ring.names() == ["report", "report@1"]


def test_a_key_of_the_past_is_dropped_and_its_number_stays_free(path: Path) -> None:
    ring = Keyring.create(path, PASSPHRASE)
    ring.add("report", KEY)
    ring.rotate("report")
    ring.rotate("report")
    ring.prepare("report")
    ring.drop("report@1")
    for wrong in ("report", "report@next", "report@1@2"):
        with pytest.raises(KeyError):
            ring.drop(wrong)
    ring.rotate("report")
    assert Keyring.open(path, PASSPHRASE).names() == ["report", "report@2", "report@3"]


def test_a_new_passphrase(path: Path) -> None:
    ring = Keyring.create(path, PASSPHRASE)
    ring.add("log", KEY)
    before = path.read_bytes()
    ring.change_passphrase(b"battery staple")
    ring.add_seed("directory", bytes(32))
    with pytest.raises(LockedKey):
        Keyring.open(path, PASSPHRASE)
    assert Keyring.open(path, b"battery staple").names() == ["directory", "log"]
    assert json.loads(before)["salt"] != json.loads(path.read_text("ascii"))["salt"]


def test_the_passphrase_is_derived_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Keyring.create(path, PASSPHRASE)
    derived: list[bytes] = []
    derive = keyring._derive

    def counting(passphrase: bytes, salt: bytes) -> bytes:
        derived.append(salt)
        return derive(passphrase, salt)

    monkeypatch.setattr(keyring, "_derive", counting)
    ring = Keyring.open(path, PASSPHRASE)
    ring.add("log", KEY)
    ring.rotate("log")
    ring.get("log")
    assert len(derived) == 1


def test_what_could_not_be_stored_is_not_used(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Keyring.create(path, PASSPHRASE)
    ring.add("log", KEY)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        for act in (
            lambda: ring.rotate("log"),
            lambda: ring.add_seed("other", bytes(32)),
            lambda: ring.change_passphrase(b"other"),
        ):
            with pytest.raises(OSError, match="No space"):
                act()
    assert ring.names() == ["log"]
    assert ring.get("log").seed == KEY.seed
    ring.add_seed("directory", bytes(32))
    assert Keyring.open(path, PASSPHRASE).names() == ["directory", "log"]


def test_a_private_file_is_whole_or_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret"
    write_private(path, b"before")
    path.chmod(0o666)
    write_private(path, b"after")
    assert path.read_bytes() == b"after"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError, match=str(path)):
        write_private(path, b"another", exclusive=True)

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="Input/output"):
        write_private(path, b"lost")
    assert path.read_bytes() == b"after"
    assert list(tmp_path.iterdir()) == [path]

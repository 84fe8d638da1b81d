"""The folder with which a member reaches a bureau."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from bureau_keys.note import COSIGNATURE_V1, ED25519, note_vkey
from bureau_keys.profile import Profile, Trust
from bureau_keys.signing import SigningKey

PROFILE = Profile(
    member_id="acme",
    addresses=("one.example:7443", "two.example:7443"),
    trust=Trust(
        origin='quoted "origin" \\ ü',
        log_key="bureau.example/log+00000000+AQ==",
        operator_key=bytes(range(1, 33)),
        report_keys=(bytes(32), bytes(range(32))),
        directory_key=bytes(range(32, 64)),
    ),
    ca_pem=b"authority",
    tls_certificate_pem=b"certificate",
    tls_key_pem=b"key",
    signing_key_pem=b"signing key",
)
FILES = ("ca.pem", "profile.toml", "signing.pem", "tls.key", "tls.pem")


WITNESSES = tuple(
    note_vkey(f"w.example/{number}", SigningKey.generate().verify_key, COSIGNATURE_V1)
    for number in (1, 2)
)


def test_a_profile_comes_back(tmp_path: Path) -> None:
    PROFILE.save(tmp_path / "profile")
    assert Profile.load(tmp_path / "profile") == PROFILE
    PROFILE.save(tmp_path / "profile")
    assert Profile.load(str(tmp_path / "profile")) == PROFILE


def test_a_profile_is_its_owners(tmp_path: Path) -> None:
    PROFILE.save(tmp_path / "profile")
    assert stat.S_IMODE((tmp_path / "profile").stat().st_mode) == 0o700
    files = sorted((tmp_path / "profile").iterdir())
    assert tuple(path.name for path in files) == FILES
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    PROFILE.save(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        Profile.load(tmp_path)


def test_a_folder_without_a_profile_is_refused_with_where_profiles_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="the operator hands a profile over") as refused:
        Profile.load(tmp_path)
    assert refused.value.filename == str(tmp_path / "profile.toml")


@pytest.mark.parametrize(
    "name",
    ["member", "addresses", "origin", "log_key", "operator_key", "report_keys", "directory_key"],
)
def test_a_missing_setting_is_named(tmp_path: Path, name: str) -> None:
    PROFILE.save(tmp_path)
    path = tmp_path / "profile.toml"
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join(line for line in lines if not line.startswith(f"{name} =")), "utf-8")
    with pytest.raises(ValueError, match=name):
        Profile.load(tmp_path)


def test_witnesses_come_back(tmp_path: Path) -> None:
    profile = PROFILE.requiring(2, WITNESSES)
    profile.save(tmp_path)
    assert Profile.load(tmp_path) == profile
    assert profile.requiring(0).trust.witnesses == WITNESSES


def test_a_profile_of_before_trusts_no_witness(tmp_path: Path) -> None:
    PROFILE.save(tmp_path)
    path = tmp_path / "profile.toml"
    lines = path.read_text("utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(("witnesses", "quorum"))]
    path.write_text("\n".join(kept), "utf-8")
    trust = Profile.load(tmp_path).trust
    assert (trust.witnesses, trust.quorum) == ((), 0)


LOGS = note_vkey("w.example/1", SigningKey.generate().verify_key, ED25519)


@pytest.mark.parametrize(
    ("witnesses", "quorum", "words"),
    [
        (WITNESSES, 3, "the quorum is 3 among 2"),
        (WITNESSES, -1, "the quorum is -1"),
        ((), 1, "the quorum is 1 among 0"),
        # One witness twice is one witness.
        ((WITNESSES[0], WITNESSES[0]), 2, "the quorum is 2 among 1"),
        (("w.example/1+00000000+AQ==",), 0, "a witness is wrong"),
        ((LOGS,), 0, "a witness's key cosigns"),
        (WITNESSES * 9, 1, "more than 16"),
    ],
)
def test_witnesses_that_cannot_be(
    tmp_path: Path, witnesses: tuple[str, ...], quorum: int, words: str
) -> None:
    PROFILE.requiring(quorum, witnesses).save(tmp_path)
    with pytest.raises(ValueError, match=rf"profile\.toml.*{words}"):
        Profile.load(tmp_path)


@pytest.mark.parametrize("seconds", ["-1", "1.5", '"60"', "true"])
def test_an_age_that_cannot_be_is_named(tmp_path: Path, seconds: str) -> None:
    PROFILE.save(tmp_path)
    file = tmp_path / "profile.toml"
    file.write_text(file.read_text() + f"max_cosignature_age_seconds = {seconds}\n")
    with pytest.raises(ValueError, match="max_cosignature_age_seconds is"):
        Profile.load(tmp_path)


def test_an_age_of_cosignatures_is_kept(tmp_path: Path) -> None:
    trust = replace(PROFILE.trust, max_cosignature_age_seconds=86_400)
    replace(PROFILE, trust=trust).save(tmp_path)
    loaded = Profile.load(tmp_path)
    assert loaded.trust == trust
    assert loaded.memory_folder == tmp_path

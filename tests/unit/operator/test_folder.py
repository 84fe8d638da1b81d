"""`create`: a whole bureau or nothing, and private files private."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from pydantic import ValidationError

from bureau.admin import bureau_folder as folders
from bureau.admin.bureau_folder import FolderError, InitOptions, create, load_authority, trust_of
from bureau.config import SETTINGS_FILE, Settings
from bureau.main import Server
from bureau_keys.authority import Authority, identity_of
from bureau_keys.errors import LockedKey
from bureau_keys.note import COSIGNATURE_V1, note_vkey
from bureau_keys.profile import Profile
from bureau_keys.signing import SigningKey

KEY = SigningKey.generate()


def test_a_new_bureau_is_ready_to_serve(tmp_path: Path) -> None:
    settings = create(
        tmp_path / "b", InitOptions(origin="bureau.example/log", names=("b.example",))
    )
    assert Settings.load(tmp_path / "b").model_dump() == settings.model_dump()
    operator = Profile.load(settings.operator_folder)
    assert operator.trust == trust_of(settings)
    assert identity_of(operator.tls_certificate_pem) == operator.member_id == "operator"
    assert operator.addresses == ("127.0.0.1:7443",)
    server = Server(Settings.load(tmp_path / "b", listen="127.0.0.1:0"))
    server.start()
    server.stop()


def test_only_certificates_are_for_others_to_read(tmp_path: Path) -> None:
    create(tmp_path / "b", InitOptions())
    readable = [
        path.relative_to(tmp_path)
        for path in (tmp_path / "b").rglob("*")
        if stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    assert readable == [Path("b/authority/ca.pem")]


def test_secrets_are_encrypted_each_under_its_own_passphrase(tmp_path: Path) -> None:
    settings = create(tmp_path / "b", InitOptions())
    assert b"ENCRYPTED" in (settings.authority_folder / "ca.key").read_bytes()
    with pytest.raises(LockedKey):
        Authority.load(settings.authority_folder, settings.passphrase())
    (settings.server_folder / "passphrase").write_text("guessed")
    with pytest.raises(LockedKey):
        trust_of(settings)
    assert load_authority(settings)


def test_a_given_passphrase_stays_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("correct horse\n")
    settings = create(tmp_path / "b", InitOptions(passphrase_file=tmp_path / "secret"))
    assert list((tmp_path / "b").rglob("passphrase")) == []
    assert settings.passphrase() == b"correct horse"
    assert load_authority(settings)
    assert trust_of(settings)


def test_a_folder_with_anything_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("mine")
    with pytest.raises(FolderError):
        create(tmp_path, InitOptions())
    assert [path.name for path in tmp_path.iterdir()] == ["note"]


@pytest.mark.parametrize("there", [True, False])
def test_a_half_made_folder_does_not_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, there: bool
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the power went")

    folder = tmp_path / "b"
    if there:
        folder.mkdir()
    monkeypatch.setattr(folders, "bootstrap_operator", fail)
    with pytest.raises(RuntimeError):
        create(folder, InitOptions())
    assert list(tmp_path.rglob("*")) == ([folder] if there else [])


@pytest.mark.parametrize(
    "plan",
    [
        InitOptions(origin="https://bureau"),
        InitOptions(jurisdiction="us"),
        InitOptions(member_days=0),
    ],
)
def test_a_wrong_setting_leaves_nothing(tmp_path: Path, plan: InitOptions) -> None:
    with pytest.raises(ValidationError):
        create(tmp_path / "b", plan)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("source", ["bureau.toml", "BUREAU_WORKERS"])
def test_the_earlier_name_of_threads_starts_no_processes(
    tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(tmp_path / "b", InitOptions())
    file = tmp_path / "b" / SETTINGS_FILE
    written = file.read_text("utf-8")
    if source == SETTINGS_FILE:
        file.write_text(f"workers = 32\n{written}", "utf-8")
    else:
        monkeypatch.setenv(source, "32")
    with pytest.raises(ValidationError, match=r"workers = 32: .* write calls"):
        Settings.load(tmp_path / "b")
    monkeypatch.delenv("BUREAU_WORKERS", raising=False)
    file.write_text(f"calls = 32\nworker_processes = 2\n{written}", "utf-8")
    settings = Settings.load(tmp_path / "b")
    assert (settings.calls, settings.worker_processes) == (32, 2)


def test_a_database_with_a_bureau_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    create(tmp_path / "one", InitOptions(database_url=url))
    with pytest.raises(FolderError, match="holds a bureau already"):
        create(tmp_path / "two", InitOptions(database_url=url))
    assert not (tmp_path / "two").exists()


def test_without_the_authority_nothing_is_issued(tmp_path: Path) -> None:
    settings = create(tmp_path / "b", InitOptions())
    (settings.authority_folder / "ca.key").rename(tmp_path / "away")
    with pytest.raises(FolderError, match="bring the authority's folder back"):
        load_authority(settings)


def test_settings_with_wrong_witnesses_are_refused(tmp_path: Path) -> None:
    create(tmp_path / "b", InitOptions())
    one, two = (
        note_vkey(name, key.verify_key, COSIGNATURE_V1)
        for name, key in (("a.example", KEY), ("b.example", SigningKey.generate()))
    )
    same_key = note_vkey("b.example", KEY.verify_key, COSIGNATURE_V1)
    url = "http://w.example:7446"
    good = [{"url": url, "key": one}, {"url": url, "key": two}]
    assert Settings.load(tmp_path / "b", witnesses=good, quorum=2).quorum == 2
    for witnesses, quorum in (
        (good, 3),
        ([], 1),
        ([{"url": url, "key": one}, {"url": url, "key": same_key}], 1),
        ([{"url": "ftp://w.example", "key": one}], 0),
        ([{"url": url, "key": note_vkey("a.example", KEY.verify_key)}], 0),
        ([{"url": url, "key": "a.example"}], 0),
        ([{"url": url, "key": one, "name": "a"}], 0),
    ):
        with pytest.raises(ValidationError):
            Settings.load(tmp_path / "b", witnesses=witnesses, quorum=quorum)

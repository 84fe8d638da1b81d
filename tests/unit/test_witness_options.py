"""Errors of `bureau-witness` name the option that was typed, its value and the fix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bureau_keys.command_line.exit_codes import Exit
from bureau_keys.note import COSIGNATURE_V1, ED25519, note_vkey
from bureau_keys.signing import SigningKey
from bureau_witness import cli

ORIGIN = "a.example/log"
Shown = Callable[..., str]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shown:
    """Run a command; return its code, and its error on one line."""

    def run(*words: object) -> str:
        monkeypatch.setattr("sys.argv", ["bureau-witness", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return f"{ended.value.code} {' '.join(capsys.readouterr().err.split())}"

    return run


@pytest.mark.parametrize("listen", ["nonsense", "127.0.0.1:", ":7446", "::1:7446", "a:65536"])
def test_an_address_is_a_host_and_a_port(shown: Shown, tmp_path: Path, listen: str) -> None:
    wrong = f"error: --listen: is '{listen}', not a host and a port Write HOST:PORT"
    init = ("init", "--name", "w.example/a", "--dir", tmp_path / "w")
    assert f"{Exit.INVALID:d} {wrong}" in shown(*init, "--listen", listen)
    assert shown(*init).startswith("0 ")
    assert f"{Exit.INVALID:d} {wrong}" in shown(
        "serve", "--dir", tmp_path / "w", "--listen", listen
    )
    settings = tmp_path / "w/witness.toml"
    settings.write_text(settings.read_text("utf-8").replace("127.0.0.1:7446", listen))
    # It was not typed: the name is that of the settings.
    assert f"error: listen: is '{listen}'" in shown("serve", "--dir", tmp_path / "w")


def test_what_is_wrong_is_named_as_it_was_typed(shown: Shown, tmp_path: Path) -> None:
    folder = tmp_path / "w"
    wrong = shown("init", "--name", "of a witness", "--dir", folder)
    assert f"{Exit.INVALID:d} error: --name: is 'of a witness', which no key can have" in wrong
    assert shown("init", "--name", "w.example/a", "--dir", folder).startswith("0 ")
    again = shown("init", "--name", "w.example/a", "--dir", folder)
    assert f"{Exit.CONFLICT:d} error: --dir: {folder} is not empty; name a new folder" in again

    def added(origin: str, key: str) -> str:
        return shown("log", "add", origin, key, "--dir", folder)

    public = SigningKey.generate().verify_key
    key = note_vkey(ORIGIN, public, ED25519)
    for rubbish in ("x", f"{ORIGIN}+x", key[:-4], key.replace("+", "+0", 1)):
        assert f"{Exit.INVALID:d} error: KEY: is '{rubbish}', no verifier key" in added(
            ORIGIN, rubbish
        )
    assert "error: KEY: is" in added(ORIGIN, note_vkey(ORIGIN, public, COSIGNATURE_V1))
    other = added("b.example/log", key)
    assert f"error: ORIGIN: is 'b.example/log', and the key is that of '{ORIGIN}'" in other
    assert added(ORIGIN, key).startswith("0 ")

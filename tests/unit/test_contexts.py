"""Contexts of the programs: their file, their commands, and what comes before them."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from bureau_client.cli import common, lender, wallet
from bureau_keys.command_line.contexts import Contexts
from bureau_keys.command_line.exit_codes import Exit
from bureau_keys.command_line.languages import default_language
from bureau_keys.command_line.programs import Program
from bureau_keys.command_line.running import run
from bureau_keys.profile import Profile
from bureau_portal import cli as portal

APPS = {lender.PROGRAM: lender.app, wallet.PROGRAM: wallet.app, portal.PROGRAM: portal.app}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("BUREAU_PROFILE", "BUREAU_WALLET", "BUREAU_CONTEXT", "BUREAU_LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    for folder in ("one", "two", "three"):
        (tmp_path / folder).mkdir()
    return tmp_path


def left(*words: str, program: Program = lender.PROGRAM) -> int:
    app = APPS[program]
    with pytest.raises(SystemExit) as ended:
        run(app, program, common.explain, words)
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The profile folders that commands open; each command ends there."""
    folders: list[Path] = []

    def open_profile(folder: Path, *_: Any, **__: Any) -> None:
        folders.append(Path(folder))
        raise FileNotFoundError(2, "No such file or directory", str(folder))

    monkeypatch.setattr(lender, "open_lender", open_profile)
    return folders


def test_an_option_comes_before_the_environment_and_this_before_the_context(
    home: Path, opened: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert left("members") == Exit.USAGE  # nothing says which profile
    assert left("context", "add", "test", "--profile", "one") == Exit.OK
    assert left("context", "add", "live", "--profile", "two") == Exit.OK
    assert left("members") == Exit.NOT_FOUND  # the first one that was added is in use
    assert left("context", "use", "live") == Exit.OK
    assert left("members") == Exit.NOT_FOUND
    assert left("members", "--context", "test") == Exit.NOT_FOUND
    assert left("--context", "test", "members") == Exit.NOT_FOUND
    monkeypatch.setenv("BUREAU_CONTEXT", "test")
    assert left("members") == Exit.NOT_FOUND
    assert left("members", "--context", "live") == Exit.NOT_FOUND
    monkeypatch.setenv("BUREAU_PROFILE", "three")
    assert left("members") == Exit.NOT_FOUND
    assert left("members", "--profile", "one") == Exit.NOT_FOUND
    one, two, three = home / "one", home / "two", Path("three")
    assert opened == [one, two, one, one, one, two, three, Path("one")]


def test_a_context_in_use_that_is_gone_is_an_error_and_not_passed_over(
    home: Path, opened: list[Path]
) -> None:
    file = home / "config/creditbureau/bureau-lender.toml"
    file.parent.mkdir(parents=True)
    Contexts(file, "gone", {"test": {"profile": str(home / "one")}}).save()
    assert left("members") == Exit.NOT_FOUND
    assert opened == []
    assert left("context", "use", "test") == Exit.OK
    assert left("members") == Exit.NOT_FOUND
    assert opened == [home / "one"]


def test_the_file_of_contexts_is_its_owners_alone(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert left("context", "add", "test", "--profile", "one", "-o", "json") == Exit.OK
    file = home / "config/creditbureau/bureau-lender.toml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert Contexts.load("bureau-lender").options == {
        "test": {"profile": str(home / "one"), "output": "json"}
    }
    # Another program has contexts of its own.
    assert left("context", "list", program=wallet.PROGRAM) == Exit.OK
    assert capsys.readouterr().out == ""
    # The form of the output comes from the context, too.
    assert left("schemes", "US") == Exit.OK
    assert json.loads(capsys.readouterr().out)[0]["country"]
    assert left("schemes", "US", "--output", "csv") == Exit.OK
    assert capsys.readouterr().out.startswith("country,")


def test_contexts_are_listed_shown_changed_and_removed(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert left("context", "add", "test", "--profile", "one") == Exit.OK
    assert left("context", "add", "test", "--language", "zh") == Exit.OK
    capsys.readouterr()
    assert left("context", "show", "-o", "json") == Exit.OK
    assert json.loads(capsys.readouterr().out) == {
        "name": "test",
        "profile": str(home / "one"),
        "language": "zh",
        "file": str(home / "config/creditbureau/bureau-lender.toml"),
    }
    assert left("context", "list", "-o", "json") == Exit.OK
    [row] = json.loads(capsys.readouterr().out)
    assert (row["name"], row["current"], row["language"]) == ("test", True, "zh")
    assert left("context", "use", "tset", "--language", "en") == Exit.NOT_FOUND
    assert "Did you mean 'test'?" in capsys.readouterr().err
    assert left("members", "--context", "tset") == Exit.NOT_FOUND
    assert left("context", "add", "No Name") == Exit.USAGE
    assert left("context", "add", "other", "--profile", "nowhere") == Exit.USAGE
    assert left("context", "remove", "test") == Exit.OK
    assert Contexts.load("bureau-lender").options == {}
    assert left("context", "show") == Exit.NOT_FOUND


def test_a_broken_file_is_named_and_the_help_works(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = home / "config/creditbureau/bureau-lender.toml"
    file.parent.mkdir(parents=True)
    for content in ("current = [", 'contexts = "all"', "[contexts.a]\nprofile = 1\n"):
        file.write_text(content)
        assert left("members") == Exit.INVALID
        assert str(file) in capsys.readouterr().err
        assert left("members", "--help") == Exit.OK
        assert left("--version") == Exit.OK


@pytest.mark.parametrize(
    ("environment", "of_context", "language"),
    [
        ({}, "", "en"),
        ({"LANG": "zh_CN.UTF-8"}, "", "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "de_DE"}, "", "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_HK"}, "", "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "", "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "", "zh"),
        ({"LANG": "en_US.UTF-8"}, "zh", "zh"),
        ({"LANG": "en_US.UTF-8", "BUREAU_LANGUAGE": "zh-CN"}, "en", "zh"),
    ],
)
def test_the_language_is_that_of_the_environment_unless_it_is_named(
    environment: dict[str, str], of_context: str, language: str
) -> None:
    assert default_language(environment, of_context) == language


def test_a_program_of_one_command_has_contexts_too(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folders: list[Path] = []

    def load(folder: Path) -> None:
        folders.append(Path(folder))
        raise FileNotFoundError(2, "No such file or directory", str(folder))

    monkeypatch.setattr(Profile, "load", load)
    assert left(program=portal.PROGRAM) == Exit.USAGE  # nothing says which profile
    assert left("context", "add", "test", "--profile", "one", program=portal.PROGRAM) == Exit.OK
    assert left(program=portal.PROGRAM) == Exit.NOT_FOUND
    assert left("--profile", "two", program=portal.PROGRAM) == Exit.NOT_FOUND
    assert folders == [home / "one", Path("two")]
    assert left("--context", "tset", program=portal.PROGRAM) == Exit.NOT_FOUND
    assert "Did you mean 'test'?" in capsys.readouterr().err
    assert left("context", "remove", "test", program=portal.PROGRAM) == Exit.OK
    assert folders == [home / "one", Path("two")]

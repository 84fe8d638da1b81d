"""The files of `deploy` name commands, options, settings, exit codes and paths that there are."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from bureau import otlp
from bureau.cli.exit_codes import Exit
from bureau.config import Settings
from tests.deployment import (
    COMPOSE,
    CONTAINERFILE,
    DEPLOY,
    UNIT,
    bureau_command,
    image_command,
    image_environment,
    instruction,
    instructions,
    services,
    unit_values,
)
from tests.documents import DOCS, ROOT
from tests.unit.test_docs import PROGRAMS, check_command

SERVES = [name for name, service in services().items() if "serve" in service.get("command", ())]
# Seconds in which a node writes what it has accepted, after drain and grace.
MARGIN_S = 10


def is_a_bureau_command(words: list[str], text: str) -> None:
    assert Path(words[0]).name == "bureau", text
    check_command(PROGRAMS["bureau"], words[1:], text)


def settings_among(names: Any) -> set[str]:
    """Settings that variables of the environment set."""
    settings = {name.removeprefix("BUREAU_").lower() for name in names if name[:7] == "BUREAU_"}
    # The folder's own variable, and a password that is none of the bureau's settings.
    return settings - {"dir", "db_password"}


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def stop_needs(words: list[str]) -> float:
    """Seconds that a node may take to stop, by the options that it is served with."""
    fields = Settings.model_fields

    def option(name: str) -> float:
        words_of = dict(pairwise(words))
        return float(words_of.get(f"--{name.replace('_', '-')}", fields[name].default))

    waits = option("drain_seconds") + option("grace_seconds")
    return waits + otlp.LAST_EXPORT_S + otlp.EXPORTER_ENDS_S + MARGIN_S


# The systemd unit.


def test_the_unit_runs_a_command_with_settings_that_there_are() -> None:
    (command,) = unit_values("ExecStart")
    words = command.replace("%i", "node-1").split()
    is_a_bureau_command(words, command)
    assert words[1] == "serve"
    named = [value.partition("=")[0] for value in unit_values("Environment")]
    assert settings_among(named) == {"passphrase_file"}
    assert settings_among(named) <= set(Settings.model_fields)
    assert stop_needs(words) <= seconds(unit_values("TimeoutStopSec")[0])


def test_the_unit_starts_again_what_passes_and_nothing_else() -> None:
    (listed,) = unit_values("RestartPreventExitStatus")
    codes = {Exit(int(code)) for code in listed.split()}
    assert codes == {Exit.USAGE, Exit.AUTH, Exit.NOT_FOUND, Exit.INVALID, Exit.CONFLICT}


def test_the_units_user_is_made_and_owns_its_folder() -> None:
    text = (DEPLOY / "systemd/creditbureau.sysusers.conf").read_text("utf-8")
    (line,) = [line for line in text.splitlines() if line[:1] == "u"]
    _, user, _, _, home = shlex.split(line)
    assert [user] == unit_values("User") == unit_values("Group") == unit_values("StateDirectory")
    assert home == f"/var/lib/{user}"
    assert f"--dir {home} " in unit_values("ExecStart")[0]
    hidden = unit_values("InaccessiblePaths")[0].replace("-/", "/").split()
    assert hidden == [f"{home}/authority", f"{home}/operator"]


def test_the_unit_is_one_for_systemd(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / UNIT.name.replace("@", "@node-1")
    installed = Path(sys.executable).with_name("bureau")
    unit.write_text(UNIT.read_text("utf-8").replace("/opt/creditbureau/bin/bureau", str(installed)))
    for words in (["verify"], ["security", "--offline=yes", "--threshold=15"]):
        done = subprocess.run(
            [analyze, *words, str(unit)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert words != ["verify"] or unit.name not in done.stderr, done.stderr


# The image.


def test_the_image_runs_commands_with_settings_that_there_are() -> None:
    entry = image_command("ENTRYPOINT")
    is_a_bureau_command([*entry, *image_command("CMD")], "CMD")
    is_a_bureau_command(image_command("HEALTHCHECK"), "HEALTHCHECK")
    environment = image_environment()
    assert settings_among(environment) == {"metrics_listen"}
    assert environment["BUREAU_DIR"] == instruction("VOLUME")


def test_the_image_runs_as_nobody_in_particular_and_holds_no_secret() -> None:
    user = instruction("USER")
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)
    assert instructions()[-1][0] == "CMD"
    assert {name for name, _ in instructions()} <= {
        *("FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE"),
        *("STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"),
    }
    assert not re.search("password|passphrase|token|secret", str(instructions()), re.IGNORECASE)


def test_the_image_is_built_of_what_it_copies(tmp_path: Path) -> None:
    """A real build of the wheel, from the copied files alone."""
    for name, words in instructions():
        if name == "COPY" and not words.startswith("--from"):
            *sources, target = words.split()
            for source in sources:
                copy = tmp_path / "source" / (source if len(sources) > 1 else target)
                if (ROOT / source).is_dir():
                    ignored = shutil.ignore_patterns("__pycache__")
                    shutil.copytree(ROOT / source, copy, ignore=ignored)
                else:
                    copy.parent.mkdir(exist_ok=True)
                    shutil.copy(ROOT / source, copy)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=tmp_path / "source", check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {"bureau/main.py", "bureau_client/__init__.py", "creditbureau/v1/log_pb2.py"} <= names
    extras = re.search(r"pip install [^&]*'\.\[(.*)\]'", CONTAINERFILE.read_text("utf-8"))
    assert extras is not None
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(extras[1].split(",")) <= set(project["optional-dependencies"])


# The compose file.


@pytest.mark.parametrize("name", ["init", *SERVES])
def test_a_service_runs_a_command_with_settings_that_there_are(name: str) -> None:
    service = services()[name]
    is_a_bureau_command(bureau_command(service), name)
    assert settings_among(service["environment"]) <= set(Settings.model_fields)
    assert service["environment"]["BUREAU_REQUIRE_STANDBY"] == "true"
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]


@pytest.mark.parametrize("name", SERVES)
def test_a_node_has_time_to_stop_and_waits_for_the_bureau(name: str) -> None:
    service = services()[name]
    assert stop_needs(service["command"]) <= seconds(service["stop_grace_period"])
    assert service["depends_on"] == {"init": {"condition": "service_completed_successfully"}}
    kind, *words = service["healthcheck"]["test"]
    assert kind == "CMD"
    is_a_bureau_command(words, name)
    assert bureau_command(service)[3] == name


def test_there_are_two_nodes() -> None:
    assert SERVES == ["node-1", "node-2"]


def test_the_compose_file_names_files_volumes_and_services_that_there_are() -> None:
    text = yaml.safe_load(COMPOSE.read_text("utf-8"))
    for name, service in services().items():
        for volume in service["volumes"]:
            source, target, *_ = volume.split(":")
            if source.startswith("."):
                assert (COMPOSE.parent / source).is_file(), name
            else:
                assert source in text["volumes"], name
            assert target.startswith("/"), name
        assert set(service.get("depends_on", ())) <= set(services())
        assert service["image"] == "creditbureau" or ":" in service["image"], name
        if build := service.get("build"):
            context = (COMPOSE.parent / build["context"]).resolve()
            assert (context / build["dockerfile"]).samefile(CONTAINERFILE)
    mounted = services()["node-1"]["volumes"][0].split(":")[1]
    assert mounted == image_environment()["BUREAU_DIR"]


def test_the_compose_file_holds_no_password() -> None:
    for service in services().values():
        for name, value in service["environment"].items():
            if "PASSWORD" in name:
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), name


def test_scripts_parse() -> None:
    for script in (DEPLOY / "postgres").iterdir():
        subprocess.run(["sh", "-n", str(script)], check=True)


# The page.


def test_the_page_names_every_file() -> None:
    text = (DOCS / "deploying.md").read_text("utf-8")
    files = [str(path.relative_to(ROOT)) for path in DEPLOY.rglob("*") if path.is_file()]
    assert [name for name in files if f"`{name}`" not in text] == []

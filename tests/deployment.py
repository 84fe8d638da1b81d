"""The files of `deploy` as tests read them."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml  # type: ignore[import-untyped]

from tests.documents import ROOT

DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "systemd/creditbureau@.service"
CONTAINERFILE = DEPLOY / "Containerfile"
COMPOSE = DEPLOY / "compose.yml"
DASHBOARD = DEPLOY / "grafana/creditbureau.json"


def unit_values(name: str) -> list[str]:
    """The values of an option of the systemd unit, in order."""
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text("utf-8"), re.MULTILINE)


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Containerfile: name and words, on one line each."""
    text = re.sub(r"^#.*\n", "", CONTAINERFILE.read_text("utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(name, words.strip()) for name, _, words in (l.partition(" ") for l in lines if l)]


def instruction(name: str) -> str:
    """The words of an instruction that is there once."""
    (words,) = [words for kind, words in instructions() if kind == name]
    return words


def image_environment() -> dict[str, str]:
    """The variables that the image sets."""
    return dict(pair.split("=", 1) for pair in instruction("ENV").split())


def image_command(name: str) -> list[str]:
    """The words of ENTRYPOINT, CMD or the command of HEALTHCHECK, which are JSON."""
    return list(json.loads(instruction(name)[instruction(name).index("[") :]))


def services() -> dict[str, dict[str, Any]]:
    """The services of the compose file."""
    services: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]
    return services


def bureau_command(service: dict[str, Any]) -> list[str]:
    """The words of the `bureau` that a service runs: of the image's entry point, or in a shell."""
    if "entrypoint" not in service:
        return [*image_command("ENTRYPOINT"), *service["command"]]
    return re.split(r"\s+", service["command"][-1].partition("exec ")[2].strip())

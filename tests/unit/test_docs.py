"""What the documents say holds: links, commands, reasons, settings, pure code."""

from __future__ import annotations

import ast
import pkgutil
import re
import runpy
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import grpc
import pytest
import typer.main
import yaml  # type: ignore[import-untyped]

from bureau.admin import comparison
from bureau.cli.app import app_of
from bureau.config import Settings
from bureau.errors import REASONS
from bureau.rpc.server import CHANNEL_OPTIONS
from bureau_client import errors
from bureau_client._operations import methods
from bureau_client._operations.operation import Method
from bureau_client._transport.status_errors import BY_REASON, BY_STATUS
from bureau_client.cli import lender, wallet
from bureau_portal import cli as portal
from bureau_witness import cli as witness
from creditbureau.v1.error_pb2 import Reason
from tests.demo import picture
from tests.demo.analyst_pictures import IMAGES, PICTURES
from tests.demo.diagrams import DIAGRAMS
from tests.documents import DOCS, ROOT, anchors, blocks, commands, images, links, mentioned, pages
from tests.portal.pictures import PICTURES as PHOTOGRAPHS
from tests.portal.staff_pictures import PICTURES as OF_STAFF

PAGES = pages()
WITH_NAMES = [*PAGES, *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"))]
# First part of a path that a document names, and where it lies.
FOLDERS = {
    **{
        name: ROOT / name
        for name in ("bureau", "clients", "deploy", "docs", "keys", "protos", "tests")
    },
    "witness": ROOT / "witness",
    "bureau_client": ROOT / "clients/bureau_client",
    "bureau_keys": ROOT / "keys/bureau_keys",
    "bureau_portal": ROOT / "clients/bureau_portal",
    "bureau_witness": ROOT / "witness/bureau_witness",
    "store": ROOT / "bureau/store",
}
METHODS = {
    method.path.removeprefix("creditbureau.v1.")
    for method in vars(methods).values()
    if isinstance(method, Method)
}
SERVICES = sorted({path.partition("/")[0] for path in METHODS})
PROGRAMS = {
    "bureau": typer.main.get_command(app_of([])),
    "bureau-lender": typer.main.get_command(lender.app),
    "bureau-portal": typer.main.get_command(portal.app),
    "bureau-wallet": typer.main.get_command(wallet.app),
    "bureau-witness": typer.main.get_command(witness.app),
}


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if re.match(r"https?://", link):
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name_of(page)}: {link}"
        if fragment:
            assert fragment in anchors(target), f"{name_of(page)}: {link}"


def test_every_image_has_a_text_and_a_script_that_draws_it() -> None:
    shown = [image for page in PAGES for image in images(page)]
    photographs = (*PHOTOGRAPHS, *OF_STAFF)
    drawn = {picture.PICTURE, *(IMAGES / name for name in (*PICTURES, *DIAGRAMS, *photographs))}
    assert {path for _, path in shown} == drawn == set(IMAGES.iterdir())
    for text, path in shown:
        assert len(text.split()) > 3, path.name  # for those who do not see it


@pytest.mark.parametrize("name", DIAGRAMS)
def test_a_diagram_is_as_its_script_draws_it(name: str) -> None:
    assert (IMAGES / name).read_text("utf-8") == DIAGRAMS[name]()


@pytest.mark.parametrize("path", sorted(IMAGES.glob("*.svg")), ids=lambda path: path.name)
def test_an_image_is_whole_and_loads_nothing(path: Path) -> None:
    svg = path.read_text("utf-8")
    ET.fromstring(svg)
    assert not re.search(r"<script|<image|@import|url\((?!#)", svg)
    assert set(re.findall(r'href="([^"#]+)', svg)) == set()


def test_the_site_has_every_page() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    listed = set(paths_of(site["nav"]))
    root_pages = runpy.run_path(str(DOCS / "site_pages.py"))["ROOT_PAGES"].values()
    assert listed == {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")} | {*root_pages}


def paths_of(nav: object) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    parts = nav.values() if isinstance(nav, dict) else nav
    assert not isinstance(parts, str)
    return [path for part in parts for path in paths_of(part)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_exist(page: Path) -> None:
    for program, command in PROGRAMS.items():
        for words in mentioned(page, program):
            check_command(command, words[1:], f"{name_of(page)}: {' '.join(words)}")


def options_of(command: Any) -> set[str]:
    return {name for option in command.params for name in (*option.opts, *option.secondary_opts)}


def check_command(command: Any, words: list[str], text: str) -> None:
    """Fails unless the words name a command, with options that it has."""
    while hasattr(command, "commands") and words:
        if words[0] not in command.commands and command.invoke_without_command:
            break  # a program of one command
        if words[0].startswith("-"):  # a flag of the whole program
            assert words[0].partition("=")[0] in {*options_of(command), "--help"}, text
            values = [one for one in command.params if words[0] in one.opts and not one.is_flag]
            words = words[len(values) :]
        else:
            assert words[0] in command.commands, text
            command = command.commands[words[0]]
        words = words[1:]
    known = options_of(command)
    for word in words:
        if word.startswith("--") and word != "--help":
            assert word.partition("=")[0] in known, text


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_code_parses(page: Path) -> None:
    for block in blocks(page, "python"):
        ast.parse(block.code, str(block))
    for block in blocks(page, "console"):
        assert commands(block), f"{block}: a console block begins its commands with `$ `"


def test_pure_code_runs() -> None:
    names: dict[str, object] = {}
    for block in blocks(DOCS / "errors.md", "python"):
        exec(compile(block.code, str(block), "exec"), names)


def test_errors_page_has_every_reason() -> None:
    rows = [
        line
        for line in (DOCS / "errors.md").read_text("utf-8").splitlines()
        if re.match(r"\| `[A-Z_]+` \|", line)
    ]
    assert rows == reason_rows()


def reason_rows() -> list[str]:
    """A row for each reason: its cause from the contract, its fix from the bureau."""
    contract = (ROOT / "protos/creditbureau/v1/error.proto").read_text("utf-8")
    rows = []
    for match in re.finditer(r"((?:^  // .*\n)+)  REASON_(\w+) = \d+;", contract, re.MULTILINE):
        comment = " ".join(line.strip().removeprefix("// ") for line in match[1].splitlines())
        status, _, cause = comment.partition(". ")
        rule = REASONS[match[2]]  # type: ignore[index]
        assert status == rule.status, match[2]
        cls = BY_REASON.get(match[2]) or BY_STATUS.get(grpc.StatusCode[status], errors.Internal)
        rows.append(f"| `{match[2]}` | {status} | {cause} | {rule.fix} | `{cls.__name__}` |")
    assert len(rows) == len(Reason.values()) - 1
    return rows


def test_operating_page_has_every_setting() -> None:
    text = (DOCS / "operating.md").read_text("utf-8")
    missing = [name for name in Settings.model_fields if f"`{name}`" not in text]
    assert missing == ["folder"]


def test_operating_page_has_every_column_that_the_check_leaves_out_and_every_cache() -> None:
    text = (DOCS / "operating.md").read_text("utf-8")
    named = [*comparison.UNSIGNED, *comparison.NODE_TIMES, *comparison.CACHES]
    assert [name for name in named if f"`{name}`" not in text] == []


def test_limits_page_has_every_option() -> None:
    text = (DOCS / "adr/0004-limits-of-the-grpc-server.md").read_text("utf-8")
    for name, value in CHANNEL_OPTIONS:
        option = name.removeprefix("grpc.").removeprefix("http2.")
        assert f"{option}`" in text, name
        if option.endswith("_ms"):
            assert str(value) in text, name


def test_the_operators_page_explains_a_database_that_went_back() -> None:
    text = (DOCS / "operating.md").read_text("utf-8")
    assert "\n## A database that went back in time\n" in text


def test_package_hosts_and_machine_paths_are_not_named() -> None:
    for page in PAGES:
        text = page.read_text("utf-8")
        assert not re.search(r"/work/|/root/|/home/", text), name_of(page)


@pytest.mark.parametrize("page", WITH_NAMES, ids=name_of)
def test_paths_that_are_named_exist(page: Path) -> None:
    named = set(re.findall(r"`(\w+)(/[\w./-]+)`", page.read_text("utf-8")))
    missing = [
        top + rest
        for top, rest in named
        if top in FOLDERS and not Path(f"{FOLDERS[top]}{rest}").exists()
    ]
    assert not missing


@pytest.mark.parametrize("page", WITH_NAMES, ids=name_of)
def test_python_names_that_are_named_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    for name in re.findall(
        r"`((?:bureau|bureau_\w+)(?:\.\w+)+)(?<!\.toml)(?<!\.db)(?<!\.serving)`", text
    ):
        pkgutil.resolve_name(name)


@pytest.mark.parametrize("page", WITH_NAMES, ids=name_of)
def test_methods_that_are_named_exist(page: Path) -> None:
    named = set(re.findall(rf"`((?:{'|'.join(SERVICES)})/\w+)`", page.read_text("utf-8")))
    assert named <= METHODS


def test_architecture_names_tests_that_there_are() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", text)
    assert named
    for file, name in named:
        definition = re.search(rf"def {name}\(", (ROOT / file).read_text("utf-8"))
        assert definition, f"{file}::{name}"

"""Holds the prose rules of CONTRIBUTING.md: first words of docstrings, forbidden words, and
local names that say nothing about the thing.

The numbers are a ratchet: a share only rises, a ceiling only falls.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.documents import ROOT, pages

PACKAGES = {
    "bureau": "bureau",
    "bureau_client": "clients/bureau_client",
    "bureau_keys": "keys/bureau_keys",
    "bureau_portal": "clients/bureau_portal",
    "bureau_witness": "witness/bureau_witness",
}
VERBS = frozenset(
    [
        "abort",
        "accept",
        "acknowledge",
        "acquire",
        "act",
        "add",
        "admit",
        "advance",
        "alert",
        "allow",
        "answer",
        "append",
        "apply",
        "approve",
        "ask",
        "assert",
        "attach",
        "attest",
        "audit",
        "begin",
        "bind",
        "blank",
        "blind",
        "block",
        "bound",
        "bring",
        "build",
        "bump",
        "call",
        "cancel",
        "change",
        "check",
        "choose",
        "claim",
        "clear",
        "close",
        "collect",
        "combine",
        "come",
        "commit",
        "compare",
        "complete",
        "compute",
        "configure",
        "confirm",
        "connect",
        "consume",
        "continue",
        "convert",
        "copy",
        "count",
        "create",
        "cut",
        "decide",
        "declare",
        "decode",
        "decline",
        "decrypt",
        "define",
        "delete",
        "deliver",
        "derive",
        "describe",
        "determine",
        "dispute",
        "divide",
        "do",
        "download",
        "drain",
        "draw",
        "drop",
        "dump",
        "encode",
        "encrypt",
        "end",
        "enrol",
        "ensure",
        "erase",
        "evaluate",
        "examine",
        "exit",
        "expand",
        "explain",
        "export",
        "extend",
        "extract",
        "fail",
        "feed",
        "fetch",
        "fill",
        "filter",
        "find",
        "finish",
        "flush",
        "fold",
        "follow",
        "forget",
        "format",
        "forward",
        "freeze",
        "generate",
        "get",
        "grant",
        "give",
        "grant",
        "group",
        "guard",
        "hand",
        "handle",
        "hash",
        "hold",
        "ignore",
        "import",
        "index",
        "infer",
        "initialise",
        "insert",
        "install",
        "interrupt",
        "issue",
        "iterate",
        "join",
        "keep",
        "label",
        "leave",
        "let",
        "lift",
        "limit",
        "link",
        "list",
        "listen",
        "load",
        "lock",
        "log",
        "look",
        "make",
        "map",
        "mark",
        "mask",
        "match",
        "measure",
        "merge",
        "migrate",
        "move",
        "name",
        "normalise",
        "note",
        "notify",
        "number",
        "offer",
        "omit",
        "open",
        "order",
        "pack",
        "page",
        "parse",
        "partition",
        "pass",
        "pause",
        "pick",
        "place",
        "plan",
        "prepare",
        "print",
        "produce",
        "propose",
        "prove",
        "provide",
        "publish",
        "put",
        "query",
        "queue",
        "quote",
        "raise",
        "read",
        "rebuild",
        "recheck",
        "recompute",
        "record",
        "recover",
        "reduce",
        "refresh",
        "refuse",
        "register",
        "reject",
        "release",
        "remember",
        "remove",
        "rename",
        "render",
        "renew",
        "reopen",
        "repeat",
        "replace",
        "replay",
        "reply",
        "report",
        "repudiate",
        "request",
        "require",
        "resend",
        "reserve",
        "reset",
        "resolve",
        "restore",
        "resume",
        "retry",
        "return",
        "reverse",
        "review",
        "revoke",
        "roll",
        "rotate",
        "round",
        "run",
        "sample",
        "save",
        "say",
        "scan",
        "schedule",
        "score",
        "seal",
        "search",
        "see",
        "select",
        "send",
        "serialise",
        "serve",
        "set",
        "shape",
        "show",
        "shut",
        "sign",
        "skip",
        "sleep",
        "sort",
        "spare",
        "split",
        "start",
        "state",
        "step",
        "stop",
        "store",
        "stream",
        "strip",
        "submit",
        "subtract",
        "sum",
        "suspend",
        "swap",
        "take",
        "tell",
        "test",
        "throttle",
        "translate",
        "trim",
        "truncate",
        "try",
        "turn",
        "unlock",
        "unpack",
        "update",
        "use",
        "validate",
        "verify",
        "wait",
        "wake",
        "walk",
        "warn",
        "watch",
        "withdraw",
        "wrap",
        "write",
        "yield",
    ]
)
# Share of function docstrings that start with a verb; functions that start with a question word.
MIN_IMPERATIVE = {
    "bureau": 1.0,
    "bureau_client": 1.0,
    "bureau_keys": 1.0,
    "bureau_portal": 1.0,
    "bureau_witness": 1.0,
}
MAX_QUESTIONS = dict.fromkeys(PACKAGES, 0)
QUESTIONS = {"what", "whether", "who", "where"}
FORBIDDEN = re.compile(
    r"\b(anew|is told|are told|whoever|nobody|so many|hardly|upon|for ever|let go of"
    r"|house|rooms?|doors?|offices?|couriers?|towns?|villages?)\b",
    re.IGNORECASE,
)
MAX_FORBIDDEN = {
    "bureau": 0,
    "bureau_client": 0,
    "bureau_keys": 0,
    "bureau_portal": 0,
    "bureau_witness": 0,
    "docs": 0,
}
# Names of variables, parameters and fields that hide the thing: a reader of `at.key` has to
# look up the line that bound it.
FILLERS = frozenset(
    ["at", "told", "found", "made", "who", "place", "said", "held", "taken", "given"]
)
# `place` is a public field of the rows and the sources of a file of records.
ALLOWED_FILLERS = {
    "bureau": [],
    "bureau_client": [
        "files/csv_source.py: place",
        "files/metro2/source.py: place",
        "files/sources.py: place",
        "files/sources.py: place",
    ],
    "bureau_keys": [],
    "bureau_portal": [],
    "bureau_witness": [],
}
MAX_FILLERS_IN_TESTS = 79


def sources(package: str) -> list[Path]:
    return sorted((ROOT / PACKAGES[package]).rglob("*.py"))


@cache
def first_words(package: str) -> tuple[str, ...]:
    """The first word of every function's docstring; properties are nouns."""
    return tuple(_first_words(package))


def _first_words(package: str) -> Iterator[str]:
    for path in sources(package):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            decorators = {ast.unparse(decorator) for decorator in node.decorator_list}
            text = ast.get_docstring(node)
            if text and not decorators & {
                "property",
                "cached_property",
                "functools.cached_property",
            }:
                yield re.split(r"[\s.,:;]", text, maxsplit=1)[0].lower()


def prose(package: str) -> str:
    """Comments and texts of a package: docstrings, errors, help."""
    found = [
        token.string
        for path in sources(package)
        for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline)
        if token.type in {tokenize.COMMENT, tokenize.STRING}
    ]
    return "\n".join(found)


def bound_names(path: Path) -> Iterator[str]:
    """Yield the names that a file binds: variables, parameters, fields, captures."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name
            case ast.ExceptHandler(name=str(name)):
                yield name
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name


def fillers(folder: Path) -> list[str]:
    return [
        f"{path.relative_to(folder).as_posix()}: {name}"
        for path in sorted(folder.rglob("*.py"))
        for name in bound_names(path)
        if name in FILLERS
    ]


def share(package: str) -> float:
    words = first_words(package)
    return sum(word in VERBS for word in words) / len(words)


@pytest.mark.parametrize("package", PACKAGES)
def test_functions_docstrings_start_with_a_verb(package: str) -> None:
    assert share(package) >= MIN_IMPERATIVE[package]


@pytest.mark.parametrize("package", PACKAGES)
def test_functions_docstrings_do_not_start_with_a_question(package: str) -> None:
    found = [word for word in first_words(package) if word in QUESTIONS]
    assert len(found) <= MAX_QUESTIONS[package]


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_do_not_use_the_forbidden_words(package: str) -> None:
    found = FORBIDDEN.findall(prose(package))
    assert len(found) <= MAX_FORBIDDEN[package], found


def test_documents_do_not_use_the_forbidden_words() -> None:
    # The contract's page is generated from the protos.
    others = [ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")]
    documents = [page for page in pages() if page.name != "contract.md"] + others
    texts = [document.read_text("utf-8") for document in documents]
    found = FORBIDDEN.findall("\n".join(texts))
    assert len(found) <= MAX_FORBIDDEN["docs"], found


@pytest.mark.parametrize("package", PACKAGES)
def test_names_in_packages_say_the_thing(package: str) -> None:
    assert fillers(ROOT / PACKAGES[package]) == ALLOWED_FILLERS[package]


def test_tests_do_not_gain_names_that_hide_the_thing() -> None:
    names = fillers(ROOT / "tests")
    assert len(names) <= MAX_FILLERS_IN_TESTS, names[-20:]


def test_every_way_to_bind_a_name_is_counted(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        "at = 1\n"
        "place: int = 2\n"
        "def f(told, *said): pass\n"
        "for who in []: pass\n"
        "[taken for taken in []]\n"
        "if given := 3: pass\n"
        "try: pass\n"
        "except OSError as found: pass\n"
        "match at:\n"
        "    case [held, *made]: pass\n"
    )
    assert {line.removeprefix("module.py: ") for line in fillers(tmp_path)} == FILLERS

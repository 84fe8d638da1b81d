"""Messages of the command lines: every one that the sources print has its text in Chinese."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bureau_keys.command_line.exit_codes import Exit, Stop
from bureau_keys.command_line.languages import LANGUAGES
from bureau_keys.command_line.messages import FIELD, for_people, say
from bureau_keys.command_line.running import explain_common, print_error
from bureau_keys.command_line.texts import catalogue, messages_of, speaking, use_texts_of
from bureau_keys.money import label_of
from tests.unit.message_texts import messages_in

ROOT = Path(__file__).parents[2]
# The modules whose messages the catalogue of a package has.
SOURCES = {
    "bureau_keys.command_line": ["keys/bureau_keys"],
    "bureau.cli": [
        *("bureau/cli", "bureau/admin", "bureau/sandbox", "bureau/store", "bureau/errors.py"),
        *("bureau/main.py", "bureau/config.py", "bureau/policy.py", "bureau/calendar.py"),
        *("bureau/listen.py", "bureau/tracing.py", "bureau/health_http.py"),
        *("bureau/ledger/checked_database.py", "bureau/ledger/node_checks.py"),
    ],
    "bureau_client.cli": [
        *("clients/bureau_client/cli", "clients/bureau_client/models"),
        *("clients/bureau_client/notifiers.py", "clients/bureau_client/wallet_folder.py"),
    ],
    "bureau_portal": [
        *("clients/bureau_portal/cli.py", "clients/bureau_portal/security.py"),
        "clients/bureau_portal/staff/profiles.py",
    ],
    "bureau_witness": ["witness/bureau_witness"],
}
# Modules of commands: they print messages by `say`, and raise errors.
COMMANDS = ["bureau/cli", "clients/bureau_client/cli", "clients/bureau_portal/cli.py"]
COMMANDS += ["keys/bureau_keys/command_line/context_commands.py", "witness/bureau_witness/cli.py"]
# Calls that print for people, but in no language but that of the source.
RAW = {"echo", "print", "write_err"}
# A message whose words are fewer letters than this is made of its values.
LEAST_LETTERS = 4


def modules_in(*names: str) -> Iterator[Path]:
    for name in names:
        path = ROOT / name
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def letters_of(message: str) -> int:
    return sum(map(str.isalpha, FIELD.sub("", message)))


@pytest.mark.parametrize("package", SOURCES)
def test_every_message_of_a_program_is_in_every_catalogue(package: str) -> None:
    messages = {
        message
        for path in modules_in(*SOURCES[package])
        for message in messages_in(path)
        if letters_of(message) >= LEAST_LETTERS or not FIELD.search(message)
    }
    for language in LANGUAGES[1:]:
        shared = messages_of("bureau_keys.command_line", language)
        assert not messages - {*shared, *messages_of(package, language)}


@pytest.mark.parametrize("package", SOURCES)
def test_a_translation_has_the_values_of_its_message_and_words_to_know_it_by(package: str) -> None:
    for language in LANGUAGES[1:]:
        for message, translated in messages_of(package, language).items():
            fields = FIELD.findall(message)
            assert fields == [str(index) for index in range(len(fields))], message
            assert sorted(FIELD.findall(translated)) == sorted(fields), message
            assert not fields or letters_of(message) >= LEAST_LETTERS, message


@pytest.mark.parametrize("path", [*modules_in(*COMMANDS)], ids=lambda path: path.stem)
def test_a_command_prints_messages_in_the_language_of_the_person(path: Path) -> None:
    calls = [
        node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if type(node) is ast.Call
    ]
    names = [ast.unparse(call.func) for call in calls]
    raw = {name for name in names if name.rpartition(".")[2] in RAW}
    assert not raw - {"Terminal(stderr=True).print", "console.print", "out.print"}


def test_a_walk_over_the_sources_finds_each_kind_of_message(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        """
LATER = "try again later"

def command(name, count, ready):
    message = f"{count} rows of {name}"
    say("all is ready" if ready else f"{name} is not ready")
    print_error([message])
    if count:
        raise Stop(Exit.INVALID, "no rows: " + LATER, f"Name {name} again.")
    raise Refusal("NOT_FOUND", "is the bureau's answer to a member")
""",
        "utf-8",
    )
    assert {*messages_in(module)} == {
        *("{0} rows of {1}", "all is ready", "{0} is not ready"),
        *("no rows: try again later", "Name {0} again."),
    }


def test_messages_are_translated_where_they_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    use_texts_of("bureau.cli")
    with speaking("zh"):
        say("registered key k-1 of acme at log index 7")
        say("words that no catalogue has: k-1 of acme")
        print_error(["acme.toml exists: name a new file", "Run `bureau db migrate`."])
        lines, code = explain_common(FileNotFoundError(2, "No such file or directory", "a")) or (
            [],
            0,
        )
        print_error(lines)
        stop = explain_common(
            Stop(Exit.USAGE, "--portal-listen: x is no address with a port; write 127.0.0.1:8080")
        )
        print_error(stop[0] if stop else [])
    assert capsys.readouterr().err.splitlines() == [
        "已登记 acme 的密钥 k-1，日志序号 7",
        "words that no catalogue has: k-1 of acme",
        "错误： acme.toml 已存在：请另取文件名",
        "请运行 `bureau db migrate`。",
        "错误： a: 没有这样的文件或文件夹",
        "错误： --portal-listen：x 不是带端口的地址；请写成 127.0.0.1:8080",
    ]
    assert code == Exit.NOT_FOUND
    assert for_people("registered key k-1 of acme at log index 7").startswith("registered")


@pytest.mark.parametrize("value", ["", "a\nb", "{0}", "100 %", r"\1", "of acme at log index 7"])
def test_values_stay_as_they_are(value: str) -> None:
    use_texts_of("bureau.cli")
    with speaking("zh"):
        assert re.search(
            re.escape(value), for_people(f"registered key {value} of acme at log index 7")
        )


# Modules whose dictionaries are rows of tables, and words in them that are no column.
ROWS = {
    "bureau.cli": ["bureau/cli", "bureau/sandbox/calls.py", "bureau/sandbox/remote.py"],
    "bureau_client.cli": ["clients/bureau_client/cli"],
    "bureau_witness": ["witness/bureau_witness/cli.py"],
}
NO_COLUMNS = {"certificates", "complaint", "d", "db", "deletions", "dev", "doctor", "h", "init"}
NO_COLUMNS |= {"keys", "listen", "log", "renew", "report", "rules", "serve", "standard", "w"}


@pytest.mark.parametrize("package", ROWS)
def test_every_column_of_a_table_is_in_every_catalogue(package: str) -> None:
    columns = {name for path in modules_in(*ROWS[package]) for name in columns_in(path)}
    for language in LANGUAGES[1:]:
        known = {*catalogue("bureau_keys.command_line", language), *catalogue(package, language)}
        assert not {label_of(name) for name in columns - NO_COLUMNS} - known


def columns_in(path: Path) -> Iterator[str]:
    """Yield the names that the dictionaries of a module have as keys."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        keys = node.keys if isinstance(node, ast.Dict) else []
        names = [key.value for key in keys if isinstance(key, ast.Constant)]
        yield from (str(name) for name in names if re.fullmatch("[a-z_]+", str(name)))

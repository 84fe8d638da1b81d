"""`bureau-witness`: makes a witness, serves it, and shows what it has seen."""

from __future__ import annotations

import json
import logging
import secrets
import sqlite3
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from bureau_keys.command_line.app import CommandLine, command_line_of
from bureau_keys.command_line.context_commands import context_commands
from bureau_keys.command_line.exit_codes import Exit, Stop
from bureau_keys.command_line.messages import say
from bureau_keys.command_line.output import Output, OutputOption, emit_many, emit_one, emit_text
from bureau_keys.command_line.programs import Program
from bureau_keys.command_line.running import explain_common, lines_of, run
from bureau_keys.command_line.texts import tr
from bureau_keys.keyring import Keyring
from bureau_keys.note import COSIGNATURE_V1, note_vkey
from bureau_keys.printable import printable
from bureau_keys.secret_files import write_private
from bureau_keys.signing import SigningKey
from bureau_keys.terminal import Terminal
from bureau_witness.book import Book, Evidence, Followed
from bureau_witness.signer import Witness
from bureau_witness.web import App
from bureau_witness.web import serve as serve_app
from bureau_witness.wrong_values import check_new, checked_listen, checked_log, checked_name

KEY = "witness"
SETTINGS, KEYRING, PASSPHRASE, BOOK = "witness.toml", "keyring", "passphrase", "witness.db"
WIDE = 160


PROGRAM = Program(
    "bureau-witness", "bureau_witness", ("dir", "passphrase_file", "output", "language")
)
app = command_line_of(
    PROGRAM, "A witness: cosigns the checkpoints of logs that only grow, keeps those of others."
)
logs = CommandLine("The logs that it follows.")
app.add_typer(logs, name="log")
app.add_typer(context_commands(PROGRAM), name="context")

Dir = Annotated[
    Path, typer.Option("--dir", envvar="BUREAU_WITNESS_DIR", help="The witness's folder.")
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        envvar="BUREAU_WITNESS_PASSPHRASE_FILE",
        exists=True,
        help="Passphrase of the keyring; default: of the folder.",
    ),
]
HERE = Path("witness-data")


class PrintableFormatter(logging.Formatter):
    """Format of log lines; text of requests is escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a line."""
        return printable(super().format(record))


@dataclass(frozen=True, slots=True)
class WitnessFolder:
    """A witness's folder: `witness.toml`, the keyring, its passphrase, the book."""

    folder: Path

    def settings(self) -> dict[str, Any]:
        """Name, key and address."""
        return tomllib.loads((self.folder / SETTINGS).read_text("utf-8"))

    def key(self, passphrase_file: Path | None) -> SigningKey:
        """Return the witness's key."""
        path = passphrase_file or self.folder / PASSPHRASE
        return Keyring.open(self.folder / KEYRING, path.read_bytes().strip()).get(KEY)

    def book(self) -> Book:
        """Open the witness's book."""
        if not (self.folder / BOOK).is_file():
            raise FileNotFoundError(
                f"{self.folder / BOOK} is missing. A witness without its book must not go on "
                "under its old key: bring the book back, or make a new witness."
            )
        return Book(self.folder / BOOK)


@app.command()
def init(
    name: Annotated[
        str, typer.Option(help="The witness's name: a URL of yours without its scheme.")
    ],
    folder: Dir = HERE,
    listen: Annotated[str, typer.Option(help="Address and port to serve on.")] = "127.0.0.1:7446",
    passphrase_file: PassphraseFile = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a witness in a new folder and print the key by which its cosignatures verify."""
    checked_name(name)
    checked_listen(listen)
    check_new(folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if passphrase_file is None:
        passphrase_file = folder / PASSPHRASE
        write_private(passphrase_file, secrets.token_urlsafe(32).encode() + b"\n")
    key = SigningKey.generate()
    keyring = Keyring.create(folder / KEYRING, passphrase_file.read_bytes().strip())
    keyring.add(KEY, key)
    vkey = note_vkey(name, key.verify_key, COSIGNATURE_V1)
    settings = {"name": name, "key": vkey, "listen": listen}
    text = "".join(f"{word} = {json.dumps(value)}\n" for word, value in settings.items())
    write_private(folder / SETTINGS, text.encode())
    Book(folder / BOOK).close()
    _say(f"made the witness {name} in {folder}; its key, for the bureau and its members:")
    emit_text(f"{vkey}\n", {"name": name, "key": vkey}, output)


@app.command()
def serve(
    folder: Dir = HERE,
    listen: Annotated[
        str | None, typer.Option(help="Address and port, instead of the settings'.")
    ] = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Serve the witness until SIGTERM or Ctrl-C."""
    witness_folder = WitnessFolder(folder)
    settings = witness_folder.settings()
    address = checked_listen(listen or settings["listen"])
    handler = logging.StreamHandler()
    handler.setFormatter(PrintableFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    book = witness_folder.book()
    web = App(Witness(settings["name"], witness_folder.key(passphrase_file), book))
    try:
        serve_app(web, address)
    finally:
        book.close()
    if web.failure:
        raise Stop(Exit.UNAVAILABLE, f"stopped: {web.failure}")


@logs.command("add")
def log_add(
    origin: Annotated[str, typer.Argument(help="The log's origin.")],
    key: Annotated[str, typer.Argument(help="Its verifier key: name+hash+base64.")],
    folder: Dir = HERE,
) -> None:
    """Follow a log from now on; a serving witness does at once."""
    verifier = checked_log(origin, key)
    book = WitnessFolder(folder).book()
    try:
        book.follow(verifier)
    except KeyError as error:
        raise FileExistsError(error.args[0]) from error
    finally:
        book.close()
    _say(f"follows {origin}")


@app.command()
def show(folder: Dir = HERE, output: OutputOption = Output.TABLE) -> None:
    """Show what the witness has cosigned, and what speaks against a log.

    Exit code 6 if a log is forked, 8 if one has signed what it has not explained.
    """
    witness_folder = WitnessFolder(folder)
    settings, book = witness_folder.settings(), witness_folder.book()
    followed, evidence = book.logs(), book.evidence()
    book.close()
    rows = [_log_row(log, evidence) for log in followed]
    pieces = [_piece(piece) for piece in evidence]
    match output:
        case Output.TABLE:
            _print_table(settings, rows, pieces)
        case Output.JSON:
            named = {"name": settings["name"], "key": settings["key"]}
            emit_one({**named, "logs": rows, "evidence": pieces}, output)
        case _:
            # A line for each log; what speaks against one is in the JSON alone.
            emit_many(rows, output)
    if any(piece.is_fork for piece in evidence):
        raise typer.Exit(Exit.CONFLICT)
    if evidence:
        raise typer.Exit(Exit.PARTIAL)


def _log_row(log: Followed, evidence: list[Evidence]) -> dict[str, Any]:
    against = [piece.is_fork for piece in evidence if piece.origin == log.origin]
    return {
        "origin": log.origin,
        "size": log.seen.size,
        "root": log.seen.root.hex() if log.note else None,
        "cosigned": _moment(log.time_s) if log.note else None,
        "forks": against.count(True),
        "unexplained": against.count(False),
    }


def _piece(piece: Evidence) -> dict[str, Any]:
    return {
        "origin": piece.origin,
        "verdict": "fork" if piece.is_fork else "unexplained",
        "received": _moment(piece.time_s),
        "cosigned": piece.seen_note,
        "other": piece.request.note,
        "request": piece.request.to_bytes().decode(),
    }


def _print_table(
    settings: dict[str, Any], rows: list[dict[str, Any]], pieces: list[dict[str, Any]]
) -> None:
    console = Terminal(pipe_width=WIDE)
    console.print(f"{settings['name']}\n{settings['key']}\n", soft_wrap=True)
    emit_many(rows, Output.TABLE, ("origin", "size", "cosigned", "forks", "unexplained"))
    for piece in pieces:
        text = tr("{0} IS FORKED (received {1})")
        if piece["verdict"] != "fork":
            text = tr("{0} has not explained what it signed (received {1})")
        console.print("\n" + text.format(piece["origin"], piece["received"]), soft_wrap=True)
        both = tr("cosigned:\n{0}\nrefused:\n{1}").format(piece["cosigned"], piece["other"])
        console.print(both, soft_wrap=True)


def _moment(time_s: int) -> str:
    return datetime.fromtimestamp(time_s, UTC).isoformat()


def _say(message: str) -> None:
    """Write a message for the person, on stderr."""
    say(message)


def explain(error: Exception) -> tuple[list[str], int] | None:
    """Return the text of an error and its exit code; None for a fault of the program."""
    if isinstance(error, sqlite3.Error):
        return lines_of(error), Exit.UNAVAILABLE
    return explain_common(error)


def main() -> None:
    """Run one command and exit with its code."""
    run(app, PROGRAM, explain)

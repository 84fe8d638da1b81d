"""`bureau db`: the schema, backups, and the check of everything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from bureau.admin.backup import about_backup, back_up, restore
from bureau.admin.bureau_folder import trust_of
from bureau.admin.erasure import erase_before, erase_person
from bureau.admin.integrity import check_database
from bureau.cli.common import Dir, Output, Shown, echo_status, group, settings_of, show, show_one
from bureau.cli.exit_codes import Exit, Stop
from bureau.config import Settings
from bureau.ledger import checkpoint_file, log
from bureau.ledger.node_checks import ForkedLogError
from bureau.store import schema
from bureau.store.database import Database
from bureau_keys.note import parse_vkey

MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")

app = group("The database: schema, backup, restore, check.")

Db = Annotated[
    str | None,
    typer.Option("--database-url", "--db", help="Instead of the settings'."),
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        help="Opens the backup; else the keyring's passphrase does.", exists=True, dir_okay=False
    ),
]


@app.command()
def status(folder: Dir = None, database_url: Db = None, output: Shown = Output.TABLE) -> None:
    """The schema's revision and the log's size."""
    with _opened(folder, database_url) as (_, database):
        at = schema.current(database)
        pending = schema.pending(database)
        size = None
        if at:
            with database.snapshot() as db:
                size = log.size_of(db)
        show_one(
            {
                "database": database.shown,
                "revision": at,
                "newest_revision": schema.newest(),
                "serves_from": schema.floor(database) if at else None,
                "pending": [f"{revision} {title}" for revision, title in pending],
                "tree_size": size,
            },
            output,
        )


@app.command()
def migrate(folder: Dir = None, database_url: Db = None) -> None:
    """Moves the database forward to this version's schema.

    Nodes may serve meanwhile: a change waits two seconds for a table, and then lets them
    go first. SQLite is backed up first: it cannot undo a change of schema that fails
    halfway.
    """
    with _opened(folder, database_url) as (settings, database):
        pending = schema.pending(database)
        if not pending:
            echo_status(f"nothing to do: the database is at {schema.current(database)}")
            return
        at = schema.current(database)
        if at and database.is_sqlite:
            copy = settings.folder / f"before-{pending[0][0]}.backup"
            back_up(database, copy, settings.passphrase())
            echo_status(f"backed up at {at}: {copy}")
        schema.upgrade(database)
        for revision, title in pending:
            echo_status(f"migrated to {revision}: {title}")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="A new file.")],
    folder: Dir = None,
    database_url: Db = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Writes an encrypted backup; the bureau may go on serving.

    Keep the passphrase, the keyring and the operator's profile elsewhere: without
    the passphrase nobody opens it.
    """
    with _opened(folder, database_url) as (settings, database):
        about = back_up(database, file, _passphrase(settings, passphrase_file))
    echo_status(
        f"backed up {about.engine} at {about.revision}, {about.tree_size} log entries: {file}"
    )


@app.command("restore")
def restore_backup(
    file: Annotated[Path, typer.Argument(help="What `db backup` wrote.", exists=True)],
    folder: Dir = None,
    database_url: Db = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Makes the database of a backup; an existing one is never touched."""
    with _opened(folder, database_url) as (settings, database):
        about_backup(file)
        about = restore(database, file, _passphrase(settings, passphrase_file))
        echo_status(f"restored {about.engine} at {about.revision} to {database.shown}")
        _warn_if_behind(settings, database)


@app.command()
def check(folder: Dir = None, database_url: Db = None, output: Shown = Output.TABLE) -> None:
    """Recomputes everything that the database signed; exit code 5 if anything fails."""
    with _opened(folder, database_url) as (settings, database):
        if schema.current(database) is None:
            raise Stop(Exit.INVALID, "the database has no schema", "Run `bureau db migrate`.")
        log_key = parse_vkey(trust_of(settings).log_key).key
        checked = check_database(database, settings.origin, log_key)
    echo_status(
        f"checked {checked.entries} entries, {checked.checkpoints} checkpoints, "
        f"{checked.records} records"
    )
    rows = [{"leaf_index": at.leaf_index, "finding": at.what} for at in checked.findings]
    if rows or output is not Output.TABLE:
        show(rows, output)
    if not rows:
        echo_status("everything holds")
        return
    raise Stop(
        Exit.INVALID,
        f"{len(rows)} findings: the database is not what was signed",
        "Keep it as evidence; restore the newest backup elsewhere and compare.",
    )


@app.command()
def erase(
    subject: Annotated[
        str,
        typer.Option(
            metavar="ID",
            help="Accounts that name this person and nobody else, and what they wrote.",
        ),
    ] = "",
    before: Annotated[
        str, typer.Option(metavar="YYYY-MM", help="Accounts last reported before this month.")
    ] = "",
    folder: Dir = None,
    database_url: Db = None,
) -> None:
    """Erases for good, with the salts; the log stays whole."""
    if bool(subject) == bool(before):
        raise typer.BadParameter("give --subject or --before", param_hint="--subject / --before")
    if before and not MONTH.fullmatch(before):
        raise typer.BadParameter("is no month, for example 2010-01", param_hint="--before")
    with _opened(folder, database_url) as (_, database):
        erased = (
            erase_person(database, subject)
            if subject
            else erase_before(database, int(before.replace("-", "")))
        )
    echo_status(
        f"erased {erased.accounts} accounts, {erased.records} records, "
        f"{erased.statements} statements"
    )
    if erased.kept:
        echo_status(f"{erased.kept} accounts name others too and stay")


@contextmanager
def _opened(folder: Path | None, database_url: str | None) -> Iterator[tuple[Settings, Database]]:
    settings = settings_of(folder, database_url=database_url)
    database = Database(settings.database)
    try:
        yield settings, database
    finally:
        database.dispose()


def _passphrase(settings: Settings, file: Path | None) -> bytes:
    return file.read_bytes().strip() if file else settings.passphrase()


def _warn_if_behind(settings: Settings, database: Database) -> None:
    """Says so if the node has acknowledged more than the backup holds."""
    log_key = parse_vkey(trust_of(settings).log_key).key
    with database.snapshot() as db:
        try:
            checkpoint_file.check(settings.kept_checkpoint, db, settings.origin, log_key)
        except ForkedLogError as error:
            echo_status(f"warning: {error}")
            echo_status(
                "warning: this node will refuse to serve it. What was accepted after the backup "
                "is lost to members who hold receipts; if that is decided, "
                "`bureau log accept-fork` lets it."
            )

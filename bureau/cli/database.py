"""`bureau db`: schema, backups, and the check of all signatures."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from bureau.admin.backup import about_backup, back_up, restore
from bureau.admin.bureau_folder import trust_of
from bureau.admin.erasure import Cause, Plan, erase_all, plan_erasure
from bureau.admin.findings import Checked
from bureau.admin.integrity import check_database, rebuild_caches
from bureau.admin.partitioning import partition_tables, say_tasks
from bureau.calendar import day_of
from bureau.cli.common import (
    Dir,
    Output,
    Shown,
    clock_of,
    echo_status,
    group,
    in_table,
    settings_of,
    show,
    show_one,
)
from bureau.cli.exit_codes import Exit, Stop
from bureau.config import Settings
from bureau.ledger import checkpoint_file, log
from bureau.ledger.node_checks import ForkedLogError, LogKeyError
from bureau.policy import load_policy
from bureau.store import schema
from bureau.store.database import Database
from bureau_keys.command_line.messages import for_people
from bureau_keys.command_line.texts import tr
from bureau_keys.note import parse_vkey

SUBJECT_ID = re.compile(r"[0-9a-f]{32}")
MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")

app = group("The database: schema, backup, restore, check.")

Db = Annotated[
    str | None,
    typer.Option("--database-url", "--db", help="Database URL, instead of the one in bureau.toml."),
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        help="Passphrase of the backup; without it the keyring's passphrase is used.",
        exists=True,
        dir_okay=False,
    ),
]


@app.command()
def status(folder: Dir = None, database_url: Db = None, output: Shown = Output.TABLE) -> None:
    """Show the schema's revision and the log's size."""
    with _opened(folder, database_url) as (_, database):
        current = schema.current(database)
        pending = schema.pending(database)
        size = None
        if current:
            with database.snapshot() as db:
                size = log.size_of(db)
        show_one(
            {
                "database": database.shown,
                "revision": current,
                "newest_revision": schema.newest(),
                "serves_from": schema.floor(database) if current else None,
                "pending": [f"{revision} {title}" for revision, title in pending],
                "tree_size": size,
            },
            output,
        )


@app.command()
def migrate(folder: Dir = None, database_url: Db = None) -> None:
    """Migrate the database to this version's schema.

    Nodes may serve meanwhile: a change waits two seconds for a table, then steps back and
    tries again. A SQLite database is backed up first: SQLite cannot undo a change of schema
    that fails halfway.
    """
    with _opened(folder, database_url) as (settings, database):
        pending = schema.pending(database)
        if not pending:
            echo_status(f"nothing to do: the database is at {schema.current(database)}")
            return
        current = schema.current(database)
        if current and database.is_sqlite:
            copy = settings.folder / f"before-{pending[0][0]}.backup"
            back_up(database, copy, settings.passphrase())
            echo_status(f"backed up at {current}: {copy}")
        schema.upgrade(database)
        for revision, title in pending:
            echo_status(f"migrated to {revision}: {title}")


@app.command()
def partition(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done; change nothing.")
    ] = False,
    folder: Dir = None,
    database_url: Db = None,
) -> None:
    """Partition the large tables on PostgreSQL; run it again each month to add months.

    Nodes may serve meanwhile. Records, statements and the log's entries are cut by month,
    accounts are spread by a hash. What an earlier run has left is continued.
    """
    with _opened(folder, database_url) as (settings, database):
        if database.is_sqlite:
            raise Stop(
                Exit.USAGE,
                f"{database.shown} is SQLite, which has no partitions",
                "Leave it as it is: partitions are for large bureaus on PostgreSQL.",
            )
        _require_newest(database)
        current, needed = schema.current(database), schema.newest()
        if current != needed:
            message = f"the database is at {current}, the command needs {needed}"
            raise Stop(Exit.INVALID, message, "Install the version that migrated it.")
        clock, done = clock_of(settings), list[str]()

        def say_done(message: str) -> None:
            done.append(message)
            echo_status(message)

        if dry_run:
            say_tasks(database, clock.now_us(), say_done)
        else:
            partition_tables(database, clock.now_us, say_done)
        if not done:
            echo_status("nothing to do: the tables are partitioned")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="New file for the backup.")],
    folder: Dir = None,
    database_url: Db = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Write an encrypted backup; the bureau may keep serving.

    Keep the passphrase, the keyring and the operator's profile elsewhere: the backup
    cannot be opened without the passphrase.
    """
    with _opened(folder, database_url) as (settings, database):
        about = back_up(database, file, _passphrase(settings, passphrase_file))
    echo_status(
        f"backed up {about.engine} at {about.revision}, {about.tree_size} log entries: {file}"
    )


@app.command("restore")
def restore_backup(
    file: Annotated[Path, typer.Argument(help="File that `db backup` wrote.", exists=True)],
    folder: Dir = None,
    database_url: Db = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Create a database from a backup; an existing database is never changed."""
    with _opened(folder, database_url) as (settings, database):
        about_backup(file)
        about = restore(database, file, _passphrase(settings, passphrase_file))
        echo_status(f"restored {about.engine} at {about.revision} to {database.shown}")
        _warn_if_behind(settings, database)


@app.command()
def check(folder: Dir = None, database_url: Db = None, output: Shown = Output.TABLE) -> None:
    """Replay the log and compare every table with it; exit code 5 on a finding.

    The replay needs as much free disk as the database, in the folder of temporary files
    (TMPDIR).
    """
    with _opened(folder, database_url) as (settings, database):
        _require_newest(database)
        checked = check_database(database, settings)
    _show_findings(checked, output)
    if not checked.findings:
        echo_status("everything holds")


@app.command()
def rebuild(folder: Dir = None, database_url: Db = None, output: Shown = Output.TABLE) -> None:
    """Rebuild the caches from the signed statements; exit code 5 if anything else differs.

    Serving nodes answer, and commit nothing meanwhile.
    """
    with _opened(folder, database_url) as (settings, database):
        _require_newest(database)
        rebuilt = rebuild_caches(database, settings)
    _show_findings(rebuilt.checked, output)
    for table, count in sorted(rebuilt.rows.items()):
        echo_status(f"rebuilt {count} rows of {table}")
    if not rebuilt.rows:
        echo_status("nothing to do: the caches hold")


def _require_newest(database: Database) -> None:
    """Stop unless a database has the tables of this version."""
    current = schema.current(database)
    if current is None or current < schema.newest():
        needed = schema.newest()
        message = f"the database is at {current}, the command needs {needed}"
        if current is None:
            message = f"the database has no schema, the command needs {needed}"
        raise Stop(Exit.INVALID, message, "Run `bureau db migrate`.")


def _show_findings(checked: Checked, output: Output) -> None:
    """Show the result of a check.

    Raises:
        Stop: There are findings.
    """
    echo_status(
        f"checked {checked.entries} entries, {checked.checkpoints} checkpoints, "
        f"{checked.records} records"
    )
    if checked.unproved:
        echo_status(
            f"{checked.unproved} rows are not proved: what they follow from was erased, or the "
            "settings do not name their witness"
        )
    rows = [
        {"leaf_index": finding.leaf_index, "finding": in_table(finding.what, output)}
        for finding in checked.findings
    ]
    if rows or output is not Output.TABLE:
        show(rows, output)
    if rows:
        raise Stop(
            Exit.INVALID,
            f"{len(rows) + checked.more} findings: the database differs from its signed log",
            "Keep the database as evidence; restore the newest backup elsewhere and compare. If "
            "only caches differ (docs/operating.md), run `bureau db rebuild`.",
        )


@app.command()
def erase(
    subject: Annotated[
        str,
        typer.Option(
            metavar="ID",
            help="Subject whose words and unshared accounts are erased.",
        ),
    ] = "",
    before: Annotated[
        str,
        typer.Option(metavar="YYYY-MM", help="First month whose accounts are kept."),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be erased; erase nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Erase without asking.")] = False,
    folder: Dir = None,
    database_url: Db = None,
) -> None:
    """Erase records, words and their salts permanently, by signed and logged statements.

    The log stays verifiable. The people get notices, the furnishers and auditors can list
    the statements. Asks first; without a terminal and without --yes it erases nothing.
    """
    cause = _cause(subject, before)
    with _opened(folder, database_url) as (settings, database):
        _check_retention(settings, cause)
        plan = plan_erasure(database, cause)
        _show_plan(tr("would erase") if dry_run else tr("to erase"), plan)
        if dry_run:
            return
        if plan.is_empty:
            # An earlier erasure may have left its traces there.
            database.drop_write_ahead_log()
            return
        if not (yes or _confirmed()):
            raise Stop(
                Exit.USAGE,
                "nothing was erased, as it was not confirmed",
                "Look at what --dry-run shows; then confirm at a terminal, or pass --yes.",
            )
        erased = erase_all(settings, cause, clock_of(settings))
    _show_plan(tr("erased"), erased)


def _cause(subject: str, before: str) -> Cause:
    if bool(subject) == bool(before):
        raise typer.BadParameter("give --subject or --before", param_hint="--subject / --before")
    if subject and not SUBJECT_ID.fullmatch(subject):
        raise typer.BadParameter("is not a subject id: 32 hex digits", param_hint="--subject")
    if before and not MONTH.fullmatch(before):
        raise typer.BadParameter("is not a month such as 2010-01", param_hint="--before")
    return Cause(subject, int(before.replace("-", "") or 0))


def _check_retention(settings: Settings, cause: Cause) -> None:
    policy = load_policy(settings.jurisdiction, settings.folder / "policy")
    earliest = policy.retained_since(day_of(clock_of(settings).now_us()))
    if cause.before_month > earliest:
        month = f"{earliest // 100}-{earliest % 100:02}"
        raise Stop(
            Exit.INVALID,
            f"accounts from {month} on are inside the retention period of {settings.jurisdiction}",
            f"Give --before {month}, or an earlier month.",
        )


def _confirmed() -> bool:
    """Ask at the terminal; return False without one."""
    return sys.stdin.isatty() and typer.confirm(for_people("Erase this permanently?"), err=True)


def _show_plan(verb: str, plan: Plan) -> None:
    echo_status(f"{verb} {plan.account_count} accounts, {len(plan.statements)} statements")
    for member_id, accounts in sorted(plan.accounts.items()):
        echo_status(f"  {len(accounts)} accounts of {member_id}")
    if plan.kept:
        echo_status(f"{plan.kept} accounts are kept: they name other people too")


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
    """Warn if nodes have acknowledged entries that the backup lacks, or it is another log's."""
    log_key = parse_vkey(trust_of(settings).log_key).key
    with database.snapshot() as db:
        try:
            checkpoint_file.check(settings, db, log_key)
        except ForkedLogError as error:
            echo_status(f"warning: {error}")
            echo_status(
                "warning: the nodes of this folder will refuse to serve the restored database. "
                "Members hold receipts for entries that it lacks; `bureau log accept-fork` gives "
                "them up."
            )
        except LogKeyError as error:
            echo_status(f"warning: {error}")
            echo_status(f"warning: the nodes of this folder will refuse to serve it. {error.fix}")

"""The database as a node may use it: at this version's schema, with the log that the nodes
have acknowledged.
"""

from __future__ import annotations

from bureau.config import Settings
from bureau.ledger import checkpoint_file
from bureau.ledger.node_checks import ForkedLogError
from bureau.store import schema
from bureau.store.database import Database
from bureau_keys.signing import VerifyKey


class SchemaError(Exception):
    """The database is not at the schema that this version needs."""


def open_database(settings: Settings, log_key: VerifyKey) -> Database:
    """Open the database, at this version's schema, with every kept checkpoint in its log.

    Raises:
        SchemaError: The database needs `bureau db migrate`, or a later version.
        ForkedLogError: The database lacks a kept checkpoint.
        LogKeyError: The log's key has not signed the newest checkpoint.
        ValueError: A setting does not go with the kind of the database.
    """
    database = Database(settings.database, settings.node, require_standby=settings.require_standby)
    try:
        check_schema(database)
        with database.snapshot() as db:
            checkpoint_file.check(settings, db, log_key)
    except ForkedLogError as error:
        checkpoint_file.save_evidence(settings.fork_evidence, error)
        raise
    finally:
        database.dispose()  # these connections have not passed the node's connection check
    return database


def check_schema(database: Database) -> None:
    """Raise SchemaError for a database that this version cannot serve."""
    if database.is_sqlite and not database.file.exists():
        raise SchemaError(
            f"{database.file} is missing: name the right one in bureau.toml, or restore a "
            "backup with `bureau db restore`"
        )
    if pending := schema.pending(database):
        raise SchemaError(
            f"the database lacks {len(pending)} revisions, from {pending[0][0]} on: "
            "run `bureau db migrate`"
        )
    if (floor := schema.floor(database)) > schema.newest():
        raise SchemaError(
            f"the database has been migrated beyond this version: it takes {floor} or later, "
            f"and this is {schema.newest()}; install the version that migrated it"
        )

"""Run by Alembic, on the connection that `bureau.store.schema` hands over. Each revision
is a transaction: what stops halfway goes on where it stopped.
"""

from alembic import context
from sqlmodel import SQLModel

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    transactional_ddl=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()

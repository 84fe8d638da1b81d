"""The privileges of a new table: those of the table in whose place or beside which it is."""

from __future__ import annotations

from bureau.store.partitions.session import Session

PRIVILEGES = """
SELECT CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
  privilege_type
FROM pg_class, aclexplode(relacl) WHERE oid = '{table}'::regclass
"""


def grant_as_on(session: Session, table: str, new: str) -> None:
    """Grant on a new table all that roles may do with another one."""
    for role, privilege in session.all(PRIVILEGES.format(table=table)):
        session.run(f"GRANT {privilege} ON {new} TO {role}")

"""New tables with the owner and the privileges of the table in whose place or beside which they
are: nodes, backups and the doctor may connect by roles of their own.
"""

from __future__ import annotations

from bureau.store.partitions.session import Session

OWNER = """
SELECT quote_ident(pg_get_userbyid(relowner)) FROM pg_class WHERE oid = '{table}'::regclass
"""
# Other roles than the owner, the privileges of each, and True for those that they may grant. A
# table of whose privileges none was ever changed has no list: its owner has all.
PRIVILEGES = """
SELECT CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
  string_agg(DISTINCT privilege_type, ', '), is_grantable
FROM pg_class, aclexplode(coalesce(relacl, acldefault('r', relowner)))
WHERE oid = '{table}'::regclass AND grantee <> relowner
GROUP BY grantee, is_grantable ORDER BY grantee, is_grantable
"""


def create_like(session: Session, table: str, new: str, clause: str = "") -> None:
    """Create a table with the columns of another one, its owner and its privileges.

    Args:
        clause: The end of the statement, such as `PARTITION BY`.
    """
    session.run(f"CREATE TABLE {new} (LIKE {table} INCLUDING DEFAULTS INCLUDING STORAGE) {clause}")
    share_as(session, table, new)


def share_as(session: Session, table: str, new: str) -> None:
    """Give a new table the owner of another one, and roles the privileges that they have on it."""
    session.run(f"ALTER TABLE {new} OWNER TO {owner_of(session, table)}")
    # An operator's default privileges may grant more on new tables.
    for role, _, _ in session.all(PRIVILEGES.format(table=new)):
        session.run(f"REVOKE ALL ON {new} FROM {role}")
    for role, privileges, is_grantable in session.all(PRIVILEGES.format(table=table)):
        option = " WITH GRANT OPTION" if is_grantable else ""
        session.run(f"GRANT {privileges} ON {new} TO {role}{option}")


def owner_of(session: Session, table: str) -> str:
    """Return the owner of a table, quoted."""
    return str(session.value(OWNER.format(table=table)))

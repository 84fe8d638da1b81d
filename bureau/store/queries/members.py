"""Members, their certificates and keys; the use that each made of the directory."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from sqlalchemy import and_, exists, func, or_, select, update

from bureau.store import tables as t
from bureau.store.compiled import Change, InQuery, Query
from bureau.store.queries.builders import (
    bind,
    certificate,
    entry,
    head,
    insert,
    member,
    member_key,
    member_statement,
    statement,
    upsert,
    usage,
)
from bureau.store.queries.log import EntryColumns

# The columns of a member, in the order of its table.
MemberColumns: TypeAlias = tuple[str, str, int, int, int, str, str, int, int]
EntryAndEnvelope: TypeAlias = tuple[*EntryColumns, bytes]

# Members ---------------------------------------------------------------------

add_member = insert(t.MemberRow)
member_by_id = Query[MemberColumns](
    select(*member.columns).where(member.c.member_id == bind("member_id"))
)
members_named = InQuery[tuple[str]](
    lambda names: select(member.c.member_id).where(member.c.member_id.in_(names))
)


class MemberGroup(NamedTuple):
    """The group of a member."""

    member_id: str
    group_id: str


groups_of_members = InQuery(
    lambda names: select(member.c.member_id, member.c.group_id).where(
        member.c.member_id.in_(names)
    ),
    MemberGroup,
)
lock_member = Query[MemberColumns](
    select(*member.columns).where(member.c.member_id == bind("member_id")).with_for_update()
)
# Changes of members wait for each other here: whether an operator is left is a question
# about all of them.
lock_operators = Query[tuple[str]](
    select(member.c.member_id)
    .where(member.c.roles.op("&")(bind("role")) != 0)
    .order_by(member.c.member_id)
    .with_for_update()
)
members_after = Query[MemberColumns](
    select(*member.columns)
    .where(member.c.member_id > bind("after"))
    .order_by(member.c.member_id)
    .limit(bind("limit"))
)
change_member = Change(
    update(member)
    .where(member.c.member_id == bind("which"))
    .values(
        display_name=bind("display_name"),
        roles=bind("roles"),
        purposes=bind("purposes"),
        directory_quota=bind("directory_quota"),
        group_id=bind("group_id"),
    )
)
set_member_state = Change(
    update(member).where(member.c.member_id == bind("which")).values(state=bind("state"))
)


class CertificateOwner(NamedTuple):
    """The member of a certificate, and the certificate; beside them the log's newest time."""

    member_id: str
    state: int
    roles: int
    purposes: int
    jurisdiction: str
    not_after_us: int
    withdrawn: int
    log_us: int


caller = Query(
    select(
        member.c.member_id,
        member.c.state,
        member.c.roles,
        member.c.purposes,
        member.c.jurisdiction,
        certificate.c.not_after_us,
        certificate.c.withdrawn,
        select(head.c.time_us).where(head.c.head_id == 1).scalar_subquery().label("log_us"),
    )
    .join_from(certificate, member, certificate.c.member_id == member.c.member_id)
    .where(certificate.c.fingerprint == bind("fingerprint")),
    CertificateOwner,
)
add_certificate = insert(t.MemberCertificateRow)
# Members with a role who can use it: active, with a certificate and a key.
members_able = Query[tuple[int]](
    select(func.count())
    .select_from(member)
    .where(
        member.c.roles.op("&")(bind("role")) != 0,
        member.c.state == bind("state"),
        exists().where(
            certificate.c.member_id == member.c.member_id,
            certificate.c.withdrawn == 0,
            certificate.c.not_after_us > bind("now_us"),
        ),
        exists().where(
            member_key.c.member_id == member.c.member_id, member_key.c.to_entry.is_(None)
        ),
    )
)
certificates_of = Query[tuple[str]](
    select(certificate.c.fingerprint)
    .where(certificate.c.member_id == bind("member_id"), certificate.c.withdrawn == 0)
    .order_by(certificate.c.fingerprint)
)
certificate_owner = Query[tuple[str]](
    select(certificate.c.member_id).where(certificate.c.fingerprint == bind("fingerprint"))
)
withdraw_certificate = Change(
    update(certificate)
    .where(
        certificate.c.fingerprint == bind("which"),
        certificate.c.member_id == bind("owner"),
        certificate.c.withdrawn == 0,
    )
    .values(withdrawn=1)
)
add_member_key = insert(t.MemberKeyRow)
member_key_owner = Query[tuple[str]](
    select(member_key.c.member_id).where(member_key.c.key_id == bind("key_id"))
)
_key_in_force = select(member_key.c.public_key).where(
    member_key.c.key_id == bind("key_id"),
    member_key.c.member_id == bind("member_id"),
    member_key.c.to_entry.is_(None),
)
key_in_force = Query[tuple[bytes]](_key_in_force)
# To the end of the transaction no call withdraws it: what it signed is in the log before.
keep_key_in_force = Query[tuple[bytes]](_key_in_force.with_for_update(read=True))
any_member_key = Query[tuple[bytes]](
    select(member_key.c.public_key).where(
        member_key.c.key_id == bind("key_id"), member_key.c.member_id == bind("member_id")
    )
)
withdraw_member_key = Change(
    update(member_key)
    .where(
        member_key.c.key_id == bind("which"),
        member_key.c.member_id == bind("owner"),
        member_key.c.to_entry.is_(None),
    )
    .values(to_entry=bind("until"))
)


class MemberKeySpan(NamedTuple):
    """A key of a member, with the leaves between which it counts."""

    key_id: str
    public_key: bytes
    from_index: int
    to_index: int


_from, _to = entry.alias("from_entry"), entry.alias("to_entry")
keys_of = Query(
    select(
        member_key.c.key_id,
        member_key.c.public_key,
        _from.c.leaf_index.label("from_index"),
        func.coalesce(_to.c.leaf_index, 0).label("to_index"),
    )
    .join_from(member_key, _from, member_key.c.from_entry == _from.c.entry_key)
    .outerjoin(_to, member_key.c.to_entry == _to.c.entry_key)
    .where(member_key.c.member_id == bind("member_id"))
    .order_by(_from.c.leaf_index),
    MemberKeySpan,
)
# How many keys and certificates a member has or had.
credential_count = Query[tuple[int]](
    select(
        select(func.count()).where(member_key.c.member_id == bind("member_id")).scalar_subquery()
        + select(func.count()).where(certificate.c.member_id == bind("member_id")).scalar_subquery()
    )
)
# How many changes of its credentials a member signed itself since a time.
own_credential_changes = Query[tuple[int]](
    select(func.count())
    .select_from(member_statement)
    .join(entry, member_statement.c.entry_key == entry.c.entry_key)
    .where(
        member_statement.c.member_id == bind("member_id"),
        entry.c.kind == "credential",
        entry.c.signer == bind("signer"),
        entry.c.time_us >= bind("since_us"),
    )
)
add_member_statement = insert(t.MemberStatementRow)
# In order of the log, after a leaf.
statements_of_member_after = Query[EntryAndEnvelope](
    select(*entry.columns, statement.c.envelope)
    .join_from(member_statement, entry, member_statement.c.entry_key == entry.c.entry_key)
    .join(statement, statement.c.entry_key == entry.c.entry_key)
    .where(member_statement.c.member_id == bind("member_id"))
    .where(entry.c.leaf_index > bind("after"))
    .order_by(entry.c.leaf_index)
    .limit(bind("limit"))
)

# Statements that name a member's group, roles or state, in order of the log, below a size of it.
terms_of = Query[tuple[str, bytes]](
    select(entry.c.kind, statement.c.envelope)
    .join_from(member_statement, entry, member_statement.c.entry_key == entry.c.entry_key)
    .join(statement, statement.c.entry_key == entry.c.entry_key)
    .where(
        member_statement.c.member_id == bind("member_id"),
        or_(*(entry.c.kind == kind for kind in ("admission", "member-change", "member-state"))),
        entry.c.leaf_index < bind("log_size"),
    )
    .order_by(entry.c.leaf_index)
)

# The directory's meter -------------------------------------------------------

metered = Query[tuple[int, int]](
    select(member.c.directory_quota, func.coalesce(usage.c.element_count, 0))
    .join_from(
        member,
        usage,
        and_(usage.c.member_id == member.c.member_id, usage.c.day == bind("day")),
        isouter=True,
    )
    .where(member.c.member_id == bind("member_id"))
)
_meter = upsert(usage).values(
    member_id=bind("member_id"), day=bind("day"), element_count=bind("count")
)
meter = Query[tuple[int]](
    _meter.on_conflict_do_update(
        index_elements=[usage.c.member_id, usage.c.day],
        set_={"element_count": usage.c.element_count + _meter.excluded.element_count},
    ).returning(usage.c.element_count)
)

"""Refuse a date of first delinquency that lies after the one that a bought debt came with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bureau import field_rules
from bureau.codes import CodeSet
from bureau.credit_file.accounts import AccountBatch, Breach
from bureau.credit_file.delinquencies import delinquency_in
from bureau.credit_file.history import ACTION, steps_of
from bureau.credit_file.reader import tradelines_of
from bureau.credit_file.sales import TRANSFER, link_sales
from bureau.credit_file.stored_records import records_of
from bureau.ledger.units import Transaction
from bureau.policy import Policy
from bureau.store import queries as q
from bureau.store.database import Connection
from creditbureau.v1.record_pb2 import FacilityAction

ACTION_MASK = CodeSet.of([ACTION])
MESSAGE = (
    "lies after the first delinquency of the line that the account was bought from, and the"
    " account was never current since: give the earliest date that the seller reported"
)


def check_sale_dates(tx: Transaction, policy: Policy, booking: AccountBatch) -> None:
    """Check the dates of first delinquency of accounts that were bought.

    It comes after the records are applied. The refusal does not give the seller's date.

    Raises:
        Refusal: DATE_ORDER, with each record whose date is too late.
    """
    if policy.keeps_first_delinquency and (breaches := list(_later_dates(tx, booking))):
        raise field_rules.refusal(breaches)


def _later_dates(tx: Transaction, booking: AccountBatch) -> Iterator[Breach]:
    dated = booking.batch.dated
    people = {person for line in dated for person in line.subject_ids}
    sold = {person for person, _, _ in sales_to(tx.db, booking.member_id, people)}
    for subject_id in sorted(sold):
        lines = tradelines_of(tx.db, tx.db.all_in(q.file_tradelines, [subject_id]))
        file = link_sales(line for line in lines if line)
        delinquencies = {line.tradeline_id: line.delinquencies for line in file}
        for line in dated:
            if subject_id not in line.subject_ids:
                continue
            own = delinquencies.get(booking.names[line.account_ref], ())
            delinquency = delinquency_in(line.month, own)
            if delinquency and line.snapshot.first_delinquency_date > delinquency.began:
                field = f"records[{line.record_index}].snapshot.first_delinquency_date"
                yield field_rules.violation(field, "DATE_ORDER", MESSAGE)


def sales_to(
    db: Connection, member_id: str, people: Iterable[str]
) -> Iterator[tuple[str, str, FacilityAction]]:
    """Read the sales of accounts of these persons to a member: the person, the seller, and the
    TRANSFER. The records are read together.
    """
    rows = db.all_in(q.trails_of_others, sorted(people), member_id=member_id, mask=ACTION_MASK)
    owners = [(row, step) for row in rows for step in steps_of(row.trail) if step.kind == ACTION]
    records = records_of(db, [step for _, step in owners])
    for (row, _), (_, record, _) in zip(owners, records, strict=True):
        action = record.action
        if action.kind == TRANSFER and action.new_member_id == member_id:
            yield row.subject_id, row.member_id, action

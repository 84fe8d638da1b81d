"""The tables, declared column by column: `docs/tables.md` is made from this module."""

from __future__ import annotations

from bureau_client.models.codes import ReportOutcome, Section
from bureau_client.models.tradelines import Tradeline
from bureau_client.risk.columns import (
    CODE,
    COUNT,
    DAY,
    FLAG,
    ID,
    MOMENT,
    MONEY,
    MONTH,
    POSITION,
    TEXT,
    Column,
    TableDeclaration,
)

MINOR = "minor units"

# The columns of the report, first in every table that is made of reports.
KEY: tuple[Column, ...] = (
    Column(
        "report_id",
        ID,
        "Request id of the inquiry. The reports of a portfolio share it: together with "
        "`subject_id` it names a report",
        of=lambda report: report.request_id,
    ),
    Column("subject_id", ID, "Subject of the report"),
    Column(
        "report_time",
        MOMENT,
        "Time of the report: every value of the row was known then",
        of=lambda report: report.issue_time,
    ),
    Column(
        "log_size",
        POSITION,
        "Size of the log as of which the file was read",
        unit="leaves",
    ),
)
_TRADELINE_ID = Column("tradeline_id", ID, "The tradeline, stable through the account's life")
_CURRENCY = Column("currency", ID, "ISO 4217 currency of the amounts of the row")


def _history_months(line: Tradeline) -> int | None:
    return None if line.history is None else len(line.history.profile)


TRADELINES = TableDeclaration(
    "tradelines",
    "A tradeline of a report, as of its newest month. A report has tradelines if its consent "
    "opens the section TRADELINES.",
    (
        _TRADELINE_ID,
        Column("member_id", ID, "The furnisher"),
        Column("role", CODE, "Role of the subject on the account", "not reported"),
        Column("portfolio_type", CODE, "Kind of the facility", "not reported"),
        Column("account_type", TEXT, "Metro 2 account type", "not reported"),
        _CURRENCY,
        Column("open_date", DAY, "Day of the opening", "not reported"),
        Column("credit_limit_minor", MONEY, "Credit limit", "the facility has no limit", MINOR),
        Column(
            "original_amount_minor",
            MONEY,
            "Principal, or highest balance of a line",
            "not reported",
            MINOR,
        ),
        Column("term_months", COUNT, "Term; 0 for a facility without a term", unit="months"),
        Column("secured", FLAG, "A collateral secures the account"),
        Column(
            "month",
            MONTH,
            "Newest month reported; the columns from `status` to `restructured` are as of its end",
            "no month is reported",
        ),
        Column("status", CODE, "Status of the account", "not reported"),
        Column(
            "balance_minor",
            MONEY,
            "Balance owed; negative if the lender owes the subject",
            unit=MINOR,
        ),
        Column("amount_due_minor", MONEY, "Scheduled payment of the month", unit=MINOR),
        Column("amount_paid_minor", MONEY, "Amount paid in the month", unit=MINOR),
        Column("amount_past_due_minor", MONEY, "Amount overdue", unit=MINOR),
        Column("days_past_due", COUNT, "Days since the oldest unpaid due date", unit="days"),
        Column("close_date", DAY, "Day of the closing", "the account is open"),
        Column("close_reason", CODE, "Reason of the closing", "open, or not reported"),
        Column("first_delinquency_date", DAY, "Begin of the present delinquency", "it is not late"),
        Column("classification", CODE, "The lender's own classification", "not classified"),
        Column("compliance_condition", CODE, "Dispute status of the account", "no dispute"),
        Column("restructured", FLAG, "The lender eased the terms because of missed payments"),
        Column("party_count", COUNT, "Number of persons on the account", unit="persons"),
        Column("original_creditor", TEXT, "Original creditor", "the account was not bought"),
        Column("sold_month", MONTH, "Month in which the account was sold", "it was not sold"),
        Column(
            "stale",
            CODE,
            "Reason why the open account is no longer reported: `month` says what was, not what is",
            "it is reported, or has ended",
        ),
        Column(
            "history_months",
            COUNT,
            "Months of payment history in the table `months`",
            "the consent opens no payment history",
            "months",
            of=_history_months,
        ),
        Column(
            "newest_action",
            CODE,
            "Kind of the newest facility action",
            "no action is shown",
            of=lambda line: line.actions[0].kind if line.actions else 0,
        ),
        Column(
            "newest_action_time",
            MOMENT,
            "Time from which that action holds",
            "no action is shown",
            of=lambda line: line.actions[0].effective_time if line.actions else None,
        ),
    ),
)

_NO_DATA = "no data of the month"

MONTHS = TableDeclaration(
    "months",
    "A month of the payment history of a tradeline, the newest month of each first. A "
    "tradeline has months if the consent opens the section PAYMENT_HISTORY.",
    (
        _TRADELINE_ID,
        _CURRENCY,
        Column("month", MONTH, "The month; its figures are as of its end"),
        Column("months_back", COUNT, "Months before the newest month; 0 for that", unit="months"),
        Column(
            "status",
            TEXT,
            "Payment history character: `0` current, `1` to `6` past due 30 to 180 days, `B` "
            "before opening, `D` no data, `E` zero balance and current, `G` collection, `H` "
            "foreclosure, `J` surrender, `K` repossession, `L` charge-off",
        ),
        Column("balance_minor", MONEY, "Balance owed", _NO_DATA, MINOR),
        Column("amount_due_minor", MONEY, "Scheduled payment", _NO_DATA, MINOR),
        Column("amount_paid_minor", MONEY, "Amount paid", _NO_DATA, MINOR),
        Column("amount_past_due_minor", MONEY, "Amount overdue", _NO_DATA, MINOR),
    ),
)

_INQUIRY: tuple[Column, ...] = (
    Column("purpose", CODE, "Purpose of the inquiry"),
    Column("kind", CODE, "HARD inquiries are shown to other members, SOFT ones to the subject"),
    Column("outcome", CODE, "Outcome of the inquiry"),
    Column("create_time", MOMENT, "Time of the inquiry", "the bureau gave no time"),
)

INQUIRIES = TableDeclaration(
    "inquiries",
    "An inquiry that a report shows. A report has inquiries if its consent opens the section "
    "INQUIRIES.",
    (Column("member_id", ID, "The member that inquired"), *_INQUIRY),
)

DISPUTES = TableDeclaration(
    "disputes",
    "A dispute that a report shows. Its words are in the report alone. A report has disputes "
    "if its consent opens the section DISPUTES.",
    (
        Column("dispute_id", ID, "The dispute"),
        Column("tradeline_id", ID, "The disputed tradeline"),
        Column("member_id", ID, "The furnisher", "the bureau names none to this reader"),
        Column("month", MONTH, "The disputed month", "all of the account"),
        Column("field", TEXT, "The disputed field of the record"),
        Column("reason", CODE, "Reason of the dispute"),
        Column("state", CODE, "State of the dispute"),
        Column("outcome", CODE, "The furnisher's answer", "not answered"),
        Column("create_time", MOMENT, "Time of the opening", "the bureau gave no time"),
        Column(
            "due_time",
            MOMENT,
            "Time by which the furnisher must answer; may be in the future",
            "the bureau gave no time",
        ),
        Column("close_time", MOMENT, "Time of the end", "it is open"),
        Column(
            "block_time",
            MOMENT,
            "Time from which reports left out the account for identity theft, until the answer",
            "the dispute blocked nothing",
        ),
    ),
)


ATTRIBUTES = TableDeclaration(
    "attributes",
    "A report: one row for each, whether its consent opens attributes or not. The columns below "
    "are followed by one for each attribute and currency.",
    (
        Column("member_id", ID, "The inquiring member", "the report is the subject's own file"),
        Column("purpose", CODE, "Purpose of the inquiry", "the report is the subject's own file"),
        Column(
            "hit",
            FLAG,
            "The bureau has a credit file of the subject",
            of=lambda report: report.outcome is ReportOutcome.HIT,
        ),
        Column("jurisdiction", TEXT, "Country whose rules shaped the report"),
        Column(
            "rules_version",
            TEXT,
            "Version of the rules of reports, and so of the definitions of attributes",
        ),
        Column(
            "attributes_shown",
            FLAG,
            "The consent opens the section ATTRIBUTES",
            of=lambda report: Section.ATTRIBUTES in report.sections,
        ),
    ),
)

OWN_INQUIRIES = TableDeclaration(
    "own_inquiries",
    "An inquiry of this member, from `Lender.inquiries`; the columns of a report are absent.",
    (
        Column("inquiry_id", ID, "Request id of the inquiry: `report_id` of its report"),
        Column("subject_id", ID, "Subject of the inquiry"),
        Column("member_id", ID, "This member"),
        *_INQUIRY,
        Column("consent_id", ID, "Consent of the inquiry", "no consent was found"),
        Column("arrangement_id", ID, "Arrangement that the inquiry named", "it named the consent"),
        Column("denial_reason", TEXT, "Reason of the denial", "not denied"),
        Column("leaf_index", POSITION, "Leaf of the inquiry in the log"),
        Column("proved", FLAG, "The signed statement names the subject"),
    ),
)

# The tables that are made of reports; each has the columns of KEY first.
OF_REPORTS = (TRADELINES, MONTHS, INQUIRIES, DISPUTES, ATTRIBUTES)

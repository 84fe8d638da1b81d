"""Metro 2 files that are in order, to be changed by tests."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

from bureau_client.files.metro2 import (
    Finding,
    Framing,
    Metro2Record,
    Reporter,
    Segment,
    blank,
    header,
    validate,
    write,
)

DAY, BEFORE = date(2024, 5, 31), date(2024, 4, 30)


def read_all(raw: bytes, **options: Any) -> list[tuple[Metro2Record, list[Finding]]]:
    return list(validate(io.BytesIO(raw), **options))


def rules(checked: Sequence[tuple[Metro2Record, list[Finding]]]) -> Counter[str]:
    return Counter(finding.rule for _, findings in checked for finding in findings)


def base(**changes: Any) -> Segment:
    """A card that is in order."""
    said: dict[str, Any] = {
        "processing_indicator": "1",
        "correction_indicator": "0",
        "identification_number": "FURNISHER-1",
        "consumer_account_number": "A-1",
        "portfolio_type": "R",
        "account_type": "18",
        "date_opened": date(2020, 2, 29),
        "credit_limit": 5000,
        "highest_credit": 1200,
        "terms_duration": "REV",
        "terms_frequency": "M",
        "scheduled_monthly_payment": 25,
        "actual_payment": 25,
        "account_status": "11",
        "payment_history_profile": "0" * 24,
        "current_balance": 1000,
        "date_of_account_information": DAY,
        "surname": "DOE",
        "first_name": "JANE",
        "social_security_number": "000123456",
        "date_of_birth": date(1980, 12, 31),
        "telephone_number": "5551234567",
        "ecoa_code": "1",
        "country_code": "US",
        "first_line_of_address": "1 HIGH STREET",
        "city": "LANSING",
        "state": "MI",
        "postal_code": "48901",
    }
    return blank("BASE").with_values(**(said | changes))


def late(**changes: Any) -> Segment:
    """The same card, 30 days late."""
    said: dict[str, Any] = {
        "account_status": "71",
        "amount_past_due": 25,
        "date_of_first_delinquency": date(2024, 4, 20),
    }
    return base(**(said | changes))


def file_of(*accounts: Sequence[Segment], framing: Framing | None = None, day: date = DAY) -> bytes:
    out = io.BytesIO()
    write(out, header(Reporter("RIVERBANK"), day, day), accounts, framing)
    return out.getvalue()

"""What a consent allows, by its row alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bureau.credit_file.consent_state import HeldConsent, check_inquiry, period_of
from bureau.errors import Refusal
from creditbureau.v1 import codes_pb2, consent_pb2

DAY = consent_pb2.FREQUENCY_UNIT_DAY


def microseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000_000)


def test_a_clock_that_is_behind_gives_no_use_again() -> None:
    """Nodes' clocks differ: the newest use's day is never left for one before."""
    held = HeldConsent(
        consent_id="c",
        subject_id="s",
        grantee="acme",
        actions=1 << codes_pb2.ACTION_INQUIRE,
        purposes=1 << codes_pb2.PURPOSE_CREDIT_APPLICATION,
        sections=0,
        portfolio_types=0,
        history_months=0,
        start_us=0,
        expire_us=1 << 62,
        max_uses=0,
        frequency_unit=DAY,
        frequency_value=1,
        state=consent_pb2.CONSENT_STATE_ACTIVE,
        use_count=1,
        period=period_of(DAY, microseconds("2026-03-02T00:00:01")),
        period_count=1,
        entry_key=1,
        create_us=0,
        update_us=0,
        note="",
    )
    purpose = codes_pb2.PURPOSE_CREDIT_APPLICATION
    for moment in ("2026-03-02T00:00:02", "2026-03-01T23:59:59"):
        with pytest.raises(Refusal, match="uses of this day"):
            check_inquiry(held, "acme", "s", purpose, microseconds(moment))
        assert held.period_at(microseconds(moment)) == held.period
    next_day = microseconds("2026-03-03T00:00:00")
    assert check_inquiry(held, "acme", "s", purpose, next_day) is held
    assert held.period_at(next_day) == 20260303

"""The portal's words: figures in sentences, times, and addresses of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bureau_client.models.attributes import attribute_dictionary
from bureau_client.models.consents import Consent
from bureau_client.models.reports import Attribute
from bureau_portal.deletions import deletions_of
from bureau_portal.security import own_address
from bureau_portal.sentences import SEVERITY, attribute_meaning, attribute_value
from bureau_portal.words import Words, texts

NOW = datetime(2026, 11, 15, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize("language", sorted(texts()))
def test_every_computed_figure_has_a_sentence(language: str) -> None:
    words = Words(language)
    assert not [name for name in attribute_dictionary() if not attribute_meaning(name, words)]
    assert set(SEVERITY) == {*words.table("profile")}
    assert not attribute_meaning("of_a_later_version_3m", words)
    assert attribute_meaning("opened_3m", Words("en")) == "Accounts opened in the last 3 months."


@pytest.mark.parametrize(
    ("unit", "value", "english", "chinese"),
    [
        ("share of limits", 0.254, "25 %", "25 %"),
        ("months", 1.0, "1 month", "1个月"),
        ("months", 12.0, "12 months", "12个月"),
        ("severity", 5.0, "60 days past due", "逾期60天"),
        ("tradelines", 3.0, "3", "3"),
        ("months", None, "unknown", "未知"),
    ],
)
def test_a_computed_figure_is_written_with_its_unit(
    unit: str, value: float | None, english: str, chinese: str
) -> None:
    attribute = Attribute("name", unit, {"": value})
    assert attribute_value(attribute, Words("en")) == english
    assert attribute_value(attribute, Words("zh")) == chinese


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (30 * DAY, "30 days"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(seconds=90.5), "90.5 seconds"),
    ],
)
def test_a_length_of_time_is_exact(time: timedelta, text: str) -> None:
    assert Words("en").duration(time) == text


def consent(delete_by: datetime | None, *, late: bool | None = None) -> Consent:
    """A consent of which reports are to delete; `late` for a confirmed one."""
    deletion: Any = None
    if late is not None:
        deletion = SimpleNamespace(
            is_late=late, report_count=2, confirm_time=NOW, delete_time=NOW - DAY
        )
    fields = {"grantee": "acme", "use_count": 3, "delete_by_time": delete_by, "deletion": deletion}
    return cast("Consent", SimpleNamespace(**fields))


def test_who_must_delete_comes_first_and_who_is_late_is_named() -> None:
    every = [
        consent(None),
        consent(NOW - DAY, late=False),
        consent(NOW - DAY, late=True),
        consent(NOW + DAY),
        consent(NOW - DAY),
    ]
    deletions = deletions_of(every, NOW)
    assert [one.state for one in deletions] == ["overdue", "due", "late", "confirmed"]
    overdue, due, late, confirmed = (one.sentence(Words("en")) for one in deletions)
    assert "by 14 November 2026 (credit reports: 3), and has not confirmed it" in overdue
    assert "by 16 November 2026 (credit reports: 3). It has not confirmed it yet" in due
    assert "on 15 November 2026, later than 14 November 2026, that everything is deleted" in late
    assert "on 15 November 2026 that everything is deleted (credit reports: 2" in confirmed


@pytest.mark.parametrize(
    "address",
    ["/", "/requests", "/disputes/open?line=x&field=balance_minor", "/consents/1-a/narrow?a=%20"],
)
def test_an_address_of_the_portal_is_its_own(address: str) -> None:
    assert own_address(address) == address


@pytest.mark.parametrize(
    "address",
    ["", "requests", "//x.example", "/\\x.example", "/\t/x.example", "/a\n", "/a b", "https://x"],
)
def test_an_address_of_another_site_is_none(address: str) -> None:
    assert not own_address(address)

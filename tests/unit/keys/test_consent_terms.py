"""The comparison of a consent with its request, against uses counted one by one."""

from __future__ import annotations

import calendar
from collections import Counter
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bureau_keys.consent_terms import GRANTED, NARROWED, compare, most_in, state_by
from bureau_keys.errors import WrongAnswer
from creditbureau.v1 import codes_pb2, consent_pb2
from creditbureau.v1.consent_pb2 import Consent, Frequency
from creditbureau.v1.consent_request_pb2 import ConsentRequest

UNITS: tuple[int, ...] = (
    consent_pb2.FREQUENCY_UNIT_DAY,
    consent_pb2.FREQUENCY_UNIT_MONTH,
    consent_pb2.FREQUENCY_UNIT_YEAR,
)
DAY_S = 86_400
VIEW, STORE = consent_pb2.CONSENT_MODE_VIEW, consent_pb2.CONSENT_MODE_STORE
TYPES = [int(code) for code in codes_pb2.PortfolioType.values() if code]

codes: dict[str, st.SearchStrategy[list[int]]] = {
    "actions": st.lists(st.sampled_from([1, 2, 3]), min_size=1, unique=True).map(sorted),
    "purposes": st.lists(st.sampled_from(range(1, 6)), unique=True).map(sorted),
    "sections": st.lists(st.sampled_from(range(1, 8)), unique=True).map(sorted),
    "portfolio_types": st.lists(st.sampled_from(TYPES), unique=True).map(sorted),
}
terms = st.fixed_dictionaries(
    {
        **codes,
        "history_months": st.integers(0, 3),
        "max_uses": st.integers(0, 3),
        "days": st.integers(1, 3),
        "frequency": st.none() | st.tuples(st.sampled_from(UNITS), st.integers(1, 400)),
        "mode": st.sampled_from([VIEW, STORE, consent_pb2.CONSENT_MODE_QUERY]),
        "life": st.integers(0, 2),
    }
)


def request_of(terms: dict[str, Any]) -> ConsentRequest:
    request = ConsentRequest(
        **{name: terms[name] for name in (*codes, "history_months", "max_uses", "mode")}
    )
    request.period.FromSeconds(terms["days"] * DAY_S)
    request.data_life.FromSeconds(terms["life"])
    request.expire_time.FromSeconds(100 * DAY_S)
    if terms["frequency"]:
        request.frequency.unit, request.frequency.value = terms["frequency"]
    return request


def consent_of(terms: dict[str, Any], start_s: int = 50 * DAY_S) -> Consent:
    consent = Consent(
        **{name: terms[name] for name in (*codes, "history_months", "max_uses", "mode")}
    )
    consent.start_time.FromSeconds(start_s)
    consent.expire_time.FromSeconds(start_s + terms["days"] * DAY_S)
    consent.data_life.FromSeconds(terms["life"])
    if terms["frequency"]:
        consent.frequency.unit, consent.frequency.value = terms["frequency"]
    return consent


@given(terms)
def test_the_same_terms_are_granted(asked: dict[str, Any]) -> None:
    assert compare(consent_of(asked), request_of(asked)) == ((), ())
    assert state_by(consent_of(asked), request_of(asked)) == GRANTED


@given(terms, terms)
@settings(max_examples=300)
def test_a_consent_is_narrowed_if_everything_that_it_allows_was_asked_for(
    asked: dict[str, Any], granted_terms: dict[str, Any]
) -> None:
    """By what each allows, written out: codes one by one, uses of every day of two years."""
    request, consent = request_of(asked), consent_of(granted_terms)
    is_wider = not (
        all(set(granted_terms[name]) <= set(asked[name]) for name in list(codes)[:3])
        and types_of(granted_terms) <= types_of(asked)
        and granted_terms["history_months"] <= asked["history_months"]
        and granted_terms["days"] <= asked["days"]
        and (granted_terms["max_uses"] or 10**9) <= (asked["max_uses"] or 10**9)
        and granted_terms["life"] <= asked["life"]
        and granted_terms["mode"] in (asked["mode"], VIEW)
        and keeps(granted_terms["frequency"], asked["frequency"])
    )
    assert bool(compare(consent, request).wider) == is_wider
    if is_wider:
        with pytest.raises(WrongAnswer):
            state_by(consent, request)
    else:
        same = {**granted_terms, "portfolio_types": types_of(granted_terms)} == {
            **asked,
            "portfolio_types": types_of(asked),
        }
        assert state_by(consent, request) == (GRANTED if same else NARROWED)


@pytest.mark.parametrize("unit", [0, 9])
def test_a_frequency_of_no_calendar_allows_nothing(unit: int) -> None:
    """A request whose words were erased is the bureau's word: nothing has checked its fields."""
    consent, request = Consent(), ConsentRequest()
    consent.frequency.MergeFrom(Frequency(unit=consent_pb2.FREQUENCY_UNIT_DAY, value=1))
    request.frequency.MergeFrom(Frequency(unit=unit, value=10_000))  # type: ignore[arg-type]
    assert "frequency" in compare(consent, request).wider
    with pytest.raises(WrongAnswer):
        state_by(consent, request)


@given(terms, terms, terms)
def test_narrower_than_what_is_narrower_is_narrower(
    first: dict[str, Any], second: dict[str, Any], third: dict[str, Any]
) -> None:
    if compare(consent_of(second), request_of(first)).wider:
        return
    if compare(consent_of(third), request_of(second)).wider:
        return
    assert not compare(consent_of(third), request_of(first)).wider


def types_of(terms: dict[str, Any]) -> set[int]:
    return set(terms["portfolio_types"] or TYPES)


def keeps(own: tuple[int, int] | None, other: tuple[int, int] | None) -> bool:
    """True if the most uses of one frequency never exceed the other's, day by day."""
    if other is None:
        return True
    if own is None:
        return False
    uses = most_uses(own)
    unit, value = other
    return all(count <= value for count in periods(uses, unit).values())


Day = tuple[int, int, int]
DAYS: list[Day] = [
    (year, month, day)
    for year, month in product((2027, 2028), range(1, 13))
    for day in range(1, calendar.monthrange(year, month)[1] + 1)
]


def most_uses(frequency: tuple[int, int]) -> dict[Day, int]:
    """As many uses as a frequency allows, all on the first day of each of its periods."""
    unit, value = frequency
    first: dict[tuple[int, ...], Day] = {}
    for day in DAYS:
        first.setdefault(period_of(day, unit), day)
    return dict.fromkeys(first.values(), value)


def period_of(day: Day, unit: int) -> tuple[int, ...]:
    length = {UNITS[0]: 3, UNITS[1]: 2, UNITS[2]: 1}[unit]
    return day[:length]


def periods(uses: dict[Day, int], unit: int) -> Counter[tuple[int, ...]]:
    counted: Counter[tuple[int, ...]] = Counter()
    for day, count in uses.items():
        counted[period_of(day, unit)] += count
    return counted


@given(st.sampled_from(UNITS), st.integers(1, 40), st.sampled_from(UNITS))
def test_the_most_uses_in_a_period_are_those_of_its_longest(
    own: int, value: int, unit: int
) -> None:
    counts = periods(most_uses((own, value)), unit).values()
    frequency = Frequency(unit=own, value=value)  # type: ignore[arg-type]
    assert most_in(frequency, unit) == max(counts)


def test_a_start_after_the_time_for_an_answer_is_narrower() -> None:
    asked: dict[str, Any] = {
        "actions": [1],
        "purposes": [],
        "sections": [],
        "portfolio_types": [],
        "history_months": 0,
        "max_uses": 0,
        "days": 1,
        "frequency": None,
        "mode": VIEW,
        "life": 0,
    }
    later = consent_of(asked, start_s=101 * DAY_S)
    assert compare(later, request_of(asked)).narrower == ("start_time",)

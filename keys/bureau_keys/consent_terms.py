"""The comparison of a consent with the consent request that it answers. Pure.

A consent may be narrower than its request in any field, and wider in none. The bureau, the
SDK and auditors compare by this module, so they come to the same state of a request.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from google.protobuf.descriptor import EnumDescriptor

from bureau_keys.errors import WrongAnswer
from creditbureau.v1 import codes_pb2, consent_pb2, consent_request_pb2
from creditbureau.v1.consent_pb2 import Consent, Frequency
from creditbureau.v1.consent_request_pb2 import ConsentRequest

Width: TypeAlias = Literal["wider", "same", "narrower"]

GRANTED = consent_request_pb2.CONSENT_REQUEST_STATE_GRANTED
NARROWED = consent_request_pb2.CONSENT_REQUEST_STATE_NARROWED
CODES = ("actions", "purposes", "sections")
ALL_TYPES = frozenset(codes_pb2.PortfolioType.values()) - {0}
# Days, months and years in one period of a frequency: in the longest one of its kind.
DAYS: dict[int, int] = {
    consent_pb2.FREQUENCY_UNIT_DAY: 1,
    consent_pb2.FREQUENCY_UNIT_MONTH: 31,
    consent_pb2.FREQUENCY_UNIT_YEAR: 366,
}
MONTHS_OF_YEAR = 12
NAMES: dict[str, tuple[EnumDescriptor, str]] = {
    "actions": (codes_pb2.Action.DESCRIPTOR, "ACTION_"),
    "purposes": (codes_pb2.Purpose.DESCRIPTOR, "PURPOSE_"),
    "sections": (codes_pb2.Section.DESCRIPTOR, "SECTION_"),
    "portfolio_types": (codes_pb2.PortfolioType.DESCRIPTOR, "PORTFOLIO_TYPE_"),
}


class Comparison(NamedTuple):
    """The fields in which a consent differs from its request.

    Attributes:
        wider: Fields of the consent that allow more than the request asks for.
        narrower: Fields of the consent that allow less.
    """

    wider: tuple[str, ...]
    narrower: tuple[str, ...]


def compare(consent: Consent, request: ConsentRequest) -> Comparison:
    """Compare a consent with the request that it answers, field by field."""
    widths = dict(_widths(consent, request))
    return Comparison(
        tuple(field for field, width in widths.items() if width == "wider"),
        tuple(field for field, width in widths.items() if width == "narrower"),
    )


def state_by(consent: Consent, request: ConsentRequest) -> int:
    """Return the state of a request that a consent answers: GRANTED or NARROWED.

    Raises:
        WrongAnswer: The consent is wider than the request.
    """
    compared = compare(consent, request)
    if compared.wider:
        raise WrongAnswer(
            f"consent {consent.header.request_id} is wider than the request that it answers: "
            f"{', '.join(compared.wider)}"
        )
    return NARROWED if compared.narrower else GRANTED


def asked_for(request: ConsentRequest, field: str) -> str:
    """Return in words what a request asks for in a field of the consent."""
    if field == "expire_time":
        return f"at most {request.period.ToSeconds()} s after start_time"
    if field == "data_life":
        return f"at most {request.data_life.ToSeconds()} s"
    if field == "frequency":
        frequency = request.frequency
        unit = consent_pb2.FrequencyUnit.Name(frequency.unit).removeprefix("FREQUENCY_UNIT_")
        return f"at most {frequency.value} a {unit.lower()}"
    if field in ("history_months", "max_uses"):
        return f"at most {getattr(request, field)}"
    if field == "mode":
        return _name(consent_pb2.ConsentMode.Name(request.mode), "CONSENT_MODE_")
    enum, prefix = NAMES[field]
    codes = getattr(request, field)
    return "only " + ", ".join(_name(enum.values_by_number[code].name, prefix) for code in codes)


def most_in(frequency: Frequency, unit: int) -> int:
    """Return the largest number of uses in one calendar period of a unit.

    Days lie in months and months in years, so no period of one unit crosses that of another.
    """
    own = frequency.unit
    if own == unit or DAYS[own] > DAYS[unit]:
        return frequency.value
    if own == consent_pb2.FREQUENCY_UNIT_MONTH:
        return frequency.value * MONTHS_OF_YEAR
    return frequency.value * DAYS[unit]


def _widths(consent: Consent, request: ConsentRequest) -> Iterator[tuple[str, Width]]:
    """Yield each field of a consent that can be narrowed, and how it compares."""
    for field in CODES:
        yield field, _of_sets(set(getattr(consent, field)), set(getattr(request, field)))
    yield "portfolio_types", _of_sets(*(_types(each) for each in (consent, request)))
    yield "history_months", _of_numbers(consent.history_months, request.history_months)
    period_us = consent.expire_time.ToMicroseconds() - consent.start_time.ToMicroseconds()
    yield "expire_time", _of_numbers(period_us, request.period.ToMicroseconds())
    # The subject chooses the start. One after the time for an answer is later than was asked.
    answer_end_us = request.expire_time.ToMicroseconds()
    is_later = consent.start_time.ToMicroseconds() > answer_end_us
    yield "start_time", "narrower" if is_later else "same"
    yield "max_uses", _of_numbers(consent.max_uses or math.inf, request.max_uses or math.inf)
    yield "frequency", _of_frequencies(consent, request)
    yield "mode", _of_modes(consent.mode, request.mode)
    life_us = (each.data_life.ToMicroseconds() for each in (consent, request))
    yield "data_life", _of_numbers(*life_us)


def _types(terms: Consent | ConsentRequest) -> set[int]:
    """Return the kinds of facility of a consent or a request: none means all."""
    return {int(code) for code in terms.portfolio_types} or {int(code) for code in ALL_TYPES}


def _of_sets(granted: set[int], asked: set[int]) -> Width:
    if granted - asked:
        return "wider"
    return "narrower" if asked - granted else "same"


def _of_numbers(granted: float, asked: float) -> Width:
    if granted > asked:
        return "wider"
    return "narrower" if granted < asked else "same"


def _of_frequencies(consent: Consent, request: ConsentRequest) -> Width:
    if not request.HasField("frequency"):
        return "narrower" if consent.HasField("frequency") else "same"
    if not consent.HasField("frequency"):
        return "wider"
    granted, asked = consent.frequency, request.frequency
    # A request whose words were erased is the bureau's word, so its unit may be of no calendar.
    known = granted.unit in DAYS and asked.unit in DAYS
    if not known or most_in(granted, asked.unit) > asked.value:
        return "wider"
    return "same" if granted == asked else "narrower"


def _of_modes(granted: int, asked: int) -> Width:
    """Compare two modes. VIEW keeps nothing and repeats nothing, so it is within each other."""
    if granted == asked:
        return "same"
    return "narrower" if granted == consent_pb2.CONSENT_MODE_VIEW else "wider"


def _name(name: str, prefix: str) -> str:
    return name.removeprefix(prefix)

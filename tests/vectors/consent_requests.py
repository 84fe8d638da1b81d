"""Lists of consent requests, as the member that made them gets them, and their states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bureau_keys.consent_request_checks import check_requests
from bureau_keys.envelope import seal
from bureau_keys.key_history import logged_keys
from bureau_keys.signing import SigningKey
from creditbureau.v1 import codes_pb2, consent_pb2, consent_request_pb2
from creditbureau.v1.consent_pb2 import Consent, Frequency
from creditbureau.v1.consent_request_pb2 import (
    ConsentRequest,
    ConsentRequestDecline,
    ConsentRequestView,
    ConsentRequestWithdrawal,
)
from creditbureau.v1.consents_pb2 import ListConsentRequestsResponse
from creditbureau.v1.members_pb2 import LoggedStatement
from tests.vectors.cast import (
    NOON_US,
    SUBJECT,
    TRUST,
    encoded,
    header,
    key,
    moment,
    request_id,
    trust_of,
)
from tests.vectors.consents import CALLER, DAY_US, OTHER, PERSON, Listed, logged

PENDING = consent_request_pb2.CONSENT_REQUEST_STATE_PENDING
GRANTED = consent_request_pb2.CONSENT_REQUEST_STATE_GRANTED
NARROWED = consent_request_pb2.CONSENT_REQUEST_STATE_NARROWED
DECLINED = consent_request_pb2.CONSENT_REQUEST_STATE_DECLINED
EXPIRED = consent_request_pb2.CONSENT_REQUEST_STATE_EXPIRED
WITHDRAWN = consent_request_pb2.CONSENT_REQUEST_STATE_WITHDRAWN
FIVE_A_MONTH = Frequency(unit=consent_pb2.FREQUENCY_UNIT_MONTH, value=5)
FOUR_A_YEAR = Frequency(unit=consent_pb2.FREQUENCY_UNIT_YEAR, value=4)
ONE_A_DAY = Frequency(unit=consent_pb2.FREQUENCY_UNIT_DAY, value=1)
REQUEST = request_id("request")


class Asked:
    """The list of one request of brook, with the log that has its statements."""

    def __init__(self, own: SigningKey | None = None, **changes: Any) -> None:
        self._listed = Listed()
        self._listed.attest()
        fields: dict[str, Any] = {
            "header": header(CALLER, "request"),
            "subject_id": SUBJECT,
            "actions": [codes_pb2.ACTION_INQUIRE],
            "purposes": [codes_pb2.PURPOSE_CREDIT_APPLICATION],
            "sections": [codes_pb2.SECTION_SUMMARY, codes_pb2.SECTION_TRADELINES],
            "history_months": 24,
            "expire_time": moment(NOON_US + DAY_US),
            "max_uses": 3,
            "mode": consent_pb2.CONSENT_MODE_VIEW,
            "text": "Your application",
        }
        request = ConsentRequest(**(fields | changes))
        request.period.FromSeconds(86_400)
        self.reply = ListConsentRequestsResponse()
        self.view: ConsentRequestView = self.reply.requests.add(
            consent_request_id=REQUEST, state=PENDING
        )
        self._own = own or key("brook")
        self._log("consent-request", request, self._own, self.view.request)
        self.reply.keys.extend(self._listed.reply.keys)

    def _log(
        self, kind: str, statement: Any, own: SigningKey, into: LoggedStatement | None = None
    ) -> None:
        signed = logged(self._listed.log, kind, statement, own)
        (into or self.view.answer).CopyFrom(signed)

    def grant(self, state: int = GRANTED, own: SigningKey = PERSON, **changes: Any) -> Asked:
        """Answer with a consent as wide as the request, but for some fields."""
        fields: dict[str, Any] = {
            "header": header(f"subjects/{SUBJECT}", "consent"),
            "subject_id": SUBJECT,
            "grantee": "brook",
            "actions": [codes_pb2.ACTION_INQUIRE],
            "purposes": [codes_pb2.PURPOSE_CREDIT_APPLICATION],
            "sections": [codes_pb2.SECTION_SUMMARY, codes_pb2.SECTION_TRADELINES],
            "history_months": 24,
            "start_time": moment(NOON_US),
            "expire_time": moment(NOON_US + DAY_US),
            "max_uses": 3,
            "mode": consent_pb2.CONSENT_MODE_VIEW,
            "consent_request_id": REQUEST,
        }
        self._log("consent", Consent(**(fields | changes)), own)
        return self._shown(state)

    def decline(self, state: int = DECLINED, own: SigningKey = PERSON, **changes: Any) -> Asked:
        """Answer with a decline."""
        fields: dict[str, Any] = {
            "header": header(f"subjects/{SUBJECT}", "decline"),
            "consent_request_id": REQUEST,
            "note": "not now",
        }
        self._log("consent-request-decline", ConsentRequestDecline(**(fields | changes)), own)
        return self._shown(state)

    def withdraw(self, own: SigningKey | None = None, **changes: Any) -> Asked:
        """Withdraw the request."""
        fields: dict[str, Any] = {
            "header": header(CALLER, "withdrawal"),
            "subject_id": SUBJECT,
            "consent_request_id": REQUEST,
        }
        statement = ConsentRequestWithdrawal(**(fields | changes))
        self._log("consent-request-withdrawal", statement, own or self._own)
        return self._shown(WITHDRAWN)

    def erase(self, **changes: Any) -> Asked:
        """Leave the request without its statement, as an erasure does."""
        rest = ConsentRequest.FromString(self.view.request.envelope.payload)
        rest.text = ""
        for name, value in changes.items():
            setattr(rest, name, value)
        self.view.erased_request.CopyFrom(rest)
        self.view.request.ClearField("envelope")
        return self

    def altered(self, alter: Callable[[ConsentRequestView], object]) -> Asked:
        """Change what the bureau shows."""
        alter(self.view)
        return self

    def _shown(self, state: int) -> Asked:
        self.view.state = state  # type: ignore[assignment]
        return self

    def vector(self, name: str, *, valid: bool) -> dict[str, Any]:
        """Return the vector of the list."""
        members = self._listed.members.members.values()
        vector: dict[str, Any] = {
            "name": name,
            "reply": encoded(self.reply),
            "caller": CALLER,
            "members": [encoded(member) for member in members],
            "trust": trust_of(TRUST),
            "valid": valid,
        }
        if valid:
            keys = logged_keys(members, TRUST)
            checked = check_requests(self.reply.requests, self.reply.keys, keys, TRUST)
            vector["states"] = {each.request.header.request_id: each.state for each in checked}
        return vector


def _forged(view: ConsentRequestView) -> None:
    request = ConsentRequest.FromString(view.request.envelope.payload)
    request.text = "Another reason"
    view.request.envelope.CopyFrom(seal(request, key("thief")))


def _without_statement(view: ConsentRequestView) -> None:
    view.request.ClearField("envelope")


def _without_answer(view: ConsentRequestView) -> None:
    view.answer.ClearField("envelope")


def _backwards(view: ConsentRequestView) -> None:
    view.answer.receipt.leaf_index = view.request.receipt.leaf_index


def _state(state: int) -> Callable[[ConsentRequestView], object]:
    return lambda view: setattr(view, "state", state)


# A narrower consent by one field.
NARROWER: dict[str, dict[str, Any]] = {
    "sections": {"sections": [codes_pb2.SECTION_SUMMARY]},
    "portfolio types": {"portfolio_types": [codes_pb2.PORTFOLIO_TYPE_REVOLVING]},
    "history months": {"history_months": 12},
    "period": {"expire_time": moment(NOON_US + DAY_US // 2)},
    "start": {
        "start_time": moment(NOON_US + DAY_US + 1),
        "expire_time": moment(NOON_US + 2 * DAY_US + 1),
    },
    "uses": {"max_uses": 1},
    "frequency": {"frequency": FOUR_A_YEAR},
}
# A wider consent by one field.
WIDER: dict[str, dict[str, Any]] = {
    "actions": {"actions": [codes_pb2.ACTION_INQUIRE, codes_pb2.ACTION_FURNISH]},
    "purposes": {"purposes": [codes_pb2.PURPOSE_EMPLOYMENT]},
    "sections": {"sections": [codes_pb2.SECTION_EVIDENCE]},
    "history months": {"history_months": 25},
    "period": {"expire_time": moment(NOON_US + DAY_US + 1)},
    "uses": {"max_uses": 4},
    "uses without a limit": {"max_uses": 0},
    "mode": {"mode": consent_pb2.CONSENT_MODE_STORE},
}
VALID: dict[str, Callable[[], Asked]] = {
    "a request without an answer": Asked,
    "a request that has expired": lambda: Asked().altered(_state(EXPIRED)),
    "a request that was granted": lambda: Asked().grant(),
    "a request that was declined": lambda: Asked().decline(),
    "a request that was withdrawn": lambda: Asked().withdraw(),
    "a request whose words were erased": lambda: Asked().grant().erase(),
    "a request whose decline was erased": lambda: Asked().decline().altered(_without_answer),
    "a frequency that is as wide in the largest month": lambda: Asked(
        frequency=Frequency(unit=consent_pb2.FREQUENCY_UNIT_MONTH, value=31)
    ).grant(NARROWED, frequency=ONE_A_DAY),
    "a mode that was narrowed to a view": lambda: Asked(mode=consent_pb2.CONSENT_MODE_QUERY).grant(
        NARROWED
    ),
    **{
        f"an answer with narrower {name}": lambda changes=changes: Asked().grant(  # type: ignore[misc]
            NARROWED, **changes
        )
        for name, changes in NARROWER.items()
    },
}
WRONG: dict[str, Callable[[], Asked]] = {
    **{
        f"an answer with wider {name}": lambda changes=changes: Asked().grant(  # type: ignore[misc]
            NARROWED, **changes
        )
        for name, changes in WIDER.items()
    },
    "an answer without the request's frequency": lambda: Asked(frequency=FIVE_A_MONTH).grant(),
    "a frequency that is wider in a long month": lambda: Asked(frequency=FIVE_A_MONTH).grant(
        NARROWED, frequency=ONE_A_DAY
    ),
    "a request that no key of the member signed": lambda: Asked(key("thief")),
    "a request with another text than was signed": lambda: Asked().altered(_forged),
    "a request under another id": lambda: Asked().altered(
        lambda view: setattr(view, "consent_request_id", request_id("another"))
    ),
    "a request of another member": lambda: Asked(
        key("acme/2"), header=header("members/acme", "request")
    ),
    "a request without its statement": lambda: Asked().altered(_without_statement),
    "an erased request with words": lambda: Asked().erase(text="words"),
    "a narrower consent, shown as granted": lambda: Asked().grant(GRANTED, max_uses=1),
    "a consent as wide as the request, shown as narrowed": lambda: Asked().grant(NARROWED),
    "a declined request, shown as pending": lambda: Asked().decline(PENDING),
    "a request without an answer, shown as granted": lambda: Asked().altered(_state(GRANTED)),
    "a consent without its statement": lambda: Asked().grant().altered(_without_answer),
    "an answer before its request": lambda: Asked().decline().altered(_backwards),
    "an answer after the end of its request": lambda: Asked(
        expire_time=moment(NOON_US - DAY_US)
    ).decline(),
    "an answer to another request": lambda: Asked().decline(
        consent_request_id=request_id("another")
    ),
    "a consent that answers another request": lambda: Asked().grant(
        consent_request_id=request_id("another")
    ),
    "a consent for another member": lambda: Asked().grant(grantee="acme"),
    "a decline that no key of the subject signed": lambda: Asked().decline(own=key("thief")),
    "a decline by another subject": lambda: Asked().decline(
        header=header(f"subjects/{OTHER}", "decline")
    ),
    "a withdrawal by another member": lambda: Asked().withdraw(
        key("acme/2"), header=header("members/acme", "withdrawal")
    ),
    "a withdrawal about another subject": lambda: Asked().withdraw(subject_id=OTHER),
}


def vectors() -> list[dict[str, Any]]:
    """Return the vectors of lists of consent requests."""
    return [make().vector(name, valid=True) for name, make in VALID.items()] + [
        make().vector(name, valid=False) for name, make in WRONG.items()
    ]

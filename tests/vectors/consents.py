"""Lists of consents, as the member that holds them gets them, and the states that follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bureau_keys.consent_history import check_consents
from bureau_keys.envelope import seal
from bureau_keys.key_history import logged_keys
from bureau_keys.signing import SigningKey
from creditbureau.v1 import codes_pb2, consent_pb2
from creditbureau.v1.consent_pb2 import Consent, ConsentChange
from creditbureau.v1.consents_pb2 import ConsentView, ErasedChange, ListConsentsResponse
from creditbureau.v1.envelope_pb2 import Envelope
from creditbureau.v1.members_pb2 import LoggedStatement
from creditbureau.v1.subjects_pb2 import (
    IDENTIFICATION_METHOD_IN_PERSON,
    KeyAttestation,
    KeyBinding,
    KeyRepudiation,
    KeyRotation,
)
from tests.vectors.cast import (
    NOON_US,
    SUBJECT,
    TRUST,
    Log,
    encoded,
    flipped,
    header,
    key,
    moment,
    request_id,
    trust_of,
)
from tests.vectors.members import Consortium, consortium

OTHER = "cd" * 16
CALLER = "members/brook"
PERSON, SECOND = key("person"), key("person/2")
PAUSE = consent_pb2.CONSENT_TRANSITION_PAUSE
RESUME = consent_pb2.CONSENT_TRANSITION_RESUME
REVOKE = consent_pb2.CONSENT_TRANSITION_REVOKE
ACTIVE = consent_pb2.CONSENT_STATE_ACTIVE
PAUSED = consent_pb2.CONSENT_STATE_PAUSED
EXPIRED = consent_pb2.CONSENT_STATE_EXPIRED
REVOKED = consent_pb2.CONSENT_STATE_REVOKED
REPLACED = consent_pb2.CONSENT_STATE_REPLACED
DAY_US = 86_400_000_000


def binding(own: SigningKey, subject_id: str = SUBJECT) -> Envelope:
    """Return the statement that binds a key to a subject, signed with the key."""
    name = f"binding/{own.verify_key.key_id}"
    message = KeyBinding(
        header=header(f"subjects/{subject_id}", name),
        subject_id=subject_id,
        public_key=own.verify_key.raw,
    )
    return seal(message, own)


def logged(log: Log, kind: str, statement: Any, own: SigningKey) -> LoggedStatement:
    """Sign a statement and log it."""
    envelope, receipt = log.say(kind, statement, own)
    return LoggedStatement(envelope=envelope, receipt=receipt)


def attestation(own: SigningKey, subject_id: str = SUBJECT, name: str = "") -> KeyAttestation:
    """Return acme's attestation of a subject's key."""
    return KeyAttestation(
        header=header("members/acme", name or "attestation"),
        binding=binding(own, subject_id),
        method=IDENTIFICATION_METHOD_IN_PERSON,
        identify_time=moment(NOON_US),
    )


def _members() -> Consortium:
    all_of = consortium()
    all_of.admit("brook", key("brook"))
    return all_of


@dataclass(slots=True)
class Listed:
    """A list of consents, with the log that has its statements."""

    members: Consortium = field(default_factory=_members)
    reply: ListConsentsResponse = field(default_factory=ListConsentsResponse)

    @property
    def log(self) -> Log:
        return self.members.log

    def attest(self, own: SigningKey = PERSON, subject_id: str = SUBJECT) -> None:
        statement = attestation(own, subject_id, f"attestation/{own.verify_key.key_id}")
        self.reply.keys.append(logged(self.log, "attestation", statement, key("acme/2")))

    def rotate(self, own: SigningKey = PERSON, new: SigningKey = SECOND) -> None:
        statement = KeyRotation(header=header(f"subjects/{SUBJECT}", "rotation"))
        statement.binding.CopyFrom(binding(new))
        self.reply.keys.append(logged(self.log, "key-rotation", statement, own))

    def grant(
        self,
        own: SigningKey = PERSON,
        subject_id: str = SUBJECT,
        name: str = "consent",
        kind: str = "consent",
        **changes: Any,
    ) -> ConsentView:
        """Grant a consent to brook, which shows it first: the newest first."""
        fields: dict[str, Any] = {
            "header": header(f"subjects/{subject_id}", name),
            "subject_id": subject_id,
            "grantee": "brook",
            "actions": [codes_pb2.ACTION_INQUIRE],
            "purposes": [codes_pb2.PURPOSE_CREDIT_APPLICATION],
            "sections": [codes_pb2.SECTION_TRADELINES],
            "history_months": 24,
            "start_time": moment(NOON_US),
            "expire_time": moment(NOON_US + DAY_US),
            "max_uses": 3,
        }
        granted = logged(self.log, kind, Consent(**(fields | changes)), own)
        view = ConsentView(
            consent_id=request_id(name),
            consent=granted.envelope,
            receipt=granted.receipt,
            state=ACTIVE,
            use_count=1,
        )
        self.reply.consents.insert(0, view)
        return self.reply.consents[0]

    def change(
        self,
        transition: consent_pb2.ConsentTransition.ValueType,
        state: consent_pb2.ConsentState.ValueType,
        own: SigningKey = PERSON,
        **changes: Any,
    ) -> None:
        """Change the first consent of the list, which is then shown in a state."""
        view = self.reply.consents[0]
        name = f"change/{len(view.changes)}"
        fields: dict[str, Any] = {
            "header": header(f"subjects/{SUBJECT}", name),
            "consent_id": view.consent_id,
            "transition": transition,
            "note": "moved",
        }
        statement = ConsentChange(**(fields | changes))
        view.changes.append(logged(self.log, "consent-change", statement, own))
        view.state = state

    def repudiate(self, named: SigningKey, signer: str, own: SigningKey) -> None:
        """Repudiate a key of the subject, which revokes the first consent of the list."""
        view = self.reply.consents[0]
        statement = KeyRepudiation(
            header=header(signer, "repudiation"),
            subject_id=SUBJECT,
            key_id=named.verify_key.key_id,
        )
        view.changes.append(logged(self.log, "key-repudiation", statement, own))
        view.state = REVOKED


def _granted(own: SigningKey = PERSON, **changes: Any) -> Listed:
    """Return the list of one consent, under a key that acme attested."""
    listed = Listed()
    listed.attest()
    listed.grant(own, **changes)
    return listed


def _rotated(own: SigningKey = SECOND) -> Listed:
    """Return the list of a consent that was granted after the subject rotated their key."""
    listed = Listed()
    listed.attest()
    listed.rotate()
    listed.grant(own)
    return listed


def _of_two_subjects() -> Listed:
    listed = _granted()
    listed.attest(key("other person"), OTHER)
    listed.grant(key("other person"), OTHER, "other consent")
    return listed


def _changed(*steps: tuple[consent_pb2.ConsentTransition.ValueType, int], **more: Any) -> Listed:
    """Return the list of a consent after changes, each with the state that is shown then."""
    listed = _granted()
    for transition, state in steps:
        listed.change(transition, state, **more)  # type: ignore[arg-type]
    return listed


def _replaced(
    state: int = REPLACED, *, is_shown: bool = True, has_ended: bool = False, **changes: Any
) -> Listed:
    """Return the list of a consent and of the newer one that replaces it."""
    past: dict[str, Any] = {
        "start_time": moment(NOON_US - 2 * DAY_US),
        "expire_time": moment(NOON_US - DAY_US),
    }
    listed = _granted(**(past if has_ended else {}))
    first = request_id("consent")
    fields = {"replaces": first, "arrangement_id": first} | changes
    newer = listed.grant(name="newer consent", **fields)
    earlier = listed.reply.consents[1]
    if is_shown:
        earlier.changes.add(envelope=newer.consent, receipt=newer.receipt)
    earlier.state = state  # type: ignore[assignment]
    return listed


def _replaced_twice() -> Listed:
    """Return the list of a consent, of the one in its place and of the one after that."""
    listed = _replaced()
    first, second = request_id("consent"), request_id("newer consent")
    newest = listed.grant(name="newest consent", replaces=second, arrangement_id=first)
    listed.reply.consents[1].changes.add(envelope=newest.consent, receipt=newest.receipt)
    listed.reply.consents[1].state = REPLACED
    return listed


def _erased(state: consent_pb2.ConsentState.ValueType = REVOKED, offset: int = 1) -> Listed:
    """Return the list of a consent that was paused and revoked; the first change was erased."""
    listed = _granted()
    view = listed.reply.consents[0]
    pause = ConsentChange(header=header(f"subjects/{SUBJECT}", "pause"), transition=PAUSE)
    receipt = logged(listed.log, "consent-change", pause, PERSON).receipt
    erased = ErasedChange(
        leaf_index=view.receipt.leaf_index + offset, log_time=receipt.log_time, transition=PAUSE
    )
    listed.change(REVOKE, state)
    view.erased_changes.append(erased)
    return listed


def _repudiated(
    named: SigningKey = SECOND, signer: str = f"subjects/{SUBJECT}", own: SigningKey = PERSON
) -> Listed:
    """Return the list of a consent under a second key that acme attested, then repudiated."""
    listed = Listed()
    listed.attest()
    listed.attest(SECOND)
    listed.grant(SECOND)
    listed.repudiate(named, signer, own)
    return listed


def _shown(state: int, **changes: Any) -> Listed:
    listed = _granted()
    view = listed.reply.consents[0]
    for name, value in ({"state": state} | changes).items():
        setattr(view, name, value)
    return listed


def _altered(alter: Callable[[ListConsentsResponse], Any]) -> Listed:
    listed = _changed((PAUSE, PAUSED), (RESUME, ACTIVE))
    alter(listed.reply)
    return listed


def _other_bit(reply: ListConsentsResponse) -> None:
    signature = reply.consents[0].consent.signatures[0]
    signature.sig = flipped(signature.sig)


def _other_receipt() -> Listed:
    listed = _granted()
    other = listed.grant(name="another")
    listed.reply.consents[1].receipt.CopyFrom(other.receipt)
    return listed


def _before_its_key() -> Listed:
    listed = Listed()
    listed.grant()
    listed.attest()
    return listed


def _unordered() -> Listed:
    listed = _of_two_subjects()
    keys = [*listed.reply.keys]
    del listed.reply.keys[:]
    listed.reply.keys.extend(reversed(keys))
    return listed


def _of_another(**changes: Any) -> Listed:
    """Return the list of a consent whose change is another one's."""
    return _changed((REVOKE, REVOKED), **changes)


def _rotated_later() -> Listed:
    listed = _granted()
    listed.rotate()
    return listed


def _later_key() -> Listed:
    """Return a consent under the first key, shown with the repudiation of the second one."""
    listed = Listed()
    listed.attest()
    listed.attest(SECOND)
    listed.grant(PERSON)
    listed.repudiate(SECOND, f"subjects/{SUBJECT}", PERSON)
    return listed


VALID: dict[str, Callable[[], Listed]] = {
    "no consents": Listed,
    "a consent": _granted,
    "consents of two subjects": _of_two_subjects,
    "a consent under the subject's second key": _rotated,
    "a consent under a key that was rotated later": _rotated_later,
    "a consent that was paused": lambda: _changed((PAUSE, PAUSED)),
    "a consent that was paused and resumed": lambda: _changed((PAUSE, PAUSED), (RESUME, ACTIVE)),
    "a consent that was paused and revoked": lambda: _changed((PAUSE, PAUSED), (REVOKE, REVOKED)),
    "a consent that has expired": lambda: _shown(EXPIRED),
    "a paused consent that has expired": lambda: _changed((PAUSE, EXPIRED)),
    "a consent that a newer one replaced": _replaced,
    "a consent that had expired when a newer one replaced it": lambda: _replaced(
        EXPIRED, has_ended=True
    ),
    "two consents that newer ones replaced": _replaced_twice,
    "a consent with an erased change": _erased,
    "a consent whose key the subject repudiated": _repudiated,
    "a consent whose key a member repudiated": lambda: _repudiated(
        signer="members/acme", own=key("acme/2")
    ),
}
WRONG: dict[str, Callable[[], Listed]] = {
    "a consent that nobody's key signed": lambda: _granted(key("thief")),
    "a consent with one bit of its signature changed": lambda: _altered(_other_bit),
    "a consent under a key that was rotated before": lambda: _rotated(PERSON),
    "a consent that was logged before its key": _before_its_key,
    "a consent for another member": lambda: _granted(grantee="acme"),
    "a consent for another bureau": lambda: _granted(
        header=header(f"subjects/{SUBJECT}", "consent", audience="other.example/log")
    ),
    "a consent that is another subject's": lambda: _granted(
        header=header(f"subjects/{OTHER}", "consent")
    ),
    "a consent under another id": lambda: _shown(ACTIVE, consent_id=request_id("another")),
    "a consent with another receipt": _other_receipt,
    "a consent that was logged as another kind": lambda: _granted(kind="consent-change"),
    "a consent without the statements about its key": lambda: _altered(
        lambda reply: reply.keys.clear()
    ),
    "statements about keys in another order": _unordered,
    "a number of uses below zero": lambda: _shown(ACTIVE, use_count=-1),
    "a consent that nothing paused, shown as paused": lambda: _shown(PAUSED),
    "a paused consent, shown as active": lambda: _changed((PAUSE, ACTIVE)),
    "a revoked consent, shown as expired": lambda: _changed((REVOKE, EXPIRED)),
    "a consent without a state": lambda: _shown(consent_pb2.CONSENT_STATE_UNSPECIFIED),
    "a resumed consent without its pause": lambda: _altered(
        lambda reply: reply.consents[0].changes.pop(0)
    ),
    "a change twice": lambda: _altered(
        lambda reply: reply.consents[0].changes.append(reply.consents[0].changes[1])
    ),
    "a change of a revoked consent": lambda: _changed((REVOKE, REVOKED), (RESUME, ACTIVE)),
    "a change that nobody's key signed": lambda: _of_another(own=key("thief")),
    "a change by another subject": lambda: _of_another(
        header=header(f"subjects/{OTHER}", "change/0")
    ),
    "a change of another consent": lambda: _of_another(consent_id=request_id("another")),
    "a replaced consent, shown as active": lambda: _replaced(ACTIVE),
    "a replaced consent, shown as expired": lambda: _replaced(EXPIRED),
    "a replaced consent, shown as revoked": lambda: _replaced(REVOKED),
    "a replaced consent without the newer one among its changes": lambda: _replaced(
        ACTIVE, is_shown=False
    ),
    "a consent that is replaced by one that replaces another": lambda: _replaced(
        replaces=request_id("another")
    ),
    "a consent that is replaced by one of another arrangement": lambda: _replaced(
        arrangement_id=request_id("another")
    ),
    "a change that says that it replaces": lambda: _changed(
        (consent_pb2.CONSENT_TRANSITION_REPLACE, REPLACED)
    ),
    "an erased change at the leaf of the consent": lambda: _erased(offset=0),
    "an erased change at the leaf of another change": lambda: _erased(offset=2),
    "a consent with an erased change, shown as active": lambda: _erased(ACTIVE),
    "the repudiation of a later key": _later_key,
    "a repudiation that the repudiated key signed": lambda: _repudiated(own=SECOND),
    "a repudiation by another member than it names": lambda: _repudiated(
        signer="members/brook", own=key("acme/2")
    ),
}


def vectors() -> list[dict[str, Any]]:
    return [_vector(name, make(), valid=True) for name, make in VALID.items()] + [
        _vector(name, make(), valid=False) for name, make in WRONG.items()
    ]


# The state that the statements of each consent lead to, as numbers: ACTIVE, PAUSED, REVOKED or
# REPLACED.
def _vector(name: str, listed: Listed, *, valid: bool) -> dict[str, Any]:
    members = listed.members.members.values()
    vector: dict[str, Any] = {
        "name": name,
        "reply": encoded(listed.reply),
        "caller": CALLER,
        "members": [encoded(member) for member in members],
        "trust": trust_of(TRUST),
        "valid": valid,
    }
    if valid:
        keys = logged_keys(members, TRUST)
        histories = check_consents(listed.reply.consents, listed.reply.keys, keys, TRUST)
        vector["states"] = {
            history.consent.header.request_id: history.state for history in histories
        }
    return vector

"""Codes of permission: roles, purposes, consents."""

from __future__ import annotations

from bureau_client.models.codes.base import Code


class Role(Code):
    """Role that a member is admitted in."""

    UNSPECIFIED = 0
    FURNISHER = 1
    SUBSCRIBER = 2
    ATTESTER = 3
    AGENT = 4
    AUDITOR = 5
    OPERATOR = 6


class MemberState(Code):
    """State of a member; a suspended one may not call the bureau."""

    UNSPECIFIED = 0
    ACTIVE = 1
    SUSPENDED = 2


class ReciprocityLevel(Code):
    """Access of a member to others' accounts, earned by furnishing its own."""

    UNSPECIFIED = 0
    FULL = 1
    DEFAULT_ONLY = 2  # accounts in default alone
    NONE = 3  # its own alone


class IdentificationMethod(Code):
    """Method by which the attesting member identified the person."""

    UNSPECIFIED = 0
    IN_PERSON = 1
    REMOTE_DOCUMENT = 2
    ELECTRONIC_ID = 3
    EXISTING_CUSTOMER = 4


class Purpose(Code):
    """Permissible purpose of an inquiry (FCRA section 604)."""

    UNSPECIFIED = 0
    COURT_ORDER = 1
    WRITTEN_INSTRUCTION = 2
    CREDIT_APPLICATION = 3
    ACCOUNT_REVIEW = 4
    COLLECTION = 5
    EMPLOYMENT = 6
    INSURANCE = 7
    LICENCE = 8
    INVESTOR_OR_SERVICER = 9
    CONSUMER_TRANSACTION = 10
    PRESCREEN = 11
    SUBJECT_DISCLOSURE = 12


class Action(Code):
    """Action that a consent allows the grantee."""

    UNSPECIFIED = 0
    FURNISH = 1
    INQUIRE = 2
    MONITOR = 3


class Section(Code):
    """Part of a report that a consent can open."""

    UNSPECIFIED = 0
    SUMMARY = 1
    TRADELINES = 2
    PAYMENT_HISTORY = 3
    INQUIRIES = 4
    ATTRIBUTES = 5
    EVIDENCE = 6
    DISPUTES = 7


class ConsentMode(Code):
    """Handling of the report that a consent allows (ReBIT consent artefact)."""

    UNSPECIFIED = 0
    VIEW = 1  # look, and keep nothing
    STORE = 2  # keep for the data life
    QUERY = 3  # ask again and again within the limits
    STREAM = 4  # receive changes


class FrequencyUnit(Code):
    """Calendar unit of a frequency, UTC."""

    UNSPECIFIED = 0
    DAY = 1
    MONTH = 2
    YEAR = 3


class ConsentTransition(Code):
    """Change of a consent by its subject; REVOKE and REPLACE are final."""

    UNSPECIFIED = 0
    PAUSE = 1
    RESUME = 2
    REVOKE = 3
    REPLACE = 4  # by a newer consent


class ConsentEventKind(Code):
    """Kind of a change of a consent, as its grantee hears of it."""

    UNSPECIFIED = 0
    GRANTED = 1
    PAUSED = 2
    RESUMED = 3
    REVOKED = 4
    EXHAUSTED = 5  # the last of its uses was used
    EXPIRED = 6
    REPLACED = 7  # by a newer consent of the person for the member


class ConsentState(Code):
    """State of a consent."""

    UNSPECIFIED = 0
    ACTIVE = 1
    PAUSED = 2
    REVOKED = 3
    EXPIRED = 4
    EXHAUSTED = 5
    PENDING = 6
    REPLACED = 7


class ConsentRequestState(Code):
    """State of a consent request, which has one answer at most."""

    UNSPECIFIED = 0
    PENDING = 1
    GRANTED = 2
    NARROWED = 3  # granted by a consent that is narrower in a field
    DECLINED = 4
    EXPIRED = 5
    WITHDRAWN = 6

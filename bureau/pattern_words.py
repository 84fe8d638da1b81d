"""Words for the patterns of the contract's fields: a person reads no regular expression."""

from __future__ import annotations

_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_A_UUID = "a UUID in small letters, for example 0f6b3c1e-5a4d-4c2b-9e8f-7a6b5c4d3e2f"
_A_SUBJECT = "a subject id: 32 characters of 0 to 9 and a to f"
_A_MEMBER = (
    "a member id: small letters, digits and dashes, the first one a letter, at most 63 characters"
)
_NAMED = "small letters, digits, dots, dashes and underscores"

# What a value must be, by the pattern; every pattern of the contract is here.
WORDS = {
    f"^{_UUID}$": f"must be {_A_UUID}",
    f"^({_UUID})?$": f"must be {_A_UUID}, or empty",
    "^[0-9a-f]{32}$": f"must be {_A_SUBJECT}",
    "^([0-9a-f]{32})?$": f"must be {_A_SUBJECT}, or empty",
    "^[0-9a-f]{64}$": "must be a SHA-256: 64 characters of 0 to 9 and a to f",
    "^[a-z][a-z0-9-]{0,62}$": f"must be {_A_MEMBER}",
    "^([a-z][a-z0-9-]{0,62})?$": f"must be {_A_MEMBER}; or empty",
    "^(members/[a-z][a-z0-9-]{0,62}|subjects/[0-9a-f]{32}|bureau)$": (
        "must be a signer: members/ with a member id, subjects/ with a subject id, or bureau"
    ),
    "^[A-Za-z0-9_.]+/[A-Za-z]+$": "must be a method, for example creditbureau.v1.Subjects/GetFile",
    "^[a-z0-9][a-z0-9._-]{0,63}$": f"must be 1 to 64 {_NAMED}, the first one a letter or a digit",
    "^[a-z0-9._-]{1,64}$": f"must be 1 to 64 {_NAMED}",
    r"^[a-z0-9_]{1,64}(\.[A-Z]{3})?$": (
        "must be the key of an attribute, for example inquiries_6m or total_balance.USD"
    ),
    r"^[^\x00-\x20+]+$": "must be a name without spaces, control characters and plus signs",
    "^[a-z0-9_.]{1,64}$": "must be 1 to 64 small letters, digits, dots and underscores",
    "^[a-z_]{1,64}$": "must be 1 to 64 small letters and underscores",
    "^[A-Za-z0-9._-]{1,64}$": "must be 1 to 64 letters, digits, dots, dashes and underscores",
    "^[A-Za-z0-9._-]{0,32}$": "must be at most 32 letters, digits, dots, dashes and underscores",
    "^[A-Z]{2}$": "must be a country of two capital letters, for example US",
    "^[A-Z]{0,2}$": "must be a country of two capital letters, for example US, or empty",
    "^[A-Z]{3}$": "must be a currency of three capital letters, for example USD",
    "^([A-Z]{3})?$": "must be a currency of three capital letters, for example USD, or empty",
    "^[0-9A-Z]{2}$": "must be two capital letters or digits, for example 18",
    "^[0-6GL]?$": "must be one of 0 to 6, G and L, or empty",
    r"^([0-9]{1,16}\.[0-9a-f-]{0,36}\.[0-9]{1,16}\.[0-9a-f-]{0,36})?$": (
        "must be a cursor, as a change of a consent has it, or empty"
    ),
    r"^([0-9]{1,18}\.[0-9]{1,18}\.[0-9]{1,18}\.[0-9]{1,18}\.[0-9a-f-]{0,36})?$": (
        "must be a cursor, as a notice has it, or empty"
    ),
    r"^([0-9]{1,18}\.[0-9a-f]{0,32}\.[0-9]{1,18}\.[0-9]{1,18}\.[0-9]{1,18}\.[0-9a-f-]{0,36})?$": (
        "must be a cursor, as a relayed notice has it, or empty"
    ),
    "^([A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3})?$": (
        "must be a language tag, for example en or zh-CN, or empty"
    ),
    "^[!-~]{0,64}$": "must be at most 64 letters, digits and signs of ASCII, without spaces",
    "^[!-~]{1,64}$": "must be 1 to 64 letters, digits and signs of ASCII, without spaces",
    "^[!-~]{1,32}$": "must be 1 to 32 letters, digits and signs of ASCII, without spaces",
    "^[ -~]{0,128}$": "must be at most 128 letters, digits, signs and spaces of ASCII",
}


def words_of(pattern: str) -> str:
    """Return what a value must be to match a pattern of the contract."""
    return WORDS.get(pattern, "has characters or a form that this field does not allow")

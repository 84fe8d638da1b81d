"""Texts of every code and every refusal, in every language that has a file."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from bureau.errors import REASONS
from bureau_client import AccountStatus, ActionReason, ConsentRevoked, HoldKind
from bureau_client.models import codes
from bureau_client.models.codes import Code
from bureau_client.models.texts import DEFAULT, languages, lookup, nearest
from bureau_client.models.violations import Violation

CODES = [
    cls
    for name in codes.__all__
    if issubclass(cls := getattr(codes, name), Code) and cls is not Code
]
LANGUAGES = sorted(languages())
OF_A_LANGUAGE = {"terms", "never", "Reason"}
JARGON = re.compile("protobuf|grpc|enum|envelope|payload", re.IGNORECASE)


def script(text: str) -> str:
    """The script that most letters of a text are in: `LATIN`, `CJK`."""
    names = Counter(unicodedata.name(letter).split()[0] for letter in text if letter.isalpha())
    return names.most_common(1)[0][0]


def ends_a_sentence(text: str) -> bool:
    return unicodedata.category(text[-1]) == "Po"


def is_in(language: str, text: str) -> bool:
    """Whether a text is in the script of the language's terms, and no English left over."""
    terms = "".join(forms[0] for forms in languages()[language]["terms"].values())
    return script(text) == script(terms)


def test_english_answers_for_languages_without_a_file() -> None:
    assert DEFAULT in LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_its_words_and_no_words_are_left_over(language: str) -> None:
    tables = {
        name: set(table)
        for name, table in languages()[language].items()
        if isinstance(table, dict) and name not in OF_A_LANGUAGE
    }
    assert tables == {cls.__name__: {code.name for code in cls if code} for cls in CODES}
    for cls in CODES:
        for code in cls:
            if code:
                words = code.text_in(language)
                assert not JARGON.search(words)
                assert is_in(language, words), code
                assert not ends_a_sentence(words), code


def raised_here() -> set[str]:
    """The reasons that the SDK and its keys give of themselves."""
    reasons = {
        reason
        for package in ("bureau_client", "bureau_keys")
        for path in Path(str(files(package))).rglob("*.py")
        for reason in re.findall(r'(?i:reason|refused) ?= ?"([A-Z_]+)"', path.read_text("utf-8"))
    }
    assert {"BAD_PROOF", "LOCKED_KEY", "TLS_REFUSED"} <= reasons
    return reasons


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_declined_person_reads_what_to_do(language: str) -> None:
    for reason in ActionReason:
        if reason:
            assert is_in(language, reason.fix_in(language)), reason
            assert ends_a_sentence(reason.fix_in(language)), reason
    assert AccountStatus.CURRENT.fix_in(language) == ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_says_what_it_means_and_what_to_do(language: str) -> None:
    texts = languages()[language]["Reason"]
    assert set(texts) == set(REASONS) | raised_here()
    for reason, words in texts.items():
        assert set(words) == {"text", "fix"}, reason
        for text in words.values():
            assert is_in(language, text), reason
            assert ends_a_sentence(text), reason


def test_the_nearest_language_is_found() -> None:
    assert HoldKind.SECURITY_FREEZE.text_in("zh-CN") == HoldKind.SECURITY_FREEZE.text_in("zh")
    assert AccountStatus.CURRENT.text_in("zh_Hans_CN").startswith("正常")
    english = AccountStatus.CHARGE_OFF.text_in("en")
    assert AccountStatus.CHARGE_OFF.text_in("xx") == english
    assert AccountStatus.CHARGE_OFF.text_in("") == english
    assert AccountStatus(999).text_in("zh") == "unknown 999"
    texts = {"en": "yes", "pt-BR": "sim"}
    assert nearest(texts, "pt-br") == ["sim", "yes"]
    assert nearest(texts, "pt") == ["yes"]
    assert nearest({}, "pt") == []


def test_a_clock_that_is_ahead_is_named_as_such() -> None:
    """The Chinese text once said that the time of signing was too early."""
    text, fix = lookup("Reason", "CLOCK_SKEW", "zh")
    assert "比征信机构的时钟快" in text
    assert "ahead of the bureau's clock" in lookup("Reason", "CLOCK_SKEW", "en")[0]
    assert "校准签署设备的时钟" in fix


def test_a_refusal_is_explained_in_a_persons_language() -> None:
    error = ConsentRevoked(
        "The subject revoked the consent",
        reason="CONSENT_REVOKED",
        request_id="7c9e",
        violations=[Violation("consent_id", "x", "y")],
    )
    assert error.explain() == (
        "The person has revoked the consent. [consent_id] Respect the decision. "
        "If you need to go on, ask the person for a new consent. (7c9e)"
    )
    assert error.explain("zh-CN") == (
        "信息主体已撤回授权。 [consent_id] "
        "请尊重该决定。如确有需要，请重新取得信息主体的授权。 (7c9e)"
    )
    assert ConsentRevoked("Told so", reason="NEW").explain("zh") == "Told so."

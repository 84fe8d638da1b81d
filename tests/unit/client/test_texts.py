"""Words for every code and every refusal, in every language."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from bureau.errors import REASONS
from bureau_client import AccountStatus, ActionReason, ConsentRevoked, HoldKind
from bureau_client.models import codes
from bureau_client.models.codes import Code
from bureau_client.models.texts import languages
from bureau_client.models.violations import Violation

CODES = [
    cls
    for name in codes.__all__
    if issubclass(cls := getattr(codes, name), Code) and cls is not Code
]
HAN = re.compile("[\u4e00-\u9fff]")
JARGON = re.compile("protobuf|grpc|enum|envelope|payload", re.IGNORECASE)


def test_there_are_english_and_chinese() -> None:
    assert set(languages()) == {"en", "zh"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_code_has_its_words_and_no_words_are_left_over(language: str) -> None:
    tables = {
        name: set(table)
        for name, table in languages()[language].items()
        if isinstance(table, dict) and name != "Reason"
    }
    assert tables == {cls.__name__: {code.name for code in cls if code} for cls in CODES}
    for cls in CODES:
        for code in cls:
            if code:
                words = code.text_in(language)
                assert words
                assert not JARGON.search(words)
                assert bool(HAN.search(words)) is (language == "zh")


def raised_here() -> set[str]:
    """The reasons that the SDK and its keys give of themselves."""
    found = {
        reason
        for package in ("bureau_client", "bureau_keys")
        for at in Path(str(files(package))).rglob("*.py")
        for reason in re.findall(r'(?i:reason|refused) ?= ?"([A-Z_]+)"', at.read_text("utf-8"))
    }
    assert {"BAD_PROOF", "LOCKED_KEY", "TLS_REFUSED"} <= found
    return found


def test_a_declined_person_reads_what_to_do() -> None:
    for reason in ActionReason:
        if reason:
            assert reason.fix_in("en").endswith(".")
            assert reason.fix_in("zh").endswith("。")
    assert AccountStatus.CURRENT.fix_in("en") == ""


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_refusal_says_what_it_means_and_what_to_do(language: str) -> None:
    told = languages()[language]["Reason"]
    assert set(told) == set(REASONS) | raised_here()
    for reason, words in told.items():
        assert set(words) == {"text", "fix"}, reason
        for text in words.values():
            assert bool(HAN.search(text)) is (language == "zh"), reason


def test_the_nearest_language_is_found() -> None:
    assert HoldKind.SECURITY_FREEZE.text_in("zh-CN") == HoldKind.SECURITY_FREEZE.text_in("zh")
    assert AccountStatus.CURRENT.text_in("zh_Hans_CN").startswith("正常")
    english = AccountStatus.CHARGE_OFF.text_in("en")
    assert AccountStatus.CHARGE_OFF.text_in("xx") == english
    assert AccountStatus.CHARGE_OFF.text_in("") == english
    assert AccountStatus(999).text_in("zh") == "unknown 999"


def test_a_refusal_is_explained_in_a_persons_language() -> None:
    error = ConsentRevoked(
        "The subject revoked the consent",
        reason="CONSENT_REVOKED",
        request_id="7c9e",
        violations=[Violation("consent_id", "x", "y")],
    )
    assert error.explain() == (
        "The person took the consent back. [consent_id] Ask for a new one. (7c9e)"
    )
    assert error.explain("zh-CN") == (
        "本人已撤回授权。 [consent_id] 请尊重本人的决定。如确有需要，请重新取得授权。 (7c9e)"
    )
    assert ConsentRevoked("Told so", reason="NEW").explain("zh") == "Told so."

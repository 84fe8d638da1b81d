"""One term for each notion: what the texts of every language, the SDK's and the bureau's, keep.

Each language's file names its terms and the words that its texts do not use; the tests read
them there, so that a further language brings its own.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from importlib.resources import files
from itertools import pairwise
from typing import Any

import pytest

from bureau.credit_file.report_versions import VERSIONS, current_version
from bureau_client.models.reasons import reason_texts
from bureau_client.models.texts import DEFAULT, languages
from tests.documents import DOCS

TERMS, NEVER, SAME = "terms", "never", "same"
# Scripts that put no spaces between words.
UNSPACED = {"CJK", "HIRAGANA", "KATAKANA", "THAI"}
LANGUAGES = sorted(languages())
DATA = files("bureau") / "data"


def tables(folder: str) -> dict[str, dict[str, Any]]:
    """The files of a folder of the bureau's texts, by language."""
    return {
        path.name.removesuffix(".toml"): tomllib.loads(path.read_text("utf-8"))
        for path in DATA.joinpath(*folder.split("/")).iterdir()
        if path.name.endswith(".toml")
    }


# A language that is younger than the newest version of reports has no texts of flags yet.
FLAGS = tables(f"flag_texts/{current_version().flag_texts}")
OWN = tables("texts")


def entries(language: str, beside: str = "") -> dict[str, str]:
    """Every text of a language, of the SDK and of the bureau, by its key.

    Args:
        beside: A language that may be without texts of flags; if it is, they are left out.
    """
    flags = FLAGS[language] if (beside or language) in FLAGS else {}
    sources = (languages()[language], reason_texts()[language], OWN[language], flags)
    return {key: text for table in sources for key, text in _flat(table)}


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, str):
            if prefix:
                yield prefix + key, value
        elif prefix or key not in {TERMS, NEVER, SAME}:
            yield from _flat(value, f"{prefix}{key}.")


def terms(language: str) -> dict[str, list[str]]:
    """The forms of each notion's term, the term itself first."""
    return languages()[language][TERMS]  # type: ignore[no-any-return]


def pattern(words: Mapping[str, Any] | list[str], end: str = "") -> re.Pattern[str]:
    """Find words, the longest first, so that `security freeze` is no `freeze`.

    Args:
        end: What follows a word of a script that puts spaces between words.
    """
    spaced = [
        re.escape(word)
        if unicodedata.name(word[0]).split()[0] in UNSPACED
        else rf"\b{re.escape(word)}{end}"
        for word in words
    ]
    return re.compile("|".join(sorted(spaced, key=len, reverse=True)), re.IGNORECASE)


def read(language: str, text: str) -> tuple[set[str], str]:
    """The notions that a text names, and the rest of the text."""
    notions = {form.lower(): notion for notion, forms in terms(language).items() for form in forms}
    wording = pattern(list(notions))
    named = {notions[match.lower()] for match in wording.findall(text)}
    return named, wording.sub("·", text)


def test_the_bureau_speaks_the_languages_of_the_sdk() -> None:
    assert sorted(OWN) == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_a_term_for_every_notion(language: str) -> None:
    assert list(terms(language)) == list(terms(DEFAULT))
    forms = [form for forms in terms(language).values() for form in forms]
    assert len(forms) == len(set(forms)), "one word for two notions"


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_entry_names_the_same_notions_in_every_language(language: str) -> None:
    texts, english = entries(language), entries(DEFAULT, beside=language)
    assert list(texts) == list(english), "the same entries, in the same order"
    for key, text in texts.items():
        assert read(language, text)[0] == read(DEFAULT, english[key])[0], f"{key}: {text}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_entry_is_translated(language: str) -> None:
    """A word that a language shares with English is named in the list `same` of its file."""
    if language.partition("-")[0] == DEFAULT:
        return
    texts, english = entries(language), entries(DEFAULT, beside=language)
    untranslated = [key for key, text in texts.items() if text == english[key]]
    assert untranslated == languages()[language].get(SAME, [])


def test_a_version_of_reports_keeps_the_languages_of_the_version_before() -> None:
    spoken = [set(tables(f"flag_texts/{version.flag_texts}")) for version in VERSIONS.values()]
    assert {DEFAULT} <= spoken[0]
    assert all(before <= after for before, after in pairwise(spoken))
    assert spoken[-1] <= set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_term_is_used(language: str) -> None:
    used = {notion for text in entries(language).values() for notion in read(language, text)[0]}
    assert used == set(terms(language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_uses_a_word_that_another_term_replaces(language: str) -> None:
    never = languages()[language][NEVER]
    wrong_word = pattern(never, end=r"s?\b")
    for key, text in entries(language).items():
        if match := wrong_word.search(read(language, text)[1]):
            pytest.fail(f"{key}: {match[0]!r} in {text!r}: use a term, {never}")


def test_a_wrong_word_is_found() -> None:
    assert pattern(languages()["zh"][NEVER]).search(read("zh", "您的报告已启用新密钥")[1])
    assert not pattern(languages()["zh"][NEVER]).search(read("zh", "您的信用报告")[1])
    assert read("zh", "本人已冻结其信用档案。")[0] != read("zh", "已设置安全冻结的信用档案。")[0]
    assert read("en", "A security freeze")[0] == {"security-freeze"}


def test_the_glossary_has_every_term() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (DOCS / "texts.md").read_text("utf-8").splitlines()
        if line.startswith("|")
    ]
    (_, *tags, _), _, *notions = rows
    assert [notion for notion, *_ in notions] == [f"`{notion}`" for notion in terms(DEFAULT)]
    assert all(row[-1] for row in notions), "each says what it means"
    for index, tag in enumerate(tags, 1):
        assert [row[index] for row in notions] == [forms[0] for forms in terms(tag).values()]

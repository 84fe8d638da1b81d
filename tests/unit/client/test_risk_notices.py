"""Notices of adverse actions: their parts, languages and formats."""

from __future__ import annotations

import dataclasses
from datetime import date
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from bureau_client.models.codes import DecisionOutcome
from bureau_client.models.decisions import Decision
from bureau_client.models.reasons import REASON_CODES, reason_text, reason_texts
from bureau_client.models.reports import Report, Standing
from bureau_client.risk.activation import activate
from bureau_client.risk.inputs import inputs_document
from bureau_client.risk.notice_formats import notice_html, notice_pdf, notice_text
from bureau_client.risk.notices import (
    AdverseNotice,
    Letterhead,
    adverse_notice,
    notice_forms,
)
from bureau_client.risk.policy import load_policy
from tests.unit.client.risk_values import (
    APPLICANT,
    GOOD,
    active,
    history,
    report_of,
    tradeline,
)

LETTERHEAD = Letterhead(
    creditor_name="Hillside Bank & Trust",
    creditor_address="1 Hill Street, Springfield",
    creditor_phone="555-0100",
    bureau_name="Shared Credit Bureau",
    bureau_address="2 Bureau Road, Springfield",
    bureau_phone="800-555-0101",
    supervisor_name="Consumer Financial Protection Bureau",
    supervisor_address="1700 G Street NW, Washington DC 20552",
)
DAY = date(2026, 3, 2)
# A policy whose reason `other` is of a computed input.
APPLICATION = Path("tests/demo/frozen_line/application.json")
LATE = GOOD | {"months_30_plus_24m": 4.0, "inquiries_6m": 9.0}
LINES = (tradeline(history=history("0123")),)


def decided(jurisdiction: str = "US", **values: Any) -> tuple[Decision, Report]:
    report = report_of(LATE, tradelines=LINES, **values)
    return active(f"cards-{jurisdiction}").decide(report, inputs_document(APPLICANT)), report


def notice_of(jurisdiction: str, language: str, **values: Any) -> AdverseNotice:
    decision, report = decided(jurisdiction, **values)
    policy = active(f"cards-{jurisdiction}")
    return adverse_notice(decision, policy, report, LETTERHEAD, DAY, language)


def test_a_computed_input_has_the_policys_own_text_too() -> None:
    """A reason names the inputs that a computed one follows from, not the computed one."""
    policy = activate(load_policy(APPLICATION))
    standing = Standing(1, "max_unsecured_exposure_minor", 1_500_000, 470_000, within=True)
    report = report_of(GOOD | {"worst_status_3m": 3.0}, standings=(standing,))
    decision = policy.decide(report, inputs_document({"requested_limit": 1_200_000}))
    (reason,) = decision.reasons
    assert reason.attributes == ("exposure", "requested_limit", "cap")
    for language, words in (
        ("en", "exceed the cap that the lenders"),
        ("zh", "各授信机构约定的上限"),
    ):
        notice = adverse_notice(decision, policy, report, LETTERHEAD, DAY, language)
        assert words in " ".join(part.title for part in notice.parts)


def test_the_notice_has_the_parts_that_the_law_asks_for() -> None:
    text = " ".join(notice_text(notice_of("US", "en")).split())
    for part in (
        "Hillside Bank & Trust",
        "We cannot approve your application.",
        "1. Delinquent past or present credit obligations with others",
        "2. Number of recent inquiries on credit bureau report",
        "Agency: Shared Credit Bureau, 2 Bureau Road, Springfield, telephone 800-555-0101",
        "did not make the decision and is unable to tell you the specific reasons",
        "to a free copy of your report, if you ask the agency no later than 60 days after",
        "right to dispute the matter with the agency",
        "Equal Credit Opportunity Act prohibits creditors from discriminating",
        "is Consumer Financial Protection Bureau, 1700 G Street NW, Washington DC 20552",
        "– birch / revolving account, for example a credit card / 2025-12 / 30 to 59 days past due",
        "Date: 2026-03-02",
    ):
        assert part in text


def test_the_notice_in_china_names_the_rights_of_the_regulation() -> None:
    text = notice_text(notice_of("CN", "zh-CN")).replace("\n", "")
    for part in (
        "信贷审批结果及理由告知书",
        "1. 在其他授信机构的账户目前或曾经逾期",
        "每年两次免费获取本人的信用报告",
        "自收到异议之日起20日内核查处理，并书面答复您",
        "有权拒绝仅通过自动化决策的方式作出的决定",
        "自受理之日起30日内书面答复",
    ):
        assert part in text
    sources = {part.source for part in notice_of("CN", "zh").parts}
    assert {"《征信业管理条例》第十七条", "《征信业管理条例》第二十五条"} <= sources


@pytest.mark.parametrize("jurisdiction", sorted(notice_forms()))
def test_every_part_has_both_languages_and_a_source(jurisdiction: str) -> None:
    form = notice_forms()[jurisdiction]
    assert set(form["outcomes"]) == {code.name for code in DecisionOutcome if code.is_adverse}
    titles = [part["title"] | {"source": part["source"]} for part in form["parts"]]
    for texts in (form["title"], form["reasons"], *form["outcomes"].values(), *titles):
        assert set(texts) == {"en", "zh", "source"}
        assert all(texts.values())
    for part in form["parts"]:
        assert part["en"]
        assert part["zh"]


def test_the_reasons_are_those_of_the_form_and_each_has_texts() -> None:
    assert len(REASON_CODES) == 24
    names = [code.removeprefix("regb.") for code in REASON_CODES]
    for language, texts in reason_texts().items():
        assert list(texts) == names, language
        for code in REASON_CODES:
            reason = reason_text(code, language)
            assert not reason.text.endswith((".", "。"))
            assert reason.why.endswith((".", "。"))
            assert reason.fix.endswith((".", "。"))


def test_another_reason_is_named_in_the_policys_own_words() -> None:
    report = report_of(GOOD, standings=(Standing(1, "max_concurrent_lenders", 3, 5, within=False),))
    policy = active("cards-US")
    decision = policy.decide(report, inputs_document(APPLICANT))
    for language, expected in (
        ("en", "1. More lenders grant unsecured credit than"),
        ("zh", "1. 提供无担保授信的授信机构数量超过共同信用标准"),
    ):
        notice = adverse_notice(decision, policy, report, LETTERHEAD, DAY, language)
        titles = [part.title for part in notice.parts]
        assert any(title.startswith(expected) for title in titles)
        assert not any("exceed" in title for title in titles)


def test_a_counter_offer_states_its_terms() -> None:
    report = report_of(GOOD | {"oldest_account_age": 5.0})
    policy = active("cards-US")
    decision = policy.decide(report, inputs_document(APPLICANT))
    text = notice_text(adverse_notice(decision, policy, report, LETTERHEAD, DAY, "en"))
    assert "Limit: USD 1,000.00" in text
    assert "Price band: B" in text


def test_a_notice_is_of_an_adverse_decision_under_the_policy_and_report_given() -> None:
    decision, report = decided()
    policy = active("cards-US")
    approved = dataclasses.replace(decision, outcome=DecisionOutcome.APPROVE)
    with pytest.raises(ValueError, match="no adverse action"):
        adverse_notice(approved, policy, report, LETTERHEAD, DAY, "en")
    with pytest.raises(ValueError, match="another policy"):
        adverse_notice(decision, active("cards-CN"), report, LETTERHEAD, DAY, "en")
    document = policy.policy.model_copy(update={"jurisdiction": "FR"})
    elsewhere = dataclasses.replace(policy, policy=document)
    same = dataclasses.replace(decision, policy_digest=document.digest)
    with pytest.raises(ValueError, match="'FR' has no notice, only CN, US"):
        adverse_notice(same, elsewhere, report, LETTERHEAD, DAY, "en")


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not {"src", "href"} & {name for name, _ in attrs}, "loads nothing"

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_says_the_same_and_escapes_what_others_wrote() -> None:
    letterhead = dataclasses.replace(LETTERHEAD, creditor_name="Bank <script>alert(1)</script>")
    decision, report = decided()
    notice = adverse_notice(decision, active("cards-US"), report, letterhead, DAY, "en")
    page = Page(notice_html(notice))
    assert "script" not in page.tags
    for part in notice.parts:
        assert part.title in page.text
        assert all(paragraph in page.text for paragraph in part.paragraphs)


@pytest.mark.parametrize(
    ("jurisdiction", "language", "expected"),
    [
        ("US", "en", "We cannot approve your application"),
        ("US", "zh", "我们未能批准您的申请"),
        ("CN", "zh", "每年两次免费获取本人的信用报告"),
    ],
)
def test_the_pdf_says_the_same_in_both_languages(
    jurisdiction: str, language: str, expected: str
) -> None:
    notice = notice_of(jurisdiction, language)
    pdf = notice_pdf(notice)
    assert pdf == notice_pdf(notice), "the same notice gives the same bytes"
    assert len(pdf) < 50_000, "no font is embedded"
    pages = PdfReader(BytesIO(pdf)).pages
    text = "".join("".join(page.extract_text() for page in pages).split())
    assert "".join(expected.split()) in text
    for part in notice.parts:
        assert "".join(part.title.split()) in text


def test_a_letterhead_names_everything(tmp_path: Path) -> None:
    file = tmp_path / "letterhead.toml"
    lines = [f'{name} = "{value}"' for name, value in dataclasses.asdict(LETTERHEAD).items()]
    file.write_text("\n".join(lines))
    assert Letterhead.load(file) == LETTERHEAD
    file.write_text("\n".join(lines[1:]))
    with pytest.raises(ValueError, match="'creditor_name' is missing, empty or unknown"):
        Letterhead.load(file)

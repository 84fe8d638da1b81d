"""The notice of an adverse action, as values: what happened, why, and the person's rights.

The parts that the law asks for are data, one file for each jurisdiction in
`bureau_client/data/notices`, each with its source. `notice_formats` writes a notice as text,
HTML and PDF.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from bureau_client.models.codes import AccountStatus
from bureau_client.models.decisions import Decision, DecisionBasis, DecisionReason
from bureau_client.models.money import format_amount
from bureau_client.models.reasons import OTHER, REASON_CODES, reason_text
from bureau_client.models.reports import Report
from bureau_client.models.texts import DEFAULT, nearest
from bureau_client.risk.active_policy import ActivePolicy
from bureau_client.risk.scorecard import Characteristic, Score, Scorecard
from bureau_client.risk.specified import specified_text

# Status of a month of payment history by its Metro 2 profile character.
STATUS = {
    "1": AccountStatus.PAST_DUE_30,
    "2": AccountStatus.PAST_DUE_60,
    "3": AccountStatus.PAST_DUE_90,
    "4": AccountStatus.PAST_DUE_120,
    "5": AccountStatus.PAST_DUE_150,
    "6": AccountStatus.PAST_DUE_180,
    "G": AccountStatus.COLLECTION,
    "H": AccountStatus.FORECLOSURE,
    "J": AccountStatus.SURRENDER,
    "K": AccountStatus.REPOSSESSION,
    "L": AccountStatus.CHARGE_OFF,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """Names and addresses that a notice states.

    Attributes:
        creditor_name: The lender that decided.
        bureau_name: The bureau whose report it used.
        supervisor_name: The authority that supervises the lender.
    """

    creditor_name: str
    creditor_address: str
    creditor_phone: str
    bureau_name: str
    bureau_address: str
    bureau_phone: str
    supervisor_name: str
    supervisor_address: str

    @classmethod
    def load(cls, path: str | Path) -> Letterhead:
        """Read a letterhead from a TOML file with one key for each field.

        Raises:
            ValueError: A field is missing, empty or unknown.
        """
        settings = tomllib.loads(Path(path).read_text("utf-8"))
        names = [field.name for field in fields(cls)]
        wrong = sorted({*names} ^ settings.keys())
        wrong += [name for name in names if not settings.get(name) and name not in wrong]
        if wrong:
            raise ValueError(
                f"{path}: the field {wrong[0]!r} is missing, empty or unknown; a letterhead has "
                f"{', '.join(names)}"
            )
        return cls(**settings)


@dataclass(frozen=True, slots=True)
class NoticePart:
    """A part of a notice; `source` is the law that asks for it."""

    title: str
    paragraphs: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True)
class AdverseNotice:
    """A notice of an adverse action in one language."""

    title: str
    language: str
    creditor: str
    creditor_address: str
    parts: tuple[NoticePart, ...]


def adverse_notice(
    decision: Decision,
    policy: ActivePolicy,
    report: Report,
    letterhead: Letterhead,
    day: date,
    language: str,
) -> AdverseNotice:
    """Write the notice of an adverse decision.

    Args:
        day: Date of the notice.
        language: BCP 47: `zh-CN` falls back on `zh`, an unknown language on English.

    Raises:
        ValueError: The decision is not adverse, rests on another policy or report, or the
            jurisdiction has no notice.
    """
    if not decision.outcome.is_adverse:
        raise ValueError(f"{decision.outcome} is no adverse action and needs no notice")
    if decision.policy_digest != policy.policy.digest or decision.inquiry_id != report.request_id:
        raise ValueError("the decision rests on another policy or report than the ones given")
    form = notice_forms().get(policy.policy.jurisdiction)
    if form is None:
        known = ", ".join(sorted(notice_forms()))
        raise ValueError(f"jurisdiction {policy.policy.jurisdiction!r} has no notice, only {known}")
    labels = _labels()
    (language, *_) = nearest({tag: tag for tag in labels}, language)
    words = _Words(language, labels[language], decision, policy, report)
    parts = [words.action(form), *words.reasons(form), *words.scores(form, letterhead)]
    for part in form["parts"]:
        text = part[language].format_map(asdict(letterhead))
        parts.append(NoticePart(part["title"][language], (text,), part["source"]))
    reference = f"{words.labels['reference']}: {decision.inquiry_id}"
    parts.append(NoticePart("", (f"{words.labels['date']}: {day.isoformat()}", reference), ""))
    return AdverseNotice(
        title=form["title"][language],
        language=language,
        creditor=letterhead.creditor_name,
        creditor_address=letterhead.creditor_address,
        parts=tuple(parts),
    )


@cache
def notice_forms() -> dict[str, dict[str, Any]]:
    """Read the forms of notices, by jurisdiction."""
    folder = files("bureau_client") / "data" / "notices"
    return {
        file.name.removesuffix(".toml"): tomllib.loads(file.read_text("utf-8"))
        for file in folder.iterdir()
        if file.name != "labels.toml"
    }


@cache
def _labels() -> dict[str, dict[str, str]]:
    file = files("bureau_client") / "data" / "notices" / "labels.toml"
    return tomllib.loads(file.read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class _Words:
    """The parts of a notice that depend on the decision, in one language."""

    language: str
    labels: Mapping[str, str]
    decision: Decision
    policy: ActivePolicy
    report: Report

    def action(self, form: Mapping[str, Any]) -> NoticePart:
        """Return the statement of the action, with the limit and price that are offered."""
        outcome = form["outcomes"][self.decision.outcome.name]
        offer = []
        if self.decision.limit is not None:
            amount = format_amount(self.decision.limit, self.decision.currency)
            offer.append(f"{self.labels['limit']}: {self.decision.currency} {amount}")
        if self.decision.price_band:
            offer.append(f"{self.labels['price_band']}: {self.decision.price_band}")
        return NoticePart("", (outcome[self.language], *offer), outcome["source"])

    def reasons(self, form: Mapping[str, Any]) -> Iterator[NoticePart]:
        """Yield a part for each reason, after a heading."""
        yield NoticePart(form["reasons"][self.language], (), form["reasons"]["source"])
        for number, reason in enumerate(self.decision.reasons, 1):
            texts = reason_text(reason.code, self.language)
            if reason.code == OTHER:
                title, paragraphs = self._specified(reason), []
            else:
                title, paragraphs = self._term(reason.code), [texts.why]
            paragraphs.append(f"{self.labels['fix']}: {texts.fix}")
            if reason.basis:
                paragraphs.append(f"{self.labels['records']}:")
                paragraphs += [f"– {self._record(entry)}" for entry in reason.basis]
            yield NoticePart(f"{number}. {title}", tuple(paragraphs), "")

    def scores(self, form: Mapping[str, Any], letterhead: Letterhead) -> Iterator[NoticePart]:
        """Yield a part for each score that the decision used, if the jurisdiction has the part."""
        part = form.get("score")
        if part is None:
            return
        scores = self.policy.scores(self.report)
        for declared in self.policy.policy.inputs:
            if declared.name in scores:
                scorecard = self.policy.scorecards[declared.key]
                score = scores[declared.name]
                paragraphs = self._score(part, scorecard, score, letterhead)
                yield NoticePart(part["title"][self.language], tuple(paragraphs), part["source"])

    def _score(
        self,
        part: Mapping[str, Any],
        scorecard: Scorecard,
        score: Score,
        letterhead: Letterhead,
    ) -> Iterator[str]:
        values = {
            "points": score.points,
            "lowest": scorecard.lowest,
            "highest": scorecard.highest,
            "day": self.report.issue_time.date().isoformat(),
            "maker": scorecard.maker,
            "scorecard": f"{scorecard.name} {scorecard.version}",
            "bureau_name": letterhead.bureau_name,
        }
        yield from (line.format_map(values) for line in part[self.language])
        factors = score.disclosed_factors
        if factors:
            yield part["factors"][self.language]
        for factor in factors:
            (first, *_) = factor.characteristics
            yield f"– {self._factor(first)}"

    def _factor(self, characteristic: Characteristic) -> str:
        if characteristic.reason == OTHER:
            (text, *_) = nearest(characteristic.specify, self.language)
            return text
        return self._term(characteristic.reason)

    def _term(self, code: str) -> str:
        """Return a reason as a phrase: in English the term of the form itself."""
        english = self.language == DEFAULT
        return REASON_CODES[code] if english else reason_text(code, self.language).text

    def _specified(self, reason: DecisionReason) -> str:
        """Return the own text of each input and characteristic of the reason `other`."""
        texts = [specified_text(self.policy.policy, reason, self.language)]
        texts += [
            self._factor(characteristic)
            for scorecard in self.policy.scorecards.values()
            for characteristic in scorecard.characteristics
            if characteristic.reason == OTHER and characteristic.key in reason.attributes
        ]
        return "; ".join(filter(None, dict.fromkeys(texts)))

    def _record(self, basis: DecisionBasis) -> str:
        """Describe an entry of the report: its furnisher, month, and status or balance."""
        (line,) = (
            line for line in self.report.tradelines if line.tradeline_id == basis.tradeline_id
        )
        parts = [line.member_id, line.portfolio_type.text_in(self.language)]
        months = line.history.months() if line.history is not None else ()
        for month in months:
            if month.month == basis.month:
                status = STATUS.get(month.status)
                amount = f"{line.currency} {format_amount(month.balance_minor, line.currency)}"
                parts += [str(month.month), status.text_in(self.language) if status else amount]
        return " / ".join(parts)

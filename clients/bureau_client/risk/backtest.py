"""Backtest of a policy: champion and challenger decide on the same reports, as of their own times.

Each decides with what was known then; outcomes come strictly later. `backtest_figures` counts,
`backtest_page` writes the report.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import pyarrow as pa

from bureau_client.models.codes import DecisionOutcome
from bureau_client.models.decisions import Decision
from bureau_client.models.reports import Report
from bureau_client.risk.active_policy import ActivePolicy
from bureau_client.risk.declarations import KEY
from bureau_client.risk.input_rows import (
    REPORT_ID,
    SUBJECT_ID,
    InputRows,
    Refusal,
    decide_or_refuse,
)
from bureau_client.risk.outcomes import LOSS
from bureau_client.risk.training import training_set

# Outcomes after which the person can draw, and those after which nothing can be drawn. After
# REFER a person at the lender decides: it is neither.
GRANTS = frozenset(
    {
        DecisionOutcome.APPROVE,
        DecisionOutcome.COUNTER_OFFER,
        DecisionOutcome.INCREASE,
        DecisionOutcome.RESTORE,
        DecisionOutcome.KEEP,
        DecisionOutcome.REDUCE,
    }
)
REFUSES = frozenset({DecisionOutcome.DECLINE, DecisionOutcome.FREEZE})


@dataclass(frozen=True, slots=True)
class PolicyName:
    """The identity of a policy."""

    name: str
    version: str
    digest: bytes

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision of one of the policies.

    Attributes:
        limit: Limit in minor units; None for none.
        reasons: Codes of the principal reasons, most important first.
        exposure_minor: Exposure that the decision leaves open: 0 if it grants nothing, None if it
            is not known.
    """

    outcome: DecisionOutcome
    limit: int | None
    price_band: str
    reasons: tuple[str, ...]
    exposure_minor: int | None

    @property
    def grants(self) -> bool:
        """True if the person can draw after the decision."""
        return self.outcome in GRANTS

    @property
    def refuses(self) -> bool:
        """True if nothing can be drawn after the decision."""
        return self.outcome in REFUSES


@dataclass(frozen=True, slots=True)
class DecisionPair:
    """The decisions of both policies on one report.

    Attributes:
        tradeline_id: Existing line that the decisions are about; empty for an application.
        bad: Outcome of the report; None if it is not known.
        currency: ISO 4217 currency of the exposures.
        loss_given_default: Share of the exposure that is lost; None if it is not known.
    """

    report_id: str
    subject_id: str
    tradeline_id: str
    report_time: datetime
    champion: Decided
    challenger: Decided
    bad: bool | None
    currency: str
    loss_given_default: float | None


@dataclass(frozen=True, slots=True)
class Backtest:
    """Decisions of two policies on the same reports.

    Attributes:
        reports: Number of reports.
        pairs: Reports on which both decided, in the order of the reports.
        refusals: Decisions that a policy refused; the report is in no figure.
    """

    champion: PolicyName
    challenger: PolicyName
    reports: int
    pairs: tuple[DecisionPair, ...]
    refusals: tuple[Refusal, ...]


def backtest(
    champion: ActivePolicy,
    challenger: ActivePolicy,
    reports: Iterable[Report],
    *,
    inputs: Any = None,
    outcomes: Any = None,
    loss_given_default: float | None = None,
) -> Backtest:
    """Decide on reports by two policies, each as of the report's own time.

    The tables may be any with `__arrow_c_stream__`, so frames of polars and pandas too.

    Args:
        reports: Verified reports, of one date or of several; read once, in order.
        inputs: The lender's other inputs: a row has `report_id`, `subject_id` or both, and the
            applicant's data by name of field; a null is a missing value. A policy for existing
            lines decides once for each row, which has `tradeline_id`. A policy reads the fields
            that it declares; the other one's are not unknown to it.
        outcomes: The table of `observe_outcomes`, or one with its columns from another system;
            the columns of LOSS are optional. None for a simulation without outcomes.
        loss_given_default: Share of the exposure that is lost if a person becomes bad, for rows
            of `outcomes` that have none.

    Raises:
        LeakError: An outcome is not later than its report.
        ValueError: The policies are of different kinds or currencies, a table lacks a column, or
            a report comes twice.
    """
    _check_policies(champion, challenger)
    if loss_given_default is not None:
        _check_share("loss_given_default", loss_given_default)
    facts = InputRows(inputs)
    keys: list[_Key] = []
    cases: list[_Case] = []
    refusals: list[Refusal] = []
    for number, report in enumerate(reports):
        keys.append(_Key(report.request_id, report.subject_id, report.issue_time, report.log_size))
        for row in facts.of(report):
            decisions = [
                decide_or_refuse(policy, name, report, row, refusals)
                for name, policy in (("champion", champion), ("challenger", challenger))
            ]
            if decisions[0] is not None and decisions[1] is not None:
                cases.append(_Case(number, decisions[0], decisions[1]))
    observed = _observed(keys, outcomes, champion.policy.currency, loss_given_default)
    return Backtest(
        champion=_name_of(champion),
        challenger=_name_of(challenger),
        reports=len(keys),
        pairs=tuple(_pair(keys[case.report], case, observed[case.report]) for case in cases),
        refusals=tuple(refusals),
    )


class _Key(NamedTuple):
    """The fields of a report that the columns KEY are read from."""

    request_id: str
    subject_id: str
    issue_time: datetime
    log_size: int


class _Case(NamedTuple):
    """Two decisions on the report of an index."""

    report: int
    champion: Decision
    challenger: Decision


class _Observed(NamedTuple):
    """The outcome of a report, with what its loss depends on."""

    bad: bool | None
    exposure_minor: int | None
    currency: str
    loss_given_default: float | None


def _observed(
    keys: Sequence[_Key], outcomes: Any, currency: str, loss_given_default: float | None
) -> list[_Observed]:
    """Return the outcome of each report, after the check that it is later than the report."""
    if outcomes is None:
        return [_Observed(None, None, currency, loss_given_default)] * len(keys)
    table = pa.table(outcomes)
    features = pa.table(
        [column.array(keys) for column in KEY], schema=pa.schema([column.field for column in KEY])
    )
    bad = training_set(features, table)["outcome"].to_pylist()
    losses = _losses(table)
    observed = []
    for key, happened in zip(keys, bad, strict=True):
        loss = losses.get((key.request_id, key.subject_id), {})
        share = loss.get("loss_given_default")
        observed.append(
            _Observed(
                bad=happened,
                exposure_minor=loss.get("exposure_minor"),
                currency=loss.get("currency") or currency,
                loss_given_default=loss_given_default if share is None else share,
            )
        )
    return observed


def _losses(table: pa.Table) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the columns of LOSS that a table of outcomes has, by report.

    Raises:
        ValueError: An exposure is negative, or a share is not between 0 and 1.
    """
    names = [column.name for column in LOSS if column.name in table.column_names]
    losses = {}
    for number, row in enumerate(table.select([REPORT_ID, SUBJECT_ID, *names]).to_pylist()):
        exposure = row.get("exposure_minor")
        if exposure is not None and (exposure < 0 or exposure != int(exposure)):
            raise ValueError(
                f"row {number} of the outcomes has the exposure_minor {exposure}: pass a whole "
                "number of minor units, from 0"
            )
        if (share := row.get("loss_given_default")) is not None:
            _check_share(f"row {number} of the outcomes: loss_given_default", share)
        losses[row.pop(REPORT_ID), row.pop(SUBJECT_ID)] = row
    return losses


def _pair(key: _Key, case: _Case, observed: _Observed) -> DecisionPair:
    return DecisionPair(
        report_id=key.request_id,
        subject_id=key.subject_id,
        tradeline_id=case.champion.tradeline_id,
        report_time=key.issue_time,
        champion=_decided(case.champion, observed),
        challenger=_decided(case.challenger, observed),
        bad=observed.bad,
        currency=observed.currency,
        loss_given_default=observed.loss_given_default,
    )


def _decided(decision: Decision, observed: _Observed) -> Decided:
    return Decided(
        outcome=decision.outcome,
        limit=decision.limit,
        price_band=decision.price_band,
        reasons=tuple(reason.code for reason in decision.reasons),
        exposure_minor=_exposure(decision, observed),
    )


def _exposure(decision: Decision, observed: _Observed) -> int | None:
    """Return the exposure that a decision leaves open: never more than the limit that it gives."""
    if decision.outcome not in GRANTS:
        return 0
    exposure = None if observed.exposure_minor is None else int(observed.exposure_minor)
    if decision.limit is None or decision.currency != observed.currency:
        return exposure
    return decision.limit if exposure is None else min(exposure, decision.limit)


def _name_of(active: ActivePolicy) -> PolicyName:
    policy = active.policy
    return PolicyName(policy.name, policy.version, policy.digest)


def _check_policies(champion: ActivePolicy, challenger: ActivePolicy) -> None:
    for field in ("kind", "currency"):
        one, other = getattr(champion.policy, field), getattr(challenger.policy, field)
        if one != other:
            raise ValueError(
                f"the champion has the {field} {one}, the challenger {other}: compare policies of "
                f"one {field}"
            )


def _check_share(name: str, share: float) -> None:
    if not 0 <= share <= 1:
        raise ValueError(f"{name} {share} is not a share from 0 to 1")

"""An active policy: it decides on reports, and an auditor decides again with it.

It meets `bureau_client.DecisionPolicy`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from bureau_client.models.decisions import Decision, DecisionReason
from bureau_client.models.reports import Report
from bureau_client.risk.basis import MAX_ENTRIES, entries_of
from bureau_client.risk.engine import Engine
from bureau_client.risk.inputs import complete_values, read_document, read_values
from bureau_client.risk.policy import SCORE, Policy
from bureau_client.risk.reasons import Driver, principal_reasons
from bureau_client.risk.scores import Scorecards, Scores, points_of, scores_of
from bureau_client.risk.specified import MAX_ATTRIBUTES, attribute_names
from bureau_client.risk.zen_text import Expression


@dataclass(frozen=True, slots=True)
class ActivePolicy:
    """A policy that passed activation (`activation.activate`).

    Attributes:
        expressions: Compiled expressions of computed inputs, by name.
        scorecards: Pinned scorecards by name.
    """

    policy: Policy
    engine: Engine
    expressions: Mapping[str, Expression]
    scorecards: Scorecards

    @property
    def document(self) -> bytes:
        """The canonical document; its SHA-256 is `Decision.policy_digest`."""
        return self.policy.document

    def scores(self, report: Report) -> Scores:
        """Return the scores of a report by name of input; none for a person without a file.

        Raises:
            InputError: The report has no attribute of a name that a scorecard needs.
        """
        return scores_of(self.policy, self.scorecards, report)

    def decide(self, report: Report, inputs: bytes) -> Decision:
        """Decide on a verified report.

        The same policy, report and inputs give the same decision: the policy pins its
        scorecards, nothing reads the clock, and nothing is drawn by chance.

        Args:
            inputs: The document of the other inputs: a JSON object with the applicant's data,
                and with `tradeline_id` for a decision about an existing line
                (`inputs.inputs_document` writes it). Its SHA-256 is `Decision.inputs_digest`.

        Raises:
            InputError: An input is missing, unknown or outside of its declared range; nothing
                is decided.
            EngineError: The tables gave an output that they do not allow; nothing is decided.
        """
        facts = read_document(inputs)
        read = read_values(self.policy, report, facts)
        scores = self.scores(report)
        values = complete_values(self.policy, self.expressions, read | points_of(scores))
        assessment = self.engine.assess(values)
        drivers = principal_reasons(self.policy, self.engine, values, scores)
        return Decision(
            subject_id=report.subject_id,
            inquiry_id=report.request_id,
            report_digest=report.digest,
            policy_name=self.policy.name,
            policy_version=self.policy.version,
            policy_digest=self.policy.digest,
            inputs_digest=hashlib.sha256(inputs).digest(),
            outcome=assessment.outcome,
            limit=assessment.limit,
            currency="" if assessment.limit is None else self.policy.currency,
            price_band=assessment.price_band,
            tradeline_id=facts.tradeline_id,
            reasons=tuple(self._reason(driver, report, facts.tradeline_id) for driver in drivers),
        )

    def _reason(self, driver: Driver, report: Report, tradeline_id: str) -> DecisionReason:
        inputs = [declared for declared in driver.inputs if declared.source != SCORE]
        names = [name for declared in inputs for name in attribute_names(self.policy, declared)]
        names += [characteristic.key for characteristic in driver.characteristics]
        selections = [declared.basis for declared in inputs]
        selections += [characteristic.basis for characteristic in driver.characteristics]
        entries = [
            entry for basis in selections for entry in entries_of(report, basis, tradeline_id)
        ]
        return DecisionReason(
            code=driver.code,
            attributes=tuple(dict.fromkeys(names))[:MAX_ATTRIBUTES],
            basis=tuple(dict.fromkeys(entries))[:MAX_ENTRIES],
        )

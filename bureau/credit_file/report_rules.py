"""The values that a report is made from, and the rules that make it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bureau.credit_file.attributes.definition import Definition
from bureau.credit_file.consent_state import HeldConsent
from bureau.credit_file.filed import CreditFile, FiledTradeline
from bureau.credit_file.scope import Scope
from bureau.credit_file.subject_state import SubjectState
from bureau.policy import Policy
from creditbureau.v1.report_pb2 import Attribute, Report, Summary
from creditbureau.v1.standard_pb2 import StandardOfCredit


class ReportRequest(NamedTuple):
    """The inquiry that a report answers.

    Attributes:
        request_id: The inquiry's request id.
        digest: The inquiry's digest.
        evidence: EvidenceLevel.
        first_step: Index of the first piece of evidence on the page that is asked for.
    """

    request_id: str
    digest: bytes
    subject_id: str
    purpose: int
    evidence: int
    first_step: int = 0


class ReportInputs(NamedTuple):
    """Everything that a report is made from, read as of one log size.

    Attributes:
        origin: The log's origin, the audience of the report.
        standard: The standard of credit in force; None if none is.
        level: ReciprocityLevel that the member had earned.
        chain_hash: Head of the subject's chain of events.
    """

    origin: str
    request: ReportRequest
    consent: HeldConsent
    file: CreditFile
    state: SubjectState
    standard: StandardOfCredit | None
    level: int
    chain_hash: bytes = b""


class ShapedReport(NamedTuple):
    """A report and the part of the credit file that the report shows.

    Attributes:
        shown: The credit file after retention, disputes and reciprocity.
        scope: The part of `shown` that the consent opens.
    """

    report: Report
    shown: CreditFile
    scope: Scope


# Computes the attributes, and the summary, of a credit file for a reader: the member's id, or
# empty for the subject.
Compute = Callable[[CreditFile, Mapping[str, Definition], str], list[Attribute]]
Summarise = Callable[[CreditFile, str], Summary]
# Links the lines of sold debts.
Link = Callable[[Iterable[FiledTradeline]], list[FiledTradeline]]
# Leaves out what is too old: tradelines, a policy, the time.
Retain = Callable[[Iterable[FiledTradeline], Policy, int], Iterator[FiledTradeline]]
# Marks the tradelines that are no present debts of the person.
Mark = Callable[[CreditFile, Policy], CreditFile]
# Leaves out the inquiries that complaints keep from a reader: the member's id, or empty for the
# subject.
Withhold = Callable[[CreditFile, SubjectState, str], CreditFile]
# Makes a report from its inputs.
Shape = Callable[[ReportInputs, "ReportRules"], ShapedReport]


@dataclass(frozen=True, slots=True)
class ReportVersion:
    """One version of the bureau's own rules of reports.

    Attributes:
        name: yyyy-mm of its release; a later version has a greater name.
        attributes: The definitions of a report's attributes, by name.
        compute: Computes the attributes.
        summarise: Computes the summary.
        link: Links the lines of sold debts.
        retain: Leaves out what is too old.
        mark: Marks the tradelines that are no present debts of the person.
        withhold: Leaves out the inquiries under complaint.
        flag_texts: Folder of the flags' texts, in `bureau/data/flag_texts`.
        shape: Makes a report from its inputs.
    """

    name: str
    attributes: Mapping[str, Definition]
    compute: Compute
    summarise: Summarise
    link: Link
    retain: Retain
    mark: Mark
    withhold: Withhold
    flag_texts: str
    shape: Shape


@dataclass(frozen=True, slots=True)
class ReportRules:
    """The rules of one report: a version of the bureau's, and the policy of the place."""

    version: ReportVersion
    policy: Policy

    def marked(self, file: CreditFile) -> CreditFile:
        """Return a credit file whose sold lines are linked, and then marked: a sold line is not
        stale.
        """
        linked = file._replace(tradelines=self.version.link(file.tradelines))
        return self.version.mark(linked, self.policy)

    @property
    def name(self) -> str:
        """The `rules_version` of reports and inquiries: both versions, with a stroke."""
        return f"{self.version.name}/{self.policy.version}"

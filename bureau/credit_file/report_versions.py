"""Every version of the rules of reports, retired ones included. Pure.

A report is replayed by the version that made it. To change the bytes of reports (an
attribute, a text of a flag, a field, a rule of retention) add a version here, named by the
year and month of its release, and keep what the versions before it use:

- attributes: a new `Definition` has `since`, a retired one `until`;
- the view that attributes are computed from, the summary, marks and retention: copy the function
  that changes to a module with the retired version's name, and let that version call the copy;
- texts of flags: copy the newest folder of `bureau/data/flag_texts`, and change the copy;
- shape: copy the function that changes, and let the new version call the copy.

`tests/unit/test_report_versions.py` holds the digest of every version's reports.
"""

from __future__ import annotations

from bureau.credit_file import retention_2026_11, summary_2026_11
from bureau.credit_file.attributes import attributes_in, attributes_of, v2026_11
from bureau.credit_file.marks import marked, unmarked
from bureau.credit_file.report_rules import (
    Compute,
    Link,
    Mark,
    ReportRules,
    ReportVersion,
    Retain,
    Shape,
    Summarise,
    Withhold,
)
from bureau.credit_file.retention import retained
from bureau.credit_file.sales import keep_lines, link_sales
from bureau.credit_file.shape import shape_report
from bureau.credit_file.summary import summary_of
from bureau.credit_file.withheld import keep_inquiries, withhold_inquiries
from bureau.errors import Refusal
from bureau.policy import Policy


def _version(
    name: str,
    flag_texts: str,
    compute: Compute = attributes_of,
    summarise: Summarise = summary_of,
    link: Link = link_sales,
    retain: Retain = retained,
    mark: Mark = marked,
    withhold: Withhold = withhold_inquiries,
    shape: Shape = shape_report,
) -> ReportVersion:
    return ReportVersion(
        name,
        attributes_in(name),
        compute,
        summarise,
        link,
        retain,
        mark,
        withhold,
        flag_texts,
        shape,
    )


# By name, in order of release.
VERSIONS: dict[str, ReportVersion] = {
    version.name: version
    for version in [
        _version(
            "2026-11",
            flag_texts="2026-11",
            compute=v2026_11.attributes_of,
            summarise=summary_2026_11.summary_of,
            link=keep_lines,
            retain=retention_2026_11.retained,
            mark=unmarked,
            withhold=keep_inquiries,
        ),
        _version("2026-12", flag_texts="2026-11"),
    ]
}


def current_version() -> ReportVersion:
    """Return the version that makes new reports."""
    return VERSIONS[max(VERSIONS)]


def current_rules(policy: Policy) -> ReportRules:
    """Return the rules that make new reports."""
    return ReportRules(current_version(), policy)


def rules_of(rules_version: str, policy: Policy) -> ReportRules:
    """Return the rules that made a report.

    Args:
        rules_version: The report's `rules_version`.
        policy: The policy in force, with the retired ones.

    Raises:
        Refusal: WRONG_STATE if this node has no such version of either.
    """
    name, _, policy_version = rules_version.partition("/")
    version, made_by = VERSIONS.get(name), policy.at(policy_version)
    if version is None:
        message = f"the report was made by version {name} of the bureau's rules"
        raise Refusal("WRONG_STATE", f"{message}: ask a node of a release that has it")
    if made_by is None:
        message = f"the report was made by version {policy_version} of the policy"
        path = f"policy/retired/{policy.jurisdiction}-{policy_version}.toml"
        raise Refusal("WRONG_STATE", f"{message}: the operator must restore {path}")
    return ReportRules(version, made_by)

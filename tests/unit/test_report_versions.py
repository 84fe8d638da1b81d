"""The bytes of reports change only with a version, and every version keeps its bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from bureau.calendar import DAY_US
from bureau.codes import CodeSet
from bureau.credit_file.consent_state import HeldConsent
from bureau.credit_file.filed import CreditFile, FiledAction, FiledInquiry, FiledTradeline
from bureau.credit_file.furnished_month import FurnishedMonth
from bureau.credit_file.history import ORIGINAL, Account, TrailEntry
from bureau.credit_file.reciprocity import DEFAULT_ONLY, FULL
from bureau.credit_file.report_rules import ReportInputs, ReportRequest, ReportRules
from bureau.credit_file.report_versions import VERSIONS, current_version, rules_of
from bureau.credit_file.subject_state import OPENING, PLACEMENT, STATEMENT, SubjectEvent, state_of
from bureau.errors import Refusal
from bureau.policy import Policy, load_policy
from bureau_keys.consent_history import ACTIVE
from creditbureau.v1 import codes_pb2, hold_pb2, record_pb2, report_pb2
from creditbureau.v1.dispute_pb2 import DISPUTE_REASON_WRONG_AMOUNT, DisputeOpening
from creditbureau.v1.hold_pb2 import HoldPlacement
from creditbureau.v1.record_pb2 import FacilityAction, Party, RecordRef, TradelineSnapshot
from creditbureau.v1.report_pb2 import PaymentHistory
from creditbureau.v1.standard_pb2 import ClassificationBand, StandardOfCredit
from creditbureau.v1.subjects_pb2 import SubjectStatement

# SHA-256 over the reports of `inputs`, by version. If a digest differs, the bytes of
# reports have changed: undo the change, or keep the old version and add a new one
# (`bureau/credit_file/report_versions.py` says how) with a line here. A released line
# never changes.
REPORTS = {
    "2026-11": "177fab0abca144b46b30370f4337b26de0638467ab728b5f703f68062f918f75",
    "2026-12": "670045944436a30edc7e0172c92f59036e064852a2282b3576a6fdce9f86a995",
}
# SHA-256 of the values of the bureau's own policies. If one differs, move the old file to
# `bureau/data/policy/retired/<jurisdiction>-<version>.toml`, raise the version in the new
# file, and add a line here.
POLICIES = {
    ("CN", "2026-11"): "335719798f90aa9689592329e2dcf4f1cf4165cb77ee97fe03aa3c4868f1676d",
    ("CN", "2026-12"): "be0b05297d1bcfa77f2c8f0043330620048c442f45a8d451f7fadf554f7ce696",
    ("US", "2026-11"): "fa6b0c11046a9b638cad08febefd24728d412dd8429c3e9527de56204b5369ae",
    ("US", "2026-12"): "4287728043097dc8ce02a2449f4922347243e24b2f8753c5db7786de28e52926",
}
NOW_US = 1_800_000_000_000_000
NORMAL = codes_pb2.CLASSIFICATION_NORMAL
SUBJECT, MONTHS = "5a" * 16, range(202601, 202613)


def tradeline(
    name: str,
    member: str,
    *,
    late: bool = False,
    frozen: bool = False,
    currency: str = "USD",
    credit_balance: int = 0,
) -> FiledTradeline:
    account = Account(1)
    for index, month in enumerate(MONTHS):
        snapshot = TradelineSnapshot(
            month=month,
            parties=[Party(subject_id=SUBJECT, role=codes_pb2.PARTY_ROLE_INDIVIDUAL)],
            portfolio_type=codes_pb2.PORTFOLIO_TYPE_REVOLVING,
            account_type="18",
            currency=currency,
            open_date=20200131,
            status=codes_pb2.ACCOUNT_STATUS_PAST_DUE_60
            if late and month > MONTHS[8]
            else codes_pb2.ACCOUNT_STATUS_CURRENT,
            balance_minor=100_00 + month - credit_balance,
            amount_paid_minor=40_00 * (month % 3),
            credit_limit_minor=1_000_00,
            amount_due_minor=5_00,
            amount_past_due_minor=5_00 if late else 0,
            days_past_due=61 if late else 0,
        )
        account.apply_snapshot(TrailEntry(1, index, ORIGINAL, month), FurnishedMonth.of(snapshot))
    actions = []
    if frozen:
        action = FacilityAction(kind=record_pb2.FACILITY_ACTION_KIND_FREEZE)
        action.effective_time.FromMicroseconds(NOW_US - 5 * DAY_US)
        actions = [FiledAction(action, RecordRef(submission_id="s-1", record_index=9))]
    return FiledTradeline(
        name,
        member,
        codes_pb2.PARTY_ROLE_INDIVIDUAL,
        PaymentHistory.FromString(account.history),
        snapshot,
        RecordRef(submission_id="s-1", record_index=11),
        list,
        actions,
    )


def inquiry(name: str, member: str, consent: str, days: int) -> FiledInquiry:
    return FiledInquiry(
        name,
        member,
        consent,
        codes_pb2.PURPOSE_CREDIT_APPLICATION,
        report_pb2.INQUIRY_KIND_HARD,
        report_pb2.INQUIRY_OUTCOME_REPORTED,
        NOW_US - days * DAY_US,
        30,
    )


def events() -> Iterator[SubjectEvent]:
    """A fraud alert, a dispute and a statement of the subject."""
    alert = HoldPlacement(kind=hold_pb2.HOLD_KIND_FRAUD_ALERT)
    opening = DisputeOpening(
        subject_id=SUBJECT,
        tradeline_id="t-1",
        field="balance_minor",
        reason=DISPUTE_REASON_WRONG_AMOUNT,
    )
    words = SubjectStatement(text="It was not me.")
    yield SubjectEvent(PLACEMENT, "h-1", "", NOW_US - 9 * DAY_US, alert.SerializeToString())
    yield SubjectEvent(OPENING, "d-1", "acme", NOW_US - 8 * DAY_US, opening.SerializeToString())
    yield SubjectEvent(STATEMENT, "", "", NOW_US - 7 * DAY_US, words.SerializeToString())


def inputs(policy: Policy, level: int = FULL, history_months: int = 36) -> ReportInputs:
    """A credit file that has one of everything that a report shows."""
    sections = CodeSet.of(code for code in codes_pb2.Section.values() if code)
    consent = HeldConsent(
        "c-1", SUBJECT, "brook", 2, 2, sections, 0, history_months,
        0, NOW_US + DAY_US, 0, 0, 0, ACTIVE, 0, 0, 0, 1, 0, 0, "",
    )  # fmt: skip
    file = CreditFile(
        SUBJECT,
        40,
        NOW_US,
        [
            tradeline("t-1", "acme", frozen=True),
            tradeline("t-2", "brook"),
            tradeline("t-3", "cedar", late=True),
            tradeline("t-4", "cedar", currency="EUR"),
            tradeline("t-5", "cedar", credit_balance=5_000_00),
        ],
        [
            inquiry("i-1", "cedar", "c-9", days=3),
            inquiry("i-2", "cedar", "c-9", days=20),
            inquiry("i-3", "brook", "c-1", days=40),
        ],
        {"acme": "lakes", "brook": "lakes", "cedar": ""},
    )
    standard = StandardOfCredit(
        version=3,
        currency="USD",
        max_unsecured_exposure_minor=1_000_00,
        max_concurrent_lenders=2,
        bands=[ClassificationBand(min_days_past_due=0, classification=NORMAL)],
    )
    request = ReportRequest(
        "r-1", bytes(32), SUBJECT, codes_pb2.PURPOSE_CREDIT_APPLICATION, evidence=0
    )
    state = state_of(events(), policy, NOW_US)
    return ReportInputs("bureau.test/log", request, consent, file, state, standard, level)


def reports(rules: ReportRules) -> list[bytes]:
    """Reports by some rules: of all sections, of a few months, and of fewer tradelines."""
    built = (
        rules.version.shape(inputs(rules.policy, level, months), rules).report
        for level, months in ((FULL, 36), (FULL, 3), (DEFAULT_ONLY, 36))
    )
    return [report.SerializeToString(deterministic=True) for report in built]


@pytest.mark.parametrize("name", VERSIONS)
def test_a_version_keeps_its_bytes(name: str) -> None:
    policy = load_policy("US").at("2026-11")
    assert policy is not None
    built = reports(ReportRules(VERSIONS[name], policy))
    assert len(set(built)) == 3
    digest = hashlib.sha256(b"".join(built)).hexdigest()
    assert digest == REPORTS.get(name), (
        f"the bytes of reports of version {name} have changed: members could no longer replay"
        " theirs. Add a version; report_versions.py says how. If the version is new, add the"
        f' line "{name}": "{digest}" to REPORTS'
    )


@pytest.mark.parametrize(("name", "unsecured"), [("2026-11", True), ("2026-12", False)])
def test_the_kind_of_an_account_secures_it_since_2026_12(name: str, unsecured: bool) -> None:
    """The earlier version goes on to read the record alone, in figures and standings."""
    policy = load_policy("US").at("2026-11")
    assert policy is not None
    rules, whole = ReportRules(VERSIONS[name], policy), inputs(policy, FULL, 36)
    home = tradeline("t-6", "delta")
    home.snapshot.portfolio_type = codes_pb2.PORTFOLIO_TYPE_MORTGAGE
    file = whole.file._replace(tradelines=[home])
    report = rules.version.shape(whole._replace(file=file), rules).report
    owed = home.snapshot.balance_minor * unsecured
    values = {attribute.name: attribute.value for attribute in report.attributes}
    standings = {standing.rule: standing.value for standing in report.standings}
    assert report.summary.totals[0].unsecured_balance_minor == owed
    assert values["unsecured_balance"] == owed
    assert values["open_unsecured"] == values["concurrent_unsecured_lenders"] == unsecured
    assert standings["max_unsecured_exposure_minor"] == owed
    assert standings["max_concurrent_lenders"] == unsecured


def test_the_golden_report_shows_everything() -> None:
    report = report_pb2.Report.FromString(
        reports(ReportRules(current_version(), load_policy("US")))[1]
    )
    empty = {field.name for field in report.DESCRIPTOR.fields} - {
        field.name for field, _ in report.ListFields()
    }
    assert empty == {
        "notices",  # shown to the subject only, as the number of events is
        "event_count",
        "event_chain_hash",  # a chain begins with the schema that has it
    }
    assert {flag.kind for flag in report.flags} == set(report_pb2.FlagKind.values()) - {0}


def test_versions_are_in_order_of_their_names() -> None:
    assert list(VERSIONS) == sorted(VERSIONS) == list(REPORTS)
    assert all(name == version.name for name, version in VERSIONS.items())
    assert current_version() is list(VERSIONS.values())[-1]


def test_a_policy_changes_only_with_its_version() -> None:
    folder = files("bureau") / "data" / "policy"
    places = [path.name.removesuffix(".toml") for path in folder.iterdir() if path.is_file()]
    digests = {}
    for jurisdiction in places:
        policy = load_policy(jurisdiction)
        for kept in (policy, *policy.retired.values()):
            values = repr(replace(kept, rules=(), retired={}))
            digests[jurisdiction, kept.version] = hashlib.sha256(values.encode()).hexdigest()
    assert digests == POLICIES, (
        "a policy changed: raise its version and keep the one before. The lines of POLICIES are"
        f" now {digests}"
    )


def test_a_retired_policy_makes_the_reports_that_it_made(tmp_path: Path) -> None:
    text = (files("bureau") / "data" / "policy" / "US.toml").read_text("utf-8")
    newer = text.replace('version = "2026-12"', 'version = "2027-03"', 1)
    assert newer != text
    (tmp_path / "US.toml").write_text(newer.replace("months = 84", "months = 60"), "utf-8")
    (tmp_path / "retired").mkdir()
    older = text.replace('version = "2026-12"', 'version = "2026-02"', 1)
    (tmp_path / "retired" / "US-2026-02.toml").write_text(
        older.replace("months = 84", "months = 96"), "utf-8"
    )
    policy = load_policy("US", tmp_path)
    months = {
        version: rules_of(f"2026-11/{version}", policy).policy.retention["delinquency"].months
        for version in ("2026-02", "2026-11", "2026-12", "2027-03")
    }
    assert months == {"2026-02": 96, "2026-11": 84, "2026-12": 84, "2027-03": 60}


@pytest.mark.parametrize(
    ("rules_version", "fix"),
    [
        ("1999-01/2026-11", "ask a node of a release that has it"),
        ("2026-11/1999-01", "restore policy/retired/US-1999-01.toml"),
        ("", "version  of the bureau's rules"),
    ],
)
def test_rules_that_a_node_does_not_have_are_named(rules_version: str, fix: str) -> None:
    with pytest.raises(Refusal) as caught:
        rules_of(rules_version, load_policy("US"))
    assert caught.value.reason == "WRONG_STATE"
    assert fix in str(caught.value)


def test_an_attribute_is_in_the_versions_from_since_to_until() -> None:
    first = next(iter(current_version().attributes.values()))
    retired = replace(first, since="2027-01", until="2028-01")
    assert [retired.is_in(name) for name in ("2026-11", "2027-01", "2027-06", "2028-01")] == [
        False,
        True,
        True,
        False,
    ]

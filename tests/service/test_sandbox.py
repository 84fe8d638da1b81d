"""The sandbox: magic subjects made by signed statements, a clock that moves months, faults."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import grpc
import pytest

from bureau.admin.bureau_folder import FolderError, InitOptions, create
from bureau.admin.integrity import check_database
from bureau.admin.operator import CallError
from bureau.config import SANDBOX_FILE, Settings
from bureau.main import SandboxError, Server
from bureau.sandbox.calls import last_calls
from bureau.sandbox.folder import SandboxFolder
from bureau.sandbox.magic import Fault, magic_subjects
from bureau.sandbox.months import Months
from bureau.sandbox.remote import SandboxOperator
from bureau.sandbox.world import LENDERS
from bureau.store.database import Database
from bureau.testing import SandboxBureau, free_port, make_sandbox, running_bureau, running_sandbox
from bureau_client import (
    AccountStatus,
    ConsentExpired,
    ConsentState,
    DisputeState,
    FlagKind,
    HoldInForce,
    Lender,
    Month,
    OmissionReason,
    PartyRole,
    Purpose,
    Report,
    ReportOutcome,
    RetryPolicy,
    StaleReason,
    Unavailable,
    VerificationFailed,
)
from creditbureau.sandbox.v1 import sandbox_pb2 as pb
from creditbureau.sandbox.v1.sandbox_pb2_grpc import SandboxStub

S = AccountStatus


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sandbox(tmp_path_factory.mktemp("sandbox") / "template")


@pytest.fixture(scope="module")
def shared(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxBureau]:
    """A sandbox that tests read, and whose clock stays where it is."""
    with running_sandbox(tmp_path_factory.mktemp("shared") / "bureau", template=template) as bureau:
        yield bureau


@pytest.fixture
def moving(template: Path, tmp_path: Path) -> Iterator[SandboxBureau]:
    with running_sandbox(tmp_path / "bureau", template=template) as bureau:
        yield bureau


def statuses(report: Report) -> set[AccountStatus]:
    return {line.status for line in report.tradelines}


def roles(report: Report) -> list[PartyRole]:
    return [line.role for line in report.tradelines]


def months_of(report: Report) -> int:
    history = report.tradelines[0].history
    assert history is not None
    return len(history.profile.rstrip("BD"))


def frozen_lines(report: Report) -> int:
    assert report.summary is not None
    return report.summary.frozen_line_count


def utilisation(report: Report) -> int:
    assert report.summary is not None
    (total,) = report.summary.totals
    return total.utilisation_per_mille or 0


SHOWS: dict[str, Callable[[Report], bool]] = {
    "clean": lambda report: statuses(report) == {S.CURRENT} and len(report.tradelines) == 2,
    "thin": lambda report: len(report.tradelines) == 1 and months_of(report) == 2,
    "no-hit": lambda report: report.outcome is ReportOutcome.NO_HIT,
    "late-30": lambda report: statuses(report) == {S.PAST_DUE_30, S.CURRENT},
    "late-60": lambda report: statuses(report) == {S.PAST_DUE_60, S.CURRENT},
    "late-90": lambda report: statuses(report) == {S.PAST_DUE_90, S.CURRENT},
    "charged-off": lambda report: statuses(report) == {S.CHARGE_OFF, S.CURRENT},
    "bankrupt": lambda report: statuses(report) == {S.CHARGE_OFF},
    "over-indebted": lambda report: utilisation(report) > 900 and statuses(report) == {S.CURRENT},
    "many-inquiries": lambda report: len(report.inquiries) == 6,
    "frozen-line": lambda report: frozen_lines(report) == 1,
    "divergent": lambda report: [flag.kind for flag in report.flags] == [FlagKind.DIVERGENCE],
    "fraud-alert": lambda report: [flag.kind for flag in report.flags] == [FlagKind.FRAUD_ALERT],
    "disputed": lambda report: [each.state for each in report.disputes] == [DisputeState.OPEN],
    "reinserted": lambda report: statuses(report) == {S.CHARGE_OFF},
    "joint": lambda report: roles(report) == [PartyRole.JOINT],
    "authorised-user": lambda report: roles(report) == [PartyRole.AUTHORISED_USER],
    "partner": lambda report: set(roles(report)) == {PartyRole.JOINT, PartyRole.INDIVIDUAL},
    "stale-furnisher": lambda report: (
        StaleReason.NOT_REPORTED in {line.stale for line in report.tradelines}
    ),
    "identity-theft": lambda report: statuses(report) == {S.CURRENT},
}


@pytest.mark.parametrize("name", SHOWS)
def test_a_magic_subject_shows_what_its_words_say(shared: SandboxBureau, name: str) -> None:
    report = shared.magic(name).report("meadow")
    assert SHOWS[name](report), report


def test_every_magic_subject_is_tested(shared: SandboxBureau) -> None:
    faults = {subject.name for subject in magic_subjects().values() if subject.fault}
    assert {*SHOWS, *faults, "frozen-file"} == set(magic_subjects())
    with pytest.raises(HoldInForce):
        shared.magic("frozen-file").report()


def test_what_reports_do_not_show_the_person_reads(shared: SandboxBureau) -> None:
    reinserted = shared.magic("reinserted").wallet
    assert [each.reason for each in reinserted.file().omissions] == [OmissionReason.DELETED]
    (blocked,) = shared.magic("identity-theft").wallet.disputes()
    assert blocked.block_time is not None
    (frozen,) = shared.magic("frozen-line").report().tradelines
    (action,) = frozen.actions
    assert action.reasons
    assert action.review_by_date is not None
    assert action.appeal_route


def test_seeded_rows_are_signed_statements(shared: SandboxBureau) -> None:
    """The check replays the whole log: no row is there that no member or person signed."""
    settings = Settings.load(shared.folder)
    database = Database(settings.database)
    try:
        assert check_database(database, settings).findings == []
    finally:
        database.dispose()


def test_the_sdk_catches_a_stale_receipt_and_a_wrong_signature(shared: SandboxBureau) -> None:
    for name in ("stale-receipt", "wrong-signature"):
        with pytest.raises(VerificationFailed):
            shared.magic(name).report()


def test_a_slow_and_an_unavailable_bureau(shared: SandboxBureau) -> None:
    clean = shared.magic("clean")
    consent = shared.lender("hillside").usable_consent(
        clean.subject_id, Purpose.WRITTEN_INSTRUCTION
    )

    def query(policy: RetryPolicy) -> Report:
        with Lender(shared.profile("hillside"), clock=shared.now, policy=policy) as lender:
            return lender.query(
                clean.subject_id, purpose=Purpose.WRITTEN_INSTRUCTION, consent_id=consent
            )

    shared.fail_next(Fault.UNAVAILABLE)
    with pytest.raises(Unavailable) as caught:
        query(RetryPolicy(attempts=1))
    assert caught.value.reason == "DATABASE_UNAVAILABLE"
    # Once: the retry is answered.
    shared.fail_next("unavailable")
    assert query(RetryPolicy()).outcome is ReportOutcome.HIT
    shared.fail_next("slow", slow_seconds=1.0)
    with pytest.raises(Unavailable):
        query(RetryPolicy(attempts=1, write_seconds=0.5))


def test_a_dropped_reply_comes_again_and_counts_once(shared: SandboxBureau) -> None:
    person = shared.magic("dropped")
    consent = person.consent("hillside", max_uses=1)
    lender = shared.lender("hillside")
    inquiry = {"purpose": Purpose.CREDIT_APPLICATION, "consent_id": consent}
    report = lender.query(person.subject_id, **inquiry)  # type: ignore[arg-type]
    assert report.outcome is ReportOutcome.HIT
    states = {each.consent_id: each.state for each in lender.consents(person.subject_id)}
    assert states[consent] is ConsentState.EXHAUSTED
    inquiries = [each for each in person.wallet.inquiries() if each.consent_id == consent]
    assert len(inquiries) == 1


def test_the_log_of_calls_names_purposes_and_no_person(shared: SandboxBureau) -> None:
    person = shared.magic("clean")
    person.report("meadow")
    calls = last_calls(shared.node.folder.calls_file, 20)
    query = [call for call in calls if call["method"] == "Reporting/QueryReport"][-1]
    assert (query["member"], query["purpose"]) == ("meadow", "written-instruction")
    assert query["outcome"] == "OK"
    text = shared.node.folder.calls_file.read_text("utf-8")
    assert not [sid for sid in shared.node.folder.subject_ids().values() if sid in text]
    assert not [each for each in magic_subjects().values() if each.identifier in text]


def test_a_month_brings_what_belongs_to_it(moving: SandboxBureau) -> None:
    late, applied = moving.magic("late-60"), moving.magic("many-inquiries")
    disputed = moving.magic("disputed")
    consent = applied.consent("hillside", expire=timedelta(days=20))
    newest = Month.of(moving.now()) - 1
    months = moving.advance(days=31)
    assert months
    assert months[0] == newest + 1
    # 1. Statements arrived, and the delinquency is a month older.
    card = late.report("riverbank").tradelines[0]
    assert (card.status, card.month) == (S.PAST_DUE_90, months[-1])
    # 2. The consent has ended.
    states = {each.consent_id: each.state for each in applied.wallet.consents()}
    assert states[consent] is ConsentState.EXPIRED
    with pytest.raises(ConsentExpired):
        moving.lender("hillside").query(
            applied.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent
        )
    # 3. Nobody answered the dispute in 30 days: the item is gone (15 U.S.C. 1681i(a)(5)).
    assert [each.state for each in disputed.wallet.disputes()] == [DisputeState.LAPSED]
    # 4. After two years no inquiry is left (15 U.S.C. 1681g(a)(3)).
    assert len(applied.report("meadow").inquiries) == 6
    moving.advance(days=731)
    assert applied.report("meadow").inquiries == ()


def test_a_missed_payment_becomes_a_charge_off(moving: SandboxBureau) -> None:
    person = moving.person()
    person.account("hillside", months=6, missed=5)
    assert statuses(person.report()) == {S.PAST_DUE_150}
    moving.advance(days=70)
    assert statuses(person.report()) == {S.CHARGE_OFF}


def test_a_clock_stands_still_and_runs_on(moving: SandboxBureau) -> None:
    moving.freeze()
    frozen = moving.now()
    assert moving.magic("clean").report().outcome is ReportOutcome.HIT
    assert moving.now() == frozen
    moving.advance(timedelta(hours=1))
    assert moving.now() == frozen + timedelta(hours=1)
    moving.resume()
    assert moving.magic("clean").report().outcome is ReportOutcome.HIT
    with pytest.raises(ValueError, match="certificates end"):
        moving.advance(days=20_000)
    with pytest.raises(ValueError, match="forward only"):
        moving.advance(days=-1)


def test_clients_of_a_profile_folder_go_by_the_sandboxs_clock(moving: SandboxBureau) -> None:
    moving.advance(days=40)
    folder = moving.folder / "members" / "hillside"
    with Lender.from_profile(folder) as lender:
        subject = lender.subject_id("US", "ssn", "000-10-0001")
        assert subject == moving.magic("clean").subject_id
        consent = lender.usable_consent(subject, Purpose.WRITTEN_INSTRUCTION)
        report = lender.query(
            subject, purpose=Purpose.WRITTEN_INSTRUCTION, consent_id=consent.consent_id
        )
    assert report.outcome is ReportOutcome.HIT


def test_snapshots_bring_back_time_and_files(moving: SandboxBureau) -> None:
    person = moving.person()
    person.account("riverbank")
    before = moving.now()
    moving.snapshot("mine")
    moving.advance(days=62)
    moving.restore("mine")
    assert moving.now() - before < timedelta(hours=1)
    assert moving.magic("late-30").report().tradelines[0].status is S.PAST_DUE_30
    moving.reset()
    with pytest.raises(FileNotFoundError, match=r"initial, mine"):
        moving.restore("nothing")


@pytest.mark.parametrize("copied", [0, 5])
def test_a_restore_that_was_cut_is_finished_at_the_next_start(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copied: int
) -> None:
    path = tmp_path / "bureau"
    shutil.copytree(template, path)
    sandbox = SandboxFolder.open(path)
    left = iter(range(copied))

    def cut(source: Path, target: Path) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        shutil.copy2(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("bureau.sandbox.folder._replace", cut)
        with pytest.raises(KeyboardInterrupt):
            sandbox.restore_snapshot("initial")
    # What is left is no production folder, and no half of it is saved as a snapshot.
    assert sandbox.settings().is_sandbox
    with pytest.raises(FolderError, match="cut"):
        sandbox.save_snapshot("half", Database(sandbox.settings().database))
    # `bureau dev` keeps it, with its snapshots, though the file of months is that of before.
    with SandboxFolder.held(path, "") as sandbox_held:
        assert sandbox_held == sandbox
    with running_sandbox(path) as bureau:
        assert not sandbox.restoring_file.exists()
        assert bureau.magic("late-60").report("hillside").tradelines


def test_a_month_that_was_cut_is_furnished_later(
    moving: SandboxBureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = Months.load(moving.node.folder.months_file).newest

    def stopped(*_: object) -> None:
        raise Unavailable("the node stops", reason="UNREACHABLE")

    with monkeypatch.context() as patch:
        patch.setattr(Lender, "submit", stopped)
        with pytest.raises(Unavailable):
            moving.advance(days=31)
    assert Months.load(moving.node.folder.months_file).newest == newest
    assert newest + 1 in moving.advance(days=31)


def test_a_restored_sandbox_has_no_fault_left_over(moving: SandboxBureau) -> None:
    moving.fail_next("wrong-signature")
    moving.reset()
    assert moving.magic("late-60").report("hillside").tradelines


def test_a_sandbox_that_was_off_catches_up(template: Path, tmp_path: Path) -> None:
    with running_sandbox(tmp_path / "bureau", template=template) as bureau:
        newest = Month.of(bureau.now()) - 1
        # Time passes while no node serves: the file of the clock says so.
        state = bureau.node.clock.state
        clock_file = bureau.node.folder.clock_file
    replace(state, offset_us=40 * 86_400 * 1_000_000).save(clock_file)
    with running_sandbox(tmp_path / "bureau") as bureau:
        assert bureau.node.catch_up()[0] == newest + 1


def test_only_the_operator_moves_the_clock(shared: SandboxBureau) -> None:
    operator = SandboxOperator.of(shared.node.folder)
    with operator:
        assert not operator.clock().frozen
    with SandboxOperator(shared.profile("hillside")) as lender:
        assert lender.clock().generation == 0
        with pytest.raises(CallError) as caught:
            lender.advance(timedelta(days=1))
        assert caught.value.reason == "ROLE_REQUIRED"
        with pytest.raises(CallError) as caught:
            lender.restore_snapshot("initial")
        assert caught.value.reason == "ROLE_REQUIRED"


def test_production_has_no_such_service() -> None:
    with running_bureau() as bureau:
        profile = bureau.operator
        credentials = grpc.ssl_channel_credentials(
            profile.ca_pem, profile.tls_key_pem, profile.tls_certificate_pem
        )
        with grpc.secure_channel(bureau.address, credentials) as channel:
            for call, request in (
                ("AdvanceClock", pb.AdvanceClockRequest(seconds=1)),
                ("GetClock", pb.GetClockRequest()),
            ):
                with pytest.raises(grpc.RpcError) as caught:
                    getattr(SandboxStub(channel), call)(request, timeout=30)
                assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_production_refuses_a_sandbox_and_a_sandbox_production(
    template: Path, tmp_path: Path
) -> None:
    with pytest.raises(SandboxError, match="not for production"):
        Server(Settings.load(template, listen=f"127.0.0.1:{free_port()}"))
    bureau = [sys.executable, "-m", "bureau"]
    served = subprocess.run(
        [*bureau, "serve", "--dir", str(template)], capture_output=True, text=True, check=False
    )
    assert (served.returncode, "not for production" in served.stderr) == (5, True)
    create(tmp_path / "production", InitOptions())
    dev = subprocess.run(
        [*bureau, "dev", "--dir", str(tmp_path / "production")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert dev.returncode == 6
    assert f"no file {SANDBOX_FILE}" in dev.stderr


def test_production_loads_nothing_of_the_sandbox() -> None:
    script = (
        "import sys; from bureau.cli.app import app_of; app_of(['serve']); import bureau.main; "
        "there = ('bureau.sandbox', 'creditbureau.sandbox', 'bureau_client'); "
        "print([name for name in sys.modules if name.startswith(there)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_lenders_are_added(moving: SandboxBureau) -> None:
    assert "tideway" not in LENDERS
    with Lender(moving.add_member("tideway"), clock=moving.now) as lender:
        assert lender.subject_id("US", "ssn", "000-10-0001") == moving.magic("clean").subject_id

"""The operator's command line against a bureau that serves in its own process."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bureau.admin.admission_request import Signer
from bureau.admin.bureau_folder import InitOptions
from bureau.admin.operator import Operator
from bureau.cli import main
from bureau.clock import Clock
from bureau.testing import free_port, running_bureau
from bureau_client import Auditor, IdentificationMethod, Lender, Month, VerificationFailed, Wallet
from bureau_keys.authority import new_key_and_csr
from bureau_keys.envelope import peek
from bureau_keys.errors import KeysError
from bureau_keys.profile import Profile
from bureau_keys.signing import SigningKey
from bureau_keys.state_note import StateNote
from creditbureau.v1 import members_pb2
from tests.service.scenario import account, open_scenario
from tests.unit.operator.lived_in import CANARY, LivedIn, live_in

OK, USAGE, AUTH, NOT_FOUND, INVALID, CONFLICT, UNAVAILABLE = 0, 2, 3, 4, 5, 6, 7


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def bureau(*arguments: object) -> CommandResult:
    out, err = io.StringIO(), io.StringIO()
    code: object = None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as stopped:
            code = stopped.code
    return CommandResult(int(str(code or 0)), out.getvalue(), err.getvalue())


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """`bureau serve` in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bureau", "serve", "--dir", str(folder)],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if line.startswith("serving at "):
                break
        else:
            raise AssertionError("the bureau did not start")
        yield process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("cli") / "bureau"
    assert bureau("init", path, "--listen", f"127.0.0.1:{free_port()}").code == OK
    with serving(path):
        yield path


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("BUREAU_")]:
        monkeypatch.delenv(name)


# Members ---------------------------------------------------------------------


def add(folder: Path, member_id: str, *more: str) -> CommandResult:
    options = more or ("--role", "auditor")
    return bureau("member", "add", member_id, *options, "--dir", folder, "-o", "json")


def test_a_member_that_was_added_can_work(folder: Path, tmp_path: Path) -> None:
    result = add(
        folder,
        "riverbank",
        *("--name", "Riverbank Bank", "--role", "furnisher", "--role", "subscriber"),
        *("--purpose", "credit-application", "--quota", "10", "--group", "river"),
        *("--out", "profiles/riverbank"),
    )
    assert result.code == OK, result.err
    assert result.json["display_name"] == "Riverbank Bank"
    assert result.json["roles"] == ["furnisher", "subscriber"]
    assert result.json["purposes"] == ["credit-application"]
    assert (result.json["directory_quota"], result.json["group"]) == (10, "river")
    profile = Profile.load(tmp_path / "profiles/riverbank")
    with Auditor(profile) as auditor:
        assert auditor.checkpoint()


def test_a_member_that_keeps_its_keys(folder: Path, tmp_path: Path) -> None:
    tls_key, csr = new_key_and_csr("hillside")
    signer = Signer("hillside", "creditbureau.local/log", SigningKey.generate())
    Path("csr.pem").write_bytes(csr)
    Path("possession").write_bytes(signer.possession(time.time_ns() // 1000).SerializeToString())
    own = ("--role", "auditor", "--csr", "csr.pem", "--key-possession", "possession")
    result = add(folder, "hillside", *own)
    assert result.code == OK, result.err
    assert sorted(path.name for path in Path("hillside").iterdir()) == [
        "ca.pem",
        "profile.toml",
        "tls.pem",
    ]
    Path("hillside/tls.key").write_bytes(tls_key)
    Path("hillside/signing.pem").write_bytes(signer.key.to_pem())
    with Auditor(Profile.load("hillside")) as auditor:
        assert auditor.checkpoint()
    assert add(folder, "other", "--role", "auditor", "--csr", "csr.pem").code == USAGE
    Path("possession").write_text("nothing signed")
    assert add(folder, "other", *own).code == INVALID


def test_refusals_have_their_exit_codes(folder: Path) -> None:
    assert add(folder, "twice").code == OK
    again = add(folder, "twice", "--role", "auditor", "--out", "other")
    assert (again.code, again.out) == (CONFLICT, "")
    assert "ALREADY_EXISTS" in again.err
    assert "ID: there is a member of this id" in again.err
    wrong = add(folder, "third", "--role", "auditor", "--group", "No Group")
    assert wrong.code == INVALID
    assert "--group: " in wrong.err
    assert not Path("other").exists(), "nothing stays of a member that was not admitted"
    assert add(folder, "twice").code == CONFLICT, "a profile is not written over"
    assert add(folder, "Wrong_Id", "--role", "auditor", "--out", "x").code == INVALID
    assert add(folder, "x", "--role", "king").code == USAGE
    assert add(folder, "x", "--role", "auditor", "--purpose", "fun").code == USAGE
    assert bureau("member", "show", "nobody", "--dir", folder).code == NOT_FOUND
    assert bureau("member", "suspend", "operator", "--dir", folder).code == CONFLICT
    assert bureau("member", "list", "--dir", "nowhere").code == NOT_FOUND
    assert bureau("member", "nonsense").code == USAGE


def test_suspension_holds_until_it_ends(folder: Path) -> None:
    assert add(folder, "lakeside").code == OK
    read = ("log", "checkpoint", "--profile", "lakeside")
    assert bureau(*read).code == OK
    assert bureau("member", "suspend", "lakeside", "--note", "fees", "--dir", folder).code == OK
    refused = bureau(*read)
    assert (refused.code, refused.out) == (AUTH, "")
    assert "MEMBER_SUSPENDED" in refused.err
    assert bureau("member", "suspend", "lakeside", "--dir", folder).code == CONFLICT
    assert bureau("member", "resume", "lakeside", "--dir", folder).code == OK
    assert bureau(*read).code == OK


def test_the_reason_of_a_suspension_is_in_a_file_for_the_member_alone(folder: Path) -> None:
    reason = "suspected of identity fraud, police case 12345"
    for name in ("suspect", "reader"):
        assert add(folder, name).code == OK
    done = bureau("member", "suspend", "suspect", "--note", reason, "--dir", folder)
    assert done.code == OK
    (path,) = (folder / "member-notes").glob("suspect-*.json")
    assert str(path) in done.err
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    # Every statement about a member, as another member reads it.
    with Operator(Profile.load(Path("reader"))) as reader:
        request = members_pb2.GetMemberRequest(member_id="suspect", with_statements=True)
        statements = reader._members.GetMember(request).member.statements
    assert not any(reason.encode() in logged.SerializeToString() for logged in statements)
    change = peek(statements[-1].envelope, members_pb2.MemberStateChange)
    note = StateNote.from_json(path.read_bytes())
    assert (note.text, note.digest) == (reason, change.note_digest)
    # The words alone do not open the digest, and no other words do.
    assert StateNote(reason).digest != change.note_digest
    content = json.loads(path.read_bytes())
    for altered in ({"text": "late fees"}, {"salt": "00" * 32}, {"salt": "00"}, {"digest": ""}):
        with pytest.raises(KeysError):
            StateNote.from_json(json.dumps(content | altered).encode())


def test_a_change_leaves_the_rest_as_it_is(folder: Path) -> None:
    before = add(folder, "seaside", "--role", "auditor", "--group", "coast").json
    change = ("member", "change", "seaside", "--dir", folder, "-o", "json")
    result = bureau(*change, "--name", "Seaside", "--purpose", "collection", "--quota", "3")
    assert result.code == OK, result.err
    assert result.json == before | {
        "display_name": "Seaside",
        "purposes": ["collection"],
        "directory_quota": 3,
    }
    assert bureau(*change, "--no-purposes", "--group", "").json["purposes"] == []
    limits = ("--limit", "statements-per-day=9", "--limit", "carried-bytes-per-minute=7000")
    result = bureau(*change, *limits)
    assert result.json["quota"] == {"statements_per_day": 9}
    assert result.json["carried_quota"] == {"bytes_per_minute": 7000}
    assert bureau(*change, "--name", "Sea").json["quota"] == {"statements_per_day": 9}
    refused = bureau(*change, "--limit", "statements-per-year=9")
    assert (refused.code, "statements-per-day" in refused.err) == (USAGE, True)
    assert bureau(*change).code == USAGE


def test_lists_come_in_three_forms(folder: Path) -> None:
    add(folder, "aaa")
    shown = ("member", "list", "--dir", folder)
    as_json = bureau(*shown, "-o", "json").json
    assert [row["member_id"] for row in as_json] == sorted(row["member_id"] for row in as_json)
    as_lines = bureau(*shown, "-o", "jsonl").out.splitlines()
    assert [json.loads(line) for line in as_lines] == as_json
    header, first, *_ = bureau(*shown).out.splitlines()
    assert header.split()[:4] == ["member", "id", "display", "name"]
    assert first.split() == ["aaa", "aaa", "active", "auditor", "US", "full"]


def test_keys_come_and_go(folder: Path) -> None:
    first = add(folder, "hilltop").json["keys"][0]["key_id"]
    keys = ("member", "keys")
    assert bureau(*keys, "add", "hilltop", "--out", "new.pem", "--dir", folder).code == OK
    assert Path("new.pem").stat().st_mode & 0o077 == 0
    second = SigningKey.from_pem(Path("new.pem").read_bytes()).verify_key.key_id
    assert bureau(*keys, "withdraw", "hilltop", first, "--dir", folder).code == OK
    assert bureau(*keys, "withdraw", "hilltop", first, "--dir", folder).code == NOT_FOUND
    listed = bureau(*keys, "list", "hilltop", "--dir", folder, "-o", "json").json
    assert {row["key_id"]: row["valid_to_index"] is None for row in listed} == {
        first: False,
        second: True,
    }
    assert bureau(*keys, "add", "hilltop", "--dir", folder).code == USAGE


def test_certificates_are_renewed_and_withdrawn(folder: Path) -> None:
    (old,) = add(folder, "valley").json["certificates"]
    cert = ("member", "cert")
    assert bureau(*cert, "renew", "valley", "--out", "valley", "--dir", folder).code == OK
    assert bureau(*cert, "withdraw", "valley", old, "--dir", folder).code == OK
    listed = bureau(*cert, "list", "valley", "--dir", folder, "-o", "json").json
    assert [row["fingerprint"] for row in listed] != [old]
    assert len(listed) == 1
    assert bureau("log", "checkpoint", "--profile", "valley").code == OK, "with the new one"


def test_an_operator_whose_certificate_has_ended_gets_back_in(tmp_path: Path) -> None:
    clock, address = Clock(), f"127.0.0.1:{free_port()}"
    plan = InitOptions(listen=address, member_days=1)
    with running_bureau(tmp_path / "bureau", plan, clock=clock, listen=address) as running:
        here, own = ("--dir", running.folder), running.folder / "operator"
        assert bureau("log", "checkpoint", *here).code == OK
        clock.offset_us = 2 * 86_400 * 1_000_000
        assert bureau("log", "checkpoint", *here).code == AUTH
        renew = ("member", "cert", "renew")
        assert bureau(*renew, "operator", "--out", own, *here).code == AUTH
        assert bureau(*renew, "other", "--offline", "--out", own, *here).code == USAGE
        result = bureau(*renew, "operator", "--offline", "--days", "30", "--out", own, *here)
        assert result.code == OK, result.err
        assert bureau("log", "checkpoint", *here).code == OK
        assert bureau("db", "check", *here).code == OK


def test_a_withdrawn_certificate_is_refused(folder: Path) -> None:
    (only,) = add(folder, "moor").json["certificates"]
    assert bureau("member", "cert", "withdraw", "moor", only, "--dir", folder).code == OK
    refused = bureau("log", "checkpoint", "--profile", "moor")
    assert refused.code == AUTH
    assert "UNKNOWN_CERTIFICATE" in refused.err


# The log ---------------------------------------------------------------------


def test_the_log_is_audited_from_outside(folder: Path) -> None:
    add(folder, "watcher")
    result = bureau("log", "verify", "--profile", "watcher", "--from-size", "1", "-o", "json")
    assert result.code == OK, result.err
    size = result.json["tree_size"]
    assert result.json["checkpoints"] == size + 1
    assert result.json["consistent_from"] == 1
    assert bureau("log", "checkpoint", "--dir", folder).out.splitlines()[1] == str(size)
    proof = bureau("log", "proof", "0", "--dir", folder, "-o", "json").json
    assert proof["tree_size"] == size
    assert bureau("log", "proof", str(size), "--dir", folder).code == NOT_FOUND
    assert bureau("log", "verify", "--from-size", str(size + 1), "--dir", folder).code == INVALID


def test_a_log_of_another_key_is_not_believed(folder: Path) -> None:
    add(folder, "doubter")
    settings = Path("doubter/profile.toml")
    key = bureau_key(Path("elsewhere"))
    lines = [
        f'log_key = "{key}"' if line.startswith("log_key") else line
        for line in settings.read_text().splitlines()
    ]
    settings.write_text("\n".join(lines))
    assert bureau("log", "checkpoint", "--profile", "doubter").code == INVALID
    assert bureau("log", "verify", "--profile", "doubter").code == INVALID


def bureau_key(path: Path) -> str:
    """The log key of another bureau."""
    assert bureau("init", path).code == OK
    return Profile.load(path / "operator").trust.log_key


# Serving ---------------------------------------------------------------------


def test_it_stops_gracefully_and_starts_again(tmp_path: Path) -> None:
    path = tmp_path / "b"
    bureau("init", path, "--listen", f"127.0.0.1:{free_port()}")
    for number in (signal.SIGTERM, signal.SIGINT):
        with serving(path) as process:
            assert bureau("log", "checkpoint", "--dir", path).code == OK
            process.send_signal(number)
            assert process.wait() == OK
        assert bureau("log", "checkpoint", "--dir", path).code == UNAVAILABLE
    result = bureau("member", "add", "late", "--role", "agent", "--dir", path)
    assert result.code == UNAVAILABLE
    assert not Path("late").exists()


def test_a_second_serve_of_a_folder_is_refused(folder: Path) -> None:
    refused = bureau("serve", "--dir", folder)
    assert refused.code == CONFLICT
    assert "another process serves" in refused.err


def test_what_cannot_be_served_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bureau"
    assert bureau("init", path).code == OK
    dead = "postgresql://bureau:hidden@127.0.0.1:1/bureau"
    result = bureau("serve", "--dir", path, "--db", dead)
    assert result.code == UNAVAILABLE
    assert "cannot be opened" in result.err
    assert "hidden" not in result.err

    (database,) = path.glob("bureau.db")
    database.write_bytes(b"no database " * 1000)
    result = bureau("serve", "--dir", path)
    assert result.code == UNAVAILABLE
    assert "cannot be opened: file is not a database" in result.err

    database.unlink()
    result = bureau("serve", "--dir", path)
    assert result.code == INVALID
    assert "bureau.db is missing" in result.err
    assert not database.exists()

    (path / "bureau.toml").write_text("origin")
    result = bureau("serve", "--dir", path)
    assert result.code == INVALID
    assert "bureau.toml is not TOML" in result.err


def test_services_are_named_rightly(folder: Path) -> None:
    assert bureau("serve", "--services", "Log,Nonsense", "--dir", folder).code == USAGE
    assert bureau("serve", "--log-format", "xml", "--dir", folder).code == USAGE


# The database ----------------------------------------------------------------


@pytest.fixture
def lived_in(tmp_path: Path) -> LivedIn:
    with running_bureau(tmp_path / "used") as running:
        return live_in(running, tmp_path)


def test_backup_check_and_restore(lived_in: LivedIn, tmp_path: Path) -> None:
    options = ("--dir", lived_in.folder)
    assert bureau("db", "check", *options, "-o", "json").json == []
    assert bureau("db", "backup", "b", *options).code == OK
    assert CANARY.encode() not in Path("b").read_bytes()
    assert bureau("db", "backup", "b", *options).code == CONFLICT
    assert bureau("db", "restore", "b", *options).code == CONFLICT
    for file in lived_in.folder.glob("bureau.db*"):
        file.unlink()
    assert bureau("db", "restore", "b", *options).code == OK
    assert bureau("db", "check", *options).code == OK
    Path("other").write_text("wrong")
    shutil.rmtree(tmp_path / "elsewhere", ignore_errors=True)
    result = bureau(
        *("db", "restore", "b", "--passphrase-file", "other", *options),
        *("--db", f"sqlite:///{tmp_path / 'x.db'}"),
    )
    assert result.code == AUTH


def test_a_restored_past_is_warned_of_and_not_served(lived_in: LivedIn) -> None:
    options = ("--dir", lived_in.folder)
    assert bureau("db", "backup", "b", *options).code == OK
    with running_bureau(lived_in.folder) as running:
        running.add_member("newer", ["auditor"])
    for file in lived_in.folder.glob("bureau.db*"):
        file.unlink()
    result = bureau("db", "restore", "b", *options)
    assert result.code == OK
    assert "will refuse to serve" in result.err
    refused = bureau("serve", "--dir", lived_in.folder)
    assert refused.code == CONFLICT
    assert "kept apart from the database" in refused.err


def test_an_edit_by_hand_is_named(lived_in: LivedIn) -> None:
    with sqlite3.connect(lived_in.folder / "bureau.db") as connection:
        connection.execute("UPDATE record SET block = substr(block, 2)")
    connection.close()
    result = bureau("db", "check", "--dir", lived_in.folder, "-o", "json")
    assert result.code == INVALID
    # The cause first; then the accounts and the report that rest on the records.
    causes = [row["finding"] for row in result.json if row["leaf_index"] == 7][:2]
    assert causes == ["record 0 is not the one that was signed", "it has 1 of 3 records"]
    assert result.json[0]["leaf_index"] == 7


def test_a_consent_that_is_widened_by_hand_is_named(lived_in: LivedIn) -> None:
    with sqlite3.connect(lived_in.folder / "bureau.db") as connection:
        connection.execute("UPDATE consent SET max_uses = 100 WHERE max_uses = 3")
    connection.close()
    result = bureau("db", "check", "--dir", lived_in.folder, "-o", "json")
    assert result.code == INVALID
    (row,) = result.json
    assert row["leaf_index"] == 6
    assert row["finding"].endswith(": max_uses is not what the signed statements give")
    # It is no cache: it is evidence, and stays.
    assert bureau("db", "rebuild", "--dir", lived_in.folder).code == INVALID
    assert bureau("db", "check", "--dir", lived_in.folder, "-o", "json").json == result.json


def test_a_database_of_an_earlier_revision_is_migrated_before_it_is_checked(
    lived_in: LivedIn,
) -> None:
    with sqlite3.connect(lived_in.folder / "bureau.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    connection.close()
    for command in ("check", "rebuild"):
        result = bureau("db", command, "--dir", lived_in.folder)
        assert (result.code, "bureau db migrate" in result.err) == (INVALID, True)


def test_a_prettier_history_is_named_and_rebuilt(lived_in: LivedIn) -> None:
    with sqlite3.connect(lived_in.folder / "bureau.db") as connection:
        connection.execute("UPDATE tradeline SET history = zeroblob(2)")
    connection.close()
    result = bureau("db", "check", "--dir", lived_in.folder, "-o", "json")
    assert result.code == INVALID
    assert "history is not what the signed statements give" in str(result.json)
    rebuilt = bureau("db", "rebuild", "--dir", lived_in.folder)
    assert (rebuilt.code, "rebuilt 1 rows of tradeline" in rebuilt.err) == (OK, True)
    assert bureau("db", "check", "--dir", lived_in.folder).code == OK
    assert "nothing to do" in bureau("db", "rebuild", "--dir", lived_in.folder).err


def test_erasing_is_confirmed_or_nothing_is_erased(
    lived_in: LivedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_scenario("acme") as scenario:
        person = scenario.person()
        scenario.submit("acme", account(person, "card", Month(2024, 5)))
        erase = ("db", "erase", "--dir", scenario.bureau.folder)
        mine = ("--subject", person.subject_id)
        shown = bureau(*erase, *mine, "--dry-run")
        assert (shown.code, shown.err.splitlines()) == (
            OK,
            ["would erase 1 accounts, 0 statements", "  1 accounts of acme"],
        )
        # Neither a terminal nor --yes; then a terminal, and "no".
        monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
        refused = bureau(*erase, *mine)
        assert (refused.code, "nothing was erased" in refused.err) == (USAGE, True)
        at_terminal = io.StringIO("n\n")
        monkeypatch.setattr(at_terminal, "isatty", lambda: True, raising=False)
        monkeypatch.setattr("sys.stdin", at_terminal)
        assert bureau(*erase, *mine).code == USAGE
        assert len(person.file().tradelines) == 1
        done = bureau(*erase, *mine, "--yes")
        assert (done.code, done.err.splitlines()[-2:]) == (
            OK,
            ["erased 1 accounts, 0 statements", "  1 accounts of acme"],
        )
        assert person.file().tradelines == ()
        assert bureau("db", "check", "--dir", scenario.bureau.folder).code == OK


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--subject", "' OR 1=1"), USAGE),
        (("--subject", "ABCDEF00" * 4), USAGE),
        (("--before", "2010-13"), USAGE),
        (("--before", "2999-01"), INVALID),
        (("--before", "2024-01"), INVALID),
        ((), USAGE),
        (("--subject", "0" * 32, "--before", "2010-01"), USAGE),
    ],
)
def test_what_cannot_be_erased_is_refused(
    lived_in: LivedIn, folder: Path, words: tuple[str, ...], code: int
) -> None:
    result = bureau("db", "erase", *words, "--yes", "--dir", folder)
    assert result.code == code, result.err


def test_migrations(folder: Path, tmp_path: Path) -> None:
    empty = ("--dir", folder, "--db", f"sqlite:///{tmp_path / 'empty.db'}")
    assert bureau("db", "status", *empty, "-o", "json").json["revision"] is None
    assert bureau("db", "check", *empty).code == INVALID
    assert bureau("db", "migrate", *empty).code == OK
    status = bureau("db", "status", *empty, "-o", "json").json
    assert status["revision"] == status["newest_revision"]
    assert status["pending"] == []
    assert "nothing to do" in bureau("db", "migrate", *empty).err


# The report key --------------------------------------------------------------


def test_the_report_key_is_rotated_and_who_is_prepared_does_not_notice(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    with running_bureau(
        tmp_path / "bureau", InitOptions(listen=address), listen=address
    ) as running:
        here, lived = ("--dir", running.folder), live_in(running, tmp_path)
        agent, key = running.add_member("carrier", ["agent"]), SigningKey.generate()
        attester = running.add_member("attester", ["attester"])
        with Lender(attester) as lender, Wallet(agent, "0" * 32, key) as wallet:
            lender.attest(
                wallet.binding(),
                method=IdentificationMethod.IN_PERSON,
                identify_time=datetime.now(UTC),
            )

    # 1. The next key is made, and handed over; nothing is signed with it.
    with serving(lived.folder):
        result = bureau("report-key", "rotate", *here)
        assert result.code == CONFLICT
        assert "bureau report-key prepare" in result.err
        assert bureau("report-key", "prepare", *here).code == OK
        agent.save("carrier")
        Path("carrier/profile.toml").write_text(bureau("member", "profile", "carrier", *here).out)
        assert uses(*here) == ["signs", "next"]
        assert bureau("report-key", "rotate", *here).code == OK
        assert uses(*here) == ["signs", "past"]

    # 2. It signs from the next start on. Who has it verifies; who has not is told.
    with serving(lived.folder):
        with Wallet(Profile.load("carrier"), "0" * 32, key) as wallet:
            wallet.file()
        with Wallet(agent, "0" * 32, key) as wallet, pytest.raises(VerificationFailed) as caught:
            wallet.file()
        assert "profile.toml" in str(caught.value)

    # 3. What the old key signed still holds, until it is dropped.
    trust = ("--trust", lived.folder / "operator")
    assert bureau("report", "verify", lived.saved_report, *trust).code == OK
    rows = bureau("report-key", "list", *here, "-o", "json").json
    ids = {row["use"]: row["key_id"] for row in rows}
    assert bureau("report-key", "drop", ids["signs"], *here).code == CONFLICT
    assert bureau("report-key", "drop", ids["past"], *here).code == OK
    assert bureau("report", "verify", lived.saved_report, *trust).code == INVALID


def uses(*here: object) -> list[str]:
    """What each report key is for."""
    rows = bureau("report-key", "list", *here, "-o", "json").json
    return [row["use"] for row in rows]


# Reports, doctor, the rest ---------------------------------------------------


def test_saved_reports_are_verified_offline(lived_in: LivedIn) -> None:
    trust = ("--trust", lived_in.folder / "operator", "-o", "json")
    result = bureau("report", "verify", lived_in.saved_report, *trust)
    assert result.code == OK, result.err
    (row,) = result.json
    assert (row["verified"], row["tradelines"], row["proven"]) == (True, 1, 1)
    changed = json.loads(lived_in.saved_report.read_text())
    del changed["receipt"]
    Path("changed.json").write_text(json.dumps(changed))
    result = bureau("report", "verify", lived_in.saved_report, "changed.json", *trust)
    assert result.code == INVALID
    assert [row["verified"] for row in result.json] == [True, False]
    assert bureau("report", "verify", "missing.json", *trust).code == USAGE


def test_the_doctor_sees_the_bureau_serving(folder: Path) -> None:
    result = bureau("doctor", "--dir", folder, "-o", "json")
    assert result.code == OK, result.out
    assert {row["health"] for row in result.json} <= {"ok", "warn"}
    (port,) = [row for row in result.json if row["subject"] == "port"]
    assert "a bureau answers" in port["finding"]


def test_a_node_certificate_is_renewed_while_it_serves(folder: Path) -> None:
    before = (folder / "server/tls.pem").read_bytes()
    assert bureau("renew", "--dir", folder).code == OK
    assert (folder / "server/tls.pem").read_bytes() != before
    assert bureau("log", "checkpoint", "--dir", folder).code == OK


def test_version_and_help() -> None:
    assert bureau("version").out.startswith("creditbureau ")
    result = bureau("--help")
    assert result.code == OK
    for command in ("init", "serve", "member", "log", "db", "report", "doctor"):
        assert command in result.out
    assert bureau("init", "--jurisdiction", "usa", "there").code == INVALID
    assert not Path("there").exists()


def test_a_light_installation_says_what_is_missing() -> None:
    script = "import sys; sys.modules['sqlmodel'] = None; from bureau.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "Run `pip install 'creditbureau[server]'`."
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "setting",
    [
        'database_url = "mysql://u:hunter2@h/db"',
        'database_url = ["postgresql://u:hunter2@h/db"]',
        'database_url = "postgresql://u@127.0.0.1:1/db?password=hunter2"',
    ],
)
def test_an_error_shows_no_password_of_the_database(tmp_path: Path, setting: str) -> None:
    path = tmp_path / "bureau"
    assert bureau("init", path).code == OK
    with (path / "bureau.toml").open("a", encoding="utf-8") as settings:
        settings.write(f"\n{setting}\n")
    result = bureau("db", "check", "--dir", path)
    assert result.code != OK
    assert "database" in result.err
    assert "hunter2" not in result.out + result.err

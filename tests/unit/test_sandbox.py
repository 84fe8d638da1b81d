"""The magic subjects: one table for documents, command line and tests; their accounts, pure."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bureau.listen import ListenError
from bureau.policy import load_policy
from bureau.sandbox.accounts import CHARGED_OFF, SandboxAccount
from bureau.sandbox.calls import SandboxCalls, following, last_calls
from bureau.sandbox.jurisdiction import jurisdiction_of, jurisdictions
from bureau.sandbox.magic import LANGUAGES, Fault, MagicSubject, applicable_subjects, magic_subjects
from bureau.sandbox.portal import MODULE, PortalBeside, listener_at
from bureau.sandbox.seeding import FIRST, STEPS
from bureau.sandbox.world import AGENT, AUDITOR, LENDERS
from bureau_client import AccountStatus, Month, Party
from bureau_client.models.record_checks import check_order, check_record, find_warnings
from bureau_client.models.texts import languages as texts_of_languages
from bureau_keys.errors import KeysError
from bureau_keys.identifiers import normalise
from bureau_keys.sandbox_clock import ClockFile, ClockState
from tests.documents import DOCS
from tests.unit.test_terms import NEVER, pattern, read

SUBJECTS = magic_subjects()
OF_CHINA = magic_subjects("CN")
# Every subject of every jurisdiction.
EVERY = [subject for country in jurisdictions() for subject in magic_subjects(country).values()]
PAGE = (DOCS / "sandbox.md").read_text("utf-8")
JUNE = Month(2026, 6)
CARD = SandboxAccount(
    lender="riverbank",
    ref="card-1",
    kind="card",
    parties=(Party("0" * 32),),
    first=JUNE - 23,
    newest=JUNE,
    use=40,
    limit=500_000,
    missed=2,
)
HAN = re.compile(r"[\u4e00-\u9fff]")


def test_the_page_has_the_table() -> None:
    rows = [
        f"| `{each.name}` | {each.identifier} | {OF_CHINA[each.name].identifier or '–'} | "
        f"{each.words['en']} | {each.words['zh']} |"
        for each in SUBJECTS.values()
    ]
    assert re.findall(r"^\| `[a-z0-9-]+` \| \d{3}-\d\d-.*$", PAGE, re.MULTILINE) == rows
    assert f"{len(SUBJECTS)} made-up people" in PAGE
    own = [
        f"| `{each.name}` | {each.shows('en')} | {each.shows('zh')} |"
        for each in OF_CHINA.values()
        if each.is_own
    ]
    table = PAGE.partition("| name | shows in CN |")[2].partition("\n\n")[0]
    assert table.splitlines()[2:] == own


@pytest.mark.parametrize("subject", EVERY, ids=lambda each: f"{each.country}-{each.name}")
def test_chinese_words_of_a_subject_keep_the_terms(subject: MagicSubject) -> None:
    words = subject.shows("zh")
    wrong_word = pattern(texts_of_languages()["zh"][NEVER])
    assert wrong_word.search(read("zh", words)[1]) is None, words


@pytest.mark.parametrize("country", jurisdictions())
def test_no_identifier_was_ever_issued_and_none_is_twice(country: str) -> None:
    subjects, own = applicable_subjects(country).values(), jurisdiction_of(country)
    known = {normalise(country, own.scheme, each.identifier) for each in subjects}
    assert len(known) == len(subjects)
    made_up = [own.new_identifier() for _ in range(20)]
    assert not known & {normalise(country, own.scheme, each) for each in made_up}
    for identifier in [*(each.identifier for each in subjects), *made_up]:
        with pytest.raises(KeysError, match="never issued"):
            normalise(country, own.scheme, identifier, issued_only=True)


def test_every_jurisdiction_has_a_policy_and_every_word() -> None:
    for country, own in jurisdictions().items():
        assert load_policy(country).jurisdiction == country
        assert own.members.keys() == {*LENDERS, AGENT, AUDITOR}
        assert own.says.keys() == jurisdiction_of("US").says.keys()
    with pytest.raises(ValueError, match="'DE'; use US or CN"):
        magic_subjects("DE")


def test_sums_are_of_the_size_of_the_currency() -> None:
    (card, *_), (card_of_china, *_) = (table["clean"].accounts for table in (SUBJECTS, OF_CHINA))
    assert card_of_china.limit == 10 * card.limit


def test_every_row_of_the_table_is_whole() -> None:
    assert set(OF_CHINA) == set(SUBJECTS) == set(applicable_subjects("US"))
    assert {each.name for each in OF_CHINA.values() if not each.is_applicable} == {
        "bankrupt",
        "fraud-alert",
    }
    for subjects in (SUBJECTS, OF_CHINA):
        assert subjects[FIRST].is_applicable
        assert {each.fault for each in subjects.values()} - {None} == set(Fault)
    assert {step for each in SUBJECTS.values() for step in each.steps} == set(STEPS)
    for each in EVERY:
        assert set(each.words) == set(LANGUAGES)
        assert HAN.search(each.words["zh"])
        for account in each.accounts:
            assert account.lender in LENDERS
            assert account.partner in {"", *applicable_subjects(each.country)}


@pytest.mark.parametrize("kind", ["card", "line", "loan"])
@pytest.mark.parametrize("missed", range(CHARGED_OFF + 3))
def test_records_keep_every_rule(kind: str, missed: int) -> None:
    account = replace(CARD, kind=kind, missed=missed)
    months = [*account.history(), *(account.snapshot(JUNE + ahead) for ahead in range(1, 13))]
    today = date(JUNE.year + 1, JUNE.month + 1, 1)
    for snapshot in months:
        assert check_record(snapshot, 0) == []
        assert list(check_order(snapshot, 0, today)) == []
        assert find_warnings(snapshot, 0) == []


def test_a_delinquency_ages_with_one_first_day() -> None:
    statuses = [CARD.snapshot(JUNE + ahead).status for ahead in range(-2, 7)]
    assert statuses == [
        AccountStatus.CURRENT,
        AccountStatus.PAST_DUE_30,
        AccountStatus.PAST_DUE_60,
        AccountStatus.PAST_DUE_90,
        AccountStatus.PAST_DUE_120,
        AccountStatus.PAST_DUE_150,
        AccountStatus.PAST_DUE_180,
        AccountStatus.CHARGE_OFF,
        AccountStatus.CHARGE_OFF,
    ]
    late = [CARD.snapshot(JUNE + ahead) for ahead in range(-1, 7)]
    assert {each.first_delinquency_date for each in late} == {date(2026, 5, 1)}
    assert len({each.balance_minor for each in late}) == 1


def test_a_balance_falls_by_no_more_than_was_paid() -> None:
    history = replace(CARD, missed=0).history()
    for earlier, later in pairwise(history):
        paid = later.amount_paid_minor or 0
        assert earlier.balance_minor - later.balance_minor <= paid


def test_figures_are_the_same_on_every_day_of_the_calendar() -> None:
    moved = replace(CARD, first=CARD.first + 1, newest=CARD.newest + 1)
    assert [each.balance_minor for each in moved.history()] == [
        each.balance_minor for each in CARD.history()
    ]


def test_a_sandbox_without_the_extra_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.startswith(MODULE)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    node: Any = SimpleNamespace()
    with listener_at("127.0.0.1:0") as listener:
        portal = PortalBeside(node, listener)
        with pytest.raises(ValueError, match=r"pip install 'creditbureau\[portal\]'"):
            portal.start()
        portal.stop()


def test_the_portal_takes_a_free_port_unless_one_is_named() -> None:
    with listener_at(None) as first, listener_at(None) as second:
        assert first.getsockname() != second.getsockname()
        busy = f"127.0.0.1:{first.getsockname()[1]}"
        with pytest.raises(ListenError, match=busy):
            listener_at(busy)
    for address in ("8080", "127.0.0.1:", "127.0.0.1:99999", ":80a"):
        with pytest.raises(ValueError, match=r"write 127\.0\.0\.1:8080"):
            listener_at(address)


def test_the_log_of_calls_is_followed_by_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    assert last_calls(path, 5) == []
    lines = [json.dumps({"method": method}) + "\n" for method in ("a", "b", "c")]
    path.write_text(lines[0])
    # A line that is half written when it is read, and whole at the next look.
    pieces = iter([lines[1][:5], lines[1][5:] + lines[2]])

    def write_next() -> None:
        with path.open("a") as file:
            file.write(next(pieces))

    calls = following(path, write_next)
    assert [next(calls)["method"], next(calls)["method"]] == ["b", "c"]
    assert [call["method"] for call in last_calls(path, 2)] == ["b", "c"]


def test_a_clock_file_moves_and_stands_still(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("clock") / "clock.json"
    moved = ClockState(offset_us=86_400_000_000)
    moved.save(path)
    ahead = ClockFile(path)() - datetime.now(UTC)
    assert 0.99 < ahead.total_seconds() / 86_400 < 1.01
    replace(moved, frozen_us=1_000_000).save(path)
    assert ClockFile(path)() == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    path.write_text("{}x")
    with pytest.raises(ValueError, match="start `bureau dev`"):
        ClockFile(path)()


@pytest.mark.parametrize(
    "content", ["", "[]", '{"offset_us": "1"}', '{"offset_us": 1e999}', '{"frozen_us": 1e40}']
)
def test_a_clock_file_that_holds_no_time_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "clock.json"
    path.write_text(content, "utf-8")
    with pytest.raises(ValueError, match="sandbox_clock out of profile"):
        ClockFile(path)()


def test_a_log_of_calls_that_is_begun_again_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text('{"call": 1}\n', "utf-8")
    turns = iter(range(5))

    def begin_again() -> None:
        if next(turns) == 0:  # StopIteration ends a reader that waits for ever
            path.rename(tmp_path / "kept")  # its inode is not used again
            path.write_text('{"call": 2}\n', "utf-8")

    assert next(following(path, begin_again)) == {"call": 2}


def test_a_torn_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text('{"method": "one"}\n{"method": "tw', "utf-8")
    assert [call["method"] for call in last_calls(path, 9)] == ["one"]
    # The next process begins a line of its own.
    SandboxCalls(path).stop()
    with path.open("a", encoding="utf-8") as file:
        file.write('{"method": "three"}\n')
    assert [call["method"] for call in last_calls(path, 9)] == ["one", "three"]


@pytest.mark.parametrize("address", ["0.0.0.0:8080", "192.0.2.1:8080", "[::]:8080"])
def test_the_portal_that_lends_keys_serves_this_machine_alone(address: str) -> None:
    with pytest.raises(ValueError, match="serves no other machine"):
        listener_at(address)

"""Metro 2 files with a line for each record: a fault costs one record, and shows no person."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bureau_client.files import Metro2Source, check_file
from bureau_client.files.metro2 import Finding, Framing, Metro2Record, Segment, Severity, blank
from bureau_client.files.metro2.layout import BASE
from bureau_client.files.metro2.values import Numbers
from bureau_client.files.metro2.writer import repacked
from tests.unit.client.metro2_files import DAY, base, file_of, read_all, rules

# No two of these differ in one character only.
REFS = ("FIRST-ONE", "SECOND-22", "THIRD-333", "FOURTH-44")
SECRETS = ("SECRETNAME", "HIDDENFIRST", "987613599", "5556427913", "77 QUIET LANE", "48999")
# Characters of a secret that show the person.
SHOWING = 4


def account(ref: str, **changes: Any) -> list[Segment]:
    """An account with values of a person that no finding may show, and a joint holder."""
    person = {
        "surname": SECRETS[0],
        "first_name": SECRETS[1],
        "social_security_number": SECRETS[2],
        "telephone_number": SECRETS[3],
    }
    first = base(
        consumer_account_number=ref,
        **(person | {"first_line_of_address": SECRETS[4], "postal_code": SECRETS[5]} | changes),
    )
    joint = blank("J1").with_values(
        **(person | {"social_security_number": "987613598", "ecoa_code": "2"})
    )
    return [first, joint] if ref == REFS[1] else [first]


def lines_of(*accounts: Sequence[Segment]) -> list[bytes]:
    """A record a line."""
    raw, lines, start = file_of(*accounts), [], 0
    while start < len(raw):
        length = int(raw[start : start + 4])
        lines.append(raw[start : start + length])
        start += length
    return lines


LINES = lines_of(*map(account, REFS))
Checked = list[tuple[Metro2Record, list[Finding]]]


def joined(lines: Sequence[bytes], end: bytes = b"\n") -> bytes:
    return b"".join(line + end for line in lines)


def sound(checked: Checked) -> dict[str, tuple[bytes, ...]]:
    """The segments of the accounts without errors, by account number."""
    return {
        str(record.first.values["consumer_account_number"]): tuple(
            segment.raw for segment in record.segments
        )
        for record, findings in checked
        if record.kind == BASE and not wrong(findings)
    }


def wrong(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity is Severity.ERROR]


def shown_secrets(checked: Checked) -> set[str]:
    """Parts of secrets in the text of findings."""
    text = " ".join(
        f"{finding.got} {finding.expected} {finding.fix}"
        for _, findings in checked
        for finding in findings
    )
    parts = {s[i : i + SHOWING] for s in SECRETS for i in range(len(s) - SHOWING + 1)}
    return {part for part in parts if part in text}


WHOLE = sound(read_all(joined(LINES)))


@given(st.data())
def test_one_damaged_byte_costs_one_record_and_shows_no_person(data: st.DataObject) -> None:
    """Another byte, one too many, or one that is lost, anywhere in the file."""
    end = data.draw(st.sampled_from([b"\n", b"\r\n"]))
    raw = joined(LINES, end)
    index = data.draw(st.integers(0, len(raw) - 1))
    typed = bytes([data.draw(st.integers(0, 255) | st.sampled_from(b"0 Z1\r\n"))])
    change, lost = data.draw(st.sampled_from([(typed, 1), (typed, 0), (b"", 1)]))
    checked = read_all(raw[:index] + change + raw[index + lost :], today=DAY)
    line = raw[:index].count(b"\n")
    read = sound(checked)
    for number, ref in enumerate(REFS, start=1):
        if number != line:
            assert read.get(ref) == WHOLE[ref], "a neighbour"
    if line <= len(REFS):
        # Neither the header nor the trailer, nor another record, has an error.
        errors = [finding for record, findings in checked for finding in wrong(findings)]
        assert {finding.line for finding in errors} <= {line + 1}
    assert not shown_secrets(checked)


@pytest.mark.parametrize("packed", [False, True], ids=["characters", "packed"])
@pytest.mark.parametrize("lost", [3, 50])
def test_bytes_lost_between_words_show_no_person(packed: bool, lost: int) -> None:
    """Without line ends a record then reaches into the next, whose names are off their place."""
    accounts = [
        repacked(one, Numbers.DECIMAL) if packed else list(one) for one in map(account, REFS)
    ]
    raw = file_of(*accounts, framing=Framing(packed=packed))
    shown = [
        shown_secrets(read_all(raw[:start] + raw[start + lost :]))
        for start in range(0, len(raw) - lost, 11)
    ]
    assert not set().union(*shown)


def damaged(number: int, line: bytes) -> Checked:
    """The file with another line in place of one."""
    return read_all(joined([*LINES[:number], line, *LINES[number + 1 :]]))


@pytest.mark.parametrize(
    "line",
    [
        b"0526" + LINES[1][4:],
        b"04x6" + LINES[1][4:],
        LINES[1][4:],
        LINES[1][:60] + b"X" + LINES[1][60:],
        LINES[1][:60] + LINES[1][61:],
        LINES[1][:200],
    ],
    ids=["wrong word", "typed word", "no word", "one too many", "one lost", "cut"],
)
def test_a_line_that_is_off_costs_itself_and_is_named_with_line_and_byte(line: bytes) -> None:
    checked = damaged(1, line)
    (finding,) = wrong([finding for _, findings in checked for finding in findings])
    assert (finding.record, finding.line, finding.byte) == (2, 2, 1)
    assert set(sound(checked)) == set(REFS[1:])
    assert not shown_secrets(checked)


@pytest.mark.parametrize("line", [LINES[1] + b"   ", LINES[1].rstrip(b" ")])
def test_blanks_at_the_end_of_a_line_cost_nothing(line: bytes) -> None:
    checked = damaged(1, line)
    assert rules(checked) == {"M2-WORD": 1}
    assert set(sound(checked)) == set(REFS)


def test_a_wrong_field_is_named_with_the_byte_that_the_guide_gives() -> None:
    (finding,) = wrong(
        [f for _, listed in damaged(1, LINES[1][:123] + b"QQ" + LINES[1][125:]) for f in listed]
    )
    assert (finding.field, finding.line, finding.byte) == ("BASE.account_status", 2, 124)
    # Without lines it is the byte of the file.
    raw = b"".join([LINES[0], LINES[1][:123] + b"QQ" + LINES[1][125:], *LINES[2:]])
    (finding,) = wrong([finding for _, findings in read_all(raw) for finding in findings])
    assert (finding.line, finding.byte) == (0, len(LINES[0]) + 124)


def test_a_file_without_lines_shows_no_person_behind_a_wrong_word() -> None:
    for word in (b"0526", b"0430", b"0400", b"0427", b"9999"):
        raw = b"".join([LINES[0], word + LINES[1][4:], *LINES[2:]])
        checked = read_all(raw)
        assert wrong([finding for _, findings in checked for finding in findings])
        assert not shown_secrets(checked)


def test_a_segment_that_says_nothing_is_none() -> None:
    nothing = Segment("J1", b"J1".ljust(100))
    zeros = Segment("K4", b"K4" + b"  " + b"0" * 25 + b" ")
    gap = Segment("", b" " * 100)
    creditor = blank("K1").with_values(original_creditor_name="OLD BANK")
    (_, (record, findings), _) = read_all(file_of([base(), nothing, zeros, gap, creditor]))
    assert findings == []
    assert [segment.kind for segment in record.segments] == ["BASE", "K1"]


def test_a_business_has_no_first_name() -> None:
    business = {"surname": "ACME TRUCKING LLC", "first_name": "", "ecoa_code": "W"}
    joint = blank("J1").with_values(**business)
    assert rules(read_all(file_of([base(**business), joint]))) == {}
    assert rules(read_all(file_of([base(first_name="")]))) == {"M2-REQUIRED": 1}


def test_a_month_of_which_nothing_is_said_is_a_month() -> None:
    assert rules(read_all(file_of([base(payment_history_profile="0Z" + "B" * 22)]))) == {}


def test_a_number_with_too_few_digits_is_nobodys() -> None:
    raw = file_of([base()]).replace(b"000123456", b"00012345 ")
    assert rules(read_all(raw)) == {"M2-DIGITS": 1}


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (joined(LINES).decode().encode("utf-16"), "M2-UTF16"),
        (joined(LINES).decode().encode("utf-16-le"), "M2-UTF16"),
        (joined(LINES).decode().encode("utf-16-be"), "M2-UTF16"),
        (joined(LINES).decode().encode("cp037"), "M2-EBCDIC"),
        (b"account_ref,month,subject_id\nA-1,2024-05,\n", "M2-CSV"),
        (b"account_ref;month;subject_id\r\nA-1;2024-05;\r\n", "M2-CSV"),
    ],
)
def test_a_file_of_another_format_is_named(raw: bytes, rule: str) -> None:
    assert rules(read_all(raw)) == {rule: 1}


def test_rejected_lines_are_written_as_they_were(tmp_path: Path) -> None:
    file, rejects = tmp_path / "may.dat", tmp_path / "rejects.dat"
    file.write_bytes(joined([LINES[0], LINES[1][4:], *LINES[2:]]))
    source = Metro2Source(file)
    rejected = check_file(source).rejects
    source.write_rejects(rejected, rejects)
    assert rejects.read_bytes().splitlines()[1] == LINES[1][4:]
    reasons = (tmp_path / "rejects.dat.reasons.csv").read_text().splitlines()
    assert reasons[1].startswith("2,2,2,BASE,M2-WORD,")


def test_lines_are_read_from_a_stream_of_any_size() -> None:
    many = joined([LINES[0], *(LINES[2] for _ in range(1000)), LINES[-1]])
    checked = read_all(many)
    assert len(checked) == 1002
    assert io.BytesIO(many).readlines()[1001] == LINES[-1] + b"\n"
    assert rules(checked)["M2-WORD"] == 0

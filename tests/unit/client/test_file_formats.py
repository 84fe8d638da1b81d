"""The format of a file by its first bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bureau_client.errors import InvalidRequest
from bureau_client.files.formats import Format, format_of

# Columns whose names in UTF-8 have the bytes of letters in EBCDIC.
CHINESE = "日期,本期," + "日期" * 9 + "\n"


@pytest.mark.parametrize("before", range(4))
def test_text_in_utf8_is_no_ebcdic_wherever_its_beginning_is_cut(
    tmp_path: Path, before: int
) -> None:
    file = tmp_path / "may.csv"
    file.write_text("x" * before + CHINESE, "utf-8")
    assert format_of(file) is Format.CSV


def test_ebcdic_is_named(tmp_path: Path) -> None:
    file = tmp_path / "may.csv"
    file.write_text("account_ref,month,subject_id\nA-1,2026-05,x\n", "cp037")
    with pytest.raises(InvalidRequest, match="is EBCDIC"):
        format_of(file)

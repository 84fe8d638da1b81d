"""Identifiers at every entrance of a bureau in production: SDK, command line, CSV and Metro 2."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from bureau.admin.bureau_folder import InitOptions
from bureau.testing import running_bureau
from bureau_client import InvalidRequest, Lender
from bureau_client.files import Metro2Source, import_file
from bureau_client.files.applicants import COLUMNS, read_applicants
from bureau_keys.profile import Profile
from tests.programs import run_program
from tests.service.test_files import base, written

ISSUED, NEVER_ISSUED = "123-45-6789", "666-12-3456"


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The profile of a member of a bureau whose settings name production."""
    folder = tmp_path_factory.mktemp("member")
    with running_bureau(plan=InitOptions(issued_identifiers_only=True)) as bureau:
        bureau.add_member("acme", ["furnisher", "attester"]).save(folder)
        yield folder


def run(*words: str | Path, stdin: str = "") -> CompletedProcess[str]:
    return run_program("bureau-lender", *words, stdin=stdin)


def test_profiles_refuse_numbers_that_were_never_issued(profile: Path) -> None:
    assert Profile.load(profile).trust.issued_identifiers_only
    with Lender.from_profile(profile) as lender:
        assert lender.subject_id("us", "SSN", ISSUED) == lender.subject_id("US", "ssn", "123456789")
        with pytest.raises(InvalidRequest, match="never issued"):
            lender.subject_id("US", "ssn", NEVER_ISSUED)
    refused = run("subject-id", "US", "ssn", "--profile", profile, stdin=NEVER_ISSUED)
    assert refused.returncode != 0
    assert "never issued" in refused.stderr
    assert "666" not in refused.stderr


def test_a_wrong_country_or_scheme_is_answered_with_the_right_ones(profile: Path) -> None:
    country = run("subject-id", "USA", "ssn", "--profile", profile, stdin=ISSUED)
    assert "USA is not a country of ISO 3166-1" in country.stderr
    scheme = run("subject-id", "US", "social", "--profile", profile, stdin=ISSUED)
    assert "write one of: ssn, itin, ein, passport" in scheme.stderr
    listed = run("schemes", "CN", "--output", "csv")
    assert [row["name"] for row in csv.DictReader(listed.stdout.splitlines())] == [
        "resident-id",
        "uscc",
        "passport",
    ]
    assert "GB 11643-1999" in listed.stdout
    assert "ZZ is not a country" in run("schemes", "ZZ").stderr


def test_a_metro2_file_keeps_back_the_account_whose_number_is_none(
    profile: Path, tmp_path: Path
) -> None:
    file = written(tmp_path / "may.dat", [base("666123456", "M-1")])
    source = Metro2Source(file, issued_identifiers_only=True)
    with Lender.from_profile(profile) as lender:
        result = import_file(lender, source, skip_invalid=True)
    [reject] = result.rejects
    [violation] = reject.violations
    assert violation.field == "BASE.social_security_number"
    assert "never issued" in violation.message
    assert "666" not in violation.message
    checked = run("submit", file, "--profile", profile, "--format", "metro2", "--dry-run")
    assert "never issued" in checked.stderr
    with pytest.raises(InvalidRequest, match="write one of: resident-id"):
        Metro2Source(file, country="CN")


def test_a_line_of_applicants_names_the_column(tmp_path: Path) -> None:
    file = tmp_path / "applicants.csv"
    person = {"consent_id": "0" * 32, "purpose": "credit-application"}
    wrong = [("USA", "ssn", ISSUED), ("US", "sssn", ISSUED), ("US", "ssn", "12345")]
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [column.name for column in COLUMNS])
        writer.writeheader()
        for country, scheme, number in [*wrong, ("US", "ssn", ISSUED)]:
            writer.writerow({"country": country, "scheme": scheme, "identifier": number} | person)
    fields = [[one.field for one in line.violations] for line in read_applicants(file)]
    assert fields == [["country"], ["scheme"], ["identifier"], []]

"""The pages for a member's engineer and for the operator: who enters, what each sees."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from bureau_portal.app import PAGES
from bureau_portal.sessions import IDLE_S
from bureau_portal.site import Portal, clock_of
from bureau_portal.staff import table
from bureau_portal.staff.growth import bars_of
from bureau_portal.staff.profiles import CODE_FILE, Staff, open_staff
from tests.portal.browser import DESKTOP, PHONE, Browser, opened
from tests.portal.life import Life
from tests.portal.serving import served
from tests.portal.staff_pictures import CODES, PICTURES, StaffPortal, enter, staffed, take
from tests.portal.visitor import Visitor

SHOWN = ("/staff/calls", "/staff/story", "/staff/deadlines", "/staff/log", "/staff/members")


@pytest.fixture(scope="module")
def shown(life: Life) -> Iterator[StaffPortal]:
    with staffed(life) as shown:
        yield shown


def entered(shown: StaffPortal, name: str) -> Visitor:
    """A browser of the staff of a profile."""
    visitor = Visitor(shown.portal.origin)
    visitor.get("/staff")
    page = visitor.post("/staff/enter", {"code": CODES[name]})
    assert "Live calls" in page.text, page.text
    return visitor


def test_staff_enters_by_the_code_of_its_profile_alone(shown: StaffPortal, life: Life) -> None:
    visitor = Visitor(shown.portal.origin)
    for path in (*SHOWN, "/staff/calls.json"):
        answer = visitor.send("GET", path)
        assert (answer.status, answer.headers.headers["Location"]) == (303, "/staff"), path
    visitor.get("/staff")
    for code in ("", "operator", CODES["operator"] + "x", "签名"):
        assert visitor.post("/staff/enter", {"code": code}).status == 403
    planted = visitor.cookie
    visitor.post("/staff/enter", {"code": CODES["operator"]})
    assert visitor.cookie != planted
    assert visitor.send("GET", "/staff/calls", Cookie=planted).status == 303
    # Staff is nobody's person, and a person is no staff.
    assert visitor.send("GET", "/file").status == 303
    visitor.post("/staff/leave", {})
    assert visitor.send("GET", "/staff/calls").status == 303
    person = Visitor(shown.portal.origin)
    person.sign_in(life.wallet.subject_id, life.key)
    assert person.send("GET", "/staff/calls").status == 303


def test_a_page_that_reads_by_itself_keeps_no_session(
    shown: StaffPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = shown.portal.sessions
    now, passed = sessions.now, 0.0
    monkeypatch.setattr(sessions, "now", lambda: now() + passed)
    visitor = entered(shown, "operator")
    for _ in range(3):  # a person who reads pages stays
        passed += IDLE_S / 2
        assert visitor.send("GET", "/staff/calls").status == 200
    statuses = []
    for _ in range(3):
        passed += IDLE_S / 2 + 1
        statuses.append(visitor.send("GET", "/staff/calls.json?after=0").status)
    assert statuses == [200, 303, 303]
    assert visitor.send("GET", "/staff/calls").status == 303


def test_every_page_that_scripts_read_is_marked() -> None:
    read = set()
    for script in Path(str(files("bureau_portal") / "static")).glob("*.js"):
        read |= set(re.findall(r"fetch\([`\"](/[^`\"?]+)", script.read_text("utf-8")))
    every = (*PAGES, *table.PAGES)
    fetched = {page.path for page in every if page.is_fetched}
    assert fetched == {page.path for page in every if page.path in read and page.method == "GET"}
    assert "/staff/calls.json" in fetched


def test_a_portal_without_staff_has_none_of_the_pages(portal: Portal) -> None:
    visitor = Visitor(portal.origin)
    for path in ("/staff", *SHOWN):
        assert visitor.send("GET", path).status == 404, path
    assert "/staff" not in visitor.get("/").text


def test_a_portal_for_staff_alone_serves_no_people(life: Life) -> None:
    staff = Staff(
        replace(life.scenario.bureau.operator, memory_folder=None),
        life.scenario.now,
        CODES["operator"],
    )
    with served(life.scenario, table.STAFF_ONLY, [staff]) as portal:
        visitor = Visitor(portal.origin)
        assert "Access code" in visitor.get("/").text
        for path in ("/key", "/file", "/sandbox"):
            assert visitor.send("GET", path).status == 404
        visitor.get("/staff")
        assert "riverbank" in visitor.post("/staff/enter", {"code": staff.code}).text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_for_staff_opens_in_both_languages(shown: StaffPortal, language: str) -> None:
    for name in CODES:
        visitor = entered(shown, name)
        for path in (*SHOWN, f"/staff/story?id={shown.denied}"):
            page = visitor.get(path, Accept_Language=language)
            assert page.status == 200, (path, page.text)


def test_an_engineer_sees_their_member_and_the_operator_all(shown: StaffPortal, life: Life) -> None:
    engineer, operator = entered(shown, "riverbank"), entered(shown, "operator")
    for visitor, sees in ((engineer, False), (operator, True)):
        page = visitor.get("/staff/calls").text
        assert "Reporting/QueryReport" in page
        assert "CONSENT_REVOKED" in page
        assert ("<td>hillside</td>" in page) is sees
        assert life.wallet.subject_id not in page
        cursor = page.partition('data-cursor="')[2].partition('"')[0]
        visitor.get("/staff/deadlines")
        reply = visitor.send("GET", f"/staff/calls.json?after={cursor}")
        added = json.loads(reply.text)["calls"]
        assert {"Operations/ListDeadlines", "Operations/ListCalls"} <= {
            call["method"] for call in added
        }
        assert visitor.send("GET", "/staff/calls.json?after=x").status == 400


def test_the_story_of_a_denied_request_has_reason_and_fix(shown: StaffPortal, life: Life) -> None:
    page = entered(shown, "riverbank").get(f"/staff/story?id={shown.denied}").text
    for words in ("CONSENT_REVOKED", "What to do:", "inquiry-denial", "Inclusion proof"):
        assert words in page
    assert page.count('class="stopped"') == 1
    assert page.index('class="stopped"') < page.index('class="not-reached"')
    # The engineer reads what their member sent; the operator its digest.
    assert life.wallet.subject_id in page
    page = entered(shown, "operator").get(f"/staff/story?id={shown.denied}").text
    assert life.wallet.subject_id not in page
    assert "Its words are for its signer alone." in page
    stranger = entered(shown, "riverbank")
    assert "no such request" in stranger.get(f"/staff/story?id={uuid.uuid4()}").text
    assert stranger.get("/staff/story?id=1").status == 400


def test_overdue_disputes_have_member_and_deadline(shown: StaffPortal) -> None:
    page = entered(shown, "operator").get("/staff/deadlines").text
    overdue, _, waiting = page.partition('id="waiting"')
    assert shown.overdue in overdue
    assert "the answer of the furnisher to a dispute" in overdue
    assert "hillside" in waiting
    assert "hillside" not in entered(shown, "riverbank").get("/staff/deadlines").text


def test_growth_is_drawn_by_day(shown: StaffPortal) -> None:
    page = entered(shown, "operator").get("/staff/log").text
    assert page.count("<rect ") == 30
    days = shown.portal.staff["operator"].observer.log_growth(days=60)
    bars = bars_of(days)
    assert sum(bar.added for bar in bars) == days[-1].tree_size - days[0].tree_size
    assert max(bar.height for bar in bars) == max(bar.y + bar.height for bar in bars)
    assert bars_of([]) == []


def test_keys_have_the_entries_between_which_they_count(shown: StaffPortal, life: Life) -> None:
    page = entered(shown, "operator").get("/staff/members").text
    for member_id in ("riverbank", "hillside", "operator"):
        assert f'id="member-{member_id}"' in page
    assert "in use" in page


def test_the_code_lies_beside_the_keys(life: Life, tmp_path: Path) -> None:
    life.scenario.profiles["riverbank"].save(tmp_path)
    with closing(open_staff(tmp_path, clock_of)) as staff:
        path = tmp_path / CODE_FILE
        assert path.read_text().strip() == staff.code
        assert path.stat().st_mode & 0o077 == 0
        assert len(staff.code) >= 32
    assert open_staff(tmp_path, clock_of).code == staff.code
    path.write_text("\n")
    with pytest.raises(ValueError, match="no access code"):
        open_staff(tmp_path, clock_of)


@pytest.fixture(scope="module")
def browser(shown: StaffPortal) -> Iterator[Browser]:
    with opened(shown.portal.origin) as browser:
        enter(browser, "riverbank")
        yield browser
        assert not browser.errors()


def test_calls_come_while_the_page_is_open(
    browser: Browser, shown: StaffPortal, life: Life
) -> None:
    browser.open("/staff/calls")
    browser.arrive("/staff/calls")
    request_id = life.scenario.report(life.wallet, "riverbank").request_id
    browser.click(f"#calls a[href='/staff/story?id={request_id}']")
    assert "Reporting/QueryReport" in browser.arrive("/staff/story")


def test_a_story_is_verified_in_the_browser(browser: Browser, shown: StaffPortal) -> None:
    browser.open(f"/staff/story?id={shown.granted}")
    browser.arrive("/staff/story")
    for entry in ("entry-1", "consent-1"):
        browser.click(f"button[aria-controls='steps-{entry}']")
        assert "The checkpoint is signed by the log's key:" in browser.text(f"#steps-{entry}.good")
    browser.open("/staff/log")
    browser.arrive("/staff/log")
    browser.click("#verify")
    assert "The log's key signed this checkpoint:" in browser.text("#steps.good")


def test_the_pictures_can_be_taken(browser: Browser, shown: StaffPortal, tmp_path: Path) -> None:
    take(browser, shown, tmp_path)
    for name in PICTURES:
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("path", SHOWN)
def test_pages_for_staff_can_be_used_by_everybody(
    browser: Browser, shown: StaffPortal, path: str
) -> None:
    browser.open(f"{path}?id={shown.denied}" if path == "/staff/story" else path)
    browser.arrive(path)
    assert browser.faults() == []
    browser.resize(PHONE)
    width = browser.driver.execute_script("return document.documentElement.scrollWidth")
    assert width <= PHONE[0]
    browser.resize(DESKTOP)

"""Take the pictures of the pages for staff in docs/portal.md.

`python -m tests.portal.staff_pictures --write` takes them again, in a bureau of this process.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bureau_client import ComplaintKind, ConsentRevoked, DisputeReason, Purpose
from bureau_portal.app import PAGES
from bureau_portal.site import Portal
from bureau_portal.staff import table
from bureau_portal.staff.profiles import Staff
from tests.documents import DOCS
from tests.portal.browser import Browser, opened
from tests.portal.life import Life, lived
from tests.portal.serving import served
from tests.service.scenario import DAY

IMAGES = DOCS / "images"
CODES = {"riverbank": "riverbank-code-of-this-test", "operator": "operator-code-of-this-test"}


@dataclass
class StaffPortal:
    """A portal with staff: two requests of riverbank's, and a dispute that it did not answer."""

    portal: Portal
    granted: str
    denied: str
    overdue: str


@contextmanager
def staffed(life: Life) -> Iterator[StaffPortal]:
    """The portal of riverbank's engineers and of the operator, 46 days after the dispute."""
    scenario = life.scenario
    profiles = {"riverbank": scenario.profiles["riverbank"], "operator": scenario.bureau.operator}
    staff = [
        Staff(replace(profile, memory_folder=None), scenario.now, CODES[name])
        for name, profile in profiles.items()
    ]
    overdue = disputed(life)
    scenario.later(46 * DAY)
    granted, denied = scenario.report(life.wallet, "riverbank").request_id, denied_request(life)
    with served(scenario, (*PAGES, *table.PAGES), staff) as portal:
        yield StaffPortal(portal, granted, denied, overdue)


def denied_request(life: Life) -> str:
    """The request id of an inquiry under a consent that was revoked."""
    consent_id = life.scenario.inquiring(life.wallet, "riverbank")
    life.wallet.revoke(consent_id)
    with pytest.raises(ConsentRevoked) as denied:
        life.scenario.lenders["riverbank"].query(
            life.wallet.subject_id, purpose=Purpose.CREDIT_APPLICATION, consent_id=consent_id
        )
    return denied.value.request_id


def disputed(life: Life) -> str:
    """The id of a dispute of riverbank's, and beside it a complaint about the other lender."""
    line = next(one for one in life.wallet.file().tradelines if one.member_id == "riverbank")
    dispute = life.wallet.dispute(
        line.tradeline_id, field="balance_minor", reason=DisputeReason.WRONG_AMOUNT
    )
    consent_id = life.scenario.inquiring(life.wallet, "hillside")
    life.wallet.complain("hillside", ComplaintKind.DATA_KEPT_TOO_LONG, consent_id)
    return dispute.dispute_id


def enter(browser: Browser, name: str) -> None:
    """Enter as the staff of a profile."""
    browser.open("/staff")
    browser.find("#code").send_keys(CODES[name])
    browser.click("main form button.main")
    browser.arrive("/staff/calls")


def calls(browser: Browser, _shown: StaffPortal) -> None:
    """The live calls."""
    browser.open("/staff/calls")
    browser.arrive("/staff/calls")


def story(browser: Browser, shown: StaffPortal) -> None:
    """The story of the denied request."""
    browser.open(f"/staff/story?id={shown.denied}")
    browser.arrive("/staff/story")


PICTURES: Mapping[str, Callable[[Browser, StaffPortal], None]] = {
    "portal-calls.png": calls,
    "portal-story.png": story,
}


def take(browser: Browser, shown: StaffPortal, folder: Path) -> None:
    """Take all pictures into a folder, with a browser of the operator's or an engineer's."""
    for name, show in PICTURES.items():
        show(browser, shown)
        (folder / name).write_bytes(browser.driver.get_screenshot_as_png())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", required=True, help="replace the pictures")
    parser.parse_args()
    with lived() as life, staffed(life) as shown, opened(shown.portal.origin) as browser:
        enter(browser, "operator")
        take(browser, shown, IMAGES)

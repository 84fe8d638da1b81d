"""Take the pictures of docs/portal.md, as the browser of the tests shows the pages.

`python -m tests.portal.pictures --write` takes them again, in a bureau of this process.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.documents import DOCS
from tests.portal.browser import DESKTOP, PHONE, Browser, opened
from tests.portal.life import lived
from tests.portal.serving import served
from tests.portal.wallets import sign_in

IMAGES = DOCS / "images"


def frozen(browser: Browser) -> None:
    """The top of the file: in short, and why a line is frozen."""
    browser.open("/file")
    browser.arrive("/file")


def months(browser: Browser) -> None:
    """The months of all accounts."""
    browser.open("/file#months")
    browser.arrive("/file")


def signing(browser: Browser) -> None:
    """What the browser shows before it signs."""
    browser.open("/consents")
    browser.arrive("/consents")
    browser.click(".cards button.danger")
    browser.find("#do-sign")


def requests(browser: Browser) -> None:
    """A request that waits for an answer."""
    browser.open("/requests")
    browser.arrive("/requests")


def complaints(browser: Browser) -> None:
    """A complaint that the member rejected."""
    browser.open("/complaints")
    browser.arrive("/complaints")


def chinese(browser: Browser) -> None:
    """The file in Chinese, on a phone."""
    browser.resize(PHONE)
    browser.open("/file")
    browser.arrive("/file")
    browser.click(".languages button[lang=zh]")
    browser.find("html[lang=zh]")
    browser.open("/file")
    browser.arrive("/file")


# In this order: the last one changes the language and the window.
PICTURES: Mapping[str, Callable[[Browser], None]] = {
    "portal-file.png": frozen,
    "portal-months.png": months,
    "portal-sign.png": signing,
    "portal-requests.png": requests,
    "portal-complaints.png": complaints,
    "portal-phone.png": chinese,
}


def take(folder: Path) -> None:
    """Take all pictures into a folder."""
    with lived() as life, served(life.scenario) as portal, opened(portal.origin) as browser:
        with TemporaryDirectory() as wallet:
            sign_in(browser, Path(wallet), life.wallet.subject_id, life.key)
        browser.resize(DESKTOP)
        for name, show in PICTURES.items():
            show(browser)
            (folder / name).write_bytes(browser.driver.get_screenshot_as_png())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", required=True, help="replace the pictures")
    parser.parse_args()
    take(IMAGES)

"""Bring the key of a wallet's folder into a browser."""

from __future__ import annotations

import json
from pathlib import Path

from bureau_client import SigningKey
from tests.portal.browser import Browser


def sign_in(browser: Browser, folder: Path, subject_id: str, key: SigningKey) -> str:
    """Bring the key into the browser, and sign in; the text of the file."""
    settings, pem = folder / "wallet.json", folder / "key.pem"
    settings.write_text(json.dumps({"subject_id": subject_id}), "utf-8")
    pem.write_bytes(key.to_pem())
    browser.open("/key")
    browser.find("#settings").send_keys(str(settings))
    browser.find("#pem").send_keys(str(pem))
    browser.click("#bring button")
    browser.click("#sign-in button.main")
    return browser.arrive("/file")

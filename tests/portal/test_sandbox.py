"""The portal of a sandbox: its people sign in by a click, in a browser, and after a restore."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from bureau.admin.bureau_folder import FolderError
from bureau.sandbox.magic import magic_subjects
from bureau.sandbox.portal import PortalBeside, listener_at
from bureau.testing import SandboxBureau, running_sandbox
from bureau_client import SigningKey
from bureau_portal.sandbox import part
from bureau_portal.site import Portal
from tests.portal.browser import opened
from tests.portal.visitor import Visitor


@dataclass
class Sandbox:
    bureau: SandboxBureau
    portal: PortalBeside


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as bureau, listener_at("127.0.0.1:0") as listener:
        portal = PortalBeside(bureau.node, listener)
        portal.start()
        yield Sandbox(bureau, portal)
        portal.stop()


def sign_in(visitor: Visitor, name: str) -> str:
    """The text of the file of a magic subject, whose key the portal lends."""
    page = visitor.get("/sandbox")
    body = urlencode({"csrf": page.value("csrf")})
    lent = json.loads(visitor.send("POST", f"/sandbox/wallets/{name}", body).text)
    key = SigningKey.from_pem(lent["pem"].encode())
    return visitor.sign_in(lent["subject_id"], key).text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_lists_every_magic_subject_in_words(sandbox: Sandbox, language: str) -> None:
    page = Visitor(sandbox.portal.origin).get("/sandbox", Accept_Language=language).text
    for subject in magic_subjects().values():
        assert subject.words[language] in html.unescape(page)
    assert page.count("data-wallet=") == len(magic_subjects())


def test_a_magic_subject_signs_in_by_a_click(sandbox: Sandbox) -> None:
    with opened(sandbox.portal.origin) as browser:
        browser.open("/")
        browser.click(".message a[href='/sandbox']")
        browser.arrive("/sandbox")
        assert not browser.faults()
        browser.click("form[data-wallet='/sandbox/wallets/frozen-line'] button")
        assert "You can object here: " in browser.arrive("/file")
        assert "not for production" in browser.text(".message.bad")
        assert not browser.errors()


def test_a_key_is_lent_to_a_form_of_the_session_alone(sandbox: Sandbox) -> None:
    visitor = Visitor(sandbox.portal.origin)
    csrf = visitor.get("/sandbox").value("csrf")
    wallet, body = "/sandbox/wallets/clean", urlencode({"csrf": csrf})
    assert visitor.send("POST", wallet, body, Origin="http://localhost:1").status == 403
    assert visitor.send("POST", wallet, body, Cookie=None).status == 403
    assert visitor.send("GET", wallet).status == 404
    for name in ("nobody", "..", "%2e%2e%2foperator"):
        assert visitor.send("POST", f"/sandbox/wallets/{name}", body).status in {400, 404}
    assert "PRIVATE KEY" in visitor.send("POST", wallet, body).text


def test_a_disputed_account_says_so(sandbox: Sandbox) -> None:
    page = sign_in(Visitor(sandbox.portal.origin), "disputed")
    assert "credit reports show the dispute. The lender answers by" in page
    assert "show the dispute" not in sign_in(Visitor(sandbox.portal.origin), "clean")


def test_people_sign_in_again_after_a_restore(sandbox: Sandbox) -> None:
    visitor, portal = Visitor(sandbox.portal.origin), sandbox.portal
    assert "My credit file" in sign_in(visitor, "clean")
    sandbox.bureau.reset()
    # As `bureau dev` does: clients that saw the newer log refuse the restored one.
    portal.stop()
    portal.start()
    assert "My credit file" in sign_in(Visitor(portal.origin), "clean")


def test_the_portal_of_production_has_no_such_pages(portal: Portal, tmp_path: Path) -> None:
    visitor = Visitor(portal.origin)
    assert "/sandbox" not in visitor.get("/").text
    assert visitor.send("GET", "/sandbox").status == 404
    with listener_at("127.0.0.1:0") as listener, pytest.raises(FolderError, match="no sandbox"):
        part(tmp_path, "127.0.0.1:1", listener)

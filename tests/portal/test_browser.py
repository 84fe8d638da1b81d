"""Try the portal in a real browser: keys, signatures, what is shown before them, who can use it."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pypdf
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from bureau_client import IdentificationMethod, NoticeKind
from bureau_portal.site import Portal
from tests.portal.browser import DESKTOP, PHONE, Browser, opened
from tests.portal.life import Life
from tests.portal.pictures import PICTURES, take
from tests.portal.wallets import sign_in

PAGES = (
    "/file",
    "/inquiries",
    "/requests",
    "/consents",
    "/consents/new",
    "/holds",
    "/disputes",
    "/complaints",
    "/complaints/counts",
    "/notices",
    "/notices/choice",
    "/decisions",
    "/events",
    "/bureau",
    "/guide",
)


@pytest.fixture(scope="module")
def browser(
    portal: Portal, life: Life, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    """The person's browser, signed in with the key of their wallet."""
    with opened(portal.origin) as browser:
        folder = tmp_path_factory.mktemp("wallet")
        page = sign_in(browser, folder, life.wallet.subject_id, life.key)
        assert "Accounts on file: 3, from this many lenders: 2" in page
        yield browser
        assert not browser.errors()


def test_a_person_reads_why_a_line_is_frozen_and_what_to_do(browser: Browser) -> None:
    browser.open("/file")
    page = browser.arrive("/file")
    assert "The lender looks at it again by 31 December 2026." in page
    assert "You can object here: https://riverbank.example/appeal" in page
    browser.click(".figures summary")
    assert "What you owed the lender at the end of the month." in browser.text(".bubble")


def test_no_script_can_read_the_key(browser: Browser) -> None:
    browser.open("/file")
    browser.arrive("/file")
    extractable, refused = browser.driver.execute_async_script(
        """
        const done = arguments[0];
        import("/static/keys.js").then(async ({ all }) => {
          const [{ key }] = await all();
          const refused = await crypto.subtle.exportKey("pkcs8", key).then(() => "", String);
          done([key.extractable, refused]);
        });
        """
    )
    assert extractable is False
    assert "InvalidAccessError" in refused


def test_a_freeze_is_shown_from_its_bytes_and_signed(browser: Browser, life: Life) -> None:
    browser.open("/holds")
    browser.arrive("/holds")
    browser.click("main form button.main")
    statement = browser.text("#statement")
    for words in (
        "A security freeze or a fraud alert",
        "security freeze: no credit report for new credit",
        f"subjects/{life.wallet.subject_id}",
        "creditbureau.local/log",
    ):
        assert words in statement, statement
    assert not life.wallet.file().holds
    browser.click("#do-sign")
    browser.wait(lambda driver: "/holds" in driver.current_url)
    assert "It is in force, from the next inquiry on." in browser.text(".message.good")
    (hold,) = life.wallet.file().holds
    assert hold.kind.name == "SECURITY_FREEZE"
    life.wallet.lift_hold(hold.hold_id)


def test_a_dispute_is_opened_from_the_month_itself(browser: Browser, life: Life) -> None:
    browser.open("/file")
    browser.arrive("/file")
    browser.click(".months td.m2 a")
    browser.arrive("/disputes/open")
    assert browser.find("#month").get_attribute("value") == "2026-09"
    browser.find("#narrative").send_keys("I paid on the 3rd.")
    document = Path(__file__).parent / "axe" / "README.md"
    browser.find("#files-new").send_keys(str(document))
    field = browser.driver.find_element(By.ID, "digests-new")
    browser.wait(lambda _: field.get_attribute("value"))
    browser.click("main form button.main")
    statement = browser.text("#statement")
    assert "I paid on the 3rd." in statement
    assert "2026-09" in statement
    browser.click("#do-sign")
    assert "I paid on the 3rd." in browser.arrive("/disputes")
    dispute = life.wallet.disputes()[0]
    assert (dispute.field, str(dispute.month)) == ("status", "2026-09")
    assert len(dispute.attachment_digests) == 1


def test_a_consent_is_narrowed_by_one_signature(browser: Browser, life: Life) -> None:
    browser.open("/consents")
    browser.arrive("/consents")
    wide = life.wallet.consents()[0]
    browser.click(f"a[href='/consents/{wide.consent_id}/narrow']")
    browser.find("main form button.main")
    for box in browser.driver.find_elements(By.CSS_SELECTOR, "input[name=section]:checked")[1:]:
        box.click()
    check_for_everybody(browser)
    browser.click("main form button.main")
    assert "A consent" in browser.text("#statement-name")
    assert f"Consent that this replaces\n{wide.consent_id}" in browser.text("#fields")
    assert "The portal says that it is about: riverbank" in browser.text("#statement")
    browser.click("#do-sign")
    browser.arrive("/consents")
    assert "The narrower consent is in force" in browser.text(".message.good")
    narrow, replaced = life.wallet.consents()[:2]
    assert (len(narrow.sections), narrow.arrangement_id) == (1, wide.arrangement_id)
    assert replaced.state.name == "REPLACED"
    browser.click(f"a[href='/consents/{narrow.consent_id}/history']")
    assert "You replaced the consent" in browser.arrive(f"/consents/{narrow.consent_id}/history")
    check_for_everybody(browser)


def test_a_request_is_answered_with_less(browser: Browser, life: Life) -> None:
    request = life.wallet.consent_requests()[0]
    browser.open("/requests")
    page = browser.arrive("/requests")
    assert "Your application of today for a car loan." in page
    address = f"/requests/{request.consent_request_id}/narrow"
    browser.click(f"a[href='{address}']")
    browser.arrive(address)
    browser.driver.find_elements(By.CSS_SELECTOR, "input[name=section]")[1].click()
    check_for_everybody(browser)
    browser.click("main form button.main")
    statement = browser.text("#statement")
    assert "hillside asks: Your application of today for a car loan." in statement
    assert request.consent_request_id in statement
    browser.click("#do-sign")
    assert "narrower consent granted" in browser.arrive("/requests")
    assert life.wallet.consents()[0].consent_request_id == request.consent_request_id


def test_a_complaint_begins_at_the_inquiry(browser: Browser, life: Life) -> None:
    browser.open("/inquiries")
    browser.arrive("/inquiries")
    granted = next(one for one in life.wallet.inquiries() if not one.denial_reason)
    address = f"/complaints/open/inquiry/{granted.inquiry_id}"
    browser.click(f"a[href='{address}']")
    browser.arrive(address)
    check_for_everybody(browser)
    browser.find("#narrative").send_keys("I did not apply there.")
    browser.click("main form button.main")
    statement = browser.text("#statement")
    for words in ("A complaint", "I did not apply there.", "an inquiry", granted.inquiry_id):
        assert words in statement, words
    browser.click("#do-sign")
    assert "The member has to answer by" in browser.arrive("/complaints")
    assert life.wallet.complaints()[0].deed.id == granted.inquiry_id


def test_a_choice_of_notices_is_signed_and_shown(browser: Browser, life: Life) -> None:
    browser.open("/notices")
    assert "You can act on it until" in browser.arrive("/notices")
    browser.click("a[href='/notices/choice']")
    assert "You have chosen nothing" in browser.arrive("/notices/choice")
    check_for_everybody(browser)
    for kind in ("CONSENT_GRANTED", "HOLD_PLACED"):
        browser.click(f"input[value={kind}]")
    browser.find("#agent").send_keys("agent")
    browser.click("#language option[value=zh]")
    browser.click("main form button.main")
    statement = browser.text("#statement")
    for words in (
        "What I want to hear of",
        "Left out\na consent was granted; a security freeze or fraud alert was placed",
        "Agent that passes notices on\nagent",
        "Language in which the agent writes\nzh",
    ):
        assert words in statement, statement
    assert not life.wallet.notice_choice().muted
    browser.click("#do-sign")
    page = browser.arrive("/notices/choice")
    assert "Your choice is in force." in page
    assert "a consent was granted; a security freeze or fraud alert was placed" in page
    check_for_everybody(browser)
    choice = life.wallet.notice_choice()
    assert choice.muted == (NoticeKind.CONSENT_GRANTED, NoticeKind.HOLD_PLACED)
    assert (choice.agent_id, choice.language) == ("agent", "zh")


def test_bytes_that_cannot_be_shown_are_not_signed(browser: Browser) -> None:
    """A field or a type that the page does not know: the server would have the person sign it
    unseen.
    """
    browser.open("/guide")
    browser.arrive("/guide")
    refused = browser.driver.execute_async_script(
        """
        const done = arguments[0];
        import("/static/statement.js").then(async ({ open, Unreadable }) => {
          const tables = await (await fetch("/statements.json")).json();
          const type = "application/vnd.creditbureau.hold-lift.v1+protobuf";
          const pae = (type, body) => {
            const head = `DSSEv1 ${type.length} ${type} ${body.length} `;
            return Uint8Array.from([...new TextEncoder().encode(head), ...body]);
          };
          const attempt = (bytes) => {
            try { return open(bytes, tables).title; }
            catch (error) { return error instanceof Unreadable; }
          };
          done([
            attempt(pae(type, [])),
            attempt(pae(type, [0x9a, 0x06, 0x01, 0x41])),
            attempt(pae(type, [0x12, 0x05, 0x41])),
            attempt(pae("application/vnd.creditbureau.inquiry.v1+protobuf", [])),
            attempt(Uint8Array.from([...pae(type, []), 0x41])),
            attempt(new TextEncoder().encode("hello")),
          ]);
        });
        """
    )
    assert refused == ["The lift of a security freeze or a fraud alert", *[True] * 5]


def test_what_a_statement_leaves_out_is_shown_and_a_time_is_read_one_way(browser: Browser) -> None:
    browser.open("/guide")
    browser.arrive("/guide")
    consent, lift, kept, refused = browser.driver.execute_async_script(
        """
        const done = arguments[0];
        import("/static/statement.js").then(async ({ open, Unreadable }) => {
          const tables = await (await fetch("/statements.json")).json();
          const type = (name) => `application/vnd.creditbureau.${name}.v1+protobuf`;
          const pae = (type, body) => {
            const length = new TextEncoder().encode(type).length;
            const head = `DSSEv1 ${length} ${type} ${body.length} `;
            return Uint8Array.from([...new TextEncoder().encode(head), ...body]);
          };
          const shown = (name, body) =>
            open(pae(type(name), body), tables).rows.map(({ label, text }) => `${label}: ${text}`);
          const isRefused = (type, body) => {
            try { open(pae(type, body), tables); return false; }
            catch (error) { return error instanceof Unreadable; }
          };
          done([
            shown("consent", []),
            shown("hold-lift", [0x1a, 0x02, 0x08, 0x01]),
            shown("consent", [0x6a, 0x02, 0x08, 0x3c]),
            [
              isRefused(type("hold-lift"), [0x1a, 0x04, 0x08, 0x01, 0x08, 0x02]),
              isRefused(type("hold-lift"), [0x1a, 0x02, 0x18, 0x01]),
              isRefused(type("consent"), [0x6a, 0x04, 0x08, 0x01, 0x10, 0x01]),
              isRefused("\ufeff" + type("hold-lift"), []),
              isRefused("constructor", []),
            ],
          ]);
        });
        """
    )
    assert "Kinds of account: every kind" in consent
    assert "Largest number of credit reports: no limit" in consent
    assert lift == ["Lifted until: 1970-01-01 00:00:01 UTC", "For the member: every member"]
    assert "May be kept for: 60 seconds" in kept
    assert refused == [True] * 5


def test_the_browser_verifies_the_log_by_itself(browser: Browser, life: Life) -> None:
    browser.open("/events")
    page = browser.arrive("/events")
    assert "Signed by you." in page
    assert "Signed by hillside." in page
    count = len(life.wallet.events())
    assert len(browser.driver.find_elements(By.CSS_SELECTOR, "button[data-entry]")) == count
    browser.click("button[data-entry]")
    steps = browser.text("ol.steps.good")
    assert life.scenario.agent.trust.log_key in steps
    verified, refused = browser.driver.execute_async_script(
        """
        const done = arguments[0];
        const entries = [...document.querySelectorAll("button[data-entry]")]
          .map((button) => JSON.parse(button.dataset.entry));
        const key = document.getElementById("log-key").textContent;
        import("/static/proof.js").then(async ({ verify }) => {
          const flipped = (text) => (text[0] === "A" ? "B" : "A") + text.slice(1);
          const changes = [
            (entry) => { entry.message = flipped(entry.message); },
            (entry) => { entry.kind = "submission"; },
            (entry) => { entry.time = String(BigInt(entry.time) + 1n); },
            (entry) => { entry.answer = entry.answer ? "" : "00"; },
            (entry) => { entry.salt = flipped(entry.salt); },
            (entry) => { entry.index += 1; },
            (entry) => { entry.proof[0] = flipped(entry.proof[0]); },
            (entry) => { entry.proof.pop(); },
            (entry) => { entry.proof.push(entry.proof[0]); },
            (entry) => { entry.checkpoint = entry.checkpoint.replace(/[0-9]+/, "9"); },
            (entry) => { entry.checkpoint = entry.checkpoint.replace(/.{8}\\n$/, "AAAAAAAA\\n"); },
          ];
          const holds = (entry, key) => verify(entry, key).then(() => true, () => false);
          const verified = await Promise.all(entries.map((entry) => holds(entry, key)));
          const refused = await Promise.all(changes.map((change) => {
            const entry = structuredClone(entries[0]);
            change(entry);
            return holds(entry, key);
          }));
          refused.push(await holds(entries[0], flipped(key)));
          done([verified, refused]);
        });
        """
    )
    assert verified == [True] * count
    assert refused == [False] * 12


def test_the_browser_verifies_the_newest_checkpoint(browser: Browser) -> None:
    browser.open("/bureau")
    assert "Riverbank" in browser.arrive("/bureau")
    browser.click("#verify")
    assert "The log's key signed this checkpoint: creditbureau.local/log" in browser.text("#steps")


def test_a_link_of_another_site_keeps_a_person_signed_in(browser: Browser) -> None:
    """And a form of another site changes nothing, and does not sign them out either."""
    elsewhere = (
        f"data:text/html,<a href='{browser.origin}/holds'>x</a>"
        f"<form method=post action='{browser.origin}/sign-out'><button>y</button></form>"
    )
    browser.driver.get(elsewhere)
    browser.click("a")
    browser.arrive("/holds")
    browser.click("main form button.main")
    browser.find("#do-sign")
    browser.click("form[action$=cancel] button")
    browser.arrive("/unread")
    browser.driver.get(elsewhere)
    browser.click("button")
    assert "no longer valid" in browser.arrive("/sign-out")
    browser.open("/holds")
    browser.arrive("/holds")
    assert "403" in " ".join(browser.errors())


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_serious(browser: Browser, path: str) -> None:
    browser.open(path)
    browser.arrive(path)
    check_for_everybody(browser)


def check_for_everybody(browser: Browser) -> None:
    """The page has no serious fault of accessibility, and fits a phone."""
    faults = browser.faults()
    assert not faults, faults
    browser.resize(PHONE)
    wide = browser.driver.execute_script(
        "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    browser.resize(DESKTOP)
    assert wide <= 0


def test_the_page_prints_without_its_buttons(browser: Browser) -> None:
    browser.open("/file")
    browser.arrive("/file")
    printed = b64decode(browser.driver.execute_cdp_cmd("Page.printToPDF", {})["data"])
    text = "".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(printed)).pages)
    assert "Month by month" in text
    assert "riverbank.example/appeal" in text
    assert "Share of all your limits that is in use." in text
    assert "How to verify this" in text
    for button in ("Save as PDF", "Sign out", "Wrong?", "Continue to sign"):
        assert button not in text


def test_the_keyboard_is_enough(browser: Browser, life: Life) -> None:
    browser.open("/holds")
    browser.arrive("/holds")
    browser.driver.switch_to.active_element.send_keys(Keys.TAB)
    assert browser.driver.switch_to.active_element.text == "To the content"
    button = browser.find("main form button.main")
    for _ in range(60):
        focused = browser.driver.switch_to.active_element
        if focused == button:
            break
        focused.send_keys(Keys.TAB)
    button.send_keys(Keys.ENTER)
    browser.find("#do-sign")
    browser.find("form[action$=cancel] button").send_keys(Keys.ENTER)
    browser.arrive("/unread")
    assert "Nothing was signed" in browser.text(".message")


def test_the_language_is_switched(browser: Browser) -> None:
    browser.open("/file")
    browser.arrive("/file")
    browser.click(".languages button[lang=zh]")
    browser.find("html[lang=zh]")
    assert "已冻结：原因，以及您可以做什么" in browser.arrive("/file")
    browser.click(".languages button[lang=en]")
    browser.find("html[lang=en]")


def test_a_browser_without_ed25519_says_so(browser: Browser) -> None:
    browser.driver.execute_cdp_cmd("Page.enable", {})
    script = browser.driver.execute_cdp_cmd(
        "Page.addScriptToEvaluateOnNewDocument",
        {"source": "crypto.subtle.generateKey = () => Promise.reject(new Error('no Ed25519'))"},
    )
    browser.open("/key")
    assert "This browser cannot sign with Ed25519 keys" in browser.text("#unable")
    browser.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


def test_a_key_of_the_browser_is_bound_and_signs_in(portal: Portal, life: Life) -> None:
    subject_id = life.scenario.lenders["riverbank"].subject_id("US", "ssn", "900445566")
    with opened(portal.origin, "zh-CN") as browser:
        browser.open("/key")
        browser.find("#subject").send_keys(subject_id)
        browser.click("#make button")
        assert "此密钥属于我" in browser.text("#statement")
        browser.click("#do-sign")
        browser.arrive("/binding")
        binding = browser.driver.execute_async_script(
            "const done = arguments[0];"
            "fetch('/binding.bin').then((answer) => answer.arrayBuffer())"
            ".then((data) => done([...new Uint8Array(data)]))"
        )
        life.scenario.lenders["riverbank"].attest(
            bytes(binding), method=IdentificationMethod.IN_PERSON, identify_time=life.scenario.now()
        )
        browser.open("/")
        browser.click("#sign-in button.main")
        assert "没有授信机构报送您的账户" in browser.arrive("/file")
        assert not browser.errors()


def test_the_pictures_of_the_page_can_be_taken(tmp_path: Path) -> None:
    take(tmp_path)
    for name in PICTURES:
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")

"""Try the portal over HTTP: what it answers, to whom, and what it refuses."""

from __future__ import annotations

import html
import io
import signal
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pypdf
import pytest

from bureau.testing import free_port
from bureau_client import (
    Action,
    ConsentMode,
    IdentificationMethod,
    NoticeKind,
    Report,
    SigningKey,
)
from bureau_client.verify import verify_bundle
from bureau_portal.exchange import Exchanges
from bureau_portal.security import checked_origin
from bureau_portal.sessions import IDLE_S, MAX_MESSAGES, NEW_S, VIEW_S
from bureau_portal.site import Portal
from tests.portal.life import Life, ask_for_consent
from tests.portal.visitor import Visitor

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
    "/file.pdf",
    "/file.json",
)


@pytest.fixture(scope="module")
def visitor(portal: Portal, life: Life) -> Visitor:
    """The person, signed in."""
    visitor = Visitor(portal.origin)
    page = visitor.sign_in(life.wallet.subject_id, life.key)
    assert "My credit file" in page.text, page.text
    return visitor


def test_a_person_reads_their_file_in_their_language(visitor: Visitor, life: Life) -> None:
    page = visitor.get("/file", life.key, Accept_Language="zh-CN,zh;q=0.9")
    for words in ("我的信用档案", "您的授信额度中有1个被冻结", "https://riverbank.example/appeal"):
        assert words in page.text
    page = visitor.get("/file", life.key)
    for words in (
        "Accounts on file: 3, from this many lenders: 2",
        "The lender looks at it again by 31 December 2026.",
        "August 2026: 30 days past due",
        "What credit reports leave out",
    ):
        assert words in page.text
    assert life.other.subject_id not in page.text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_opens_in_both_languages(visitor: Visitor, life: Life, language: str) -> None:
    for path in PAGES:
        page = visitor.get(path, life.key, Accept_Language=language)
        assert page.status == 200, (path, page.text)
        for name, words in HEADERS.items():
            assert page.headers.headers[name] == words, path
        assert b"{" not in page.body.partition(b"<main")[2] or path == "/events", path


HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def test_pages_of_a_person_need_a_signature(portal: Portal) -> None:
    stranger = Visitor(portal.origin)
    for path in set(PAGES) - {"/bureau"}:
        answer = stranger.send("GET", path)
        location = f"/?{urlencode({'to': path})}"
        assert (answer.status, answer.headers.headers["Location"]) == (303, location), path


def test_a_person_who_signs_in_gets_the_page_that_they_came_for(portal: Portal, life: Life) -> None:
    visitor = Visitor(portal.origin)
    page = visitor.get("/complaints")
    assert 'name="to" value="/complaints"' in page.text
    form = {"subject_id": life.wallet.subject_id, "public_key": _raw(life.key), "to": "/complaints"}
    assert "<h1>My complaints</h1>" in visitor.post("/sign-in", form, life.key).text
    # No other site is such a page.
    for elsewhere in ("https://elsewhere.example", "//elsewhere.example", "/\t/elsewhere.example"):
        other = Visitor(portal.origin)
        page = other.get(f"/?{urlencode({'to': elsewhere})}")
        assert 'name="to" value=""' in page.text
        page = other.post("/sign-in", form | {"to": elsewhere}, life.key)
        assert "<h1>My credit file</h1>" in page.text


def test_nobody_signs_in_with_another_key_or_as_another_person(portal: Portal, life: Life) -> None:
    stranger = Visitor(portal.origin)
    own = SigningKey.generate()
    page = stranger.sign_in(life.wallet.subject_id, own)
    assert "Sign in with your own key" in page.text
    assert 'role="alert"' in page.text
    assert stranger.send("GET", "/file").status == 303
    page = stranger.sign_in(life.wallet.subject_id, life.other_key)
    assert 'role="alert"' in page.text
    page = stranger.post("/sign-in", {"subject_id": "1" * 31, "public_key": ""})
    assert page.status == 400
    assert "A subject id has 32 characters" in page.text


def test_a_signature_of_another_key_changes_nothing(
    visitor: Visitor, portal: Portal, life: Life
) -> None:
    visitor.get("/holds", life.key)
    page = visitor.post("/holds", {"kind": "FRAUD_ALERT", "until": ""}, SigningKey.generate())
    assert "The signature is not that of your key" in page.text
    assert not life.wallet.file().holds


def test_sign_in_makes_another_session_and_sign_out_ends_it(portal: Portal, life: Life) -> None:
    visitor = Visitor(portal.origin)
    first = visitor.send("GET", "/")
    headers = first.headers.headers.get_all("Set-Cookie") or []
    for header, sites in zip(headers, ("lax", "strict"), strict=True):
        assert {"HttpOnly", "Path=/", f"SameSite={sites}"} <= set(header.split("; "))
    planted = visitor.cookie
    visitor.sign_in(life.wallet.subject_id, life.key)
    entered = visitor.cookie
    assert entered != planted
    assert visitor.send("GET", "/file", Cookie=planted).status == 303
    assert visitor.send("GET", "/consents/new", Cookie=entered).status == 200
    visitor.get("/consents/new")
    visitor.post("/sign-out", {})
    assert visitor.send("GET", "/consents/new", Cookie=entered).status == 303


def test_sign_ins_without_a_signature_keep_no_one_from_signing(
    visitor: Visitor, portal: Portal, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portal, "entries", Exchanges(2))
    form = {"subject_id": life.wallet.subject_id, "public_key": _raw(life.key)}
    strangers = [Visitor(portal.origin) for _ in range(3)]
    for stranger in strangers:
        stranger.get("/")
    pages = [stranger.post("/sign-in", form) for stranger in strangers]
    assert [page.status for page in pages] == [200, 200, 503]
    assert pages[2].headers.headers["Retry-After"] == "30"
    assert visitor.get("/notices", life.key).status == 200
    for stranger in strangers[:2]:
        stranger.post(f"/sign/{stranger.page.value('data-ticket')}/cancel", {})


def test_what_one_person_began_is_not_the_next_ones(portal: Portal, life: Life) -> None:
    """Two persons at one browser: the second signs in while the first one's page is read."""
    visitor = Visitor(portal.origin)
    visitor.sign_in(life.wallet.subject_id, life.key)
    begun = visitor.get("/inquiries")
    message, ticket = b64decode(begun.value("data-message")), begun.value("data-ticket")
    form = {"subject_id": life.other.subject_id, "public_key": _raw(life.other_key)}
    visitor.post("/sign-in", form, life.other_key)
    signature = b64encode(life.key.sign(message)).decode()
    body = urlencode({"csrf": visitor.page.value("csrf"), "signature": signature})
    assert visitor.send("POST", f"/sign/{ticket}", body).text == '{"location":"/unread"}'
    assert "Nobody has looked" in visitor.get("/inquiries", life.other_key).text


def test_an_idle_session_ends(portal: Portal, life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = Visitor(portal.origin)
    visitor.sign_in(life.wallet.subject_id, life.key)
    assert visitor.send("GET", "/consents/new").status == 200
    now = portal.sessions.now
    monkeypatch.setattr(portal.sessions, "now", lambda: now() + IDLE_S + 1)
    assert visitor.send("GET", "/consents/new").status == 303


def test_a_change_needs_the_token_and_the_origin(visitor: Visitor, life: Life) -> None:
    page = visitor.get("/holds", life.key)
    token = page.value("csrf")
    form = {"kind": "FRAUD_ALERT", "until": ""}
    wrong: tuple[tuple[str, dict[str, str | None]], ...] = (
        (urlencode(form), {}),
        (urlencode({**form, "csrf": "x" * 43}), {}),
        (urlencode({**form, "csrf": token}), {"Origin": "http://elsewhere.example"}),
        (urlencode({**form, "csrf": token}), {"Origin": None}),
        (urlencode({**form, "csrf": token}), {"Sec_Fetch_Site": "same-site"}),
    )
    for body, headers in wrong:
        answer = visitor.send("POST", "/holds", body, **headers)
        assert answer.status == 403, headers
    # A form of another site, if a browser sends the cookie of pages with it all the same.
    body, page_cookie = urlencode({**form, "csrf": token}), visitor.cookie.partition(";")[0]
    assert visitor.send("POST", "/holds", body, Cookie=page_cookie).status == 403
    assert visitor.send("GET", "/holds/x/lift").status == 404
    assert not life.wallet.file().holds


def test_only_a_page_with_a_form_begins_a_session(portal: Portal) -> None:
    before = len(portal.sessions)
    body = urlencode({"csrf": "", "language": "zh", "back": "/"})
    for method, path, status in (
        ("GET", "/none", 404),
        ("POST", "/file", 404),
        ("GET", "/file", 303),
        ("GET", "/sign/none", 303),
        ("GET", "/statements.json", 200),
        ("POST", "/language", 403),
    ):
        stranger = Visitor(portal.origin)
        answer = stranger.send(method, path, body if method == "POST" else None)
        assert (answer.status, stranger.cookies) == (status, {}), path
    assert len(portal.sessions) == before
    assert Visitor(portal.origin).send("GET", "/").headers.headers["Set-Cookie"]
    assert len(portal.sessions) == before + 1


def test_other_hosts_and_large_bodies_are_refused(visitor: Visitor) -> None:
    assert visitor.send("GET", "/", Host="elsewhere.example").status == 421
    assert visitor.send("POST", "/language", "x" * 65537).status == 413
    page = visitor.get("/guide")
    token = page.value("csrf")
    for back in (
        "https://elsewhere.example",
        "//elsewhere.example",
        "/\\elsewhere.example",
        "/\t/elsewhere.example",
    ):
        body = urlencode({"csrf": token, "language": "zh", "back": back})
        assert visitor.send("POST", "/language", body).status == 400


def test_a_ticket_of_another_session_signs_nothing(
    visitor: Visitor, portal: Portal, life: Life
) -> None:
    visitor.get("/holds", life.key)
    page = visitor.post("/holds", {"kind": "FRAUD_ALERT", "until": ""})
    ticket = page.value("data-ticket")
    other = Visitor(portal.origin)
    other.sign_in(life.other.subject_id, life.other_key)
    token = other.page.value("csrf")
    body = urlencode({"csrf": token, "signature": "A" * 86 + "=="})
    answer = other.send("POST", f"/sign/{ticket}", body)
    assert answer.text == '{"location":"/unread"}'
    assert life.wallet.subject_id not in other.get("/file", life.other_key).text
    visitor.post(f"/sign/{ticket}/cancel", {})
    assert "Nothing was signed" in visitor.page.text
    assert not life.wallet.file().holds


def test_fields_that_are_no_ascii_or_too_long_are_refused(visitor: Visitor, life: Life) -> None:
    token = visitor.get("/holds", life.key).value("csrf")
    assert visitor.send("POST", "/holds", urlencode({"csrf": "é"})).status == 403
    identity = {"subject_id": life.wallet.subject_id, "public_key": "é"}
    dispute = {"reason": "WRONG_AMOUNT", "digests": "é"}
    consent = {"expire": "2026-12-01", "history_months": "9" * 5000}
    for path, form in (
        ("/sign-in", identity),
        ("/disputes/open", dispute),
        ("/consents/new", consent),
    ):
        body = urlencode({"csrf": token, **form})
        assert visitor.send("POST", path, body).status == 400, path
    page = visitor.post("/holds", {"kind": "FRAUD_ALERT", "until": ""})
    ticket = page.value("data-ticket")
    body = urlencode({"csrf": token, "signature": "é"})
    assert visitor.send("POST", f"/sign/{ticket}", body).status == 400
    visitor.post(f"/sign/{ticket}/cancel", {})


def test_who_never_opens_a_page_has_the_portal_keep_few_texts(portal: Portal) -> None:
    stranger = Visitor(portal.origin)
    stranger.get("/")
    session = portal.sessions.find(stranger.token)
    assert session is not None
    body = urlencode({"csrf": stranger.page.value("csrf"), "signature": ""})
    for _ in range(3 * MAX_MESSAGES):
        assert stranger.send("POST", "/sign/none", body).text == '{"location":"/unread"}'
    assert len(session.messages) == MAX_MESSAGES


def test_the_answer_to_an_error_of_the_portal_has_the_headers(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError

    monkeypatch.setattr(portal.sessions, "open", broken)
    answer = Visitor(portal.origin).send("GET", "/")
    assert answer.status == 500
    for name, words in HEADERS.items():
        assert answer.headers.headers[name] == words


def test_the_signed_file_comes_from_memory(
    visitor: Visitor, life: Life, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No answer of the bureau is on a disk of the portal, for no moment."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    page = visitor.get("/file.json", life.key)
    assert page.status == 200
    (tmp_path / "file.json").write_bytes(page.body)
    assert Report.load(tmp_path / "file.json").saved() == page.text


@contextmanager
def answers_grown_old(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A time in which the answers that the portal has are no longer new."""
    now = portal.sessions.now
    with monkeypatch.context() as later:
        later.setattr(portal.sessions, "now", lambda: now() + NEW_S)
        yield


def test_a_reloaded_page_is_read_again(
    visitor: Visitor, portal: Portal, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.get("/file", life.key)
    life.wallet.set_statement("Said elsewhere.")
    assert "Said elsewhere." not in visitor.get("/file", life.key).text
    with answers_grown_old(portal, monkeypatch):
        page = visitor.get("/file", life.key, Cache_Control="max-age=0")
    assert "Said elsewhere." in page.text
    life.wallet.set_statement("")


TERMS = {
    "grantee": "hillside",
    "action": ["INQUIRE"],
    "purpose": ["CREDIT_APPLICATION", "WRITTEN_INSTRUCTION"],
    "section": ["SUMMARY", "TRADELINES"],
    "history_months": "24",
    "expire": "2026-12-01",
    "max_uses": "5",
    "uses_in_each": "0",
    "each": "MONTH",
    "mode": "VIEW",
    "keep_days": "0",
}


def test_consents_are_given_narrowed_changed_paused_and_revoked(
    visitor: Visitor, life: Life
) -> None:
    page = visitor.get("/consents/new", life.key)
    assert '<option value="hillside">Hillside</option>' in page.text
    assert '<option value="agent">' not in page.text
    page = visitor.post("/consents/new", TERMS, life.key)
    assert "The consent is in force." in page.text
    wide = life.wallet.consents()[0]
    assert f"{wide.expire_time:%Y-%m-%d %H:%M}" == "2026-12-02 00:00", "the last day is whole"
    visitor.get(f"/consents/{wide.consent_id}/narrow", life.key)
    wider = TERMS | {"section": ["SUMMARY", "INQUIRIES"]}
    assert "would allow more" in visitor.post(f"/consents/{wide.consent_id}/narrow", wider).text
    visitor.get(f"/consents/{wide.consent_id}/narrow", life.key)
    narrower = TERMS | {"section": ["SUMMARY"], "max_uses": "2"}
    page = visitor.post(f"/consents/{wide.consent_id}/narrow", narrower, life.key)
    assert "The narrower consent is in force" in page.text
    narrow, replaced = life.wallet.consents()[:2]
    assert (narrow.max_uses, [one.name for one in narrow.sections]) == (2, ["SUMMARY"])
    assert (replaced.consent_id, replaced.state.name) == (wide.consent_id, "REPLACED")
    # To allow more is to change it; all of them are one arrangement.
    visitor.get(f"/consents/{narrow.consent_id}/replace", life.key)
    page = visitor.post(f"/consents/{narrow.consent_id}/replace", wider, life.key)
    assert "in the place of the earlier one" in page.text
    assert "Earlier consents that it replaced: 2" in page.text
    newest = life.wallet.consents()[0]
    assert newest.arrangement_id == wide.consent_id
    for change, state in (("pause", "PAUSED"), ("resume", "ACTIVE"), ("revoke", "REVOKED")):
        visitor.get("/consents", life.key)
        visitor.post(f"/consents/{newest.consent_id}/{change}", {"note": f"so {change}"}, life.key)
        assert life.wallet.consents()[0].state.name == state
    page = visitor.get(f"/consents/{wide.consent_id}/history", life.key)
    for words in (
        "You gave the consent.",
        "You replaced the consent by a newer one.",
        "You paused the consent.",
        "so pause",
        "You revoked the consent for good.",
    ):
        assert words in page.text, words


def test_who_must_delete_and_who_has_confirmed_it(visitor: Visitor, life: Life) -> None:
    page = visitor.get("/consents", life.key)
    assert "riverbank must delete what it received by 15 December 2026" in page.text
    (kept,) = [one for one in life.wallet.consents() if one.delete_by_time]
    address = f"/consents/{kept.consent_id}/history"
    page = visitor.get(address, life.key)
    assert "riverbank asked for a credit report. Purpose: application for credit." in page.text
    assert "I chose another lender." in page.text
    life.scenario.lenders["riverbank"].confirm_deletion(kept.consent_id)
    # What the portal has read it shows for five minutes: another session reads again.
    visitor.post("/sign-out", {})
    visitor.sign_in(life.wallet.subject_id, life.key)
    page = visitor.get("/consents", life.key)
    assert "riverbank confirmed on 15 November 2026 that everything is deleted" in page.text
    assert (
        "confirmed that everything that it received is deleted"
        in visitor.get(address, life.key).text
    )
    assert visitor.send("GET", "/consents/none/history").status == 303


def test_requests_are_granted_narrowed_and_declined(
    visitor: Visitor, portal: Portal, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = life.wallet.consent_requests()[0]
    page = visitor.get("/requests", life.key)
    for words in (
        "Hillside (hillside) asks for a consent",
        "Your application of today for a car loan.",
        "You can answer until 22 November 2026",
        "30 days from your signature on",
    ):
        assert words in page.text, words
    page = visitor.post(f"/requests/{whole.consent_request_id}/grant", {}, life.key)
    assert "The consent is in force, as it was asked for." in page.text
    # A request with a part of a day, of reports that may be kept.
    asked = ask_for_consent(
        life.scenario,
        life.wallet,
        period=timedelta(days=20, hours=5),
        mode=ConsentMode.STORE,
        data_life=timedelta(hours=36),
    )
    address = f"/requests/{asked.consent_request_id}/narrow"
    with answers_grown_old(portal, monkeypatch):
        # It came after the portal had read the list.
        page = visitor.get(address, life.key)
        assert "asked: 485 hours" in page.text
    assert "36 hours" in visitor.get("/requests", life.key).text
    form = TERMS | {"purpose": ["CREDIT_APPLICATION"], "section": ["SUMMARY"], "days": "20"}
    form |= {"mode": "STORE", "keep_days": "1", "max_uses": "9"}
    page = visitor.post(address, form, life.key)
    assert 'role="alert"' in page.text, "more uses than were asked for"
    visitor.get(address, life.key)
    page = visitor.post(address, form | {"max_uses": "2"}, life.key)
    assert "gives less than was asked for" in page.text
    consent = life.wallet.consents()[0]
    assert (consent.max_uses, consent.data_life) == (2, timedelta(hours=36))
    assert consent.expire_time - consent.start_time == timedelta(days=20, hours=5)
    # To furnish alone: there is nothing to take away but time.
    to_furnish = ask_for_consent(
        life.scenario, life.wallet, actions=[Action.FURNISH], purposes=(), sections=()
    )
    address = f"/requests/{to_furnish.consent_request_id}"
    page = visitor.get(f"{address}/narrow", life.key)
    assert "history_months" not in page.text
    page = visitor.post(f"{address}/decline", {"note": "I have no account there."}, life.key)
    assert "You declined the request." in page.text
    assert "I have no account there." in page.text
    states = [one.state.name for one in life.wallet.consent_requests()]
    assert states == ["DECLINED", "NARROWED", "GRANTED"]
    assert visitor.get(f"{address}/narrow", life.key).text.count("I have no account there.") == 1


def test_notices_say_what_to_do_by_when_and_lead_there(portal: Portal, life: Life) -> None:
    visitor = Visitor(portal.origin)
    visitor.sign_in(life.wallet.subject_id, life.key)
    page = visitor.get("/notices", life.key).text
    newest = {notice.kind: notice for notice in reversed(life.wallet.notices())}
    frozen, asked = newest[NoticeKind.LINE_FROZEN], newest[NoticeKind.CONSENT_REQUEST]
    assert frozen.action is not None
    assert frozen.action_ref is not None
    assert asked.act_by_time is not None
    for words in (
        "The lender looks at it again by 31 December 2026.",
        "You can object here: https://riverbank.example/appeal",
        frozen.action.reasons[0].fix_in("en"),
        f"You can act on it until {asked.act_by_time.day} November 2026",
    ):
        assert html.escape(words) in page, words
    # Each link leads to what is on its page, and the complaint to the form about the action.
    for kind, path, name in (
        (NoticeKind.INQUIRY, "/inquiries", "inquiry"),
        (NoticeKind.INQUIRY_DENIED, "/inquiries", "inquiry"),
        (NoticeKind.DECISION, "/decisions", "decision"),
        (NoticeKind.CONSENT_GRANTED, "/consents", "consent"),
        (NoticeKind.CONSENT_USED_UP, "/consents", "consent"),
        (NoticeKind.CONSENT_REQUEST, "/requests", "request"),
        (NoticeKind.DISPUTE, "/disputes", "dispute"),
        (NoticeKind.COMPLAINT, "/complaints", "complaint"),
    ):
        anchor = f"{name}-{newest[kind].about_id}"
        assert f'href="{path}#{anchor}"' in page, kind
        assert f'id="{anchor}"' in visitor.get(path, life.key).text, kind
    ref = frozen.action_ref
    form = f"/complaints/open/action/{ref.submission_id}-{ref.record_index}"
    assert f'href="{form}"' in page
    assert "riverbank: frozen" in visitor.get(form, life.key).text
    page = visitor.get("/notices", life.key, Accept_Language="zh").text
    assert frozen.action.reasons[0].fix_in("zh") in page
    assert "您可以在2026年11月" in page


def test_the_choice_of_notices_is_shown_and_changed(visitor: Visitor, life: Life) -> None:
    page = visitor.get("/notices/choice", life.key)
    assert "You have chosen nothing" in page.text
    assert '<option value="agent">' in page.text
    assert "KEY_PENDING" not in page.text
    heard = ["LINE_FROZEN", "DECISION"]
    form = {"kind": heard, "agent_id": "agent", "language": "zh"}
    page = visitor.post("/notices/choice", form, life.key)
    assert "Your choice is in force." in page.text
    assert "Chosen on" in page.text
    assert page.text.count(" checked>") == len(heard)
    choice = life.wallet.notice_choice()
    assert (choice.agent_id, choice.language) == ("agent", "zh")
    assert not {*choice.muted} & {NoticeKind.LINE_FROZEN, NoticeKind.DECISION}
    assert NoticeKind.INQUIRY in choice.muted
    # What another client chose stays to be chosen; what cannot be chosen is refused.
    life.wallet.choose_notices(language="zh-Hant-TW")
    page = visitor.post("/notices/choice", form | {"agent_id": "hillside"}, life.key)
    assert 'role="alert"' in page.text
    assert '<option value="zh-Hant-TW" selected>' in page.text
    assert visitor.post("/notices/choice", form | {"kind": "NONE"}).status == 400
    assert life.wallet.notice_choice().language == "zh-Hant-TW"


def test_complaints_begin_where_the_deed_stands(visitor: Visitor, life: Life) -> None:
    file = visitor.get("/file", life.key)
    (line,) = [one for one in life.wallet.file().tradelines if one.freeze]
    assert line.freeze is not None
    assert line.freeze.record is not None
    record = line.freeze.record
    granted = next(one for one in life.wallet.inquiries() if not one.denial_reason)
    (decided,) = life.wallet.decisions()
    answered = next(one for one in life.wallet.disputes() if one.outcome)
    kept = next(one for one in life.wallet.consents() if one.use_count)
    action = f"/complaints/open/action/{record.submission_id}-{record.record_index}"
    assert f'href="{action}"' in file.text
    for where, address, words in (
        ("/file", action, "frozen: no more can be drawn"),
        ("/inquiries", f"/complaints/open/inquiry/{granted.inquiry_id}", "inquiry of"),
        ("/decisions", f"/complaints/open/decision/{decided.decision_id}", "decision of"),
        ("/disputes", f"/complaints/open/dispute/{answered.dispute_id}", "answer of"),
        ("/consents", f"/complaints/open/consent/{kept.consent_id}", "consent of"),
    ):
        assert f'href="{address}"' in visitor.get(where, life.key).text, where
        assert words in visitor.get(address, life.key).text, address
    # What is not the person's own, or is no deed, has no form.
    for address in ("/complaints/open/inquiry/none", "/complaints/open/consent/none"):
        assert "I applied once" in visitor.get(address, life.key).text
    page = visitor.get(f"{action}?kind=REVIEW_MISSED", life.key)
    assert '<option value="REVIEW_MISSED" selected>' in page.text
    form = {"member_id": "riverbank", "deed_id": record.submission_id, "narrative": "No <b>review"}
    form |= {"record_index": str(record.record_index), "kind": "REVIEW_MISSED"}
    page = visitor.post("/complaints/open", form, life.key)
    assert "The complaint is open." in page.text
    assert "The member has to answer by 14 January 2027." in page.text
    assert "No &lt;b&gt;review" in page.text
    assert life.wallet.complaints()[0].deed.id == record.submission_id
    # One deed has one complaint: the form leads there.
    assert "No &lt;b&gt;review" in visitor.get(action, life.key).text
    visitor.get("/complaints", life.key)
    page = visitor.post("/complaints/open", form, life.key)
    assert 'role="alert"' in page.text
    assert visitor.post("/complaints/open", form | {"kind": "UNSPECIFIED"}).status == 400


def test_a_rejected_complaint_goes_to_the_operator(visitor: Visitor, life: Life) -> None:
    page = visitor.get("/complaints", life.key)
    for words in (
        "the complaint is not right",
        "You applied on our site on that day.",
        "You can take it to the operator until 14 January 2027.",
        "Credit reports show the inquiry again.",
    ):
        assert words in page.text, words
    complaint = life.wallet.complaints()[-1]
    address = f"/complaints/{complaint.complaint_id}/escalate"
    page = visitor.post(address, {"narrative": "I was abroad."}, life.key)
    assert "The complaint is with the operator." in page.text
    assert "The operator has to decide by 15 December 2026." in page.text
    assert "leave the inquiry out" in page.text
    assert f'action="{address}"' not in page.text
    assert life.wallet.complaints()[-1].state.name == "ESCALATED"
    page = visitor.get("/complaints/counts", life.key)
    assert '<th scope="row">Hillside (hillside)</th>' in page.text


def test_no_deed_of_another_person_is_shown(visitor: Visitor, portal: Portal, life: Life) -> None:
    other = Visitor(portal.origin)
    other.sign_in(life.other.subject_id, life.other_key)
    granted = next(one for one in life.wallet.inquiries() if not one.denial_reason)
    request, consent = life.wallet.consent_requests()[0], life.wallet.consents()[0]
    for address in (
        f"/complaints/open/inquiry/{granted.inquiry_id}",
        f"/requests/{request.consent_request_id}/narrow",
        f"/consents/{consent.consent_id}/history",
        f"/consents/{consent.consent_id}/replace",
    ):
        text = other.get(address, life.other_key).text
        assert life.wallet.subject_id not in text
        assert "car loan" not in text
    other.get("/requests", life.other_key)
    page = other.post(f"/requests/{request.consent_request_id}/grant", {}, life.other_key)
    assert 'role="alert"' in page.text
    form = {"member_id": granted.member_id, "kind": "INQUIRY_NOT_ASKED_FOR"}
    page = other.post("/complaints/open", form | {"deed_id": granted.inquiry_id}, life.other_key)
    assert 'role="alert"' in page.text
    assert not life.other.complaints()


def test_a_refusal_is_shown_in_words(visitor: Visitor, life: Life) -> None:
    visitor.get("/consents/new", life.key)
    form = {"grantee": "hillside", "action": "INQUIRE", "purpose": "CREDIT_APPLICATION"}
    form |= {"section": "SUMMARY", "expire": "2027-11-01", "history_months": "0"}
    page = visitor.post("/consents/new", form, life.key)
    assert page.status == 200
    assert 'role="alert"' in page.text
    assert "expire" in page.text


def test_holds_statement_and_disputes(visitor: Visitor, life: Life) -> None:
    visitor.get("/holds", life.key)
    page = visitor.post("/holds", {"kind": "SECURITY_FREEZE", "until": ""}, life.key)
    assert "It is in force, from the next inquiry on." in page.text
    (hold,) = life.wallet.file().holds
    page = visitor.post(
        f"/holds/{hold.hold_id}/lift", {"until": "2026-12-01", "member_id": "hillside"}, life.key
    )
    assert "Lifted for hillside until 1 December 2026" in page.text
    page = visitor.post(f"/holds/{hold.hold_id}/lift", {"until": "", "member_id": ""}, life.key)
    assert "It is lifted." in page.text
    visitor.get("/file", life.key)
    page = visitor.post("/file/statement", {"text": "The bank erred. <b>"}, life.key)
    assert "The bank erred. &lt;b&gt;" in page.text
    (line,) = [one for one in life.wallet.file().tradelines if one.freeze]
    address = f"/disputes/open?line={line.tradeline_id}&field=balance_minor&month=2026-10"
    page = visitor.get(address, life.key)
    assert '<option value="balance_minor" selected>' in page.text
    form = {"line": line.tradeline_id, "field": "balance_minor", "month": "2026-10"}
    form |= {"reason": "WRONG_AMOUNT", "narrative": "It is less.", "digests": "ab" * 32}
    page = visitor.post("/disputes/open", form, life.key)
    assert "The lender must answer by" in page.text
    dispute = life.wallet.disputes()[0]
    assert dispute.attachment_digests == (b"\xab" * 32,)
    page = visitor.post(
        f"/disputes/{dispute.dispute_id}/add", {"narrative": "A receipt."}, life.key
    )
    assert "A receipt." in page.text


def test_the_file_is_saved_and_verifies(visitor: Visitor, life: Life, tmp_path: Path) -> None:
    saved = visitor.get("/file.json", life.key).body
    path = tmp_path / "file.json"
    path.write_bytes(saved)
    file = verify_bundle(Report.load(path), life.scenario.agent.trust)
    assert file.subject_id == life.wallet.subject_id
    pdf = visitor.get("/file.pdf", life.key)
    assert pdf.headers.headers["Content-Type"] == "application/pdf"
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf.body)).pages)
    assert "How to verify this" in text
    assert file.digest.hex() in text.replace("\n", "")
    chinese = visitor.get("/file.pdf", life.key, Accept_Language="zh").body
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(chinese)).pages)
    assert "如何核验" in text


def test_a_new_key_is_bound_attested_and_signs_in(portal: Portal, life: Life) -> None:
    lender = life.scenario.lenders["riverbank"]
    subject_id, key = lender.subject_id("US", "ssn", "900112233"), SigningKey.generate()
    visitor = Visitor(portal.origin)
    visitor.get("/key")
    form = {"subject_id": subject_id, "public_key": _raw(key)}
    page = visitor.post("/bind", form, key)
    assert "within five minutes" in page.text
    binding = visitor.send("GET", "/binding.bin").body
    lender.attest(binding, method=IdentificationMethod.IN_PERSON, identify_time=life.scenario.now())
    page = visitor.sign_in(subject_id, key)
    assert "No lender has furnished an account of yours." in page.text


def _raw(key: SigningKey) -> str:
    return b64encode(key.verify_key.raw).decode()


def test_the_command_serves_the_portal(life: Life, tmp_path: Path) -> None:
    life.scenario.agent.save(tmp_path / "agent")
    port = free_port()
    command = [sys.executable, "-c", "from bureau_portal.cli import main; main()"]
    options = ["--profile", str(tmp_path / "agent"), "--port", str(port)]
    with subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            origin = f"http://localhost:{port}"
            assert process.stderr.readline() == f"the portal serves {origin}\n"
            visitor = Visitor(origin)
            while True:
                try:
                    page = visitor.get("/")
                    break
                except ConnectionRefusedError:
                    assert process.poll() is None
            assert "Sign in with your own key" in page.text
            assert "server" not in page.headers.headers
        finally:
            process.terminate()
    assert process.returncode in {0, -signal.SIGTERM}


@pytest.mark.parametrize(
    ("origin", "problem"),
    [
        ("http://credit.example", "browsers sign on pages over TLS only"),
        ("https://credit.example/portal", "is no origin"),
        ("credit.example", "is no origin"),
    ],
)
def test_an_origin_on_which_browsers_do_not_sign_is_refused(origin: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        checked_origin(origin)


@pytest.mark.parametrize(
    ("origin", "checked"),
    [
        ("https://Credit.example:443/", "https://credit.example"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
    ],
)
def test_an_origin_is_written_as_browsers_send_it(origin: str, checked: str) -> None:
    assert checked_origin(origin) == checked


def test_over_tls_the_cookie_is_for_tls_alone(life: Life) -> None:
    portal = Portal(life.scenario.agent, "https://credit.example")
    assert (portal.cookie, portal.is_secure) == ("__Host-session", True)
    assert portal.change_cookie == "__Host-changes"


def test_answers_are_forgotten_without_another_visit(
    portal: Portal, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last test: it ends the sessions of all others."""
    visitor = Visitor(portal.origin)
    visitor.sign_in(life.wallet.subject_id, life.key)
    session = portal.sessions.find(visitor.token)
    assert session is not None
    now = portal.sessions.now
    assert session.views(("file",), now())
    with monkeypatch.context() as later:
        later.setattr(portal.sessions, "now", lambda: now() + VIEW_S + 1)
        portal.sessions.sweep()
    assert not session.views(("file",), now())
    assert session.wallet is not None
    # A client that does not close keeps neither the person nor the sessions that are swept later.
    second = portal.sessions.open()
    with monkeypatch.context() as later:
        later.setattr(session.wallet, "close", lambda: int("no number"))
        later.setattr(portal.sessions, "now", lambda: now() + IDLE_S + 1)
        portal.sessions.sweep()
    assert session.wallet is None
    assert portal.sessions.find(second.token) is None
    assert not len(portal.sessions)

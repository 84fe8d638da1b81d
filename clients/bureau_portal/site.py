"""Assemble the portal's parts, and answer a visit: one request of one browser."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bureau_client.errors import BureauError
from bureau_client.models.reports import Report
from bureau_client.sync.wallet import Wallet
from bureau_keys.errors import KeysError
from bureau_keys.profile import Profile
from bureau_keys.sandbox_clock import ClockFile
from bureau_portal.exchange import (
    MAX_ENTRIES,
    READING_TIMEOUT_S,
    BrowserKey,
    Exchange,
    Exchanges,
    SignatureMissing,
)
from bureau_portal.public_state import PublicReader
from bureau_portal.security import own_address
from bureau_portal.sessions import Session, Sessions
from bureau_portal.staff.profiles import Staff
from bureau_portal.words import Words, preferred, texts

logger = logging.getLogger("bureau_portal")
GOOD, BAD = "good", "bad"

# Answers of the bureau that pages show, by name: each needs the person's signature.
READS: Mapping[str, Callable[[Wallet], Any]] = {
    "file": Wallet.file,
    "inquiries": Wallet.inquiries,
    "requests": Wallet.consent_requests,
    "arrangements": Wallet.arrangements,
    "disputes": Wallet.disputes,
    "complaints": Wallet.complaints,
    "complaint_counts": Wallet.complaint_counts,
    "notices": Wallet.notices,
    "notice_choice": Wallet.notice_choice,
    "decisions": Wallet.decisions,
    "events": Wallet.events,
}


@dataclass(slots=True)
class Portal:
    """The parts that visits share.

    Attributes:
        profile: Profile of the agent that carries what people sign.
        origin: Origin of the pages, as browsers have it.
        clock: Source of the time in statements.
        staff: The profiles whose staff the portal serves, by member id; none by default.
        is_sandbox: True if everybody is made up, as every page then says.
        exchanges: Operations of people who signed in.
        entries: Operations by which people sign in, or bind a key.
        public: Reader of what everybody may see.
    """

    profile: Profile
    origin: str
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    is_sandbox: bool = False
    staff: Mapping[str, Staff] = field(default_factory=dict)
    sessions: Sessions = field(default_factory=Sessions)
    exchanges: Exchanges = field(default_factory=Exchanges)
    entries: Exchanges = field(default_factory=lambda: Exchanges(MAX_ENTRIES))
    templates: Environment = field(
        default_factory=lambda: Environment(
            loader=PackageLoader("bureau_portal"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
    )

    public: PublicReader = field(init=False)

    def __post_init__(self) -> None:
        self.public = PublicReader(self.profile, self.clock)

    @property
    def cookie(self) -> str:
        """Name of the cookie that opens pages, by links of other sites too."""
        return self._cookie("session")

    @property
    def change_cookie(self) -> str:
        """Name of the cookie without which nothing changes; it comes from pages of the portal."""
        return self._cookie("changes")

    def _cookie(self, name: str) -> str:
        # Over TLS browsers let no other site, and no neighbour of the domain, set it.
        return f"__Host-{name}" if self.is_secure else name

    @property
    def is_secure(self) -> bool:
        """True if the pages come over TLS."""
        return self.origin.startswith("https:")

    def open_wallet(self, subject_id: str, key: BrowserKey) -> Wallet:
        """Open the wallet of a person whose browser holds the key."""
        return Wallet(self.profile, subject_id, key, clock=self.clock)


def clock_of(profile: Profile) -> Callable[[], datetime]:
    """Return the clock of a profile's bureau: the machine's, or that of its sandbox."""
    if profile.sandbox_clock is None:
        return lambda: datetime.now(UTC)
    return ClockFile(profile.sandbox_clock)


class FormError(ValueError):
    """A form that cannot be used; its text is a key of the portal's texts."""


class NotAmongAnswers(Exception):
    """An address names what is not among the answers of the bureau that the portal has.

    They may be minutes old: the page reads them again, and then leads elsewhere.

    Attributes:
        instead: Address of the page to show if there is no such thing.
    """

    def __init__(self, instead: str) -> None:
        super().__init__(instead)
        self.instead = instead


@dataclass(slots=True)
class Visit:
    """One request of one browser.

    Attributes:
        form: Fields of a form; empty without one.
        views: The answers of the bureau that the page asked for.
    """

    portal: Portal
    request: Request
    session: Session
    form: dict[str, list[str]] = field(default_factory=dict)
    views: dict[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> Words:
        """Texts in the language that the person chose, or the browser prefers."""
        header = self.request.headers.get("accept-language", "")
        return Words(self.session.language or preferred(header))

    @property
    def wallet(self) -> Wallet:
        """Client of the person who signed in."""
        assert self.session.wallet is not None
        return self.session.wallet

    @property
    def staff(self) -> Staff | None:
        """The profile whose staff this session is; None for others."""
        return self.portal.staff.get(self.session.staff)

    @property
    def _key(self) -> BrowserKey:
        assert self.session.key is not None
        return self.session.key

    @property
    def address(self) -> str:
        """Path and query of the page."""
        url = self.request.url
        return f"{url.path}?{url.query}" if url.query else url.path

    @property
    def came_from(self) -> str:
        """Page of the portal that led here, to go back to; the first one if there is none."""
        start, _, address = self.request.headers.get("referer", "").partition(self.portal.origin)
        return "/" if start else own_address(address) or "/"

    def field(self, name: str) -> str:
        """Return a field of the form; empty if it is missing."""
        return self.form.get(name, [""])[0].strip()

    def render(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """Write a page, with the messages that wait for it."""
        messages, self.session.messages = self.session.messages, []
        return HTMLResponse(self.write(template, messages, **values), status)

    def write(
        self, template: str, messages: Sequence[tuple[str, str]] = (), /, **values: Any
    ) -> str:
        """Return the text of a page; without messages they wait for the next one."""
        words = self.words
        return self.portal.templates.get_template(template).render(
            t=words.text,
            words=words,
            languages={tag: tables["name"] for tag, tables in texts().items()},
            csrf=self.session.csrf,
            subject_id="" if self.session.wallet is None else self.session.wallet.subject_id,
            address=self.address,
            path=self.request.url.path,
            came_from=self.came_from,
            messages=messages,
            is_sandbox=self.portal.is_sandbox,
            staff_name=self.session.staff,
            has_staff=bool(self.portal.staff),
            **values,
        )

    def say(self, kind: str, text: str) -> None:
        """Show a text on the next page."""
        self.session.say(kind, text)

    def sign(
        self, work: Callable[[Wallet], Any], *, back: str, done: str, about: str = ""
    ) -> Response:
        """Start an operation that changes something, and show what the person signs.

        Args:
            work: Operation of the wallet.
            back: Page that shows the outcome.
            done: Key of the text about success.
            about: Words about a statement whose bytes have ids only.
        """
        wallet = self.wallet

        def finish(exchange: Exchange) -> str:
            if self.session.wallet is not wallet:
                return "/"  # another person has signed in meanwhile, or none has
            self.session.forget_views()
            if exchange.error is None:
                self.say(GOOD, self.words.text(done))
            else:
                self.say(BAD, self.explain(exchange.error))
            return back

        exchange = Exchange(self._key, lambda: work(wallet), finish)
        exchange.about = about
        return self.begin(exchange)

    def kept(self, name: str) -> Any:
        """Return an answer of the bureau that a page has shown; None if it is too old."""
        return self.session.views((name,), self.portal.sessions.now()).get(name)

    def account_name(self, tradeline_id: str) -> str:
        """Return the furnisher and kind of an account that the person has seen; or its id."""
        file: Report | None = self.kept("file")
        for line in file.tradelines if file else ():
            if line.tradeline_id == tradeline_id:
                return f"{line.member_id}: {self.words.code(line.portfolio_type)}"
        return tradeline_id

    def read(self, names: tuple[str, ...]) -> Exchange:
        """Start the operations that read what a page shows."""
        wallet, address = self.wallet, self.address

        def finish(exchange: Exchange) -> str:
            if self.session.wallet is not wallet:
                return "/"
            if exchange.error is None:
                self.session.keep(exchange.result, self.portal.sessions.now())
                return address
            self.say(BAD, self.explain(exchange.error))
            return "/unread"

        exchange = Exchange(
            self._key,
            lambda: {name: READS[name](wallet) for name in names},
            finish,
            READING_TIMEOUT_S,
        )
        self.begin(exchange)
        return exchange

    def begin(self, exchange: Exchange) -> Response:
        """Start an exchange, and go to the page on which the browser signs."""
        portal = self.portal
        running = portal.entries if self.session.wallet is None else portal.exchanges
        running.start(exchange)
        self.session.add(exchange)
        return RedirectResponse(f"/sign/{exchange.ticket}", 303)

    def explain(self, error: BaseException) -> str:
        """Return an error in words for people."""
        words = self.words
        if isinstance(error, BureauError):
            return error.explain(words.language)
        if isinstance(error, SignatureMissing):
            return words.text("sign.missing")
        if isinstance(error, KeysError):
            return words.text("sign.wrong")
        logger.error("an operation failed", exc_info=error)
        return words.text("errors.internal")


Handler: TypeAlias = Callable[[Visit], Awaitable[Response]]


def parse_form(body: bytes) -> dict[str, list[str]]:
    """Read the fields of a form.

    Raises:
        FormError: The body is no form.
    """
    form: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=200)
    except ValueError:
        raise FormError("errors.form") from None
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return form

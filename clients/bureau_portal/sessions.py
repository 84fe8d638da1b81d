"""Keep sessions: what the server knows of a browser, for minutes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Any

from bureau_client.sync.wallet import Wallet
from bureau_portal.exchange import BrowserKey, Exchange

logger = logging.getLogger("bureau_portal")

# Seconds without a request of a person, and seconds in all, after which a session ends.
IDLE_S = 15 * 60
LONGEST_S = 8 * 60 * 60
# Seconds for which a page shows what the bureau answered; then the browser signs a new request.
VIEW_S = 5 * 60
# Seconds for which an answer is not asked for again, even by a person who reloads the page.
NEW_S = 10
# Seconds between two searches for what is too old.
SWEEP_S = 30
# Sessions at once. At the limit the one that was idle the longest ends, those without a person
# first.
MAX_SESSIONS = 10_000
# Operations of one session that wait for signatures: a browser has several windows.
MAX_EXCHANGES = 4
# Texts that wait for the next page. At the limit the oldest one goes: a script that asks and never
# opens a page has the portal keep no more.
MAX_MESSAGES = 8


@dataclass(slots=True)
class Session:
    """One browser. It names a person only once the bureau has accepted their signature.

    Attributes:
        token: Value of the cookie that opens pages; another one after each sign-in. Empty for a
            session that is not kept, for an answer without a form.
        change_token: Value of the cookie that comes with changes only, by pages of the portal.
        csrf: Token that every form and script sends back.
        language: Language that the person chose; empty for the browser's.
        staff: Member id of the profile whose staff it is; empty for others.
        wallet: Client of the person who signed in; None before.
        key: Public key of that person.
        messages: Texts for the next page.
        exchanges: Operations under way, by ticket.
    """

    begin: float
    seen: float
    token: str = field(default_factory=lambda: token_urlsafe(32), repr=False)
    change_token: str = field(default_factory=lambda: token_urlsafe(32), repr=False)
    csrf: str = field(default_factory=lambda: token_urlsafe(32), repr=False)
    language: str = ""
    staff: str = ""
    wallet: Wallet | None = None
    key: BrowserKey | None = None
    messages: list[tuple[str, str]] = field(default_factory=list)
    exchanges: dict[str, Exchange] = field(default_factory=dict)
    _views: dict[str, tuple[float, Any]] = field(default_factory=dict, repr=False)

    @property
    def has_entered(self) -> bool:
        """True if it is that of a person or of staff."""
        return self.wallet is not None or bool(self.staff)

    def keep(self, views: dict[str, Any], now: float) -> None:
        """Keep answers of the bureau for the pages that show them."""
        self._views |= {name: (now, view) for name, view in views.items()}

    def views(self, names: tuple[str, ...], now: float) -> dict[str, Any]:
        """Return the kept answers, without those that are too old."""
        return {
            name: view
            for name, (time, view) in self._views.items()
            if name in names and now - time < VIEW_S
        }

    def forget_views(self) -> None:
        """Drop all answers: the person changed something."""
        self._views.clear()

    def forget_earlier(self, names: tuple[str, ...], now: float) -> bool:
        """Drop some answers, to read them again; return False if all of them are new."""
        earlier = [
            name for name in names if name in self._views and now - self._views[name][0] >= NEW_S
        ]
        for name in earlier:
            del self._views[name]
        return bool(earlier)

    def say(self, kind: str, text: str) -> None:
        """Keep a text for the next page; the oldest one goes at the limit."""
        self.messages.append((kind, text))
        del self.messages[:-MAX_MESSAGES]

    def add(self, exchange: Exchange) -> None:
        """Add an operation; the oldest one ends at the limit."""
        while len(self.exchanges) >= MAX_EXCHANGES:
            self.exchanges.pop(next(iter(self.exchanges))).cancel()
        self.exchanges[exchange.ticket] = exchange

    def drop_old(self, now: float) -> None:
        """Drop the answers that no page shows any more."""
        self._views = {
            name: (time, view) for name, (time, view) in self._views.items() if now - time < VIEW_S
        }

    def close(self) -> None:
        """End everything that is under way, and forget the person."""
        for exchange in self.exchanges.values():
            exchange.cancel()
        self.exchanges.clear()
        self.messages.clear()
        self.forget_views()
        self.staff = ""
        wallet, self.wallet = self.wallet, None
        if wallet is not None:
            try:
                wallet.close()
            except Exception:
                # The person is forgotten all the same, and the next session ends too.
                logger.exception("the client of a session did not close")


class Sessions:
    """All sessions of a portal, in memory: a restart ends them."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self._by_token: dict[str, Session] = {}

    def open(self) -> Session:
        """Begin the session of a browser that has none."""
        self._make_space()
        now = self.now()
        session = Session(now, now)
        self._by_token[session.token] = session
        return session

    def unkept(self) -> Session:
        """Return a session for one answer: it has no cookie, and no form is of it."""
        now = self.now()
        return Session(now, now, token="", change_token="", csrf="")

    def find(self, token: str, *, renew: bool = True) -> Session | None:
        """Return the session of a cookie; None if it has ended or never was.

        Args:
            token: Value of the cookie.
            renew: False for a request that no person made: it does not extend the session.
        """
        session = self._by_token.get(token)
        if session is None:
            return None
        if self._has_ended(session):
            self.end(session)
            return None
        if renew:
            session.seen = self.now()
        return session

    def sign_in(self, session: Session, wallet: Wallet, key: BrowserKey) -> None:
        """Make a session that of a person, under another token: one that was planted or read
        before opens nothing.
        """
        self._begin_again(session)
        session.wallet, session.key = wallet, key

    def enter(self, session: Session, staff: str) -> None:
        """Make a session that of the staff of a profile, under another token."""
        self._begin_again(session)
        session.staff = staff

    def _begin_again(self, session: Session) -> None:
        session.close()
        self._by_token.pop(session.token, None)
        session.token, session.change_token = token_urlsafe(32), token_urlsafe(32)
        session.csrf = token_urlsafe(32)
        session.begin = self.now()
        self._by_token[session.token] = session

    def end(self, session: Session) -> None:
        """End a session."""
        self._by_token.pop(session.token, None)
        session.close()

    def sweep(self) -> None:
        """End the sessions whose time is over, and drop the answers that are too old."""
        for session in list(self._by_token.values()):
            if self._has_ended(session):
                self.end(session)
            else:
                session.drop_old(self.now())

    def __len__(self) -> int:
        """Return the number of sessions."""
        return len(self._by_token)

    def close(self) -> None:
        """End all sessions."""
        for session in list(self._by_token.values()):
            self.end(session)

    def _has_ended(self, session: Session) -> bool:
        now = self.now()
        return now - session.seen > IDLE_S or now - session.begin > LONGEST_S

    def _make_space(self) -> None:
        while len(self._by_token) >= MAX_SESSIONS:
            every = self._by_token.values()
            self.end(min(every, key=lambda session: (session.has_entered, session.seen)))

"""Run the operations of a wallet that wait for signatures which a browser makes.

An operation runs in a thread of its own. Where the SDK needs a signature, `BrowserKey.sign`
passes the bytes to the exchange of the thread and waits. The browser gets the bytes as the next
turn of the exchange, and its answer lets the operation go on, to the next signature or its end.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from secrets import token_urlsafe
from typing import Any

from bureau_keys.signing import VerifyKey

# Seconds that an operation waits for one signature. A person reads what they sign meanwhile; at
# the limit the operation ends. The bureau refuses statements that are older than five minutes.
SIGNING_TIMEOUT_S = 240.0
# The same for requests to read, which the browser signs without a question.
READING_TIMEOUT_S = 60.0
# Operations that wait at once, each in a thread. At the limit the portal refuses further ones.
MAX_EXCHANGES = 256
# The same before anybody has signed in: who never signs keeps no others from signing.
MAX_ENTRIES = 128


class SignatureMissing(Exception):
    """The browser gave no signature in time, or its person turned to something else."""


class TooManyExchanges(Exception):
    """As many operations wait for signatures as the portal allows."""


class BrowserKey:
    """A key of which the portal has the public half only; a browser signs with it.

    Attributes:
        verify_key: The public half.
    """

    def __init__(self, raw: bytes) -> None:
        """Take over the public key of a browser.

        Raises:
            WeakKey: The 32 bytes are no key that is safe to verify with.
        """
        self.verify_key = VerifyKey.from_raw(raw)
        self._thread = threading.local()

    def serve(self, exchange: Exchange) -> None:
        """Let an exchange get the signatures that this thread needs."""
        self._thread.exchange = exchange

    def sign(self, message: bytes) -> bytes:
        """Return the browser's signature of a message, verified.

        Raises:
            SignatureMissing: It did not come in time.
            BadSignature: It does not verify.
        """
        exchange: Exchange = self._thread.exchange
        signature = exchange.ask(message)
        self.verify_key.verify(signature, message)
        return signature


class Exchange:
    """One operation, and the turns in which the browser signs for it.

    Attributes:
        ticket: Name of the exchange, which cannot be guessed.
        key: Key of the browser that signs.
        result: Result of the operation once it has ended.
        error: Error that ended it; None without one.
        about: The portal's own words about a statement whose bytes have ids only; empty for none.
    """

    def __init__(
        self,
        key: BrowserKey,
        work: Callable[[], Any],
        finish: Callable[[Exchange], str],
        timeout_s: float = SIGNING_TIMEOUT_S,
    ) -> None:
        """Prepare an exchange.

        Args:
            key: Key of the browser that signs.
            work: Operation, which blocks while it waits for signatures.
            finish: Called once, when the operation has ended: takes its result over, and returns
                the address of the page that shows it.
            timeout_s: Longest wait for each signature, seconds.
        """
        self.ticket = token_urlsafe(16)
        self.key = key
        self.result: Any = None
        self.error: BaseException | None = None
        self.about = ""
        self._work = work
        self._finish = finish
        self._timeout_s = timeout_s
        self._location: str | None = None
        self._turn: Future[bytes | None] = Future()
        self._signature: Future[bytes] | None = None
        self._is_cancelled = False

    def run(self) -> None:
        """Run the operation in this thread."""
        self.key.serve(self)
        try:
            self.result = self._work()
        except BaseException as error:  # noqa: BLE001, the page shows it
            self.error = error
        finally:
            # A turn that got no signature is over.
            if self._turn.done():
                self._turn = Future()
            self._turn.set_result(None)

    def ask(self, message: bytes) -> bytes:
        """Return the browser's signature of a message.

        Raises:
            SignatureMissing: It did not come in time.
        """
        signature: Future[bytes] = Future()
        self._signature = signature
        if self._is_cancelled:
            raise SignatureMissing
        self._turn.set_result(message)
        try:
            return signature.result(self._timeout_s)
        except CancelledError as error:
            raise SignatureMissing from error
        except TimeoutError as error:
            if signature.cancel():
                raise SignatureMissing from error
            return signature.result()  # it came at the last moment

    def answer(self, signature: bytes) -> None:
        """Pass the signature of the present turn to the operation.

        Raises:
            SignatureMissing: No turn waits for a signature.
        """
        waiting, self._signature = self._signature, None
        if waiting is None or not waiting.set_running_or_notify_cancel():
            raise SignatureMissing
        self._turn = Future()
        waiting.set_result(signature)

    def cancel(self) -> None:
        """Let an operation end that waits for a signature, or will."""
        self._is_cancelled = True
        if self._signature is not None:
            self._signature.cancel()

    async def turn(self) -> bytes | None:
        """Wait for the next message to sign; None when the operation has ended."""
        # The thread sets the turn, also when this request is cancelled.
        return await asyncio.shield(asyncio.wrap_future(self._turn))

    def location(self) -> str:
        """Return the address of the page that shows the result of an ended operation."""
        if self._location is None:
            self._location = self._finish(self)
        return self._location


class Exchanges:
    """The threads of all exchanges of a portal."""

    def __init__(self, most: int = MAX_EXCHANGES) -> None:
        self._free = threading.Semaphore(most)

    def start(self, exchange: Exchange) -> None:
        """Start the thread of an exchange.

        Raises:
            TooManyExchanges: As many wait as the portal allows.
        """
        if not self._free.acquire(blocking=False):
            raise TooManyExchanges

        def run() -> None:
            try:
                exchange.run()
            finally:
                self._free.release()

        # A daemon: a server that stops does not wait for the signatures of people.
        threading.Thread(target=run, name=f"exchange {exchange.ticket[:6]}", daemon=True).start()

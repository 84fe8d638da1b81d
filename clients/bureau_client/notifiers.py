"""Notifiers: what an agent does with each notice that it passes on to a person.

A notifier is any object with `notify`. Two are here: one appends to a file, for a program that
sends mail; one posts to a webhook. Neither has more of a person than the agent needs to write to
them: who, that there is a notice of which kind, since when, in which language.

`forward` hands over each notice at least once, and keeps the cursor only after that: a notifier
that fails, or is slow, holds up nothing but its own agent.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from queue import Empty, SimpleQueue
from socket import SHUT_RDWR
from threading import Thread
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from bureau_client.models.notices import RelayedNotice
from bureau_client.sync.relay import Relay
from bureau_keys.whole_files import write_whole

# Seconds of one attempt of a webhook in all, from the lookup of its name to the status that it
# answers. A receiver that takes longer should answer first, and work then.
TIMEOUT_S = 10.0
# Attempts for one notice, and the longest pause between two: with pauses that double from one
# second, a receiver may be away for about four minutes. After that `forward` ends; started again,
# it continues with the same notice.
ATTEMPTS = 9
MAX_PAUSE_S = 60.0
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# Answers after which the same request may succeed later: too many requests, and errors of the
# receiver.
RETRIED = frozenset({408, 425, 429, *range(500, 600)})


class NotDelivered(Exception):
    """A notifier could not pass a notice on."""


class Notifier(Protocol):
    """Passes notices on."""

    def notify(self, notice: RelayedNotice) -> None:
        """Pass a notice on; the same one may come again, under the same `delivery_id`.

        Raises:
            NotDelivered: The notice is not passed on: it comes again.
        """


class FileNotifier:
    """Appends a line of JSON for each notice to a file; the line is on disk when it returns."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def notify(self, notice: RelayedNotice) -> None:
        """Append the notice.

        Raises:
            NotDelivered: The file cannot be written.
        """
        try:
            with self._path.open("ab+") as file:
                if file.tell():
                    file.seek(-1, os.SEEK_END)
                    # A line that was cut short stays apart from the repeated one.
                    if file.read(1) != b"\n":
                        file.write(b"\n")
                file.write(json.dumps(body_of(notice)).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise NotDelivered(f"cannot append to {self._path}: {error.strerror}") from error


class WebhookNotifier:
    """Posts each notice as JSON to a URL; the header `Idempotency-Key` has its `delivery_id`.

    The receiver answers with a status of 200 to 299. Redirects are not followed, and what the
    receiver sends is not read.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        timeout_s: float = TIMEOUT_S,
        attempts: int = ATTEMPTS,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Check the URL.

        Args:
            url: An https URL, or an http one of this machine.
            token: Secret that the receiver knows the agent by, sent as `Authorization: Bearer`;
                empty for none.
            timeout_s: Time of one attempt in all, seconds.
            attempts: Attempts for one notice, at least one.
            pause: Waits for a number of seconds between attempts.

        Raises:
            ValueError: The URL is neither, or has a user or a password; the token has blanks, line
                ends, or characters outside ASCII.
        """
        self._url = _checked_url(url)
        if not all("!" <= character <= "~" for character in token):
            raise ValueError("the webhook's token has a blank, a line end or no ASCII: mend it")
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._timeout_s, self._attempts, self._pause = timeout_s, attempts, pause

    def notify(self, notice: RelayedNotice) -> None:
        """Send the notice; try again, with longer pauses, while the receiver is away.

        Raises:
            NotDelivered: The receiver refuses it, or is away for too long.
        """
        headers = {**self._headers, "Idempotency-Key": notice.delivery_id}
        body = json.dumps(body_of(notice)).encode()
        problem = ""
        for attempt in range(self._attempts):
            if attempt:
                self._pause(min(2.0 ** (attempt - 1), MAX_PAUSE_S))
            try:
                status = self._post(body, headers)
            except (OSError, HTTPException) as error:
                problem = f"it is not reached: {type(error).__name__}"
                continue
            if 200 <= status < 300:
                return
            problem = f"it answers {status}"
            if status not in RETRIED:
                break
        raise NotDelivered(
            f"the webhook at {self._url.hostname} does not take notice {notice.delivery_id}: "
            f"{problem}"
        )

    def _post(self, body: bytes, headers: dict[str, str]) -> int:
        """Send a body; return the status of the answer.

        Raises:
            TimeoutError: There is no status within the time of an attempt.
            OSError: The receiver is not reached.
            HTTPException: The answer is not HTTP.
        """
        url = self._url
        connect = HTTPSConnection if url.scheme == "https" else HTTPConnection
        connection = connect(url.hostname or "", url.port, timeout=self._timeout_s)
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        outcome: SimpleQueue[int | Exception] = SimpleQueue()

        def attempt() -> None:
            try:
                connection.request("POST", target, body, headers)
                outcome.put(connection.getresponse().status)
            except Exception as error:  # noqa: BLE001  (raised below)
                outcome.put(error)

        # In a thread of its own: the timeout of a connection is that of each of its steps, and the
        # lookup of a name has none.
        Thread(target=attempt, name="webhook", daemon=True).start()
        try:
            status = outcome.get(timeout=self._timeout_s)
        except Empty:
            raise TimeoutError from None
        finally:
            _hang_up(connection)
        if isinstance(status, Exception):
            raise status
        return status


def forward(
    relay: Relay,
    notifier: Notifier,
    cursor_file: Path,
    *,
    within: Callable[[Iterable[RelayedNotice]], Iterable[RelayedNotice]] = iter,
) -> None:
    """Hand each notice to a notifier, and keep the cursor in a file; it never ends by itself.

    Args:
        relay: The agent.
        notifier: Passes the notices on.
        cursor_file: File with the cursor of the last notice passed on; written after each.
        within: Limits the stream, for example to a time.

    Raises:
        NotDelivered: The notifier could not pass a notice on; started again, it is the first.
        BureauError: The bureau is not reached.
    """
    after = cursor_file.read_text("ascii").strip() if cursor_file.exists() else ""
    for notice in within(relay.relayed_notices(after)):
        notifier.notify(notice)
        write_whole(cursor_file, f"{notice.cursor}\n".encode("ascii"))


def body_of(notice: RelayedNotice) -> dict[str, str]:
    """Return what a notifier passes on."""
    return {
        "id": notice.delivery_id,
        "subject_id": notice.subject_id,
        "kind": notice.kind.name,
        "create_time": notice.create_time.isoformat(),
        "language": notice.language,
    }


def _hang_up(connection: HTTPConnection) -> None:
    """Close a connection, also under a thread that waits for it."""
    if connection.sock is not None:
        with suppress(OSError):
            connection.sock.shutdown(SHUT_RDWR)
    connection.close()


def _checked_url(url: str) -> SplitResult:
    parts = urlsplit(url)
    is_local = parts.scheme == "http" and parts.hostname in LOOPBACK
    if not parts.hostname or not (parts.scheme == "https" or is_local):
        raise ValueError("the webhook must be an https URL, or an http URL of this machine")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the webhook's URL must have no user and no password: pass a token")
    _ = parts.port  # raises for one that is no port
    return parts

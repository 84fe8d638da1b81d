"""The witness at work: a request comes in, a cosignature or a refusal goes out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from http import HTTPStatus

from bureau_keys.cosignature import cosignature_line
from bureau_keys.signing import SigningKey
from bureau_keys.witness import AddCheckpoint, Refused, grown, is_fork
from bureau_witness.book import Book, Evidence, Followed

logger = logging.getLogger("bureau_witness")


def now_s() -> int:
    """Return the seconds since 1970 UTC."""
    return int(time.time())


class Witness:
    """Cosigns under one name and key."""

    def __init__(
        self, name: str, key: SigningKey, book: Book, clock: Callable[[], int] = now_s
    ) -> None:
        self._name = name
        self._key = key
        self._book = book
        self._clock = clock

    def cosign(self, body: bytes) -> bytes:
        """Return the answer to a request: a cosignature, once what it says is on disk.

        Raises:
            MalformedMessage: It is no request.
            Refused: The checkpoint is not cosigned. Where it speaks against the log it
                has been kept.
        """
        request = AddCheckpoint.from_bytes(body)
        origin, line = request.checkpoint.origin, ""
        refused: tuple[Followed, Refused] | None = None

        def step(log: Followed) -> tuple[str, int]:
            nonlocal line, refused
            try:
                grown(log.seen, request, log.log_key.key)
            except Refused as error:
                refused = log, error
                raise
            # A cosignature says "as of now"; time must not run back between two of them.
            time_s = max(self._clock(), log.time_s)
            line = cosignature_line(request.note, self._name, self._key, time_s)
            return request.note, time_s

        try:
            self._book.advance(origin, step)
        except KeyError as error:
            raise Refused(HTTPStatus.NOT_FOUND, f"no log {origin!r} is followed") from error
        except Refused:
            assert refused is not None
            self._hold_against(*refused, request)
            raise
        logger.info("cosigned %s at size %d", origin, request.checkpoint.size)
        return line.encode()

    def _hold_against(self, log: Followed, error: Refused, request: AddCheckpoint) -> None:
        """Keep what the log signed and cannot explain."""
        if error.status in {HTTPStatus.FORBIDDEN, HTTPStatus.BAD_REQUEST}:
            return  # the log has not said this
        checkpoint = request.checkpoint
        convicts = is_fork(log.seen, request)
        if convicts or error.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            self._book.keep(Evidence(log.origin, log.note, request, self._clock()))
            word = "is forked" if convicts else "does not explain itself"
            logger.warning("%s %s at size %d: %s", log.origin, word, checkpoint.size, error)

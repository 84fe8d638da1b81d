"""The witness over HTTP: one method, `POST /add-checkpoint`.

Waitress reads a whole request before a thread has it, so that slow callers hold none;
its limits are below. TLS is a proxy's: nothing here is secret, and whatever is said is
signed.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from waitress.server import create_server

from bureau_keys.errors import MalformedMessage
from bureau_keys.witness import MAX_REQUEST, PATH, SIZE_TYPE, Refused, write_size
from bureau_witness.signer import Witness

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

logger = logging.getLogger("bureau_witness")

TEXT = "text/plain; charset=utf-8"
LIMITS: dict[str, Any] = {
    "threads": 4,
    "connection_limit": 200,
    "channel_timeout": 15,  # seconds for which a connection may be silent
    "cleanup_interval": 5,
    "max_request_header_size": 8192,
    "max_request_body_size": MAX_REQUEST,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """Content that goes back."""

    status: HTTPStatus
    body: bytes
    kind: str = TEXT


class App:
    """The WSGI application."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness
        self.failure = ""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        answer = self._answer(environ)
        headers = [("Content-Type", answer.kind), ("Content-Length", str(len(answer.body)))]
        if answer.status is HTTPStatus.METHOD_NOT_ALLOWED:
            headers.append(("Allow", "POST"))
        start_response(f"{answer.status.value} {answer.status.phrase}", headers)
        return [answer.body]

    def _answer(self, environ: WSGIEnvironment) -> Answer:
        if self.failure:
            return _told(HTTPStatus.SERVICE_UNAVAILABLE, "the witness ends")
        if environ["PATH_INFO"] != PATH:
            return _told(HTTPStatus.NOT_FOUND, f"this is a witness: POST {PATH}")
        if environ["REQUEST_METHOD"] != "POST":
            return _told(HTTPStatus.METHOD_NOT_ALLOWED, f"POST {PATH}")
        try:
            return Answer(HTTPStatus.OK, self._witness.cosign(environ["wsgi.input"].read()))
        except MalformedMessage as error:
            return _told(HTTPStatus.BAD_REQUEST, str(error))
        except Refused as refused:
            if refused.size is not None:
                return Answer(refused.status, write_size(refused.size), SIZE_TYPE)
            return _told(refused.status, str(refused))
        except sqlite3.Error as error:
            return self._broken(error)

    def _broken(self, error: sqlite3.Error) -> Answer:
        """Answer that the book cannot be written. One that is only locked may be asked again;
        otherwise the state on disk is unknown, and nothing more may be cosigned.
        """
        logger.error("the book failed: %s", error)
        code = getattr(error, "sqlite_errorname", "")
        if not code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL")):
            self.failure = f"the book failed: {error}"
            os.kill(os.getpid(), signal.SIGTERM)
        return _told(HTTPStatus.SERVICE_UNAVAILABLE, "the witness cannot write its book")


def serve(app: App, listen: str) -> None:
    """Serve until SIGTERM or Ctrl-C; what is under way is finished.

    Raises:
        OSError: The port is taken.
    """
    host, _, port = listen.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.create_server((host.strip("[]"), int(port)), family=family)
    server = create_server(app, sockets=[bound], ident=None, **LIMITS)
    signal.signal(signal.SIGTERM, _stop)
    logger.info("serving at http://%s:%s", host, bound.getsockname()[1])
    server.run()


def _stop(_number: int, _frame: object) -> None:
    raise SystemExit  # Waitress finishes what its threads have begun


def _told(status: HTTPStatus, why: str) -> Answer:
    return Answer(status, f"{why}\n".encode())

"""Visit without a browser: cookies, forms, and a key that signs what the portal asks for."""

from __future__ import annotations

import html
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlencode, urlsplit

from bureau_client import StatementKey


@dataclass
class Answer:
    status: int
    headers: HTTPResponse
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def value(self, name: str) -> str:
        """The first value of an attribute, `csrf` for the hidden field."""
        pattern = r'name="csrf" value="([^"]*)"' if name == "csrf" else rf'{name}="([^"]*)"'
        match = re.search(pattern, self.text)
        assert match, f"{name} is not in the page: {self.text[:2000]}"
        return html.unescape(match[1])


@dataclass
class Visitor:
    origin: str
    cookies: dict[str, str] = field(default_factory=dict)
    page: Answer = field(init=False)
    signed: list[bytes] = field(default_factory=list)

    @property
    def cookie(self) -> str:
        """The cookies, as a browser sends them."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    @property
    def token(self) -> str:
        """The cookie that names the session."""
        return next(iter(self.cookies.values()))

    def send(
        self, method: str, path: str, body: str | None = None, **headers: str | None
    ) -> Answer:
        """One request; a header with the value None is left out."""
        sent: dict[str, str | None] = {"Cookie": self.cookie or None}
        if body is not None:
            sent |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.origin}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = HTTPConnection(urlsplit(self.origin).netloc, timeout=30)
        known = {name: value for name, value in sent.items() if value is not None}
        connection.request(method, path, body, known)
        response = connection.getresponse()
        answer = Answer(response.status, response, response.read())
        if "Cookie" not in headers:
            for header in response.headers.get_all("Set-Cookie") or []:
                name, _, value = header.split(";")[0].partition("=")
                self.cookies[name] = value
        connection.close()
        return answer

    def get(self, path: str, key: StatementKey | None = None, **headers: str) -> Answer:
        """A page after its redirects; with a key, what it asks to sign is signed."""
        answer = self.send("GET", path, **headers)
        self.page = self._followed(answer, key)
        return self.page

    def post(
        self, path: str, form: Mapping[str, object], key: StatementKey | None = None
    ) -> Answer:
        """A form of the page that was read last."""
        body = urlencode({"csrf": self.page.value("csrf"), **form}, doseq=True)
        self.page = self._followed(self.send("POST", path, body), key)
        return self.page

    def sign_in(self, subject_id: str, key: StatementKey) -> Answer:
        self.get("/")
        public_key = b64encode(key.verify_key.raw).decode()
        return self.post("/sign-in", {"subject_id": subject_id, "public_key": public_key}, key)

    def _followed(self, answer: Answer, key: StatementKey | None) -> Answer:
        while answer.status == 303:
            # A browser sends no fragment.
            answer = self.send("GET", answer.headers.headers["Location"].partition("#")[0])
        if key is not None and b'data-ticket="' in answer.body:
            turn = {"message": answer.value("data-message")}
            ticket, csrf = answer.value("data-ticket"), answer.value("data-csrf")
            while "message" in turn:
                message = b64decode(turn["message"])
                self.signed.append(message)
                signature = b64encode(key.sign(message)).decode()
                body = urlencode({"csrf": csrf, "signature": signature})
                reply = self.send("POST", f"/sign/{ticket}", body)
                assert reply.status == 200, reply.text
                turn = json.loads(reply.text)
            answer = self._followed(self.send("GET", turn["location"]), key)
        return answer

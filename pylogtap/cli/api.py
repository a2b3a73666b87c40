"""The collector's HTTP API as commands use it: documents, and the live tail's event stream."""

from __future__ import annotations

import http
import http.client
import json
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from unicodedata import east_asian_width
from urllib.parse import urlencode, urlsplit

from pylogtap.cli.errors import Failed, WrongUsage
from pylogtap.cli.unreachable import Unreachable, reason_of
from pylogtap.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from email.message import Message

CONNECT_TIMEOUT_S = 3.0
ANSWER_TIMEOUT_S = 60.0
PIECE = 256 << 10  # bytes
PAGE = 1_000  # items that are asked for at once
SILENCE_TIMEOUT_S = 60.0  # the collector sends a comment far more often: more silence is a dead connection
_MAKE_KEY = "export PYLOGTAP_KEY=…  (make one: pylogtap key add NAME {} --as YOU)"
NEEDS_KEY = (_MAKE_KEY.format("--project P --role read"),)
NEEDS_ADMIN = (_MAKE_KEY.format("--all-projects --role admin"),)


class Refused(Failed):
    """
    The collector answered, and would not.

    Attributes:
        status: The HTTP status.
        problem: The answer's document (RFC 9457).
    """

    def __init__(self, status: int, problem: Mapping[str, Any], remedies: tuple[str, ...] = ()) -> None:
        """
        Keep the answer.

        Args:
            status: The HTTP status.
            problem: The answer's document.
            remedies: What to do.
        """
        detail = str(problem.get("detail") or problem.get("title") or f"the collector answered {status}")
        super().__init__(detail, remedies=remedies)
        self.status = status
        self.problem = problem


class Event(NamedTuple):
    """One event of a stream (WHATWG HTML, server-sent events)."""

    kind: str
    id: str
    data: str


class Look(NamedTuple):
    """
    A plain answer, and when it came.

    Attributes:
        body: As it was sent.
        date: The header of that name: the collector's clock, whole seconds.
        asked: Before the request, seconds since the epoch by our clock.
        answered: Behind the answer, likewise.
    """

    body: bytes
    date: str | None
    asked: float
    answered: float

    @property
    def document(self) -> dict[str, Any]:
        """The body's JSON object; empty where it is none."""
        return _document(self.body)


class Pieces(NamedTuple):
    """
    A long answer.

    Attributes:
        headers: Of the answer.
        found: Its bytes, piece by piece, to the end that the collector meant; else they raise `Unreachable`.
    """

    headers: Message
    found: Iterator[bytes]

    def lines(self) -> Iterator[bytes]:
        """Yield its lines, without their ends."""
        rest = b""
        for piece in self.found:
            *lines, rest = (rest + piece).split(b"\n")
            yield from lines
        if rest:
            yield rest


class SignedIn(NamedTuple):
    """
    Somebody who is signed in for the time of a command.

    Attributes:
        cookie: Of the session.
        password: Which he typed.
    """

    cookie: str
    password: str


class Api:
    """
    Asks one collector.

    Attributes:
        url: The collector's address.
        signed_in: Who asks; None: whoever the key is of, or nobody.
    """

    def __init__(
        self,
        url: str,
        key: str | None,
        *,
        signed_in: SignedIn | None = None,
        needs_key: tuple[str, ...] = NEEDS_KEY,
    ) -> None:
        """
        Remember whom to ask.

        Args:
            url: The collector's address.
            key: Proves that we may ask.
            signed_in: Proves it, too.
            needs_key: What to do where we have to show who asks, and do not.
        """
        self.url, self.signed_in = url, signed_in
        self._needs_key = needs_key
        self._parts = urlsplit(url)
        self._headers = {"User-Agent": f"pylogtap/{__version__}"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        if signed_in is not None:  # a cookie takes a word that no page of another origin makes us ask
            self._headers |= {"Cookie": signed_in.cookie, "Sec-Fetch-Site": "none"}

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """
        Return a JSON document.

        Args:
            path: Below the collector's address.
            query: Parameters; None: left out.

        Raises:
            Unreachable: Nobody answers.
            Refused: The answer is an error.
        """
        with self._answer(path, query, {"Accept": "application/json"}) as response:
            body = self._body(response)
        return _document(body)

    def patch(self, path: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """
        Change something, by a merge patch (RFC 7396), and return what it is then.

        Args:
            path: Below the collector's address.
            changes: Members and their new values.

        Raises:
            Unreachable: Nobody answers.
            Refused: The answer is an error.
        """
        return self._change("PATCH", path, {}, "application/merge-patch+json", changes)

    def post(self, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """
        Make something, and return it.

        Args:
            path: Below the collector's address.
            document: What it is to be.

        Raises:
            Unreachable: Nobody answers.
            Refused: The answer is an error.
        """
        return self._change("POST", path, {}, "application/json", document)

    def upload(self, path: str, content: bytes, headers: Mapping[str, str], **query: Any) -> dict[str, Any]:
        """
        Send the bytes of a file, and return what the collector says of them.

        Args:
            path: Below the collector's address.
            content: The bytes.
            headers: What they are.
            query: Parameters; None: left out.

        Raises:
            Unreachable: Nobody answers.
            Refused: The answer is an error.
        """
        asked = {"Accept": "application/json", **headers}
        with self._answer(path, query, asked, method="POST", sent=content) as response:
            return _document(self._body(response))

    def sign_in(self, path: str, document: Mapping[str, Any]) -> Api:
        """
        Sign in, and return what asks as somebody who is.

        Args:
            path: Below the collector's address.
            document: Who, and his `password`.

        Raises:
            Unreachable: Nobody answers.
            Refused: The answer is an error.
        """
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        sent = json.dumps(document).encode()
        with self._answer(path, {}, headers, method="POST", sent=sent) as response:
            self._body(response)
            cookie = (response.headers.get("Set-Cookie") or "").partition(";")[0]
        return Api(self.url, None, signed_in=SignedIn(cookie, str(document["password"])))

    def sign_out(self) -> None:
        """
        End the session. That it has ended by what was done is no error.

        Raises:
            Unreachable: Nobody answers.
        """
        with suppress(Refused):
            self.delete("/api/v1/sessions/current")

    def delete(self, path: str, **query: Any) -> dict[str, Any]:
        """
        Delete something, and return what the collector says of it; mostly that is nothing.

        Args:
            path: Below the collector's address.
            query: Parameters; None: left out.

        Raises:
            Unreachable: Nobody answers.
            Refused: The answer is an error.
        """
        return self._change("DELETE", path, query)

    def items(self, path: str, limit: int | None = None, **query: Any) -> Iterator[dict[str, Any]]:
        """
        Yield what a list holds, page by page.

        Args:
            path: Below the collector's address.
            limit: How many at most; None: all.
            query: Parameters; None: left out.

        Raises:
            Unreachable: Nobody answers.
            Refused: The answer is an error.
        """
        cursor: str | None = None
        while limit is None or limit > 0:
            asked = PAGE if limit is None else min(limit, PAGE)
            page = self.get(path, limit=asked, cursor=cursor, **query)
            yield from page.get("items", [])
            cursor = page.get("next")
            if not cursor:
                return
            limit = None if limit is None else limit - asked

    def _change(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any],
        kind: str | None = None,
        document: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        headers = {"Accept": "application/json"}
        if kind is not None:
            headers["Content-Type"] = kind
        sent = None if document is None else json.dumps(document).encode()
        with self._answer(path, query, headers, method=method, sent=sent) as response:
            return _document(self._body(response))

    def look(self, path: str) -> Look:
        """
        Return an answer as it is.

        Args:
            path: Below the collector's address.

        Raises:
            Unreachable: Nobody answers.
            Refused: The answer is an error.
        """
        asked = time.time()
        with self._answer(path, {}, {}) as response:
            body = self._body(response)
            return Look(body, response.headers.get("Date"), asked, time.time())

    @contextmanager
    def events(self, path: str, query: Mapping[str, Any], after: str | None) -> Iterator[Iterator[Event]]:
        """
        Open an event stream; its events can be iterated over until the connection ends.

        Args:
            path: Below the collector's address.
            query: Parameters; None: left out.
            after: Id of the last event seen, to go on behind it.

        Raises:
            Unreachable: Nobody answers.
            Refused: The answer is an error.
        """
        headers = {"Accept": "text/event-stream"}
        if after is not None:
            headers["Last-Event-ID"] = after
        with self._answer(path, query, headers, silence_s=SILENCE_TIMEOUT_S) as response:
            yield read_events(response)

    @contextmanager
    def pieces(
        self, path: str, query: Mapping[str, Any], *, method: str = "GET", silence_s: float = ANSWER_TIMEOUT_S
    ) -> Iterator[Pieces]:
        """
        Open a long answer.

        Args:
            path: Below the collector's address.
            query: Parameters; None: left out.
            method: Of HTTP.
            silence_s: How long the collector may need before it says something.

        Raises:
            Unreachable: Nobody answers, or no more.
            Refused: The answer is an error.
        """
        with self._answer(path, query, {}, silence_s=silence_s, method=method) as response:
            yield Pieces(response.headers, self._pieces(response))

    def _pieces(self, response: http.client.HTTPResponse) -> Iterator[bytes]:
        try:
            while piece := response.read1(PIECE):
                yield piece
            if response.length:  # less came than was announced, and http.client does not mind
                raise http.client.IncompleteRead(b"", response.length)
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(self.url, f"its answer broke off: {reason_of(error)}") from error

    def _body(self, response: http.client.HTTPResponse) -> bytes:
        try:
            return response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(self.url, f"its answer broke off: {reason_of(error)}") from error

    @contextmanager
    def _answer(
        self,
        path: str,
        query: Mapping[str, Any],
        headers: Mapping[str, str],
        *,
        silence_s: float | None = None,
        method: str = "GET",
        sent: bytes | None = None,
    ) -> Iterator[http.client.HTTPResponse]:
        secure = self._parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(self._parts.hostname or "", self._parts.port, timeout=CONNECT_TIMEOUT_S)
        given = {name: value for name, value in query.items() if value is not None}
        target = f"{self._parts.path}{path}" + (f"?{urlencode(given)}" if given else "")
        try:
            try:
                connection.connect()
                connection.sock.settimeout(silence_s or ANSWER_TIMEOUT_S)
                connection.request(method, target, sent, headers={**self._headers, **headers})
                response = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                raise Unreachable.by(error, self.url) from error
            if response.status // 100 != 2:
                problem = _document(response.read(1 << 20))
                raise _refusal(response.status, problem, query.get("q"), self._needs_key)
            yield response
        finally:
            connection.close()


def read_events(lines: Iterator[bytes] | http.client.HTTPResponse) -> Iterator[Event]:
    """
    Read server-sent events from the lines of a stream.

    Args:
        lines: The lines with their ends, as they come.
    """
    kind, last, data = "message", "", list[str]()
    for raw in lines:
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if not line:
            if data:
                yield Event(kind, last, "\n".join(data))
            kind, data = "message", []
            continue
        name, _, value = line.partition(":")  # no name: a comment, which keeps the connection alive
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        elif name == "id":
            last = value
        elif name == "event":
            kind = value


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _refusal(status: int, problem: dict[str, Any], text: str | None, needs_key: tuple[str, ...]) -> Failed:
    column = problem.get("column")
    if problem.get("code") == "invalid_query" and isinstance(column, int) and text is not None:
        return WrongUsage(str(problem.get("detail")), remedies=_pointed(text, column))
    if status == http.HTTPStatus.UNPROCESSABLE_ENTITY:
        return WrongUsage(str(problem.get("detail") or "the collector cannot read this"))
    is_key = status == http.HTTPStatus.UNAUTHORIZED and problem.get("code") != "wrong_password"
    return Refused(status, problem, needs_key if is_key else ())


def _pointed(text: str, column: int) -> tuple[str, str]:
    """Return the query and a caret under the 1-based column; wide characters take two cells of a terminal."""
    shown = "".join(each if each.isprintable() else " " for each in text)
    cells = sum(2 if east_asian_width(each) in "WF" else 1 for each in shown[: column - 1])
    return shown, " " * (cells + max(0, column - 1 - len(shown))) + "^"

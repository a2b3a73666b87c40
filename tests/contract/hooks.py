"""What happens around each request: valid cursors, an end of streams, and a collector that is put back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import requests
import schemathesis
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.openapi.checks import (
    EnsureResourceAvailability,
    RejectedPositiveData,
    UseAfterFree,
)

from tests.contract import formats

if TYPE_CHECKING:
    from schemathesis import Case, HookContext
    from schemathesis.core.failures import Failure
    from schemathesis.core.transport import Response

    from tests.contract.ground import Ground

_STREAM = "text/event-stream"
_UNSPOILT = "Positive test case"
_GUESSED = frozenset({"query", "since", "until"})
_CHANGING = frozenset({"POST", "PATCH", "DELETE"})
# After these somebody may be somebody else, or what was put in may be gone.
_GRAVE = ("/sessions", "/setup", "/users", "/keys", "/projects", "/members", "/settings")

# Refusals of what fits its schema, by operation and code. Each is documented, and has a reason.
_BEYOND_SCHEMAS = {
    ("delete_logs", "invalid"): "a query, a range or `all=true`: that one of several is there",
    ("count_logs_over_time", "invalid"): "a step that cuts the range into too many stretches",
    ("list_metrics", "too_many_points"): "a step that cuts the range into too many",
    ("create_test_run", "invalid"): "cases of another run, or two of the same id",
    ("import_test_report", "invalid"): "the format that it says, which the report may not have",
    ("change_settings", "url_refused"): "the document's example is not on this collector's list of addresses",
    ("create_forward", "url_refused"): "likewise",
    ("change_forward", "url_refused"): "likewise",
}


def is_beyond_schemas(case: Case[Any], response: Response) -> bool:
    """
    Tell whether something that fits its schema was refused for a reason that no schema can say.

    Args:
        case: The request.
        response: The refusal.
    """
    if "json" not in response.headers.get("content-type", [""])[0]:
        return False  # said in words of another protocol
    name = case.operation.definition.raw["operationId"]
    return (name, response.json().get("code")) in _BEYOND_SCHEMAS


def is_sound(case: Case[Any]) -> bool:
    """
    Tell whether a request was made to fit its schema although it counts as one that does not.

    Its body was replaced by a slice that fits its place in a segment, which sometimes makes schemathesis
    judge it anew, and wrongly: its description still says what it was made as.
    """
    return case.meta is not None and getattr(case.meta.phase.data, "description", "") == _UNSPOILT


def is_by_format(failure: AcceptedNegativeData) -> bool:
    """
    Tell whether a request is said to violate nothing but the formats of queries and times.

    What schemathesis takes for none of them is a guess: an empty text is a query, and `0` is a time.
    """
    found = re.findall(r"violates `(\w+)` at /properties/(\w+)", failure.message)
    told = failure.message.count("violates `")
    return len(found) == told > 0 and all(kind == "format" and name in _GUESSED for kind, name in found)


class FirstEvent(requests.adapters.HTTPAdapter):
    """A client that hangs up after the first event of a stream, which has no end of its own."""

    def send(self, *arguments: Any, **options: Any) -> requests.Response:
        """Send a request; of a stream, read up to the first empty line."""
        answer = super().send(*arguments, **options)
        if answer.headers.get("Content-Type", "").startswith(_STREAM):
            read = b""
            while not read.endswith(b"\n\n") and (piece := answer.raw.read(1)):
                read += piece
            answer._content = read
            answer.raw.close()
        return answer


class Watch:
    """
    Puts the collector back when a request has ended the very credentials in use, or the project's services.

    Some operations do that when they work: signing out, deleting oneself or the project, making the first key
    of an open collector. They stay among those that are tried, and what comes behind them is tried as well.
    """

    def __init__(self, ground: Ground, *shown: dict[str, str]) -> None:
        """
        Remember how it was at first.

        Args:
            ground: The collector.
            shown: The headers of each who is tried.
        """
        self._ground, self._shown = ground, shown
        self._looks_changed = False
        self._fitted: set[str] = set()  # ids of requests that were made valid
        assert self._is_whole()

    def _is_whole(self) -> bool:
        return all(self._ground.is_whole(headers) for headers in self._shown)

    def register(self) -> None:
        """Register all hooks of this module."""
        requests.sessions.HTTPAdapter = FirstEvent  # type: ignore[attr-defined] # where sessions look
        formats.register()

        @schemathesis.hook
        def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
            self.begin(case)

        @schemathesis.hook
        def after_call(context: HookContext, case: Case[Any], response: Response) -> None:
            self.end(case, response)

        @schemathesis.hook
        def filter_failure(
            context: HookContext, failure: Failure, case: Case[Any], response: Response
        ) -> bool:
            return self.counts(failure, case, response)

    def begin(self, case: Case[Any]) -> None:
        """Begin with a collector that is whole, and with a cursor that belongs to the request."""
        if self._looks_changed and not self._is_whole():
            self._ground.put_back()
        self._looks_changed = False
        if case.meta is None or case.meta.generation.mode.is_positive:
            formats.fit(case)
            self._fitted.add(case.id)

    def end(self, case: Case[Any], response: Response) -> None:
        """Notice what may have changed who may come in."""
        grave = any(part in case.path for part in _GRAVE)
        if case.method in _CHANGING and grave and response.status_code < 300:
            self._looks_changed = True

    def counts(self, failure: Failure, case: Case[Any], response: Response) -> bool:
        """
        Tell whether a failure is one.

        What is missing, or there again, because the collector was put back in between is none; nor is what
        was refused for a reason that no schema can say.
        """
        if isinstance(failure, EnsureResourceAvailability | UseAfterFree):
            return not self._ground.restored
        if isinstance(failure, AcceptedNegativeData):
            return not (is_sound(case) or case.id in self._fitted or is_by_format(failure))
        return not (isinstance(failure, RejectedPositiveData) and is_beyond_schemas(case, response))

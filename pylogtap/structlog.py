"""The last processor of a structlog chain: ships the event dict."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from pylogtap import client as clients
from pylogtap import wire
from pylogtap.context import redactor
from pylogtap.record import severity_of
from pylogtap.settings import LEVELS, load
from pylogtap.values import Degrader, safe_text
from pylogtap.writer import Draft, Site

if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence
    from types import FrameType

_NUMBERS = {
    **{name.lower(): number for name, number in LEVELS.items()},
    "exception": 40,
    "fatal": 50,
    "msg": 20,
}
_CHAIN_KEYS = frozenset(
    {"event", "level", "timestamp", "logger", "logger_name", "exc_info", "stack_info", "_record"}
)
_OWN_MODULES = ("structlog", "pylogtap.structlog", "pylogtap.testing")
_DEEPEST = 30  # frames between the call and us


class Processor:
    """
    Ships what reaches the end of a structlog chain.

    As the last one, it is all that is needed: ``structlog.configure(processors=[..., structlog_processor])``;
    on a terminal it then shows a readable line. In front of a renderer it passes the event on.
    """

    def __init__(self, prefix: str | None = None, **settings: Any) -> None:
        """
        Remember how to ship; reads the settings when the first event comes.

        Args:
            prefix: Place of the events; default: the process's.
            settings: More of :class:`pylogtap.settings.Settings`.
        """
        self._given = {"prefix": prefix, **settings}
        self._client: clients.Client | None = None
        self._place = ""
        self._console: Any = None
        self._disabled = False

    def __call__(
        self, logger: Any, method: str, event_dict: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """
        Keep an event.

        Raises:
            structlog.DropEvent: It is the last of its chain: no logger has to print an event dict.
        """
        if self._client is None and not self._disabled:
            self._connect()
        is_last = self._is_last()
        if self._client is not None:
            try:
                self._keep(self._client, logger, method, event_dict, show=is_last)
            except Exception:  # noqa: BLE001 - nothing that is logged may hurt who logs it
                self._client.spool.drop("unencodable")
        if is_last:
            from structlog import DropEvent  # noqa: PLC0415 - who gets here has it loaded

            raise DropEvent
        return event_dict

    def _is_last(self) -> bool:
        """Tell whether nothing comes behind us in the chain of the bound logger that calls us."""
        caller = sys._getframe(2).f_locals.get("self")  # noqa: SLF001 - a processor is not told its chain
        processors: Sequence[object] = getattr(caller, "_processors", ())
        return bool(processors) and processors[-1] is self

    def _connect(self) -> None:
        settings = load(**self._given)
        self._disabled = settings.disabled
        if not settings.disabled:
            from pylogtap.console import wanted_console  # noqa: PLC0415 - where there is something to show

            self._console = wanted_console(settings)
            self._place = str(clients.prefix_of(settings, None))
            self._client = clients.obtain(settings)

    def _keep(
        self,
        client: clients.Client,
        logger: Any,
        method: str,
        event_dict: MutableMapping[str, Any],
        *,
        show: bool,
    ) -> None:
        when = time.time_ns()
        more: dict[str, Any] = {}
        event = event_dict.get("event", "")
        degrader = Degrader(redactor)
        text = degrader.text(event if type(event) is str else safe_text(event))
        site = self._site(logger, method, event_dict, text if text is event else None)
        writer = client.writer
        fields = writer.fields_of(
            [
                (name, value)
                for name, value in event_dict.items()
                if name not in _CHAIN_KEYS and name != "exception"
            ],
            more,
        )
        self._exception(client, event_dict, more)
        if event_dict.get("stack_info") or event_dict.get("stack"):
            writer.stack_of(str(event_dict.get("stack_info") or event_dict["stack"]), more)
        writer.write(Draft(site, when, None, fields, more or None, text))
        if show and self._console is not None:
            self._console.show(when, site, text, fields, more)

    def _exception(
        self, client: clients.Client, event_dict: MutableMapping[str, Any], more: dict[str, Any]
    ) -> None:
        """Take the exception itself, or what a formatter before us made of it."""
        error = event_dict.get("exc_info")
        if error:
            client.writer.exception_of(sys.exc_info() if error is True else error, more)
        formatted = event_dict.get("exception")
        if formatted and wire.MORE_EXCEPTION not in more:
            stack = safe_text(formatted).rstrip("\n")
            kind, _, message = stack.rpartition("\n")[2].partition(": ")
            more[wire.MORE_EXCEPTION] = {"type": kind, "message": message, "stacktrace": stack}

    def _site(
        self, logger: Any, method: str, event_dict: MutableMapping[str, Any], template: str | None
    ) -> Site:
        name = str(event_dict.get("level") or method).lower()
        number = _NUMBERS.get(name, _NUMBERS.get(method, 20))
        frame = _caller()
        source = event_dict.get("logger") or event_dict.get("logger_name") or getattr(logger, "name", "")
        return Site(
            template=template,
            line=frame.f_lineno if frame else 0,
            level=number,
            logger=safe_text(source or ""),
            file=frame.f_code.co_filename if frame else "",
            place=self._place,
            severity=severity_of(number),
            level_name="error" if name == "exception" else name,
            function=frame.f_code.co_name if frame else "",
            style=wire.STYLE_EVENT,
        )


def _caller() -> FrameType | None:
    """Return the frame that called structlog."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the documented way; inspect costs microseconds
    for _ in range(_DEEPEST):
        if frame is None or not frame.f_globals.get("__name__", "").startswith(_OWN_MODULES):
            return frame
        frame = frame.f_back
    return frame


structlog_processor = Processor()

"""
What handler and logger share: from a call's parts to a payload in the spool, whatever the parts are.

The call sites' own fast paths handle the common case; everything uncommon comes here, where time matters
less than that the record is kept.
"""

from __future__ import annotations

import threading
from _thread import get_ident
from typing import TYPE_CHECKING, Any, NamedTuple

from pylogtap import context, wire
from pylogtap.record import (
    exception_fields,
    new_packer,
    place_payload,
    shorten_stack,
    site_payload,
    thread_payload,
)
from pylogtap.redact import REDACTED
from pylogtap.spool import DROPPED
from pylogtap.values import Degrader, is_exact

if TYPE_CHECKING:
    from pylogtap.redact import Redactor
    from pylogtap.sites import SiteTable
    from pylogtap.spool import Spool

_ATTEMPTS = 100  # of encoding for a segment that fills up meanwhile; each means that others were kept


class Shortcut(NamedTuple):
    """How a fast path will find a call site again, and what it will expect of the next record there."""

    key: Any  # of the text at this line of code
    line: Any  # of the line alone
    size: int = 0  # how many attributes the record has
    names: tuple[str, ...] = ()  # of those that travel as fields: all harmless


class Site(NamedTuple):
    """Where a record was logged; the key of its number."""

    template: str | None
    line: int
    level: int
    logger: str
    file: str
    place: str
    severity: int
    level_name: str
    function: str
    style: int


class Draft(NamedTuple):
    """A record that is not encoded yet."""

    site: Site
    when: float | int
    args: Any
    fields: dict[str, Any] | None
    more: dict[str, Any] | None
    text: str  # the finished message: what is sent where the text varies


class Writer:
    """Encodes records for one spool."""

    def __init__(self, spool: Spool, redactor: Redactor, *, arguments: bool) -> None:
        """
        Bind a spool.

        Args:
            spool: Where records go.
            redactor: Judges keys.
            arguments: Also send the arguments of the innermost frame of an exception.
        """
        self.spool = spool
        self.redactor = redactor
        self.limit = min(wire.MAX_RECORD_BYTES, spool.max_payload)
        self._arguments = arguments
        self._packer = new_packer()

    def write(self, draft: Draft, shortcut: Shortcut | None = None) -> None:
        """
        Keep a record.

        Args:
            draft: The record; its values can travel.
            shortcut: How to remember its call site for the fast path; None: not at all.
        """
        for _ in range(_ATTEMPTS):
            table = self.spool.table
            number, varies = self._number(table, draft, shortcut)
            if number > 0:
                payload = self._encode(draft, number, varies=varies)
                if self.spool.append(payload, table):
                    return
            elif number == DROPPED:  # counted: the definition stands for the record
                return
        self.spool.drop("contention")

    def _number(self, table: SiteTable, draft: Draft, shortcut: Shortcut | None) -> tuple[int, bool]:
        """Return a call site's number, and whether its text has to travel with each record."""
        site = draft.site
        number = table.numbers.get(site)
        line = site._replace(template=None, style=wire.STYLE_TEXT)
        if number is None and site.template is not None and line not in table.numbers:
            takes = bool(draft.args) or wire.MORE_MESSAGE in (draft.more or ())
            if not table.is_varying(line, takes_arguments=takes):
                number = self._define_site(table, site)
        if number is not None and site.template is not None:
            if number > 0 and shortcut is not None:
                table[shortcut.key] = (number, shortcut.size, shortcut.names)
            return number, False
        number = table.numbers.get(line) or self._define_site(table, line)
        if number > 0 and shortcut is not None:
            table.lines[shortcut.line] = (number, shortcut.size, shortcut.names)
        return number, True

    def _define_site(self, table: SiteTable, site: Site) -> int:
        place = table.places.get(site.place)
        if place is None:
            place = self.spool.define(
                table, table.places, site.place, lambda number: place_payload(number, site.place)
            )
            if place <= 0:
                return place
        values = (
            place, site.logger, site.severity, site.level_name, site.template,
            site.file, site.line, site.function, site.style,
        )  # fmt: skip
        return self.spool.define(table, table.numbers, site, lambda number: site_payload(number, values))

    def _encode(self, draft: Draft, number: int, *, varies: bool) -> bytes:
        args, more = draft.args, dict(draft.more or {})
        if varies:
            args = draft.text
            more.pop(wire.MORE_MESSAGE, None)
        ident = get_ident()
        if ident != threading.main_thread().ident:
            thread = self.thread_number(ident, threading.current_thread().name)
            if thread:
                more[wire.MORE_THREAD] = thread
        parts = [number, draft.when, args, draft.fields]
        payload = self.pack([*parts, more] if more else parts)
        if len(payload) > self.limit:
            payload = self._shorten(parts, more, draft.text)
        return payload

    def thread_number(self, ident: int, name: str) -> int:
        """Return the number of a thread in the current segment, or 0 where it could not be defined."""
        table = self.spool.table
        known = table.threads.get((ident, name))
        if known is None:
            known = self.spool.define(
                table, table.threads, (ident, name), lambda number: thread_payload(number, ident, name)
            )
        return known if table is self.spool.table and known > 0 else 0

    def pack(self, value: Any) -> bytes:
        """Pack with a packer of its own: the fast paths' packer may be in the middle of something."""
        packed: bytes = new_packer().pack(value)
        return packed

    def _shorten(self, parts: list[Any], more: dict[str, Any], text: str) -> bytes:
        """Cut texts, then leave fields out, until a record fits; what was cut is named in it."""
        number, when, args, fields = parts
        for most in (self.limit // 16, self.limit // 64, 256):
            cut: set[str] = set(more.get(wire.MORE_DEGRADED, ()))
            smaller = {
                name: _cut(value, most, name, cut) for name, value in list((fields or {}).items())[:64]
            }
            cut.update(list(fields or {})[64:128])
            shorter = {name: _cut(value, most, name, cut) for name, value in more.items()}
            arguments = _cut(args, most, "message", cut)
            if arguments and isinstance(args, list):
                arguments, shorter[wire.MORE_MESSAGE] = None, _cut(text, most, "message", cut)
            shorter[wire.MORE_DEGRADED] = sorted(cut)
            payload = self.pack([number, when, arguments, smaller, shorter])
            if len(payload) <= self.limit:
                return payload
        last = {wire.MORE_MESSAGE: "[too large]", wire.MORE_DEGRADED: ["message"]}
        return self.pack([number, when, None, None, last])

    # Values.

    def fields_of(self, items: Any, more: dict[str, Any]) -> dict[str, Any] | None:
        """
        Convert fields, on top of the bound ones.

        Args:
            items: Pairs of name and value.
            more: Gets the case, the trace, and the names of the fields that were degraded.
        """
        fields = context.fields_here()
        if case := context.current_case():
            more[wire.MORE_TEST] = case
        context.find_sources()
        for source in tuple(context.sources):  # a case of the process may end meanwhile
            try:
                extra, trace, span = source()
            except Exception:  # noqa: BLE001, S112 - another library's context must not cost a record
                continue
            fields.update(extra or {})
            if trace:
                more[wire.MORE_TRACE], more[wire.MORE_SPAN] = trace, span
        for name, value in items:
            degrader = Degrader(self.redactor)
            text = degrader.text(name) if type(name) is str else degrader.convert(str(name))
            if self.redactor.is_secret(text):
                fields[text] = REDACTED
                continue
            plain = is_exact(value)
            fields[text] = value if plain else degrader.convert(value)
            if degrader.degraded:
                more.setdefault(wire.MORE_DEGRADED, []).append(text)
        return fields or None

    def exception_of(self, error: Any, more: dict[str, Any]) -> None:
        """Add an exception, itself or the triple of ``sys.exc_info``, to a record's rare parts."""
        trace = None
        if isinstance(error, tuple) and len(error) == 3:
            _, error, trace = error
        if not isinstance(error, BaseException):
            return
        degrader = Degrader(self.redactor)
        if wire.MORE_TEST not in more and (case := context.case_of(error)):
            more[wire.MORE_TEST] = case
        more[wire.MORE_EXCEPTION] = exception_fields(
            error, trace or error.__traceback__, degrader, arguments=self._arguments
        )

    def stack_of(self, text: str, more: dict[str, Any]) -> None:
        """Add a stack that was asked for to a record's rare parts."""
        more[wire.MORE_STACK] = Degrader(self.redactor).text(shorten_stack(text))


def _cut(value: Any, most: int, name: str, cut: set[str]) -> Any:
    if isinstance(value, str) and len(value) > most:
        cut.add(name)
        return f"{value[:most]}… [{len(value)} characters]"
    if isinstance(value, bytes) and len(value) > most:
        cut.add(name)
        return value[:most]
    if isinstance(value, dict):
        return {key: _cut(item, most, name, cut) for key, item in list(value.items())[:64]}
    if isinstance(value, list):
        return [_cut(item, most, name, cut) for item in value[:64]]
    return value

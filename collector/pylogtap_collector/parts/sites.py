"""Call sites as the definitions of a segment describe them, ready to take records apart quickly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pylogtap import wire
from pylogtap_collector.parts.faces import Form, Layout, layout_of
from pylogtap_collector.patterns import WILDCARD, is_bounded, mask
from pylogtap_collector.wire import UNKNOWN

if TYPE_CHECKING:
    from pylogtap_collector.wire import Site

MAX_PATTERNS = 100_000  # then what is new counts as one: a template that varies is none
MAX_PATTERN_TEXT = 4_000  # characters
MANY = "(too many patterns)"
_MAX_TEXT_FORMS = 2_000  # of one call site: messages of further patterns are not taken apart
_MAX_CALL_SITES = 20_000
_HIGHEST = 24  # OpenTelemetry severity
_WHOLE = ("", "")  # literals of a message that is one piece


class Patterns:
    """The patterns that there are; bounds their number. Any thread may use it."""

    def __init__(self, known: set[str] | None = None) -> None:
        """
        Go on with what is stored.

        Args:
            known: Patterns.
        """
        self._known = known or set()

    def admit(self, pattern: str) -> str:
        """Return a pattern, or the one that stands for all beyond the limit."""
        pattern = pattern[:MAX_PATTERN_TEXT]
        if pattern not in self._known:
            if len(self._known) >= MAX_PATTERNS:
                return MANY
            self._known.add(pattern)
        return pattern


class CallSite:
    """
    A call site.

    Attributes:
        style: One of pylogtap.wire.STYLE_*.
        template: The message before its values are put in; None where the text varies.
        layout: How the template makes a message; None where that cannot be told.
        bounded: Rendering the template cannot make a message of gigabytes.
        bare: Form of records without arguments.
        filled: Form of records with the arguments that the template takes.
    """

    def __init__(self, site: Site, patterns: Patterns) -> None:
        """
        Prepare a call site.

        Args:
            site: Its definition.
            patterns: Bounds the number of patterns.
        """
        self.style = site.style
        self.template = template = None if site.style == wire.STYLE_TEXT else site.template
        self.bounded = is_bounded(template or "")
        self.layout: Layout | None = None
        self._patterns = patterns
        self._face = (
            site.level.lower() or UNKNOWN,
            site.severity if 0 <= site.severity <= _HIGHEST else 0,
            site.logger,
            template,
        )
        line = site.line if site.line is not None and abs(site.line) < 1 << 63 else None
        self._place = (site.file, line, site.function)
        self._texts: dict[str, Form] = {}
        if template is None:
            self.bare = self.filled = self._form("", _WHOLE)
            return
        takes = site.style == wire.STYLE_PERCENT and "%" in template
        # What takes no values may be the first text of an f-string.
        self._pattern = patterns.admit(template if takes else mask(template))
        # logging formats nothing where there are no arguments: then the template is finished text.
        self.bare = self._form(patterns.admit(mask(template)) if takes else self._pattern, (template,))
        self.filled = self.bare
        if takes and self.bounded:
            self.layout = layout_of(template)
        if self.layout is not None:
            self.filled = self._form(self._pattern, self.layout.literals)

    def pieces(self, args: Any) -> tuple[str, ...] | None:
        """
        Return the pieces of a message.

        Args:
            args: A list, or a mapping for a template with keys.

        Returns:
            None where these are no arguments of the template.
        """
        layout = self.layout
        if layout is None:
            return None
        if type(args) is dict and layout.keys:
            args = [args.get(key, self) for key in layout.keys]
            if self in args:
                return None
        elif type(args) is not list or layout.keys:
            return None
        if len(args) != len(layout.conversions):
            return None
        try:
            pieces = tuple(
                [written % (value,) for written, value in zip(layout.conversions, args, strict=True)]
            )
            "".join(pieces).encode()
        except (TypeError, ValueError, OverflowError, RecursionError):  # UnicodeEncodeError among them
            return None
        return pieces

    def text(self, text: str) -> tuple[Form, tuple[str, ...]]:
        """
        Take a finished message apart by its pattern.

        Args:
            text: The message, of a site without template.

        Returns:
            Its form and its pieces.
        """
        pattern = self._patterns.admit(mask(text))
        form = self._texts.get(pattern)
        if form is None:
            literals = tuple(pattern.split(WILDCARD)) if len(self._texts) < _MAX_TEXT_FORMS else _WHOLE
            form = self._texts[pattern] = self._form(pattern, literals)
        pieces = _split(text, form.literals)
        if pieces is None:
            return form._replace(literals=_WHOLE), (text,)
        return form, pieces

    def rendered(self, text: str) -> tuple[Form, tuple[str, ...]]:
        """
        Take a finished message apart by the template that it was made from, without knowing the values.

        Args:
            text: The message.

        Returns:
            Its form and its pieces.
        """
        if self.template is None:
            return self.text(text)
        if text == self.template:
            return self.bare, ()
        pieces = None if self.layout is None else _split(text, self.layout.literals)
        return self.whole(text) if pieces is None else (self.filled, pieces)

    def whole(self, text: str) -> tuple[Form, tuple[str, ...]]:
        """Return form and piece of a message that is not taken apart."""
        pattern = self._pattern if self.template is not None else self._patterns.admit(mask(text))
        return self._form(pattern, _WHOLE), (text,)

    def _form(self, pattern: str, literals: tuple[str, ...]) -> Form:
        return Form(*self._face, pattern, *self._place, literals)


class CallSites:
    """Call sites that segments have defined; processes that run the same code share them. For any thread."""

    def __init__(self, patterns: Patterns) -> None:
        """
        Begin with none.

        Args:
            patterns: Bounds the number of patterns.
        """
        self._patterns = patterns
        self._known: dict[tuple[Any, ...], CallSite] = {}

    def of(self, site: Site) -> CallSite:
        """Return a call site by its definition."""
        key = (
            site.logger,
            site.severity,
            site.level,
            site.template,
            site.file,
            site.line,
            site.function,
            site.style,
        )
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MAX_CALL_SITES:
                self._known = {}
            found = self._known[key] = CallSite(site, self._patterns)
        return found


def _split(text: str, literals: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return what stands between literals; None where they do not stand in the text in this order."""
    first, last = literals[0], literals[-1]
    if len(literals) == 1:
        return () if text == first else None
    if not text.startswith(first):
        return None
    position, pieces = len(first), []
    for literal in literals[1:-1]:
        found = text.find(literal, position)
        if found < 0:
            return None
        pieces.append(text[position:found])
        position = found + len(literal)
    end = len(text) - len(last)
    if end < position or not text.endswith(last):
        return None
    return (*pieces, text[position:end])

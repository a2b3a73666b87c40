"""Where commands write: coloured by rich on a terminal that has it, plain everywhere else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple, Protocol, TextIO

if TYPE_CHECKING:
    from rich.console import Console


class Span(NamedTuple):
    """A piece of a line."""

    text: str
    style: str = ""  # as rich names them: dim, bold red


Line = list[Span]


class Screen(Protocol):
    """
    Takes lines.

    Attributes:
        for_people: Whether somebody reads at a terminal; else the lines go to a file or another program.
    """

    for_people: bool

    def write(self, line: Line) -> None:
        """Write one line."""
        ...


class PlainScreen:
    """Writes texts without their styles."""

    def __init__(self, stream: TextIO, *, for_people: bool = False) -> None:
        """
        Bind a stream.

        Args:
            stream: Where lines go.
            for_people: Whether somebody reads it at a terminal.
        """
        self.for_people = for_people
        self._stream = stream

    def write(self, line: Line) -> None:
        """Write one line, and have it seen at once where somebody waits for it."""
        self._stream.write("".join(span.text for span in line) + "\n")
        if self.for_people:
            self._stream.flush()


class RichScreen:
    """Writes in colour. NO_COLOR and TERM=dumb are respected by rich itself."""

    for_people = True

    def __init__(self, console: Console) -> None:
        """
        Bind a console.

        Args:
            console: Writes the styles as its terminal understands them.
        """
        self._console = console

    def write(self, line: Line) -> None:
        """Write one line; the terminal wraps it, so that copied text has no breaks of ours."""
        from rich.text import Text

        text = Text.assemble(*[(span.text, span.style) for span in line], end="")
        self._console.print(text, soft_wrap=True, markup=False, highlight=False, emoji=False)


def open_screen(stream: TextIO | None = None) -> Screen:
    """
    Return a screen that suits a stream.

    Args:
        stream: Default: standard output.
    """
    stream = stream or sys.stdout
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:  # nothing that was logged may be unprintable
        reconfigure(errors="backslashreplace")
    if not stream.isatty():
        return PlainScreen(stream)
    try:
        from rich.console import Console
    except ImportError:
        return PlainScreen(stream, for_people=True)
    return RichScreen(Console(file=stream, highlight=False, markup=False))


def visible(text: str) -> str:
    """Show control characters instead of sending them: what was logged must not steer a terminal."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode()
        for each in text
    )

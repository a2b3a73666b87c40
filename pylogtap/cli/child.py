"""A program that runs under us: its outputs pass through our hands, signals reach it, its end is ours."""

from __future__ import annotations

import fcntl
import os
import pty
import selectors
import subprocess
import sys
import termios
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from pylogtap import inject
from pylogtap.cli.forwarding import Forwarding
from pylogtap.cli.keeping import IDLE_S
from pylogtap.cli.standard import Target
from pylogtap.inject.marks import TAP, Tap, Unmarker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pylogtap.cli.keeping import Output

_CHUNK = 64 << 10
_LAST_WORDS_S = 1.0  # of silence, once the program has ended, on outputs that others hold open
_LONG_GOODBYE_S = 5.0  # the same, where there is no silence
_OPOST = 1  # index of the output flags in what tcgetattr returns


class Child:
    """
    A running program.

    Where our output is a terminal, the program sees one, too, and keeps its colours.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """
        Start it.

        Args:
            command: Program and arguments.
            environment: Its environment, before ours is added.

        Raises:
            OSError: It cannot be started.
        """
        self._targets = (Target(sys.stdout.fileno()), Target(sys.stderr.fileno()))
        numbers = [target.number for target in self._targets]
        pairs = [_terminal(number) if os.isatty(number) else os.pipe() for number in numbers]
        self._sources = [ours for ours, _ in pairs]
        theirs = [end for _, end in pairs]
        tap = Tap.create(theirs)
        self._unmarkers = [Unmarker(tap.token) for _ in theirs]
        self._signals = Forwarding(self._resize)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - what the user gave us to run
                command,
                stdout=theirs[0],
                stderr=theirs[1],
                env={**inject.environment(environment), TAP: str(tap)},
            )
        except BaseException:
            self._signals.end()
            raise
        finally:
            for end in theirs:
                os.close(end)
        self._signals.to(self._process)

    def follow(self, outputs: Sequence[Output]) -> int:
        """
        Pass on what it prints, and keep it, until it ends.

        Args:
            outputs: Keep its standard output and error.

        Returns:
            Its exit code; 128 + the number of the signal that ended it.
        """
        try:
            self._copy(outputs)
            code = self._process.wait()
        finally:
            self._signals.end()
        return 128 - code if code < 0 else code

    def _copy(self, outputs: Sequence[Output]) -> None:
        """Pass on and keep, until nobody has the outputs open, or only what the program left behind has."""
        ended_at: float | None = None
        with selectors.DefaultSelector() as selector:
            for number, source in enumerate(self._sources):
                selector.register(source, selectors.EVENT_READ, number)
            while selector.get_map():
                if ended_at is None and self._process.poll() is not None:
                    ended_at = time.monotonic()  # what it wrote until then is read now
                ready = {key.data: key.fd for key, _ in selector.select(IDLE_S)}
                for number, output in enumerate(outputs):
                    if number not in ready:
                        output.pause()
                    elif not self._pass_on(number, output):
                        output.end()
                        selector.unregister(ready[number])
                        os.close(ready[number])
                if ended_at is not None and _is_over(ended_at, silent=not ready):
                    return

    def _pass_on(self, number: int, output: Output) -> bool:
        """Take what there is of a stream; tell whether there may be more."""
        try:
            chunk = os.read(self._sources[number], _CHUNK)
        except OSError:  # EIO: the last one who had the terminal open has closed it
            chunk = b""
        unmarker = self._unmarkers[number]
        pieces = list(unmarker.feed(chunk)) if chunk else [(unmarker.rest(), False)]
        for piece, shipped in pieces:
            if not shipped:
                output.take(piece)
        try:
            self._targets[number].write(b"".join(piece for piece, _ in pieces))
        except BrokenPipeError:  # whoever read our output has seen enough; the program will notice as well
            return False
        return bool(chunk)

    def _resize(self) -> None:
        """Give the program's terminals the size of ours."""
        for source, target in zip(self._sources, self._targets, strict=True):
            _copy_size(target.number, source)


def _is_over(ended_at: float, *, silent: bool) -> bool:
    return time.monotonic() > ended_at + (_LAST_WORDS_S if silent else _LONG_GOODBYE_S)


def _terminal(target: int) -> tuple[int, int]:
    """Open a terminal like another one; return our end and the program's."""
    ours, theirs = pty.openpty()
    attributes = termios.tcgetattr(theirs)
    attributes[_OPOST] &= ~termios.OPOST  # the real terminal does that
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    _copy_size(target, theirs)
    return ours, theirs


def _copy_size(source: int, target: int) -> None:
    with suppress(OSError):  # no terminal
        fcntl.ioctl(target, termios.TIOCSWINSZ, fcntl.ioctl(source, termios.TIOCGWINSZ, b"\0" * 8))

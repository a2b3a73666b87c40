"""A program that runs under us: its outputs pass through our hands, signals reach it, its end is ours."""

from __future__ import annotations

import fcntl
import os
import pty
import selectors
import signal
import subprocess
import sys
import termios
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from pylogtap import inject
from pylogtap.cli.keeping import IDLE_S
from pylogtap.cli.standard import Target
from pylogtap.inject.marks import TAP, Tap, Unmarker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pylogtap.cli.keeping import Output

_CHUNK = 64 << 10
_LAST_WORDS_S = 1.0  # how long outputs that others hold open are followed once the program has ended
_FORWARDED = (
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGCONT,
    signal.SIGWINCH,
)
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
        try:
            self._process = subprocess.Popen(  # noqa: S603 - what the user gave us to run
                command,
                stdout=theirs[0],
                stderr=theirs[1],
                env={**inject.environment(environment), TAP: str(tap)},
            )
        finally:
            for end in theirs:
                os.close(end)

    def follow(self, outputs: Sequence[Output]) -> int:
        """
        Pass on what it prints, and keep it, until it ends.

        Args:
            outputs: Keep its standard output and error.

        Returns:
            Its exit code; 128 + the number of the signal that ended it.
        """
        with selectors.DefaultSelector() as selector, self._forwarding():
            for number, source in enumerate(self._sources):
                selector.register(source, selectors.EVENT_READ, number)
            ended_at: float | None = None
            while selector.get_map():
                ready = selector.select(IDLE_S)
                for key, _ in ready:
                    if not self._pass_on(key.data, outputs[key.data]):
                        selector.unregister(key.fd)
                        os.close(key.fd)
                if not ready:
                    for output in outputs:
                        output.pause()
                if ended_at is None and self._process.poll() is not None:
                    ended_at = time.monotonic()
                if ended_at is not None and not ready and time.monotonic() > ended_at + _LAST_WORDS_S:
                    break  # a process that it left behind still holds the outputs
            code = self._process.wait()
        return 128 - code if code < 0 else code

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

    @contextmanager
    def _forwarding(self) -> Iterator[None]:
        """Pass signals on, as long as the program runs."""

        def forward(number: int, _: Any) -> None:
            if number == signal.SIGWINCH:
                for source, target in zip(self._sources, self._targets, strict=True):
                    _copy_size(target.number, source)
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

        before = {number: signal.signal(number, forward) for number in _FORWARDED}
        # A terminal sends Ctrl-C to the whole group: the program has it already, and we see it to its end.
        before[signal.SIGINT] = signal.signal(
            signal.SIGINT, signal.SIG_IGN if _is_in_foreground() else forward
        )
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


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


def _is_in_foreground() -> bool:
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # there is none
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)

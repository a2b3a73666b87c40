"""Signals that reach us and are meant for the program that we run."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

_FORWARDED = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGCONT,
    signal.SIGWINCH,
)
_FROM_KEYS = frozenset({signal.SIGINT, signal.SIGQUIT})  # Ctrl-C, Ctrl-\


class Forwarding:
    """
    Passes signals on to a program, also those that come while it is being started.

    A signal that was ignored when we started, as under nohup, stays ignored, for the program as well.
    """

    def __init__(self, on_resize: Callable[[], None]) -> None:
        """
        Begin to collect signals.

        Args:
            on_resize: Called when our terminal has another size.
        """
        self._on_resize = on_resize
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        # Keys reach the whole group of a terminal: the program has those already, and we see it to its end.
        held = _FROM_KEYS if _is_in_foreground() else frozenset()
        before = {number: signal.getsignal(number) for number in _FORWARDED}
        self._before = {number: each for number, each in before.items() if each is not signal.SIG_IGN}
        for number in self._before:
            # Not SIG_IGN, which the program would inherit.
            signal.signal(number, _leave if number in held else self._forward)

    def to(self, process: subprocess.Popen[bytes]) -> None:
        """
        Pass on what has come and what comes.

        Args:
            process: The program.
        """
        self._process = process
        while self._early:
            process.send_signal(self._early.pop(0))

    def end(self) -> None:
        """Let signals do to us what they did before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _forward(self, number: int, _: Any) -> None:
        if number == signal.SIGWINCH:
            self._on_resize()
        if self._process is None:
            self._early.append(number)
            return
        with suppress(ProcessLookupError):
            self._process.send_signal(number)


def _leave(_number: int, _frame: Any) -> None:
    """Leave a signal to the program."""


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

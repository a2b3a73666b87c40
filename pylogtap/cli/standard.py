"""Standard input, output and error as they may be given to us: closed, non-blocking, full."""

from __future__ import annotations

import os
import select
import sys

import click

_NAMES = ("stdin", "stdout", "stderr")


def open_missing() -> None:
    """
    Open what was closed before we started, on nothing.

    Else the next file that is opened would get its number, and what is printed would land in that file.
    """
    for number, name in enumerate(_NAMES):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number: this one
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))


class Target:
    """An output that bytes are passed on to, for as long as it takes them."""

    def __init__(self, number: int) -> None:
        """
        Bind a file descriptor.

        Args:
            number: 1 or 2.
        """
        self.number = number
        self.failed = False

    def write(self, data: bytes) -> None:
        """
        Pass bytes on; once that is not possible, say why, and take no more.

        Raises:
            BrokenPipeError: Whoever read it has left.
        """
        if self.failed:
            return
        try:
            self._write(data)
        except BrokenPipeError:
            raise
        except OSError as error:  # a full disk, a terminal that is gone
            self.failed = True
            self._tell(error)

    def _write(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self.number, data) :]
            except BlockingIOError:  # another process has made the common pipe non-blocking
                select.select([], [self.number], [])

    def _tell(self, error: OSError) -> None:
        name = _NAMES[self.number]
        try:
            click.echo(
                f"pylogtap: {name} cannot be written ({(error.strerror or str(error)).lower()});"
                " what comes from here on is kept, and not shown",
                err=True,
            )
        except OSError:  # it is the one that cannot be written
            return

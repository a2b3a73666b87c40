"""Files that commands write: they appear when they are complete, and never take another's place unasked."""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import sys
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any, TextIO, cast

import click

from pylogtap.cli.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pylogtap.cli.api import Api

MAKING_S = 3_600.0  # the collector may need to make a large file before it sends it


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """
    Yield a name to write to; the target appears, on the disk, when that has gone well.

    Args:
        target: What stands there is replaced.

    Raises:
        click.FileError: It cannot be written.
    """
    part = target.with_name(target.name + ".part")
    try:
        yield part
        _sync(part)
        part.replace(target)
        _sync(target.parent)
    except OSError as error:
        raise click.FileError(str(target), error.strerror) from error
    finally:
        with suppress(OSError):  # a name that cannot be is not there either
            part.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def opened(output: Path | None) -> Iterator[TextIO]:
    """
    Open a text to write.

    Args:
        output: A file, compressed where its name ends in .gz; None: standard output.
    """
    if output is None:
        yield sys.stdout
        return
    opener: Any = gzip.open if output.suffix == ".gz" else open
    with (
        appearing(output) as part,
        cast("IO[str]", opener(part, "wt", encoding="utf-8", newline="")) as stream,
    ):
        yield cast("TextIO", stream)


def refuse_existing(target: Path, *, force: bool) -> None:
    """
    Refuse to replace a file that nobody said may be replaced.

    Args:
        target: The file.
        force: It may be.

    Raises:
        Failed: It is there.
    """
    if target.exists() and not force:
        raise Failed(f"{target} is there already", remedies=("take another name, or replace it by --force",))


def fetch(api: Api, path: str, query: Mapping[str, Any], target: Path) -> tuple[int, int, str]:
    """
    Take a file from the collector, and compare it with its check sum.

    Args:
        api: The collector.
        path: Below its address.
        query: Parameters; None: left out.
        target: Where to write it.

    Returns:
        How many records it holds, its bytes, and its SHA-256 in hex digits.

    Raises:
        Failed: It did not come as it was sent.
    """
    check, size = hashlib.sha256(), 0
    with api.pieces(path, query, method="POST", silence_s=MAKING_S) as answer, target.open("wb") as file:
        os.chmod(file.fileno(), 0o600)  # noqa: PTH101 - of the open file: it holds what programs logged
        for piece in answer.found:
            file.write(piece)
            check.update(piece)
            size += len(piece)
        wanted = f"sha-256=:{base64.b64encode(check.digest()).decode()}:"
        if answer.headers.get("Repr-Digest") != wanted:
            raise Failed("the file did not come as the collector sent it; try again")
        return int(answer.headers.get("Pylogtap-Records") or 0), size, check.hexdigest()

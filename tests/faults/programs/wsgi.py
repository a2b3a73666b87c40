"""
A WSGI application that logs a line for each request `/WRITER/NUMBER`, and answers with its process number.

Its prefix stands in FAULTS_PREFIX: servers import it, and pass no arguments.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.faults.programs.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import WSGIEnvironment

_lines = Lines(os.environ["FAULTS_PREFIX"])


def application(environ: WSGIEnvironment, start_response: Callable[..., object]) -> Iterable[bytes]:
    """Log, and answer."""
    writer, number = environ["PATH_INFO"].strip("/").split("/")
    _lines.log(int(writer), int(number))
    answer = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer]

"""
How an operation says what went wrong, where its callers speak a protocol of their own.

Everything that is refused becomes a :class:`Failure` first; our own operations answer by a problem document,
those of other protocols by what their clients understand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web


@dataclass(frozen=True, slots=True)
class Failure:
    """
    Why a request failed.

    Attributes:
        status: Of HTTP.
        code: Stable, for programs.
        detail: What is wrong and what to do about it.
        title: The kind of problem; empty: the status in words.
        headers: Of the answer, such as `Retry-After`.
        extra: What else programs may want to know.
    """

    status: int
    code: str
    detail: str
    title: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


class Dialect(Protocol):
    """The protocol of an operation's callers."""

    @property
    def content(self) -> Mapping[str, Mapping[str, Any]]:
        """Schemas of its errors, by content type."""

    def refuse(self, request: web.Request, failure: Failure) -> web.Response:
        """
        Make the answer to a request that failed.

        Args:
            request: That.
            failure: Why.
        """

"""
What the collector can refuse, each with the stable code and status that its HTTP answer carries.

::

    CollectorError
    ├── WrongPassword       401
    ├── ReadOnly            403  a file is shown, nothing is changed
    ├── MissingRight        403
    ├── NotFound            404
    ├── Conflict            409
    ├── StaleVersion        412  the ETag given is not the current one
    ├── Invalid             422
    │   ├── InvalidQuery    400  carries the column of the mistake
    │   ├── InvalidCursor   400
    │   └── TooManyPoints   422
    ├── UrlRefused          422  the collector calls only what is on its list
    ├── DamagedSlice        400  carries the frame to set aside
    ├── Undecodable         400  a body in the protocol of another shipper
    ├── TooLarge            413
    ├── TooManyAttempts     429  carries the seconds to wait
    ├── DataUnusable        500  at start: the collector does not come up
    │   ├── DataDamaged     500  likewise, unless it is set aside
    │   └── TlsUnusable     500  likewise
    ├── Unguarded           500  likewise: anybody could come in
    ├── PortUnusable        500  likewise: a port for another protocol is taken
    ├── Unreachable         502  what the collector called did not answer as it should
    ├── QueryTooSlow        503
    └── Overloaded          503  carries the seconds to wait
"""

from __future__ import annotations

from typing import Any, ClassVar


class CollectorError(Exception):
    """The collector could not do what was asked."""

    code: ClassVar[str] = "failed"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "The collector could not do this"

    def __init__(self, detail: str, **extra: Any) -> None:
        """
        Keep what the answer will say.

        Args:
            detail: What is wrong and what to do about it, one or two sentences.
            extra: Further members of the problem document.
        """
        super().__init__(detail)
        self.detail = detail
        self.extra = extra
        self.retry_after_s: float | None = None


class ReadOnly(CollectorError):
    """The collector only shows a file."""

    code = "read_only"
    status = 403
    title = "Read only"


class WrongPassword(CollectorError):
    """The name, the password or the code is not right."""

    code = "wrong_password"
    status = 401
    title = "Not let in"


class MissingRight(CollectorError):
    """Whoever asks may not do this."""

    code = "missing_right"
    status = 403
    title = "Not allowed"


class TooManyAttempts(CollectorError):
    """Too many attempts to come in have failed."""

    code = "too_many_attempts"
    status = 429
    title = "Too many attempts"

    def __init__(self, retry_after_s: float) -> None:
        """
        Ask to wait.

        Args:
            retry_after_s: Seconds until another attempt is looked at.
        """
        super().__init__(f"Too many attempts have failed; try again in {round(retry_after_s)} s.")
        self.retry_after_s = retry_after_s


class NotFound(CollectorError):
    """There is nothing under this name."""

    code = "not_found"
    status = 404
    title = "Not found"


class Conflict(CollectorError):
    """The name is taken, or what is there already stands against it."""

    code = "conflict"
    status = 409
    title = "Conflict"


class StaleVersion(CollectorError):
    """Somebody else changed it meanwhile."""

    code = "stale_version"
    status = 412
    title = "Changed meanwhile"


class Invalid(CollectorError):
    """The request does not fit its description."""

    code = "invalid"
    status = 422
    title = "Invalid request"


class InvalidQuery(Invalid):
    """The query cannot be read."""

    code = "invalid_query"
    status = 400
    title = "Invalid query"

    def __init__(self, detail: str, column: int) -> None:
        """
        Point at the mistake.

        Args:
            detail: What is wrong and what would be right.
            column: 1-based column of the mistake in the query text.
        """
        super().__init__(detail, column=column)
        self.column = column


class InvalidCursor(Invalid):
    """The cursor was not made by this collector."""

    code = "invalid_cursor"
    status = 400
    title = "Invalid cursor"


class TooManyPoints(Invalid):
    """The answer would have more points than anybody looks at."""

    code = "too_many_points"
    title = "Too many points"


class UrlRefused(CollectorError):
    """The collector may not call this address."""

    code = "url_refused"
    status = 422
    title = "Address refused"


class DamagedSlice(CollectorError):
    """A frame of an ingested slice is damaged."""

    code = "damaged_frame"
    status = 400
    title = "Damaged frame"


class Undecodable(CollectorError):
    """The body is not what its protocol says it should be."""

    code = "undecodable"
    status = 400
    title = "Not decodable"


class TooLarge(CollectorError):
    """More was sent than one request may carry."""

    code = "too_large"
    status = 413
    title = "Too large"


class DataUnusable(CollectorError):
    """The data folder or the database in it cannot be used."""

    code = "data_unusable"
    title = "Data folder unusable"


class DataDamaged(DataUnusable):
    """The database is damaged, or none at all."""

    code = "data_damaged"
    title = "Database damaged"


class TlsUnusable(DataUnusable):
    """The files of the certificate cannot be used."""

    code = "tls_unusable"
    title = "Certificate unusable"


class Unguarded(CollectorError):
    """Other machines would reach a collector that has neither account nor key."""

    code = "unguarded"
    title = "Nothing to come in by"


class PortUnusable(CollectorError):
    """A port for another protocol cannot be opened."""

    code = "port_unusable"
    title = "Port unusable"


class Unreachable(CollectorError):
    """Another server that the collector called gave no usable answer."""

    code = "unreachable"
    status = 502
    title = "Not reachable"


class QueryTooSlow(CollectorError):
    """The query ran into its deadline."""

    code = "query_too_slow"
    status = 503
    title = "Query too slow"


class Overloaded(CollectorError):
    """More comes in than can be stored just now."""

    code = "overloaded"
    status = 503
    title = "Overloaded"

    def __init__(self, detail: str, retry_after_s: float = 1.0) -> None:
        """
        Ask the client to wait.

        Args:
            detail: What is full.
            retry_after_s: Seconds until trying again is worth while.
        """
        super().__init__(detail)
        self.retry_after_s = retry_after_s

"""The collector's settings: argument > `PYLOGTAP_COLLECTOR_*` > default."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Self

import platformdirs
from pydantic import AliasChoices, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DATABASE = "pylogtap.db"

Positive = Annotated[float, Field(gt=0)]
Size = Annotated[int, Field(gt=0)]


def _data_folder() -> Path:
    return platformdirs.user_data_path("pylogtap", appauthor=False)


class Settings(BaseSettings):
    """
    What a collector is told when it starts. A field's unit is in its name or its description.

    The limits are there against accidents and floods; none of them loses a record, because a client keeps
    what is refused.
    """

    model_config = SettingsConfigDict(
        env_prefix="PYLOGTAP_COLLECTOR_", extra="forbid", frozen=True, populate_by_name=True
    )

    data: Path = Field(
        default_factory=_data_folder, description="Folder of the database; made when it is missing."
    )
    memory: bool = Field(default=False, description="Keep everything in memory, nothing on disk.")
    host: str = Field("127.0.0.1", description="Address to listen on. Beyond loopback needs a key.")
    port: int = Field(8270, ge=0, le=65535, description="Port to listen on; 0: any free one.")
    key: SecretStr | None = Field(
        None,
        min_length=8,
        validation_alias=AliasChoices("key", "PYLOGTAP_COLLECTOR_KEY", "PYLOGTAP_KEY"),
        description="What clients prove themselves with, as `Authorization: Bearer KEY`.",
    )

    body_max_bytes: Size = Field(8 << 20, description="Bytes of one request body, as it is sent.")
    inflated_max_bytes: Size = Field(32 << 20, description="Bytes of one request body, decompressed.")
    header_timeout_s: Positive = 5.0
    body_timeout_s: Positive = 15.0
    stop_timeout_s: Positive = Field(10.0, description="How long requests may finish after a stop signal.")

    query_timeout_s: Positive = Field(10.0, description="After this a query is ended with `query_too_slow`.")
    readers: int = Field(2, ge=1, le=64, description="Queries that run at once.")
    cache_max_bytes: Size = Field(48 << 20, description="Bytes of stored columns that are kept in memory.")
    recent_records: int = Field(
        50_000, ge=0, description="The newest records, which are kept as ordinary rows as well."
    )
    queue_max_slices: Size = Field(64, description="Slices that wait for their commit; more are refused.")
    backlog_max_bytes: Size = Field(
        4 << 30, description="Bytes of slices that are stored but not sealed yet; more are refused."
    )
    keep_days: Positive | None = Field(
        None, description="Days after which a record goes, by its time; none: never. Projects may differ."
    )
    keep_bytes: Size | None = Field(
        None, description="Bytes that the database may use; beyond, the oldest blocks go. None: no limit."
    )
    reserve_bytes: int = Field(
        64 << 20,
        ge=0,
        description="Bytes kept free beside the database, to clear a full disk; the journal needs 32 MiB.",
    )
    tail_buffer: Size = Field(1_000, description="Records kept for a reader of the tail that falls behind.")
    adopt: bool = Field(
        default=True, description="Take in what dead programs on this machine left for this collector."
    )
    spool_dir: Path | None = Field(
        None,
        validation_alias=AliasChoices("spool_dir", "PYLOGTAP_SPOOL_DIR"),
        description="Where programs on this machine keep what is not delivered; default: as for them.",
    )
    stream_days: Positive = Field(
        30.0, description="How long a stream that sends nothing is remembered, in days."
    )

    @property
    def database(self) -> Path:
        """The database file."""
        return self.data / DATABASE

    @model_validator(mode="after")
    def _stay_private(self) -> Self:
        if self.key is None and not is_loopback(self.host):
            raise ValueError(
                f"listening on {self.host} would let everybody in the network read and write logs; "
                "set a key first: export PYLOGTAP_KEY=$(python3 -c 'import secrets; "
                "print(secrets.token_urlsafe(24))'), and the same on the clients"
            )
        return self


def is_loopback(host: str) -> bool:
    """
    Tell whether a host is this machine's own, reachable from nowhere else.

    Args:
        host: A name or an address.
    """
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761, 6.3
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, which may point anywhere
        return False

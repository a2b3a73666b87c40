"""The collector's settings: argument > `PYLOGTAP_COLLECTOR_*` > default."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self
from urllib.parse import urlsplit

import platformdirs
from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

if TYPE_CHECKING:
    from collections.abc import Mapping

BRAND = "plt"  # how keys begin that a collector makes
DATABASE = "pylogtap.db"
KEY_FILE = "secret.key"  # beside it, for its owner alone
OUTGOING = (
    "https://api.github.com",
    "https://api.openai.com",
    "http://127.0.0.1:11434",
    "http://localhost:11434",
)
_SECRET_KEY = re.compile(r"[0-9a-fA-F]{64}")
_PORTS = {"http": 80, "https": 443}


def _split(value: Any) -> Any:
    """Read a list with commas between, as it is written in the environment."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Positive = Annotated[float, Field(gt=0)]
Size = Annotated[int, Field(gt=0)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


def _data_folder() -> Path:
    return platformdirs.user_data_path("pylogtap", appauthor=False)


class Settings(BaseSettings):
    """
    What a collector is told when it starts. A field's unit is in its name or its description.

    The limits are there against accidents and floods; none of them loses a record, because a client keeps
    what is refused.
    """

    model_config = SettingsConfigDict(
        env_prefix="PYLOGTAP_COLLECTOR_",
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        hide_input_in_errors=True,  # a secret that is refused is a secret still
    )

    data: Path = Field(
        default_factory=_data_folder, description="Folder of the database; made when it is missing."
    )
    memory: bool = Field(default=False, description="Keep everything in memory, nothing on disk.")
    host: str = Field(
        "127.0.0.1", description="Address to listen on. Beyond loopback it needs an account or a key."
    )
    port: int = Field(8270, ge=0, le=65535, description="Port to listen on; 0: any free one.")
    key: SecretStr | None = Field(
        None,
        min_length=8,
        validation_alias=AliasChoices("key", "PYLOGTAP_COLLECTOR_KEY", "PYLOGTAP_KEY"),
        description="A key that may do everything. One that a collector made, `plt_…`, does not count here.",
    )
    tls_certificate: Path | None = Field(
        None, description="PEM file of the certificate and its chain; with it, the collector speaks HTTPS."
    )
    tls_key: Path | None = Field(
        None, description="PEM file of the certificate's private key; none: it is in the certificate's file."
    )
    proxies: Words = Field(
        default_factory=tuple,
        description="Addresses or networks of reverse proxies whose `X-Forwarded-For`, `X-Forwarded-Proto` "
        "and `X-Forwarded-Host` are believed, with commas between.",
    )
    secret_key: SecretStr | None = Field(
        None,
        description="Encrypts stored secrets: 32 bytes in hexadecimal. Default: a file beside the database.",
    )
    outgoing: Words = Field(OUTGOING, description="Origins that the collector may call, with commas between.")

    body_max_bytes: Size = Field(8 << 20, description="Bytes of one request body, as it is sent.")
    inflated_max_bytes: Size = Field(32 << 20, description="Bytes of one request body, decompressed.")
    bodies_max_bytes: Size = Field(
        24 << 20,
        description="Bytes of request bodies that are at work at once; beyond, large ones are refused.",
    )
    connections: Size = Field(
        2_000, description="Connections at a time; beyond, those that ask for nothing are closed."
    )
    connections_per_address: Size = Field(1_000, description="Of them, those from one address.")
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

    docker: str = Field(
        "auto",
        description="The container engine whose compose projects are followed: `auto` for one that answers "
        "on this machine, `off`, or its address, `unix:///…` or `tcp://…`.",
    )
    docker_period_s: float = Field(2.0, ge=0.2, le=3600, description="How often containers are measured.")
    host_metrics: bool = Field(default=True, description="Measure this machine, too.")
    host_period_s: float = Field(10.0, ge=0.1, le=3600, description="How often this machine is measured.")
    metrics_raw_days: Positive = Field(2.0, description="Days for which each sample is kept as it came.")
    metrics_minute_days: Positive = Field(30.0, description="Days for which a value a minute is kept.")
    metrics_hour_days: Positive = Field(730.0, description="Days for which a value an hour is kept.")
    tests_days: float = Field(
        365.0, ge=0, description="Days for which a test run is kept, from its begin on; 0: for ever."
    )
    tap_max_bytes: Size = Field(32 << 20, description="Bytes of one request of other shippers, decompressed.")
    tap_host: str = Field("127.0.0.1", description="Address on which the ports for other protocols listen.")
    tap_networks: Words = Field(
        default_factory=tuple,
        description="Networks, this machine's 127.0.0.1 among them, that may deliver to those ports "
        "without showing a key.",
    )
    forward_port: int | None = Field(
        None, ge=0, le=65535, description="Port for Fluent Forward, usually 24224; none: it is not opened."
    )
    forward_shared_key: SecretStr | None = Field(
        None, min_length=8, description="What senders of Fluent Forward have to know, as their `shared_key`."
    )
    lines_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="Port for syslog, GELF and JSON lines, over TCP and UDP, such as 5514; none: not opened.",
    )

    @property
    def database(self) -> Path:
        """The database file."""
        return self.data / DATABASE

    @property
    def wide(self) -> bool:
        """Whether other machines can reach it."""
        return not is_loopback(self.host)

    @field_validator("key")
    @classmethod
    def _leave_keys_of_programs(cls, key: SecretStr | None) -> SecretStr | None:
        """
        Take no key that a collector made for the key of the environment.

        Whoever has one in PYLOGTAP_KEY for his programs, and starts a collector, would give it all rights.
        """
        return None if key is not None and key.get_secret_value().startswith(f"{BRAND}_") else key

    @field_validator("docker")
    @classmethod
    def _check_docker(cls, text: str) -> str:
        if text not in {"auto", "off"} and not _is_engine(text):
            raise ValueError(
                f"{text!r} is no container engine; write auto, off, unix:///PATH or tcp://HOST:PORT, "
                "for example unix:///var/run/docker.sock"
            )
        return text

    @field_validator("proxies", "tap_networks")
    @classmethod
    def _check_proxies(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            try:
                ipaddress.ip_network(text)
            except ValueError as error:
                raise ValueError(
                    f"{text} is no address and no network ({error}); write for example 10.0.0.0/8"
                ) from error
        return texts

    @field_validator("secret_key")
    @classmethod
    def _check_secret_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and not _SECRET_KEY.fullmatch(key.get_secret_value()):
            raise ValueError(
                "it needs 32 bytes in hexadecimal, 64 characters; make one: "
                "python3 -c 'import secrets; print(secrets.token_hex(32))'"
            )
        return key

    @field_validator("outgoing")
    @classmethod
    def _check_outgoing(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_origin(text) for text in texts)

    @model_validator(mode="after")
    def _check_pair(self) -> Self:
        if self.tls_key is not None and self.tls_certificate is None:
            raise ValueError(
                "tls_key: a key is of no use alone; give its certificate by tls_certificate, too"
            )
        return self


def _is_engine(address: str) -> bool:
    """Tell whether this may be the address of an engine: a socket's path, or a host and a port."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme == "unix":
        return not parts.netloc and len(parts.path) > 1
    return parts.scheme in {"tcp", "http"} and bool(parts.hostname and port) and parts.path in {"", "/"}


def _origin(text: str) -> str:
    """Return an origin as browsers write it: in small letters, without a port that goes without saying."""
    try:
        parts = urlsplit(text.lower())
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{text} is no origin ({error})") from error
    name = parts.hostname or ""
    extra = "@" in parts.netloc or parts.path not in {"", "/"} or parts.query or parts.fragment
    if parts.scheme not in _PORTS or not name or extra:
        raise ValueError(f"{text} is no origin; write for example https://api.github.com, without a path")
    host = f"[{name}]" if ":" in name else name
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in {None, _PORTS[parts.scheme]} else "")


class LiveSettings:
    """
    The settings as they are now: some can be changed while the collector runs.

    Attributes:
        start: What the collector was started with.
        given: Names of those that were given then, and so stay.
        now: What counts.
    """

    def __init__(self, start: Settings) -> None:
        """
        Begin with what the collector was started with.

        Args:
            start: That.
        """
        self.start = self.now = start
        self.given = frozenset(start.model_fields_set)

    def change(self, changes: Mapping[str, Any]) -> None:
        """
        Let other values count.

        Args:
            changes: By name, checked; all others are as at the start.
        """
        self.now = self.start.model_copy(update=dict(changes))


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

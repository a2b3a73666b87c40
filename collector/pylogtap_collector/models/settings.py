"""Types of the settings that are changed while the collector runs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from pylogtap_collector.models.base import WHOLE, Format, Model, Readable, left_out

Provider = Literal["none", "ollama", "openai"]
RedactedKey = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"),
    Field(description="A word that makes the name of a field a secret one.", examples=["iban"]),
]
Url = Annotated[Readable, Field(min_length=1, max_length=300), Format("pylogtap-url")]
Size = Annotated[int, Field(ge=1 << 20, lt=2**53), WHOLE]
SecretText = Annotated[Readable, Field(min_length=1, max_length=1000)]
_KEEP_DAYS = "Days after which a record goes, by its time; null: never. Projects may differ."
_KEEP_BYTES = "Bytes that the database may use; beyond, the oldest blocks go. Null: no limit."
_QUERY_TIMEOUT = "Seconds after which a query is ended."
_BACKLOG = "Bytes of slices that are stored but not sealed yet; more are refused."
_TAIL = "Records kept for a reader of the tail that falls behind."
_PROVIDER = "What explains records: `ollama`, an `openai` compatible API, or `none`."
_ADDRESS = "Its address. It has to begin as one of the collector's setting `outgoing` does."
_PROOF = "What proves that we may ask. Written only: it is never shown again."


class SecretState(Model):
    """What is known of a secret: never the secret."""

    is_set: bool = Field(description="Whether there is one.")
    readable: bool = Field(description="Whether it can be decrypted; otherwise it has to be given again.")
    changed: datetime | None = Field(description="When it was given, RFC 3339, UTC.")


class RetentionSettings(Model):
    """How long records are kept where a project says nothing else."""

    keep_days: float | None = Field(description=_KEEP_DAYS)
    keep_bytes: int | None = Field(description=_KEEP_BYTES)


class LimitSettings(Model):
    """Limits against accidents and floods."""

    query_timeout_s: float = Field(description=_QUERY_TIMEOUT)
    backlog_max_bytes: int = Field(description=_BACKLOG)
    tail_buffer: int = Field(description=_TAIL)


class RedactionSettings(Model):
    """What programs leave out of what they send, beyond what they leave out anyway."""

    keys: list[str] = Field(description="Words that make the name of a field a secret one.")


class AiSettings(Model):
    """The model that explains records."""

    provider: Provider = Field(description=_PROVIDER)
    url: str | None = Field(description=_ADDRESS)
    model: str | None = Field(description="Which of its models.")
    token: SecretState


class GithubSettings(Model):
    """Where workflows run."""

    url: str = Field(description=f"Of its API. {_ADDRESS}")
    token: SecretState


class CollectorSettings(Model):
    """All settings that are changed while the collector runs."""

    retention: RetentionSettings
    limits: LimitSettings
    redaction: RedactionSettings
    ai: AiSettings
    github: GithubSettings
    fixed: list[str] = Field(
        description="Those that the collector was started with, and that cannot be changed here.",
        examples=[["retention.keep_days"]],
    )


class RetentionSettingsPatch(Model):
    """What may change of how long records are kept; null: as if nothing had been said."""

    keep_days: float | None = Field(None, gt=0, le=36_500, description=_KEEP_DAYS, json_schema_extra=left_out)
    keep_bytes: Size | None = Field(None, description=_KEEP_BYTES, json_schema_extra=left_out)


class LimitSettingsPatch(Model):
    """What may change of limits; null: the default."""

    query_timeout_s: float | None = Field(
        None, ge=0.1, le=600, description=_QUERY_TIMEOUT, json_schema_extra=left_out
    )
    backlog_max_bytes: Size | None = Field(None, description=_BACKLOG, json_schema_extra=left_out)
    tail_buffer: Annotated[int, Field(ge=1, le=1_000_000), WHOLE] | None = Field(
        None, description=_TAIL, json_schema_extra=left_out
    )


class RedactionSettingsPatch(Model):
    """What may change of redaction."""

    keys: list[RedactedKey] | None = Field(
        None,
        max_length=200,
        description="All words, not only further ones; null: none. Programs take up new ones with the "
        "next answer to what they deliver, and forget none before they end.",
        examples=[["iban", "tax-number"]],
        json_schema_extra=left_out,
    )


class AiSettingsPatch(Model):
    """What may change of the model."""

    provider: Provider | None = Field(None, description=_PROVIDER, json_schema_extra=left_out)
    url: Url | None = Field(
        None, description=_ADDRESS, examples=["http://127.0.0.1:11434"], json_schema_extra=left_out
    )
    model: Readable | None = Field(
        None,
        min_length=1,
        max_length=200,
        examples=["llama3.2"],
        json_schema_extra=left_out,
        description="Which of its models.",
    )
    token: SecretText | None = Field(None, description=_PROOF, json_schema_extra=left_out)


class GithubSettingsPatch(Model):
    """What may change of where workflows run."""

    url: Url | None = Field(
        None, description=_ADDRESS, examples=["https://api.github.com"], json_schema_extra=left_out
    )
    token: SecretText | None = Field(None, description=_PROOF, json_schema_extra=left_out)


class SettingsPatch(Model):
    """What may change of the settings, group by group."""

    retention: RetentionSettingsPatch = Field(RetentionSettingsPatch(), json_schema_extra=left_out)
    limits: LimitSettingsPatch = Field(LimitSettingsPatch(), json_schema_extra=left_out)
    redaction: RedactionSettingsPatch = Field(RedactionSettingsPatch(), json_schema_extra=left_out)
    ai: AiSettingsPatch = Field(AiSettingsPatch(), json_schema_extra=left_out)
    github: GithubSettingsPatch = Field(GithubSettingsPatch(), json_schema_extra=left_out)


class Trial(Model):
    """Which service to try to reach."""

    service: Literal["ai", "github"] = Field(description="Which.")


class TrialResult(Model):
    """Whether a service could be reached as the settings say."""

    works: bool = Field(description="Whether it answered as it should.")
    detail: str = Field(description="What it answered, or what to do.")

"""The type of what takes longer than it did."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pylogtap_collector.models.base import Model


class Slowdown(Model):
    """How far a test takes longer than it did."""

    kind: Literal["step", "drift"] = Field(description="All at once, or little by little.")
    before_s: float = Field(description="Median of what it took before, seconds.")
    now_s: float = Field(description="Median of what it takes now, seconds.")
    ratio: float = Field(description="The second by the first.")
    certainty: float = Field(description="Distance in robust standard deviations (step) or z (drift).")
    since_run: str | None = Field(description="Id of the first run that was slower; null for a drift.")
    since_commit: str | None = Field(description="Its commit.")

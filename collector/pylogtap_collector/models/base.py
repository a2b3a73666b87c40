"""What all types of the API share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
LabelKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]{0,62}$")]
LabelValue = Annotated[str, StringConstraints(max_length=1000)]
Order = Literal["asc", "desc"]


class Model(BaseModel):
    """What all API types share: unknown members are refused, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

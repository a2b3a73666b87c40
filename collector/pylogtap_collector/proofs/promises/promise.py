"""What a promise consists of, and what somebody saw of it."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Promise:
    """
    What holds in spite of a fault.

    Attributes:
        key: Its name in code, and in what a run notes.
        fault: What goes wrong, as people would say it.
        kept: What holds all the same.
        figure: The figure promised, such as `0 lost, 0 duplicated, 0 torn`.
    """

    key: str
    fault: str
    kept: str
    figure: str


BROKE_OFF = "broke-off"


@dataclass(frozen=True, slots=True)
class Seen:
    """
    What a run saw of a promise.

    Attributes:
        key: Of the promise; BROKE_OFF: of a test that has seen nothing, as something else went wrong in it.
        figure: What was counted or measured.
        kept: It is what was promised.
        seed: Of what was left to chance; None: nothing was.
        noted: When, seconds since the epoch.
    """

    key: str
    figure: str
    kept: bool
    seed: int | None = None
    noted: float = field(default_factory=time.time)

    def append_to(self, path: Path) -> None:
        """
        Write it behind what a file holds, as a line of JSON.

        Args:
            path: The file; it need not be there.
        """
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(self)) + "\n")

    @classmethod
    def all_in(cls, path: Path) -> list[Self]:
        """
        Return what a file holds, oldest first.

        Args:
            path: From :meth:`append_to`; where there is none, nothing was seen.
        """
        if not path.exists():
            return []
        return [cls(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]

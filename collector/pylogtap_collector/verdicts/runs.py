"""
Runs of a suite in the order of the code that they ran, and which of them one is compared with.

The order is that of commits, not of starts: a run of an older commit that is done again today says nothing
of what came after that commit. A commit's place is the time at which it was committed or, where nobody told
that, the first start of a run of it; runs of one commit follow each other by their start, first the clean
ones.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

MAIN = frozenset({"main", "master", "trunk"})
_MAIN_WEIGHT = 3  # a branch of such a name is the default one unless another has three times as many runs


class Run(NamedTuple):
    """
    What has to be known of a run to compare it with others.

    Attributes:
        number: That nothing else has.
        started: ns since the epoch.
        committed: When its commit was made, ns since the epoch.
        commit: Its revision.
        branch: Its branch.
        dirty: The working tree differed from the revision.
        whole: The whole suite was asked for; None: nobody told.
        setting: What else makes outcomes differ, such as the version of Python; runs of one commit in two
            settings are no repetitions.
    """

    number: int
    started: int
    committed: int | None = None
    commit: str | None = None
    branch: str | None = None
    dirty: bool = False
    whole: bool | None = None
    setting: str = ""

    @property
    def state(self) -> str | int:
        """What code it ran: that of a commit or, with changes or without a commit, its own alone."""
        return self.number if self.dirty or self.commit is None else self.commit


def in_order(runs: Collection[Run]) -> list[Run]:
    """
    Return runs in the order of their code.

    Args:
        runs: Of one suite.
    """
    first: dict[str, int] = {}
    made: dict[str, int] = {}
    for run in runs:
        if run.commit is not None:
            first[run.commit] = min(run.started, first.get(run.commit, run.started))
            if run.committed is not None:
                made[run.commit] = min(run.committed, made.get(run.commit, run.committed))

    def place(run: Run) -> tuple[int, int, bool, int, int]:
        begun = run.started if run.commit is None else first[run.commit]
        made_at = begun if run.commit is None else made.get(run.commit, begun)
        return made_at, begun, run.dirty, run.started, run.number

    return sorted(runs, key=place)


def default_branch(runs: Collection[Run]) -> str | None:
    """
    Return the branch that others come from: the one with most runs, or one that is called so.

    Args:
        runs: Of one suite.
    """
    counts = Counter(run.branch for run in runs if run.branch is not None)
    if not counts:
        return None
    return max(counts, key=lambda name: (counts[name] * (_MAIN_WEIGHT if name in MAIN else 1), name))


def line_of(runs: Sequence[Run], at: int, default: str | None) -> list[int]:
    """
    Return the positions of the runs that a run is compared with, in order, without itself.

    These are the runs before it on its branch and, before the first of them, those of the default branch. A
    clean run is compared with clean ones, and a run in one setting with those in the same, where there are
    such.

    Args:
        runs: In order.
        at: Position of the run.
        default: The default branch.
    """
    own = runs[at]
    first = next(position for position, run in enumerate(runs) if run.branch == own.branch)
    line = [
        position
        for position, run in enumerate(runs[:at])
        if run.branch == own.branch or (position < first and run.branch == default)
    ]
    if not own.dirty:
        line = [position for position in line if not runs[position].dirty] or line
    return [position for position in line if runs[position].setting == own.setting] or line

"""What is known of one container, and what its starts, ends and kills mean by that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pylogtap_collector.containers.happenings import (
    CRASH,
    ENGINE,
    EXIT,
    KILLED,
    OOM,
    UNHEALTHY,
    UNKNOWN,
    USER,
    Subject,
)
from pylogtap_collector.wire import Place

if TYPE_CHECKING:
    from pylogtap_collector.containers.happenings import Happening

OOM_WAIT_NS = 2_000_000_000  # after an `oom`, the end of the main process comes within
_LATE_OOM_NS = 1_000_000_000
_SAME_NS = 3_000_000_000  # between a start or an end and the event that tells it
_PAUSE_NS = 100_000_000  # engines wait so long at least before they start again what has ended
_SIGNAL_NS = 15_000_000_000  # so long a signal that may have been meant otherwise counts as a wish to end
_DEADLY = frozenset({"2", "3", "6", "9", "15", "SIGINT", "SIGQUIT", "SIGABRT", "SIGKILL", "SIGTERM"})
_SIGKILL_CODE = 137
SOME_SIGNAL = "unknown"


@dataclass(slots=True)
class Known:
    """
    What is known of a container.

    Attributes:
        name: Its name.
        place: Where it stands.
        running: Whether it runs.
        paused: Whether it is.
        health: As its check last said; empty: it has none.
        started_ns: When it was started last.
        ended_ns: When it ended last.
        before_ns: When the run before the last one ended; 0: unknown.
        event_ns: When something was last told of it.
        signal: That a user had it sent since its start; empty: none.
        signal_ns: When.
        ooms: Kills for lack of memory of which it is not clear yet what they hit: when they were.
        cause: Why it ended last; empty: it has not yet.
        restarts: How often it was started again, by cause.
        oom_kills: How many processes of it were killed for lack of memory.
        engine_lost: The engine has gone away since something was told of it.
    """

    name: str
    place: tuple[str, str, str]
    running: bool = False
    paused: bool = False
    health: str = ""
    started_ns: int = 0
    ended_ns: int = 0
    event_ns: int = 0
    signal: str = ""
    signal_ns: int = 0
    ooms: list[int] = field(default_factory=list)
    cause: str = ""
    restarts: dict[str, int] = field(default_factory=dict)
    oom_kills: int = 0
    engine_lost: bool = False
    before_ns: int = 0

    def subject(self, container_id: str) -> Subject:
        """Return the container, as it is spoken of."""
        return Subject(container_id, self.name, Place(*self.place), self.before_ns)

    def start(self, container_id: str, time_ns: int) -> list[Happening]:
        """
        Take up that it was started, and return what that means.

        Args:
            container_id: All 64 hex digits.
            time_ns: When, ns since the epoch.
        """
        if self.running and abs(time_ns - self.started_ns) < _SAME_NS:  # the list had it already
            return []
        self.before_ns = time_ns - _PAUSE_NS if self.running else self.ended_ns
        if self.running:  # its end was not told
            self.cause = ENGINE if self.engine_lost else UNKNOWN
        cause, self.cause = self.cause, ""
        self.running, self.paused, self.started_ns, self.health = True, False, time_ns, ""
        self.signal, self.signal_ns, self.engine_lost = "", 0, False
        subject = self.subject(container_id)
        if not cause:
            return [subject.tell(time_ns, "container.started", "is started")]
        self.restarts[cause] = self.restarts.get(cause, 0) + 1
        return [subject.restarted(time_ns, cause, self.restarts)]

    def end(self, container_id: str, time_ns: int, code: int) -> list[Happening]:
        """
        Take up that it has ended, and return what that means.

        Args:
            container_id: All 64 hex digits.
            time_ns: When, ns since the epoch.
            code: Of its exit.
        """
        if not self.running and abs(time_ns - self.ended_ns) < _SAME_NS:  # the list had it already
            return []
        self.running, self.ended_ns = False, time_ns
        subject = self.subject(container_id)
        ooms, self.ooms = self.ooms, []
        hit_main = bool(ooms) and code != 0
        found = [self._oom(subject, at, None) for at in (ooms[:-1] if hit_main else ooms)]
        if hit_main:
            self.cause = OOM
            return [*found, self._oom(subject, time_ns, code)]
        self.cause = self._cause(time_ns, code)
        signal = self.signal if self.cause in {USER, UNHEALTHY} and self.signal != SOME_SIGNAL else None
        return [*found, subject.ended(time_ns, self.cause, code, signal)]

    def run_out_of_memory(self, container_id: str, time_ns: int) -> list[Happening]:
        """
        Take up that the kernel killed a process of it; which one shows later, mostly.

        Args:
            container_id: All 64 hex digits.
            time_ns: When, ns since the epoch.
        """
        if not self.running and self.cause == KILLED and time_ns < self.ended_ns + _LATE_OOM_NS:
            self.cause = OOM
            return [self._oom(self.subject(container_id), time_ns, _SIGKILL_CODE)]
        self.ooms.append(time_ns)
        return []

    def settle_ooms(self, container_id: str, now_ns: int) -> list[Happening]:
        """
        Return the kills that no end of the main process followed.

        Args:
            container_id: All 64 hex digits.
            now_ns: The present, by the engine's clock.
        """
        found = []
        while self.ooms and self.ooms[0] + OOM_WAIT_NS < now_ns:
            found.append(self._oom(self.subject(container_id), self.ooms.pop(0), None))
        return found

    def _oom(self, subject: Subject, time_ns: int, code: int | None) -> Happening:
        self.oom_kills += 1
        return subject.out_of_memory(time_ns, self.oom_kills, code)

    def _cause(self, time_ns: int, code: int) -> str:
        if self.engine_lost:  # one that was killed ends, when it is back, what it finds running
            return ENGINE
        if self.signal and (self.signal in _DEADLY or time_ns < self.signal_ns + _SIGNAL_NS):
            return UNHEALTHY if self.health == "unhealthy" else USER
        if code == 0:
            return EXIT
        return KILLED if code == _SIGKILL_CODE else CRASH

"""What happens to containers, in words and numbers: entries of the logger `docker`, and points."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from pylogtap_collector.containers.frames import stamp_ns
from pylogtap_collector.taps.entries import INFO, Entry, Point

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pylogtap_collector.wire import Place

LOGGER = "docker"
RESTARTS, OOM_KILLS, HEALTH = "container.restarts", "container.oom_kills", "container.health"
WARNING, ERROR = 13, 17  # OpenTelemetry severities
# Why containers end, and are started again
EXIT, CRASH, OOM, KILLED, USER, ENGINE, UNHEALTHY, UNKNOWN = (
    "exit",
    "crash",
    "oom",
    "killed",
    "user",
    "engine",
    "health",
    "unknown",
)
WANTED = frozenset({EXIT, USER, ENGINE})  # nothing is wrong with the container
_LEVELS = {INFO: "info", WARNING: "warning", ERROR: "error"}
_AFTER = {
    EXIT: "after it had ended",
    CRASH: "after a crash",
    OOM: "after it had run out of memory",
    KILLED: "after it had been killed",
    USER: "on request",
    ENGINE: "with the engine",
    UNHEALTHY: "because it was unhealthy",
    UNKNOWN: "while nobody watched",
}
_CODE = re.compile(r"-?[0-9]{1,9}")
_END_NS = 1 << 63  # what is stored
_NOISE = ("exec_", "attach", "resize", "top", "copy", "export", "archive-path", "extract-to-dir", "commit")


class Event(NamedTuple):
    """
    What an engine tells of a container.

    Attributes:
        container_id: All 64 hex digits.
        action: `start`, `die`, `oom`…
        detail: What stands behind a colon: `healthy` of `health_status: healthy`.
        attributes: Name, exit code, signal, and all labels.
        time_ns: When, ns since the epoch.
    """

    container_id: str
    action: str
    detail: str
    attributes: Mapping[str, str]
    time_ns: int

    @property
    def name(self) -> str:
        """Name of the container."""
        return self.attributes.get("name", "")

    @property
    def exit_code(self) -> int:
        """Code that it has ended with; 0 where that is not said."""
        text = self.attributes.get("exitCode") or self.attributes.get("containerExitCode") or "0"
        return int(text) if _CODE.fullmatch(text) else 0


def read_event(raw: Mapping[str, Any]) -> Event | None:
    """
    Read an event of the engine's; None: of something else than a container, or of no interest.

    Only what all versions of the API have is read (moby `api/docs/CHANGELOG.md`, 1.52): `Type`, `Action`,
    `Actor`.

    Args:
        raw: As `GET /events` has it.
    """
    actor = raw.get("Actor") or {}
    action, _, detail = str(raw.get("Action") or "").partition(":")
    if raw.get("Type") != "container" or not actor.get("ID") or action.startswith(_NOISE):
        return None
    attributes = {str(key): str(value) for key, value in (actor.get("Attributes") or {}).items()}
    if action == "health_status" and not detail:  # Podman
        detail = attributes.get("health_status") or attributes.get("containerHealthStatus") or ""
    time_ns = int(raw.get("timeNano") or 0) or int(raw.get("time") or 0) * 1_000_000_000
    if not 0 <= time_ns < _END_NS:
        return None
    return Event(str(actor["ID"]), action, detail.strip(), attributes, time_ns)


class Happening(NamedTuple):
    """
    Something that has happened to a container.

    Attributes:
        container_id: All 64 hex digits.
        entry: What is stored.
        points: What is measured by it.
        wants_lines: Its last lines before tell why.
        since_ns: When the run before ended, ns since the epoch: later lines are of this one; 0: unknown.
    """

    container_id: str
    entry: Entry
    points: tuple[Point, ...] = ()
    wants_lines: bool = False
    since_ns: int = 0

    def with_lines(self, lines: list[str]) -> Happening:
        """Return it with the last lines that the container wrote before."""
        if not lines:
            return self
        return self._replace(entry=self.entry._replace(fields={**self.entry.fields, "last_lines": lines}))


class Subject(NamedTuple):
    """
    The container that something happens to.

    Attributes:
        container_id: All 64 hex digits.
        name: Its name.
        place: Where it stands.
        since_ns: When its run before this one ended, ns since the epoch; 0: unknown.
    """

    container_id: str
    name: str
    place: Place
    since_ns: int = 0

    def tell(
        self, time_ns: int, event: str, text: str, severity: int = INFO, /, *points: Point, **fields: Any
    ) -> Happening:
        """
        Say what has happened.

        Args:
            time_ns: When, ns since the epoch.
            event: Its name, such as `container.started`.
            text: What follows the container's name.
            severity: OpenTelemetry severity.
            points: What is measured by it.
            fields: More; those that are None are left out.
        """
        known = {key: value for key, value in fields.items() if value is not None}
        entry = Entry(
            place=self.place,
            message=f"{self.name} {text}",
            time_ns=time_ns,
            severity=severity,
            level=_LEVELS[severity],
            logger=LOGGER,
            fields={"event": event, "container.id": self.container_id[:12], **known},
        )
        return Happening(self.container_id, entry, points, since_ns=self.since_ns)

    def restarted(self, time_ns: int, cause: str, restarts: Mapping[str, int]) -> Happening:
        """
        Say that it runs again.

        Args:
            time_ns: When, ns since the epoch.
            cause: Why it had ended.
            restarts: How often it was, by cause; this time included.
        """
        total = sum(restarts.values())
        times = (
            f", for the {total}th time"
            if total > 3
            else ("", ", for the second time", ", for the third time")[total - 1]
        )
        severity = INFO if cause in WANTED else WARNING
        point = Point(
            self.place, RESTARTS, restarts[cause], time_ns, kind="counter", labels=(("cause", cause),)
        )
        text = f"was started again {_AFTER[cause]}{times}"
        return self.tell(time_ns, "container.restarted", text, severity, point, cause=cause, restarts=total)

    def ended(self, time_ns: int, cause: str, code: int, signal: str | None) -> Happening:
        """
        Say that it has ended, for another reason than memory.

        Args:
            time_ns: When, ns since the epoch.
            cause: Why.
            code: Of its exit.
            signal: That a user had it sent.
        """
        words = {
            USER: f"was stopped on request, exit code {code}",
            UNHEALTHY: f"was stopped while it was unhealthy, exit code {code}",
            ENGINE: f"ended with the engine, exit code {code}",
            KILLED: f"was killed without a request to the engine, exit code {code}; maybe out of memory",
        }
        severity = INFO if code == 0 or cause in WANTED else ERROR
        found = self.tell(
            time_ns,
            "container.exited",
            words.get(cause, f"exited with code {code}"),
            severity,
            exit_code=code,
            cause=cause,
            signal=signal,
        )
        return found._replace(wants_lines=cause not in WANTED)

    def out_of_memory(self, time_ns: int, kills: int, code: int | None) -> Happening:
        """
        Say that the kernel killed a process of it, for lack of memory.

        Args:
            time_ns: When, ns since the epoch.
            kills: How often it did that, this time included.
            code: Exit code, if it was the main process; None: another one, and the container runs on.
        """
        main = code is not None
        text = (
            f"ran out of memory and was killed, exit code {code}"
            if main
            else "runs on, but a process in it ran out of memory and was killed"
        )
        point = Point(self.place, OOM_KILLS, kills, time_ns, kind="counter")
        found = self.tell(
            time_ns,
            "container.oom",
            text,
            ERROR,
            point,
            exit_code=code,
            cause=OOM,
            process="main" if main else "child",
            oom_kills=kills,
        )
        return found._replace(wants_lines=True)

    def health_changed(self, time_ns: int, health: str, before: str) -> Happening:
        """
        Say how its health check goes now.

        Args:
            time_ns: When, ns since the epoch.
            health: `healthy`, `unhealthy` or `starting`.
            before: The same, before; may be empty.
        """
        bad = health == "unhealthy"
        points = [Point(self.place, HEALTH, float(not bad), time_ns)] if health != "starting" else []
        text = {"healthy": "is healthy", "unhealthy": "is unhealthy"}.get(health, f"is {health}")
        return self.tell(
            time_ns,
            "container.health",
            text,
            ERROR if bad else INFO,
            *points,
            health=health,
            before=before or None,
        )._replace(wants_lines=bad)


def moment(stamp: str, otherwise: int) -> int:
    """Return when the engine says that something was, ns since the epoch; year 1 is never."""
    return ns if (ns := stamp_ns(stamp)) > 0 else otherwise

"""Records as they would be stored."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pylogtap import wire

if TYPE_CHECKING:
    from pylogtap.writer import Draft


class Record(Mapping[str, Any]):
    """
    A record, as a mapping with the names that the API uses; each is an attribute, too.

    Among them `time`, `level`, `severity_number`, `prefix`, `project`, `service`, `instance`, `logger`,
    `message`, `template`, `attributes`, `exception`, `trace_id`, `span_id`, `test_id`, `source`, `process`.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        """
        Take values over.

        Args:
            values: By name, as the API has them.
        """
        place = "/".join(str(values.get(name, "")) for name in ("project", "service", "instance"))
        self._values = {"prefix": place, **values}

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(f"a record has no {name!r}; it has {', '.join(self._values)}") from None

    def __repr__(self) -> str:
        return f"<{self}>"

    def __str__(self) -> str:
        """Return it as one line for people."""
        logger = f" {self._values['logger']}:" if self._values.get("logger") else ""
        fields = "".join(f" {name}={value!r}" for name, value in self._values.get("attributes", {}).items())
        error = self._values.get("exception")
        raised = f" !{error['type']}: {error['message']}" if error else ""
        return (
            f"{self._values['level']:<8} {self._values['prefix']}{logger} "
            f"{self._values['message']}{fields}{raised}"
        )


def record_of(draft: Draft, place: str = "") -> Record:
    """
    Return what would be stored of a draft.

    Args:
        draft: As handlers and loggers make it.
        place: `project/service/instance`; empty: that of the draft.
    """
    site, more = draft.site, draft.more or {}
    project, service, instance = (place or site.place).split("/")
    seconds = draft.when / 1e9 if isinstance(draft.when, int) else draft.when
    thread = threading.current_thread()
    return Record(
        {
            "time": datetime.fromtimestamp(seconds, UTC),
            "level": site.level_name,
            "severity_number": site.severity,
            "project": project,
            "service": service,
            "instance": instance,
            "logger": site.logger,
            "message": more.get(wire.MORE_MESSAGE, draft.text),
            "template": site.template,
            "attributes": dict(draft.fields or {}),
            "exception": more.get(wire.MORE_EXCEPTION),
            "trace_id": more.get(wire.MORE_TRACE),
            "span_id": more.get(wire.MORE_SPAN),
            "test_id": more.get(wire.MORE_TEST),
            "source": {
                "file": site.file or None, "line": site.line or None, "function": site.function or None,
            },
            "process": {"thread": None if thread is threading.main_thread() else thread.name},
        }
    )  # fmt: skip

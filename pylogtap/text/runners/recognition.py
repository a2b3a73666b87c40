"""Which runner an output is of: told by the command, or by the first line that only one of them prints."""

from __future__ import annotations

import re
from collections import deque
from pathlib import PurePath
from typing import TYPE_CHECKING

from pylogtap.text.lines import strip_escapes
from pylogtap.text.runners.go_json import GoJson, read_event
from pylogtap.text.runners.go_text import GoText
from pylogtap.text.runners.jest import Jest
from pylogtap.text.runners.model import MAX_LINE
from pylogtap.text.runners.pytest_lines import final, heading
from pylogtap.text.runners.pytest_text import PytestText
from pylogtap.text.runners.tap import Tap
from pylogtap.text.runners.unittest_text import UnittestText
from pylogtap.text.runners.vitest import Vitest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pylogtap.text.runners.model import Event, Parser

RUNNERS: dict[str, type[Parser]] = {
    "pytest": PytestText,
    "unittest": UnittestText,
    "go": GoText,
    "go-json": GoJson,
    "jest": Jest,
    "vitest": Vitest,
    "tap": Tap,
}
_PATIENCE = 2_000  # lines that are looked at; a program that has not told by then is no runner
_KEPT = 1_000  # lines in front of the telling one: dots, and cases without a heading
_DOTS = re.compile(r"[.FEsxXR]{1,100}\s+\[ *[0-9]{1,3}%\]")
_CASE_OF_UNITTEST = re.compile(r"\w+ \([\w.]{1,500}\)(?: \.\.\. (?:ok|FAIL|ERROR|skipped .{1,200}))")
_BLOCK_OF_UNITTEST = re.compile(r"(?:FAIL|ERROR): \w+ \([\w.]{1,500}\).{0,300}")
_RAN = re.compile(r"Ran [0-9]{1,9} tests? in [0-9.]{1,15}s")
_GO = re.compile(
    r"=== RUN   \S+|--- FAIL: \S+ \([0-9.]+s\)|(?:ok  |FAIL|\?   )\t\S+(?:\t[0-9.(].{0,100}| \[.{1,50})"
)
_JEST = re.compile(r"\s?(?:PASS|FAIL) {1,2}(?:\S{1,100} )??\S{1,1000}\.[cm]?[jt]sx?(?: \([0-9.]+ m?s\))?")
_VITEST = re.compile(r"\s*(?:RUN|DEV)\s+v[0-9][\w.+-]{0,50}\s+\S.{0,1000}")
_TAP = re.compile(r"TAP version 1[2-4]")
_TELLING: tuple[tuple[str, Callable[[str], object]], ...] = (
    (
        "pytest",
        lambda line: heading(line, "=") in {"test session starts", "FAILURES"} or _DOTS.fullmatch(line),
    ),
    ("unittest", lambda line: _CASE_OF_UNITTEST.fullmatch(line) or _BLOCK_OF_UNITTEST.fullmatch(line)),
    ("unittest", _RAN.fullmatch),
    ("go", _GO.fullmatch),
    ("go-json", lambda line: (event := read_event(line)) is not None and "Package" in event),
    ("jest", _JEST.fullmatch),
    ("vitest", _VITEST.fullmatch),
    ("tap", _TAP.fullmatch),
)
_PROGRAMS = {"pytest": "pytest", "py.test": "pytest", "jest": "jest", "vitest": "vitest"}
_CARRIERS = frozenset(
    {"npx", "bunx", "uv", "poetry", "pdm", "hatch", "pipenv", "coverage", "xvfb-run", "env", "node"}
)


def runner_of(command: Sequence[str]) -> str | None:
    """
    Return which runner a command starts; None where that cannot be told.

    Args:
        command: Program and arguments.
    """
    words = [PurePath(word).name.removesuffix(".js").removesuffix(".mjs") for word in command[:8]]
    if not words:
        return None
    if words[0] == "go":
        return ("go-json" if "-json" in command else "go") if "test" in words[1:3] else None
    if words[0].startswith(("python", "pypy")) or words[0] in _CARRIERS:
        if "-m" in words:
            module = words[words.index("-m") + 1 :][:1]
            return {"pytest": "pytest", "unittest": "unittest"}.get(module[0]) if module else None
        if words[0] == "node" and "--test" in words:
            return "tap" if any("reporter=tap" in word for word in command) else None
        return next((_PROGRAMS[word] for word in words[1:] if word in _PROGRAMS), None)
    return _PROGRAMS.get(words[0])


class Recognizer:
    """
    Reads one stream, and tells of cases once it knows what prints them.

    Attributes:
        parser: Reads what comes; None: not known yet, or there is none.
    """

    def __init__(self, runner: str | None = None, *, expected: str | None = None) -> None:
        """
        Begin a stream.

        Args:
            runner: One of :data:`RUNNERS`; None: to be told by its lines.
            expected: What the command starts: it is waited for, however long it takes.
        """
        self.parser: Parser | None = RUNNERS[runner]() if runner else None
        self._expected = expected
        self._lines: deque[tuple[str, int]] = deque(maxlen=_KEPT)
        self._looked_at = 0

    def feed(self, line: str, time_ns: int) -> list[Event]:
        """
        Take a line.

        Args:
            line: Without its end; colours may be in it.
            time_ns: When it came, nanoseconds since the epoch.
        """
        if self.parser is None and self._looked_at >= _PATIENCE and self._expected is None:
            return []
        text = strip_escapes(line[:MAX_LINE]).rstrip("\r")
        if "\r" in text:
            text = text.rpartition("\r")[2]  # a line that was written over
        if self.parser is not None:
            return self.parser.feed(text, time_ns)
        self._looked_at += 1
        self._lines.append((text[:2_000], time_ns))
        runner = recognize(text)
        if runner is None and self._expected == "pytest" and final(text):
            runner = "pytest"  # quiet, and without a percentage
        if runner is None:
            if self._looked_at == _PATIENCE and self._expected is None:
                self._lines.clear()
            return []
        self.parser = RUNNERS[runner]()
        lines, self._lines = list(self._lines), deque()
        lines[-1] = (text, time_ns)
        return [event for kept, when in lines for event in self.parser.feed(kept, when)]

    def end(self) -> list[Event]:
        """Return what was held back until the end of the stream."""
        return self.parser.end() if self.parser is not None else []


def recognize(line: str) -> str | None:
    """Return the runner that alone prints such a line; one of :data:`RUNNERS`."""
    if len(line) > 4_000 and not line.startswith("{"):
        return None
    return next((runner for runner, tells in _TELLING if tells(line)), None)

"""
JUnit XML as a list of test cases, read piece by piece by expat.

A document type is refused: with it go entities, which can grow without bounds or name files. Of a document
that breaks off, or is broken, what stands before is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.parsers import expat

from pylogtap_collector.errors import Invalid
from pylogtap_collector.reports.model import MAX_CASES, MAX_DEPTH, Skipped

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOTS = ("testsuites", "testsuite")
_MAX_PROPERTIES = 1_000  # of one suite: Surefire writes all of Java's


@dataclass
class Suite:
    """
    A suite of a report.

    Attributes:
        attributes: Of its element.
        parent: The suite around it.
        properties: What is said of it.
    """

    attributes: Mapping[str, str]
    parent: Suite | None
    properties: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> list[str]:
        """Names of the suites around it and of itself, the outermost first."""
        before = self.parent.path if self.parent is not None else []
        name = self.attributes.get("name", "")
        return [*before, name] if name else before


@dataclass
class Part:
    """
    Something that is said of a case: a failure, an output.

    Attributes:
        kind: Name of its element.
        attributes: Of its element.
        chunks: Its text, in pieces.
        parts: What is in it.
    """

    kind: str
    attributes: Mapping[str, str]
    chunks: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its text."""
        return "".join(self.chunks)

    def inner(self, *kinds: str) -> str:
        """Return the texts of the parts of these kinds, one below the other."""
        return "\n".join(part.text for part in self.parts if part.kind in kinds)


@dataclass
class RawCase:
    """
    A case of a report.

    Attributes:
        attributes: Of its element.
        suite: The suite it is in.
        line: Of the report.
        parts: What is said of it.
        properties: What it recorded.
    """

    attributes: Mapping[str, str]
    suite: Suite | None
    line: int
    parts: list[Part] = field(default_factory=list)
    properties: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Tree:
    """
    What a report holds.

    Attributes:
        root: Attributes of the outermost element.
        suites: All suites, in their order.
        cases: All cases, in their order.
        broken: Where and why reading ended too soon; empty: it did not.
    """

    root: Mapping[str, str] = field(default_factory=dict)
    suites: list[Suite] = field(default_factory=list)
    cases: list[RawCase] = field(default_factory=list)
    broken: str = ""


def read_tree(data: bytes, skipped: Skipped) -> Tree:
    """
    Read a report.

    Args:
        data: The document.
        skipped: Notes what is left out.

    Raises:
        Invalid: It is no XML, no JUnit XML, has a document type, or is nested too deeply.
    """
    reader = _Reader(skipped)
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        why = f"line {error.lineno}, column {error.offset + 1}: {expat.ErrorString(error.code)}"
        if not reader.tree.cases:
            raise Invalid(f"The report is no well-formed XML: {why}.") from error
        reader.tree.broken = why
        skipped.note(f"{why}; what follows there is not read")
    except (LookupError, ValueError, MemoryError) as error:  # an encoding that Python or expat does not know
        raise Invalid(f"The report's XML cannot be read: {error}; save it as UTF-8.") from error
    return reader.tree


class _Reader:
    """Takes what expat finds."""

    def __init__(self, skipped: Skipped) -> None:
        self.tree = Tree()
        self._skipped = skipped
        self._stack: list[Suite | RawCase | Part | None] = []
        self._suite: Suite | None = None
        self._case: RawCase | None = None
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters

    def _refuse(self, *_: object) -> None:
        raise Invalid(
            f"line {self.parser.CurrentLineNumber}: the report has a document type (<!DOCTYPE …>), which no"
            " JUnit XML needs; take it out."
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        kind = name.rpartition(":")[2]
        if not self._stack:
            self._begin(kind, attributes)
        if len(self._stack) >= MAX_DEPTH:
            raise Invalid(
                f"line {self.parser.CurrentLineNumber}: elements are nested more than {MAX_DEPTH} deep."
            )
        self._stack.append(self._made(kind, attributes))

    def _begin(self, kind: str, attributes: dict[str, str]) -> None:
        if kind not in _ROOTS:
            raise Invalid(
                f"line {self.parser.CurrentLineNumber}: the document is a <{kind[:40]}>; JUnit XML begins "
                "with <testsuites> or <testsuite>."
            )
        self.tree.root = attributes

    def _made(self, kind: str, attributes: dict[str, str]) -> Suite | RawCase | Part | None:
        if self._case is not None:
            return self._part(kind, attributes)
        if kind == "testsuite":
            self._suite = Suite(attributes, self._suite)
            self.tree.suites.append(self._suite)
            return self._suite
        if kind == "testcase":
            self._case = RawCase(attributes, self._suite, self.parser.CurrentLineNumber)
            return self._case
        if kind == "property" and self._suite is not None:
            known = self._suite.properties
            if len(known) < _MAX_PROPERTIES:
                known[attributes.get("name", "")] = attributes.get("value", "")
        return None

    def _part(self, kind: str, attributes: dict[str, str]) -> Part | None:
        if kind == "properties":
            return None
        part = Part(kind, attributes)
        above = next((each for each in reversed(self._stack) if isinstance(each, Part)), None)
        if above is not None:
            above.parts.append(part)
        elif self._case is not None:
            self._case.parts.append(part)
        return part

    def _end(self, _: str) -> None:
        ended = self._stack.pop()
        if isinstance(ended, Suite):
            self._suite = ended.parent
        elif isinstance(ended, RawCase):
            self._case = None
            if len(self.tree.cases) < MAX_CASES:
                self.tree.cases.append(ended)
            else:
                self._skipped.note(f"line {ended.line}: more than {MAX_CASES:,} cases", 1)
        elif isinstance(ended, Part) and ended.kind == "property" and self._case is not None:
            self._keep(ended)

    def _keep(self, part: Part) -> None:
        assert self._case is not None
        if self._case.parts and self._case.parts[-1] is part:  # else it is part of another part
            self._case.parts.pop()
        name = part.attributes.get("name", "")
        self._case.properties.append((name, part.attributes.get("value", part.text)))

    def _characters(self, data: str) -> None:
        if self._stack and isinstance(self._stack[-1], Part):
            self._stack[-1].chunks.append(data)

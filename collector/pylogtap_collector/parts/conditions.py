"""The leaves of a query, asked of the columns of a part."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pylogtap_collector.parts import bloom
from pylogtap_collector.parts.columns import SCALED, TEXT, WHOLE, NumberColumn
from pylogtap_collector.parts.messages import Fragment, Phrase
from pylogtap_collector.parts.part import EXCEPTION, EXTRA, FIELD, MAIN_THREAD, SPAN, TEST, TRACE
from pylogtap_collector.parts.perform import PerForm
from pylogtap_collector.parts.rows import messages_of
from pylogtap_collector.query.ast import Compare, Has, Matches, Range, StartsWith, Text
from pylogtap_collector.query.fields import LABEL, attribute_values, number_of, tokens
from pylogtap_collector.query.matcher import fields_of, level_bounds, time_span, value_test

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap_collector.parts.faces import Form, Source
    from pylogtap_collector.parts.numbers import Ints, Mask
    from pylogtap_collector.parts.part import Head, Part

Condition = Compare | Range | StartsWith | Matches | Has
Annotations = Mapping[int, tuple[Mapping[str, str], str | None]]

FORM_FIELDS: dict[str, Callable[[Form], Any]] = {
    "logger": lambda form: form.logger,
    "template": lambda form: form.template,
    "pattern": lambda form: form.pattern_id,
    "file": lambda form: form.file,
    "line": lambda form: form.line,
    "function": lambda form: form.function,
}
SOURCE_FIELDS: dict[str, Callable[[Source], Any]] = {
    "project": lambda source: source.project,
    "service": lambda source: source.service,
    "instance": lambda source: source.instance,
    "pid": lambda source: source.pid,
}
_EXTRA_FIELDS = {"trace": TRACE, "span": SPAN, "test": TEST}
_PLAIN = re.compile(r"[\w \-:;,/@#=&!<>\"'~`%]+", re.ASCII)  # regular expressions that mean themselves


class ByForm(NamedTuple):
    """
    An answer for each form.

    Attributes:
        every: Whether all rows of the form are meant.
        slots: Slots of the rows of other forms that are meant, growing, see :meth:`Part.rows_at`.
    """

    every: Mask
    slots: Ints


Answer = bool | ByForm | np.ndarray


def within(part: Part, first_ns: int | None, end_ns: int | None) -> bool | Mask:
    """
    Return which rows lie in a stretch of time.

    Args:
        part: Holds the rows.
        first_ns: Its beginning; None: the first record.
        end_ns: Its end, not included; None: behind the last record.
    """
    head = part.head
    if (first_ns is None or first_ns <= head.first_time) and (end_ns is None or head.last_time < end_ns):
        return True
    if (first_ns is not None and head.last_time < first_ns) or (
        end_ns is not None and head.first_time >= end_ns
    ):
        return False
    mask = np.ones(head.rows, np.bool_)
    if first_ns is not None:
        mask &= part.times >= first_ns
    if end_ns is not None:
        mask &= part.times < end_ns
    return mask


def condition_of(node: Any, now: int, annotations: Annotations) -> Everywhere:
    """
    Return the condition that a leaf of a query is, ready to be asked of many parts.

    Args:
        node: The leaf.
        now: What relative times are relative to, ns since the epoch.
        annotations: Labels and note of each record that has some.

    Raises:
        InvalidQuery: A level, time or range in it cannot be.
    """
    if isinstance(node, Text):
        wanted = tokens(node.words)
        return _Words(Phrase(wanted, prefix=node.prefix)) if wanted else _Punctuation(node.words.casefold())
    if node.field == "level":
        return _Forms(_level_test(node))
    if node.field in FORM_FIELDS:
        test, value = value_test(node), FORM_FIELDS[node.field]
        return _Forms(lambda form: (found := value(form)) is not None and test(found))
    if node.field in SOURCE_FIELDS:
        return _Sources(value_test(node), SOURCE_FIELDS[node.field])
    if node.field == "time":
        first, last = time_span(node, now)
        return _Times(first * 1000, min((last + 1) * 1000, 2**63 - 1))
    if node.field == "id":
        return _Ids(value_test(node))
    if node.field == "message":
        if isinstance(node, Matches) and (needle := _plain(node.pattern)):
            return _Fragments(Fragment(needle))
        return Everywhere() if isinstance(node, Has) else _Messages(value_test(node))
    if node.field == "note" or node.field.startswith(LABEL):
        return _Annotated(node, annotations)
    return _Values(node)


def _plain(pattern: str) -> str | None:
    return pattern if _PLAIN.fullmatch(pattern) else None


def _level_test(node: Condition) -> Callable[[Form], bool]:
    if not isinstance(node, (Compare, Range)):
        test = value_test(node)
        return lambda form: test(form.level)
    low, high = level_bounds(node) or (25, 0)
    word = node.value.casefold() if isinstance(node, Compare) and node.operator == "=" else None
    return lambda form: low <= form.severity <= high or form.level == word


class Everywhere:
    """A condition; this one every record fulfils."""

    def ask(self, part: Part, among: Mask | None) -> Answer:
        """
        Return which rows of a part fulfil it.

        Args:
            part: The part.
            among: Rows that matter; the answer may be wrong for others.
        """
        return True

    def possible(self, head: Head, words: bytes | None) -> bool:
        """
        Tell whether a part may have rows that fulfil it, without looking at them.

        Args:
            head: What is known of the part.
            words: Its filter; None: it has none.
        """
        return True


class _Forms(Everywhere):
    """A condition on what the records of a call site have in common."""

    def __init__(self, test: Callable[[Form], bool]) -> None:
        self._perform = PerForm(test)

    def ask(self, part: Part, among: Mask | None) -> Answer:
        flags = self._perform.flags(part.head)
        return bool(flags[0]) if (flags == flags[0]).all() else ByForm(flags, np.empty(0, np.int64))

    def possible(self, head: Head, words: bytes | None) -> bool:
        return bool(self._perform.flags(head).any())


class _Sources(Everywhere):
    """A condition on where records come from."""

    def __init__(self, test: Callable[[Any], bool], value: Callable[[Source], Any]) -> None:
        self._test = test
        self._value = value

    def _flags(self, head: Head) -> Mask:
        values = [self._value(source) for source in head.sources]
        return np.array([value is not None and self._test(value) for value in values], np.bool_)

    def ask(self, part: Part, among: Mask | None) -> Answer:
        flags = self._flags(part.head)
        return bool(flags[0]) if (flags == flags[0]).all() else flags[part.source]

    def possible(self, head: Head, words: bytes | None) -> bool:
        return bool(self._flags(head).any())


class _Times(Everywhere):
    """A condition on the time."""

    def __init__(self, first_ns: int, end_ns: int) -> None:
        self._first, self._end = first_ns, end_ns

    def ask(self, part: Part, among: Mask | None) -> Answer:
        return within(part, self._first, self._end)

    def possible(self, head: Head, words: bytes | None) -> bool:
        return head.last_time >= self._first and head.first_time < self._end


class _Ids(Everywhere):
    def __init__(self, test: Callable[[Any], bool]) -> None:
        self._test = test

    def ask(self, part: Part, among: Mask | None) -> Answer:
        return NumberColumn(part.ids).matching(self._test)


class _Words(Everywhere):
    """Words in messages."""

    def __init__(self, phrase: Phrase) -> None:
        self._phrase = phrase

    def ask(self, part: Part, among: Mask | None) -> Answer:
        every, slots = self._phrase.find(part, among)
        return ByForm(every, slots) if every.any() or len(slots) else False

    def possible(self, head: Head, words: bytes | None) -> bool:
        return bool(self._phrase.forms(head, words).any())


class _Fragments(Everywhere):
    """A string in messages."""

    def __init__(self, fragment: Fragment) -> None:
        self._fragment = fragment

    def ask(self, part: Part, among: Mask | None) -> Answer:
        every, slots = self._fragment.find(part, among)
        return ByForm(every, slots) if every.any() or len(slots) else False

    def possible(self, head: Head, words: bytes | None) -> bool:
        return bool(self._fragment.forms(head, words).any())


class _Messages(Everywhere):
    """A condition on whole messages: each has to be rendered."""

    def __init__(self, test: Callable[[Any], bool]) -> None:
        self._test = test

    def ask(self, part: Part, among: Mask | None) -> Answer:
        rows = np.arange(part.head.rows) if among is None else np.flatnonzero(among)
        mask = np.zeros(part.head.rows, np.bool_)
        mask[rows] = [self._test(message) for message in messages_of(part, rows)]
        return mask


class _Punctuation(_Messages):
    """A text without any word, in whatever case."""

    def __init__(self, needle: str) -> None:
        super().__init__(lambda message: needle in message.casefold())


class _Annotated(Everywhere):
    """A condition on what people have added."""

    def __init__(self, node: Condition, annotations: Annotations) -> None:
        test = value_test(node)
        key = node.field.removeprefix(LABEL) if node.field != "note" else None
        found = []
        for log_id, (labels, note) in annotations.items():
            value = note if key is None else labels.get(key)
            if value is not None and test(value):
                found.append(log_id)
        self._ids = np.array(found, np.int64)

    def ask(self, part: Part, among: Mask | None) -> Answer:
        mask = np.isin(part.ids, self._ids) if self.possible(part.head, None) else np.zeros(0, np.bool_)
        return mask if mask.any() else False

    def possible(self, head: Head, words: bytes | None) -> bool:
        return bool(((self._ids >= head.first_id) & (self._ids <= head.last_id)).any())


class _Values(Everywhere):
    """A condition on an attribute, or on what else only some records have."""

    def __init__(self, node: Any) -> None:
        self._node = node
        self._test = value_test(node)
        self._extras = [f"{EXTRA}{_EXTRA_FIELDS.get(field, field)}" for field in fields_of(node)]
        self._is_extra = node.field in {*_EXTRA_FIELDS, "thread", "exception"}

    def _columns(self, head: Head) -> list[str]:
        """Return the columns that may decide."""
        if self._is_extra:
            return [name for name in self._extras if name in head.kinds]
        path = self._node.field
        heads = [path, *(path[:place] for place, character in enumerate(path) if character == ".")]
        return [name for name in (f"{FIELD}{key}" for key in heads) if name in head.kinds]

    def ask(self, part: Part, among: Mask | None) -> Answer:
        default = self._is_default(part.head)
        names = self._columns(part.head)
        if not names:
            return bool(default[0]) if (default == default[0]).all() else default[part.source]
        mask = default[part.source]
        if len(names) > 1 and not self._is_extra:
            return self._ask_slowly(part, names)
        for place, name in enumerate(names):
            rows = part.rows_of_column(name)
            found = part.column(name).matching(self._value_test(name))
            mask[rows] = found | mask[rows] if place else found
        return mask if mask.any() else False

    def _is_default(self, head: Head) -> Mask:
        """Tell of each source whether its records are meant that say nothing: of a thread, the main one."""
        asked = self._node.field == "thread" and bool(self._test(MAIN_THREAD))
        return np.array([asked and source.pid is not None for source in head.sources], np.bool_)

    def _value_test(self, name: str) -> Callable[[Any], bool]:
        test, field = self._test, self._node.field
        if name == f"{EXTRA}{EXCEPTION}":
            return lambda value: test(value[0]) or test(value[1])
        if self._is_extra:
            return lambda value: value is not None and test(value)
        key = name[len(FIELD) :]
        return lambda value: any(map(test, attribute_values({key: value}, field)))

    def _ask_slowly(self, part: Part, names: Sequence[str]) -> Answer:
        """Several attributes may have the path: what they say together counts."""
        objects: list[dict[str, Any]] = [{} for _ in range(part.head.rows)]
        for name in names:
            key = name[len(FIELD) :]
            for row, value in zip(
                part.rows_of_column(name).tolist(), part.column(name).values(), strict=True
            ):
                objects[row][key] = value
        field = self._node.field
        return np.fromiter(
            (any(map(self._test, attribute_values(found, field))) for found in objects),
            np.bool_,
            part.head.rows,
        )

    def possible(self, head: Head, words: bytes | None) -> bool:
        names = self._columns(head)
        if not names:
            return bool(self._is_default(head).any())
        node = self._node
        if words is None or not isinstance(node, Compare) or node.operator != "=":
            return True
        if len(names) > 1 and not self._is_extra:
            return True
        return any(self._may_hold(name, head.kinds[name], words) for name in names)

    def _may_hold(self, name: str, kind: Any, words: bytes) -> bool:
        node = self._node
        if kind == TEXT and (self._is_extra or name == f"{FIELD}{node.field}") and node.field != "thread":
            return bloom.may_hold(words, bloom.hash_value(name, node.value))
        return kind not in {WHOLE, SCALED} or number_of(node.value) is not None

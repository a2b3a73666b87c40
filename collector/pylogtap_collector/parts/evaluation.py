"""
Which rows of a part a query means, column by column; exactly those that its definition by record means.

An answer is as coarse as can be: one for all rows, one for each form, or one for each row. The coarser it is,
the less of a part has to be loaded to count or to skip.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pylogtap_collector.parts.conditions import (
    FORM_FIELDS,
    SOURCE_FIELDS,
    ByForm,
    Everywhere,
    condition_of,
    within,
)
from pylogtap_collector.query.ast import And, Everything, Matches, Not, Or, Text
from pylogtap_collector.query.fields import LABEL

if TYPE_CHECKING:
    from pylogtap_collector.parts.conditions import Annotations, Answer
    from pylogtap_collector.parts.numbers import Ints, Mask
    from pylogtap_collector.parts.part import Head, Part
    from pylogtap_collector.query.ast import Node

_COSTS = {Text: 3, Matches: 4}
_FEW = 8  # forms, whose rows are found one form after the other


class Evaluation:
    """A query, ready to be asked of many parts, by one thread at a time."""

    def __init__(self, tree: Node, now_ns: int, annotations: Annotations) -> None:
        """
        Prepare a query.

        Args:
            tree: The query.
            now_ns: What relative times are relative to.
            annotations: Labels and note of each record that has some.

        Raises:
            InvalidQuery: A level, time or range in it cannot be.
        """
        self._now = now_ns
        self._annotations = annotations
        self._leaves: dict[int, Everywhere] = {}
        self._tree = tree
        self._prepare(tree)

    def answer(self, part: Part) -> Answer:
        """Return which rows of a part are meant."""
        return self._ask(self._tree, part, None)

    def rows(self, part: Part, first_ns: int | None = None, end_ns: int | None = None) -> Ints:
        """
        Return the rows of a part that are meant, in their order.

        Args:
            part: The part.
            first_ns: Only rows from then on.
            end_ns: Only rows before.
        """
        among = within(part, first_ns, end_ns)
        if among is False:
            return np.empty(0, np.int64)
        answer = self._ask(self._tree, part, None if among is True else among)
        if isinstance(answer, ByForm) and among is True and np.count_nonzero(answer.every) <= _FEW:
            forms = np.flatnonzero(answer.every).tolist()
            return np.sort(np.concatenate([part.rows_at(answer.slots), *map(part.rows_of_form, forms)]))
        mask = as_mask(answer, part)
        if among is not True:
            mask = mask & among
        return np.flatnonzero(mask)

    def possible(self, head: Head, words: bytes | None) -> bool:
        """
        Tell whether a part may have rows that are meant, without looking at them.

        Args:
            head: What is known of the part.
            words: Its filter; None: it has none.
        """
        return self._possible(self._tree, head, words)

    def _prepare(self, node: Node) -> None:
        match node:
            case And(items) | Or(items):
                for item in items:
                    self._prepare(item)
            case Not(item):
                self._prepare(item)
            case Everything():
                pass
            case _:
                self._leaves[id(node)] = condition_of(node, self._now, self._annotations)

    def _ask(self, node: Node, part: Part, among: Mask | None) -> Answer:
        match node:
            case Everything():
                return True
            case Not(item):
                return _negate(self._ask(item, part, among), part)
            case And(items):
                answer: Answer = True
                for item in sorted(items, key=_cost):
                    narrowed = among if isinstance(answer, bool) else as_mask(answer, part)
                    if among is not None and narrowed is not among and narrowed is not None:
                        narrowed = narrowed & among
                    answer = _both(answer, self._ask(item, part, narrowed), part)
                    if answer is False:
                        return False
                return answer
            case Or(items):
                answer = False
                for item in sorted(items, key=_cost):
                    answer = _either(answer, self._ask(item, part, among), part)
                    if answer is True:
                        return True
                return answer
            case _:
                return self._leaves[id(node)].ask(part, among)

    def _possible(self, node: Node, head: Head, words: bytes | None) -> bool:
        match node:
            case And(items):
                return all(self._possible(item, head, words) for item in items)
            case Or(items):
                return any(self._possible(item, head, words) for item in items)
            case Everything() | Not():
                return True
            case _:
                return self._leaves[id(node)].possible(head, words)


def is_lasting(node: Node) -> bool:
    """Tell whether a query means the same rows of a part whenever it is asked."""
    match node:
        case And(items) | Or(items):
            return all(map(is_lasting, items))
        case Not(item):
            return is_lasting(item)
        case Everything() | Text():
            return True
        case _:
            return node.field not in {"time", "note"} and not node.field.startswith(LABEL)


def asks_annotations(node: Node) -> bool:
    """Tell whether a query asks for what people have added to records."""
    match node:
        case And(items) | Or(items):
            return any(map(asks_annotations, items))
        case Not(item):
            return asks_annotations(item)
        case Everything() | Text():
            return False
        case _:
            return node.field == "note" or node.field.startswith(LABEL)


def as_mask(answer: Answer, part: Part) -> Mask:
    """Return an answer row by row."""
    if isinstance(answer, bool):
        return np.full(part.head.rows, answer)
    if isinstance(answer, ByForm):
        mask = answer.every[part.form] if answer.every.any() else np.zeros(part.head.rows, np.bool_)
        if len(answer.slots):
            mask[part.rows_at(answer.slots)] = True
        return mask
    return answer


def count_of(answer: Answer, part: Part) -> int:
    """Return how many rows an answer means."""
    if isinstance(answer, bool):
        return part.head.rows if answer else 0
    if isinstance(answer, ByForm):
        return int(part.head.form_counts[answer.every].sum()) + len(answer.slots)
    return int(np.count_nonzero(answer))


def _cost(node: Node) -> int:
    match node:
        case Not(item):
            return _cost(item)
        case And(items) | Or(items):
            return max(map(_cost, items))
        case Text() | Matches():
            return _COSTS[type(node)]
        case Everything():
            return 0
        case _:
            return 1 if node.field in {*FORM_FIELDS, *SOURCE_FIELDS, "level", "time", "id"} else 2


def _negate(answer: Answer, part: Part) -> Answer:
    if isinstance(answer, bool):
        return not answer
    if isinstance(answer, ByForm) and not len(answer.slots):
        return ByForm(~answer.every, answer.slots)
    return ~as_mask(answer, part)


def _both(left: Answer, right: Answer, part: Part) -> Answer:
    if isinstance(left, bool):
        return right if left else False
    if isinstance(right, bool):
        return left if right else False
    if isinstance(left, ByForm) and isinstance(right, ByForm):
        every = left.every & right.every
        slots = [
            np.intersect1d(left.slots, right.slots),
            left.slots[right.every[part.forms_at(left.slots)]],
            right.slots[left.every[part.forms_at(right.slots)]],
        ]
        together = np.unique(np.concatenate(slots))
        return ByForm(every, together) if every.any() or len(together) else False
    mask = as_mask(left, part) & as_mask(right, part)
    return mask if mask.any() else False


def _either(left: Answer, right: Answer, part: Part) -> Answer:
    if isinstance(left, bool):
        return True if left else right
    if isinstance(right, bool):
        return True if right else left
    return as_mask(left, part) | as_mask(right, part)

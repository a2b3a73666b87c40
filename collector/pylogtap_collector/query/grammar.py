"""
The grammar, and from a text to a tree.

A value behind a field is one token for the grammar; how lists, ranges and comparisons are written within it
is told in `_values`.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, cast

import re2
from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken, VisitError

from pylogtap_collector.errors import InvalidQuery
from pylogtap_collector.query.ast import (
    And,
    Compare,
    Everything,
    Has,
    Matches,
    Node,
    Not,
    Operator,
    Or,
    Range,
    StartsWith,
    Text,
)
from pylogtap_collector.query.expressions import compile_pattern

MAX_CHARACTERS = 4_000
MAX_TERMS = 200
MAX_DEPTH = 32
MAX_PATTERN = 1_000  # characters of a regular expression

GRAMMAR = r"""
    start: [any]
    any: all ("OR" all)*
    all: (["AND"] term)+
    ?term: ("NOT" | MINUS) term -> negated
        | "(" any ")"           -> group
        | FIELD (REGEX | VALUE) -> condition
        | PHRASE                -> phrase
        | WORD                  -> word

    MINUS.4: /-(?=[^\s)])/
    FIELD.3: /[A-Za-z_@][\w.@\-]*:(?!\/\/)/
    REGEX.2: /\/(?:\\.|[^\/\\])+\//
    VALUE: /(?:"(?:\\.|[^"\\])*"|[^\s()"])+/
    PHRASE: /"(?:\\.|[^"\\])*"\*?/
    WORD: /(?!(?:OR|AND|NOT)(?![^\s()"]))[^\s()"\-][^\s()"]*/

    %ignore /\s+/
"""

_OPERATORS: tuple[Operator, ...] = (">=", "<=", ">", "<")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_PIECE = re.compile(r'"(?:\\.|[^"\\])*"|\.\.|,|(?:(?!\.\.)[^,"])+', re.DOTALL)


@cache
def _lark() -> Lark:
    """Return the parser, which takes longer to make than most of the collector takes to start."""
    return Lark(GRAMMAR, parser="lalr", maybe_placeholders=False, propagate_positions=False)


def parse_tree(text: str) -> Node:
    """
    Read a query.

    Args:
        text: The query; empty: everything.

    Raises:
        InvalidQuery: It cannot be read; says where and what would be right.
    """
    _check_limits(text)
    try:
        tree = _lark().parse(text)
        return _Builder().build(tree)
    except UnexpectedInput as error:
        raise _explained(text, error) from None
    except VisitError as error:  # lark wraps what our own builder raises
        raise error.orig_exc from None


class _Builder(Transformer[Token, Any]):
    """From lark's tree to ours, from the leaves up."""

    def build(self, tree: Any) -> Node:
        node: Node = self.transform(tree)
        return node

    def start(self, items: list[Any]) -> Node:
        return cast("Node", items[0]) if items else Everything()

    def any(self, items: list[Node]) -> Node:
        return items[0] if len(items) == 1 else Or(tuple(items))

    def all(self, items: list[Node]) -> Node:
        return items[0] if len(items) == 1 else And(tuple(items))

    def negated(self, items: list[Any]) -> Node:
        return Not(items[-1])

    def group(self, items: list[Node]) -> Node:
        return items[0]

    def phrase(self, items: list[Token]) -> Node:
        token = str(items[0])
        prefix = token.endswith("*")
        return Text(_unquoted(token.removesuffix("*")), prefix)

    def word(self, items: list[Token]) -> Node:
        token = str(items[0])
        return Text(token[:-1], prefix=True) if token.endswith("*") and len(token) > 1 else Text(token)

    def condition(self, items: list[Token]) -> Node:
        name, value = str(items[0])[:-1], items[1]
        column = (value.start_pos or 0) + 1
        if value.start_pos != items[0].end_pos:
            raise InvalidQuery(f"no space behind the colon: {name}:{value[:20]}", column)
        if value.type == "REGEX" and name != "has":
            return _matches(name, str(value)[1:-1], column)
        if name == "has":
            return Has(_unquoted(str(value)) if value.startswith('"') else str(value))
        return _values(name, str(value), column)


def _matches(name: str, pattern: str, column: int) -> Node:
    if len(pattern) > MAX_PATTERN:
        raise InvalidQuery(f"a regular expression may have {MAX_PATTERN} characters", column)
    try:
        compile_pattern(pattern)
    except UnicodeEncodeError:
        raise InvalidQuery("half a character stands in the regular expression", column) from None
    except re2.error as error:
        raise InvalidQuery(f"cannot read the regular expression: {_text_of(error)}", column) from None
    return Matches(name, pattern)


def _text_of(error: Exception) -> str:
    text = error.args[0] if error.args else ""
    return text.decode(errors="replace") if isinstance(text, bytes) else str(text)


def _values(name: str, text: str, column: int) -> Node:
    """Read `v`, `v1,v2`, `v1..v2`, `>=v`, `v*`; each value may stand in quotes."""
    operator = next((each for each in _OPERATORS if text.startswith(each)), None)
    pieces = _PIECE.findall(text[len(operator) :] if operator else text)
    if operator is not None:
        if len(pieces) != 1 or pieces[0] in {",", ".."}:
            raise InvalidQuery(f"write one value behind {operator}, for example {name}:{operator}10", column)
        return Compare(name, operator, _unquoted(pieces[0]))
    alternatives = _split(pieces, ",")
    if any(not each for each in alternatives):
        raise InvalidQuery(f"a value is missing; write {name}:a,b or {name}:a..b", column)
    nodes = tuple(_value(name, each, column) for each in alternatives)
    return nodes[0] if len(nodes) == 1 else Or(nodes)


def _value(name: str, pieces: list[str], column: int) -> Node:
    if ".." in pieces:
        ends = _split(pieces, "..")
        if len(ends) != 2 or any(len(end) != 1 for end in ends):
            raise InvalidQuery(f"write both ends of a range, for example {name}:1..5", column)
        return Range(name, _unquoted(ends[0][0]), _unquoted(ends[1][0]))
    last = pieces[-1]
    starts = last.endswith("*") and not last.startswith('"')
    if starts:
        pieces = [*pieces[:-1], last[:-1]]
    text = "".join(_unquoted(piece) for piece in pieces if piece)
    return StartsWith(name, text) if starts else Compare(name, "=", text)


def _split(pieces: list[str], separator: str) -> list[list[str]]:
    groups: list[list[str]] = [[]]
    for piece in pieces:
        if piece == separator:
            groups.append([])
        else:
            groups[-1].append(piece)
    return groups


def _unquoted(text: str) -> str:
    return _ESCAPE.sub(r"\1", text[1:-1]) if len(text) > 1 and text[0] == text[-1] == '"' else text


def _check_limits(text: str) -> None:
    """Refuse what only an accident or an attack would write, before any work is done for it."""
    if len(text) > MAX_CHARACTERS:
        raise InvalidQuery(
            f"a query may have {MAX_CHARACTERS} characters, this one has {len(text)}", MAX_CHARACTERS
        )
    depth = negations = terms = 0
    for match in re.finditer(r'"(?:\\.|[^"\\])*"|[(]|[)]|-(?=[^\s)])|NOT\b|[^\s()"]+', text):
        part = match[0]
        depth += (part == "(") - (part == ")")
        negations = negations + 1 if part in {"-", "NOT"} else 0
        terms += part not in {"(", ")"}
        if depth + negations > MAX_DEPTH:
            raise InvalidQuery(f"at most {MAX_DEPTH} levels of parentheses and negations", match.start() + 1)
        if terms > MAX_TERMS:
            raise InvalidQuery(f"a query may have {MAX_TERMS} terms", match.start() + 1)


def _explained(text: str, error: UnexpectedInput) -> InvalidQuery:
    """Say what is wrong in the words of somebody who writes queries."""
    found = error.token if isinstance(error, UnexpectedToken) else None
    if isinstance(error, UnexpectedCharacters):
        place = cast("int", error.pos_in_stream)
        rest = text[place:].split(maxsplit=1)[0]
    elif found is None or found.type == "$END":
        place, rest = len(text), ""
    else:
        place, rest = found.start_pos or 0, str(found)
    before = text[:place].rstrip()
    if rest.startswith('"'):
        return InvalidQuery('this quote is not closed; write "card declined"', place + 1)
    if field := re.search(r"([A-Za-z_@][\w.@-]*):$", before):
        name = field[1]
        return InvalidQuery(
            f'field "{name}" needs a value: {name}:value; to search the text, write "{name}:"',
            field.start() + 1,
        )
    if rest == ")" and text[: place + 1].count("(") <= text[:place].count(")"):
        return InvalidQuery("this parenthesis closes nothing", place + 1)
    if before.endswith(("OR", "AND", "NOT", "-")):
        word = before.rsplit(maxsplit=1)[-1]
        return InvalidQuery(f'something must follow {word}; to search the word, write "{word}"', place + 1)
    if rest in {"OR", "AND"}:
        return InvalidQuery(
            f'something must stand before {rest}; to search the word, write "{rest}"', place + 1
        )
    if rest == ")":
        return InvalidQuery("there is nothing between these parentheses", place + 1)
    if not rest and text.count("(") > text.count(")"):
        return InvalidQuery("a parenthesis is not closed", len(text) + 1)
    return InvalidQuery(
        f"cannot read this from {rest[:20]!r} on" if rest else "the query ends too early", place + 1
    )

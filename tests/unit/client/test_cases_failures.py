"""Which exception a report is about, from what pytest says of it."""

from __future__ import annotations

import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylogtap.cases.failures import type_of
from pylogtap.cases.invocation import command_line
from pylogtap.redact import Redactor


class OddlyNamed(Exception):
    """No name that ends as those of exceptions do."""


def raised(error: BaseException) -> str:
    """Return what Python prints of an exception."""
    return "".join(traceback.format_exception_only(error)).rstrip()


@pytest.mark.parametrize(
    ("message", "name"),
    [
        (raised(ValueError("a: b")), "ValueError"),
        (raised(KeyError("x")), "KeyError"),
        (raised(ValueError()), "ValueError"),
        (raised(ValueError("line\nline")), "ValueError"),
        (raised(ExceptionGroup("two", [ValueError()])), "ExceptionGroup"),
        ("assert 1 == 2", "AssertionError"),
        ("assert x: y", "AssertionError"),
        ("Failed: no", "Failed"),
        ("[XPASS(strict)] soon", ""),
        ("worker 'gw0' crashed while running 'a'", ""),
        ("", ""),
    ],
)
def test_the_class_is_what_stands_in_front(message: str, name: str) -> None:
    """The class is read from the text that Python prints, or is that of an assertion."""
    assert type_of(message) == name


def test_a_class_of_a_module_comes_with_it() -> None:
    """What is not built in is named with its module."""
    assert type_of(raised(OddlyNamed("no"))).endswith(".OddlyNamed")


def test_a_syntax_error_is_one() -> None:
    """Its text begins with a place."""
    with pytest.raises(SyntaxError) as caught:
        compile("1 +", "file.py", "exec")
    assert type_of(raised(caught.value)) == "SyntaxError"


@given(st.text())
def test_any_text_has_a_class_or_none(text: str) -> None:
    """No text breaks it, and what is found stands in the text or is an assertion's."""
    found = type_of(text)
    assert found in text or found == "AssertionError"


@given(
    st.lists(st.text(st.characters(codec="utf-8"), max_size=20), max_size=5), st.text(min_size=8, max_size=20)
)
def test_no_secret_of_an_option_is_shown(words: list[str], secret: str) -> None:
    """Wherever it stands, a value of a secret option is left out, whatever stands around it."""
    secret = f"geheim{secret.replace('-', '')}"
    given_words: Any = [*words, "--api-key", secret, f"--password={secret}", *words]
    if words and words[-1].startswith("-"):
        given_words.insert(len(words), "x")
    assert "geheim" not in command_line(("pytest", *given_words), Redactor())

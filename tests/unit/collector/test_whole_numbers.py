"""Integers in bodies: JSON may write them as `5.0`, which JSON Schema takes for one as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import pytest
from pydantic import BaseModel

from pylogtap_collector.api import GROUPS
from pylogtap_collector.models.base import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterator


def parts(annotation: Any) -> Iterator[Any]:
    """Yield an annotation, and all that it is made of."""
    yield annotation
    for each in (*get_args(annotation), *getattr(annotation, "__metadata__", ())):
        yield from parts(each)


def fields(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[tuple[str, list[Any]]]:
    """Yield the fields of a model, and of the models in it, with what they are made of."""
    if model in seen:
        return
    seen.add(model)
    for name, field in model.model_fields.items():
        found = [*parts(field.annotation), *field.metadata]
        yield f"{model.__name__}.{name}", found
        for each in found:
            if isinstance(each, type) and issubclass(each, BaseModel):
                yield from fields(each, seen)


BODIES = [
    operation.body
    for group in GROUPS
    for operation in group.operations
    if isinstance(operation.body, type) and issubclass(operation.body, BaseModel)
]
INTEGERS = sorted({name for body in BODIES for name, found in fields(body, set()) if int in found})


@pytest.mark.parametrize("name", INTEGERS)
def test_each_may_be_written_with_a_point(name: str) -> None:
    """The document says `integer`, so what follows it must not be refused."""
    made = {field: found for body in BODIES for field, found in fields(body, set())}
    assert WHOLE in made[name]

"""Examples of bodies, put together from those of their members: what the page at /docs sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_NULL = {"type": "null"}
_REF = "#/components/schemas/"


def example_of(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Any:
    """
    Return a value that fits a schema: what has to be there, and what has an example.

    Args:
        schema: Of the value.
        definitions: Schemas that it refers to, by name.
    """
    if "$ref" in schema:
        return example_of(definitions[schema["$ref"].removeprefix(_REF)], definitions)
    if "examples" in schema:
        return schema["examples"][0]
    if "anyOf" in schema:
        return example_of(next(each for each in schema["anyOf"] if each != _NULL), definitions)
    for name in ("const", "default"):
        if name in schema:
            return schema[name]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "array":
        return [example_of(schema["items"], definitions)]
    if schema.get("type") == "object":
        required = schema.get("required", ())
        return {
            name: example_of(each, definitions)
            for name, each in schema.get("properties", {}).items()
            if name in required or _has_example(each, definitions)
        }
    raise ValueError(f"nothing says what would be an example of {dict(schema)}; give it one")


def _has_example(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> bool:
    if "examples" in schema:
        return True
    if "$ref" in schema:
        return _has_example(definitions[schema["$ref"].removeprefix(_REF)], definitions)
    return any(_has_example(each, definitions) for each in schema.get("properties", {}).values())

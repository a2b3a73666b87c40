"""The OpenAPI 3.1 document, made from the same operations that serve (https://spec.openapis.org/oas/v3.1.1)."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Literal

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from pylogtap.version import __version__
from pylogtap_collector.access.rights import OF_SERVER_ALONE, Right
from pylogtap_collector.api.examples import example_of
from pylogtap_collector.api.problems import PROBLEM_TYPE
from pylogtap_collector.api.requests import JSON_TYPES
from pylogtap_collector.api.routing import Raw
from pylogtap_collector.errors import CollectorError, Invalid, NotFound, Overloaded
from pylogtap_collector.models import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic import BaseModel
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core.core_schema import DictSchema

    from pylogtap_collector.api.routing import Operation, Routes

Mode = Literal["validation", "serialization"]
Refs = dict[tuple[Any, Mode], dict[str, Any]]

_REF = "#/components/schemas/{model}"
_DESCRIPTION = """\
Everything the page and the command line do goes through this API.

Errors are `application/problem+json` (RFC 9457) with a stable `code` and a `detail` that says what to do.
Lists have `limit` and `cursor`; `next` of a page is the `cursor` of the following one. Changes are merge
patches (RFC 7396); send the `ETag` you have read as `If-Match`, and nobody overwrites what he has not seen.
Times are RFC 3339 in UTC.

Some texts have a `format` of their own. `pylogtap-query`: a query, see the reference of the query language.
`pylogtap-time`: RFC 3339, a number since the epoch, `now`, or how long ago, such as `15m`. `pylogtap-cursor`:
`next` of a page. `pylogtap-etags`: values of `ETag`, with commas between, or `*`. `pylogtap-url`: an address
that the collector may call.
"""
_SCHEMES = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key of a program: `pylogtap key add`, or `POST /api/v1/keys`.",
    },
    "password": {
        "type": "http",
        "scheme": "basic",
        "description": "A key as the password, for shippers that know no bearer; any name.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "pylogtap_session",
        "description": "The cookie of a browser in which somebody is signed in; over TLS "
        "`__Host-pylogtap_session`.",
    },
}
_COMMON = {
    401: "no_key, wrong_key",
    403: "missing_right, cross_origin, read_only",
    500: "internal",
}
_OPEN_COMMON = {401: "wrong_key", 403: "wrong_host, behind_proxy, cross_origin, read_only", 500: "internal"}


def describe(groups: Iterable[Routes], *, guarded: bool = True) -> bytes:
    """
    Return the document as JSON.

    Args:
        groups: All operations.
        guarded: Whether one has to show a key or a session; not so on a machine without accounts and keys.
    """
    groups = list(groups)
    operations = [operation for group in groups for operation in group.operations]
    schemas, definitions = models_json_schema(
        _models(operations), ref_template=_REF, schema_generator=_Schemas
    )
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for operation in operations:
        described = _operation(operation, schemas, definitions["$defs"])
        described["security"] = _security(operation, guarded=guarded)
        paths[operation.path][operation.method.lower()] = described
    document = {
        "openapi": "3.1.1",
        "info": {
            "title": "pylogtap collector",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": group.tag, "description": group.description} for group in groups],
        "paths": paths,
        "components": {"schemas": definitions["$defs"], "securitySchemes": _SCHEMES},
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


class _Schemas(GenerateJsonSchema):
    """Schemas of pydantic, which leaves open what names that fit no pattern may be."""

    def dict_schema(self, schema: DictSchema) -> JsonSchemaValue:
        """Describe an object: where names have a pattern, there are no others."""
        found = super().dict_schema(schema)
        return {**found, "additionalProperties": False} if "patternProperties" in found else found


def _models(operations: Sequence[Operation]) -> list[tuple[type[BaseModel], Mode]]:
    models: dict[tuple[type[BaseModel], Mode], None] = {(Problem, "serialization"): None}
    for operation in operations:
        if isinstance(operation.body, type):
            models[operation.body, "validation"] = None
        if operation.result is not None:
            models[operation.result, "serialization"] = None
    return list(models)


def _operation(operation: Operation, schemas: Refs, definitions: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": [
            *_parameters(operation.path_model, "path"),
            *_parameters(operation.query_model, "query"),
            *_parameters(operation.header_model, "header"),
        ],
        "responses": _responses(operation, schemas),
    }
    words = [text for text in (operation.description, _right(operation)) if text]
    if words:
        found["description"] = "\n\n".join(words)
    if operation.body is not None:
        required = not (isinstance(operation.body, Raw) and operation.body.may_be_empty)
        found["requestBody"] = {"required": required, "content": _body(operation, schemas, definitions)}
    return found


def _security(operation: Operation, *, guarded: bool) -> list[dict[str, list[str]]]:
    if operation.is_open:
        return []
    ways: list[dict[str, list[str]]] = [{"key": []}, {"session": []}, *([] if guarded else [{}])]
    return [{"password": []}, *ways] if operation.dialect is not None else ways


def _right(operation: Operation) -> str:
    """Say what whoever calls it has to be allowed."""
    if operation.is_open:
        return "Open to everybody."
    if operation.right is Right.KNOWN:
        return "For everybody who has signed in or shows a key."
    if operation.in_project:
        return f"Right: `{operation.right}` in the project."
    if operation.right in OF_SERVER_ALONE:
        return f"Right: `{operation.right}`."
    return f"Right: `{operation.right}` in any project; what is found is limited to those."


def _parameters(model: type[BaseModel], place: str) -> list[dict[str, Any]]:
    schema = model.model_json_schema()
    required = schema.get("required", [])
    parameters = []
    for name, given in schema.get("properties", {}).items():
        each = {key: value for key, value in given.items() if key != "title"}
        parameter = {"name": name, "in": place, "required": place == "path" or name in required}
        if "description" in each:
            parameter["description"] = each.pop("description")
        if "examples" in each:
            _show(parameter, each.pop("examples")[0])
        parameters.append({**parameter, "schema": _without_null(each)})
    return parameters


def _show(parameter: dict[str, Any], example: Any) -> None:
    """Give an example: as a value where one is needed, else in words, so that trying it filters nothing."""
    if parameter["required"]:
        parameter["example"] = example
    else:
        words = f"Example: `{example}`."
        parameter["description"] = " ".join(filter(None, (parameter.get("description"), words)))


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a value that is there: a parameter is left out, it is never null."""
    choices = [each for each in schema.get("anyOf", []) if each != {"type": "null"}]
    if len(choices) != 1:
        return schema
    rest = {key: value for key, value in schema.items() if key not in {"anyOf", "default"}}
    return {**choices[0], **rest}


def _body(operation: Operation, schemas: Refs, definitions: dict[str, Any]) -> dict[str, Any]:
    if isinstance(operation.body, Raw):
        binary = {"schema": {"type": "string", "format": "binary"}}
        content: dict[str, Any] = dict.fromkeys(operation.body.content_types, binary)
        if operation.body.example is not None:
            content[JSON_TYPES[0]] = {"schema": operation.body.schema, "example": operation.body.example}
        return content
    assert operation.body is not None
    schema = schemas[operation.body, "validation"]
    kinds = JSON_TYPES if operation.method == "PATCH" else JSON_TYPES[:1]
    return {kind: {"schema": schema, "example": example_of(schema, definitions)} for kind in kinds}


def _responses(operation: Operation, schemas: Refs) -> dict[str, Any]:
    good: dict[str, Any] = {"description": operation.summary}
    if operation.result is not None:
        good["content"] = {"application/json": {"schema": schemas[operation.result, "serialization"]}}
    elif operation.content:
        good["content"] = {
            kind: {"schema": {"type": "object" if kind == "application/json" else "string"}}
            for kind in operation.content
        }
        good["description"] = " ".join(operation.content.values())
    if operation.headers:
        good["headers"] = {
            name: {"description": text, "schema": {"type": "string"}}
            for name, text in operation.headers.items()
        }
    responses = {str(operation.status): good}
    problem: dict[str, Any] = {PROBLEM_TYPE: {"schema": schemas[Problem, "serialization"]}}
    if operation.dialect is not None:
        problem = {kind: {"schema": schema} for kind, schema in operation.dialect.content.items()}
    for status, text in sorted(_refusals(operation).items()):
        content = good["content"] if status in operation.also else problem
        responses.setdefault(str(status), {"description": text, "content": content})
    return responses


def _refusals(operation: Operation) -> dict[int, str]:
    refusals: dict[int, list[str]] = defaultdict(list)
    errors: list[type[CollectorError]] = [*operation.errors]
    if operation.in_project and NotFound not in errors:
        errors.append(NotFound)
    errors.append(Overloaded)
    if operation.path_model.model_fields or operation.query_model.model_fields or operation.body:
        errors.append(Invalid)
    for error in dict.fromkeys(errors):
        meaning = (error.__doc__ or "").partition("\n")[0]
        foreign = operation.dialect is not None and error is Invalid  # other protocols have 400 alone for it
        refusals[400 if foreign else error.status].append(f"`{error.code}`: {meaning}")
    described = {status: " ".join(texts) for status, texts in refusals.items()}
    described.update(operation.also)
    for status, codes in (_OPEN_COMMON if operation.is_open else _COMMON).items():
        described.setdefault(status, f"`{codes.replace(', ', '`, `')}`")
    if operation.body is not None:
        described.setdefault(413, "`too_large`: The body is too large.")
        if operation.dialect is None:
            described.setdefault(415, "`unsupported_media_type`: The body is of another kind.")
        described.setdefault(408, "`body_too_slow`: The body did not come in time.")
    return described

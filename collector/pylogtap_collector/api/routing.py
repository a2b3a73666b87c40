"""
Typed routes: a function's signature is its description.

A route is a plain function. Its parameters say what it needs: the services, parts of the path, members of the
query string, a body, headers. From that alone come the checks of a request and its place in the OpenAPI
document, so that the two cannot differ::

    @routes.get("/api/v1/projects/{project}", right=Right.READ, errors=(NotFound,))
    async def read_project(services: Services, project: PlaceName) -> Answer[Project]:
        ...

The right that it asks for is part of it, too: without one there is no operation. Where the path names a
project, the right is asked for in that project; elsewhere in any, and what is found is limited to those
projects in which the visitor has it.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, TypeVar, get_args, get_origin

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, create_model

from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.services import Services

if typing.TYPE_CHECKING:
    from pylogtap_collector.api.dialects import Dialect
    from pylogtap_collector.errors import CollectorError

Body = TypeVar("Body", bound=BaseModel)
Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Header:
    """
    Marks a parameter that is a header of the request.

    Attributes:
        name: Of the header.
    """

    name: str


class Raw:
    """
    Marks a body that is taken as bytes.

    Attributes:
        content_types: What it has to be; of another protocol: what it usually is, others are tried as well.
        example: Where one of them is JSON: of such a body.
        schema: Of the same.
        may_be_empty: Whether no bytes at all are a body, too.
        may_be_large: Whether it may take as many bytes as what other shippers send.
    """

    def __init__(
        self,
        *content_types: str,
        example: Any = None,
        schema: Mapping[str, Any] | None = None,
        may_be_empty: bool = False,
        may_be_large: bool = False,
    ) -> None:
        """
        Say what it is.

        Args:
            content_types: One or more.
            example: Where one of them is JSON: of such a body.
            schema: Of the same; default: any object.
            may_be_empty: Whether no bytes at all are a body, too.
            may_be_large: Whether it may take as many bytes as what other shippers send.
        """
        self.content_types = content_types
        self.example = example
        self.schema = schema or {"type": "object"}
        self.may_be_empty = may_be_empty
        self.may_be_large = may_be_large


@dataclass(frozen=True)
class Answer(Generic[Body]):
    """
    A document, with headers.

    Attributes:
        body: The document.
        headers: Further headers of the answer.
        status: Of this answer; None: the operation's.
    """

    body: Body
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None


@dataclass(frozen=True)
class Operation:
    """
    One method of one path.

    Attributes:
        method: Of HTTP.
        path: With `{name}` for what varies.
        function: Does it.
        tag: The group it is shown in.
        status: Of an answer that went well.
        errors: What it may be refused with, beyond what all operations have in common.
        content: Media type and description of answers that are no model.
        headers: Headers of the answer, with their meaning.
        also: Other statuses with which the same document is returned, and what they mean.
        right: What it asks of whoever calls it.
        anonymous: Whether it does not look at keys and sessions at all, be they good or not.
        dialect: The protocol of its callers, who are no programs of ours; None: they are.
        path_model: Checks the parts of the path.
        query_model: Checks the query string.
        header_model: Checks the headers.
        header_names: Parameter to header.
        body_name: Parameter that takes the body.
        body: Model or raw type of the body.
        injected: Parameters that take the services, the visitor or the request.
        result: Model of the answer.
    """

    method: str
    path: str
    function: Handler
    tag: str
    status: int
    errors: tuple[type[CollectorError], ...]
    content: Mapping[str, str]
    headers: Mapping[str, str]
    also: Mapping[int, str]
    right: Right
    anonymous: bool
    dialect: Dialect | None
    path_model: type[BaseModel]
    query_model: type[BaseModel]
    header_model: type[BaseModel]
    header_names: Mapping[str, str]
    body_name: str | None
    body: type[BaseModel] | Raw | None
    injected: Mapping[str, type]
    result: type[BaseModel] | None

    @property
    def is_open(self) -> bool:
        """Whether anybody may call it."""
        return self.right is Right.OPEN

    @property
    def in_project(self) -> bool:
        """Whether its path names a project."""
        return "project" in self.path_model.model_fields

    @property
    def name(self) -> str:
        """Its unique name."""
        return self.function.__name__

    @property
    def summary(self) -> str:
        """What it does, in one line."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0].rstrip(".")

    @property
    def description(self) -> str:
        """What else there is to say."""
        return (inspect.getdoc(self.function) or "").partition("\n")[2].strip()


class Routes:
    """A group of operations."""

    def __init__(self, tag: str, description: str) -> None:
        """
        Begin a group.

        Args:
            tag: Its name.
            description: What it is about.
        """
        self.tag = tag
        self.description = description
        self.operations: list[Operation] = []

    def get(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Add an operation that reads; see :meth:`add` for the options."""
        return self.add("GET", path, **options)

    def post(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Add an operation that creates."""
        return self.add("POST", path, **options)

    def patch(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Add an operation that changes by a merge patch."""
        return self.add("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Add an operation that removes."""
        return self.add("DELETE", path, **options)

    def add(
        self,
        method: str,
        path: str,
        *,
        right: Right,
        anonymous: bool = False,
        dialect: Dialect | None = None,
        status: int | None = None,
        errors: Sequence[type[CollectorError]] = (),
        content: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        also: Mapping[int, str] | None = None,
    ) -> Callable[[Handler], Handler]:
        """
        Add the operation that a function is.

        Args:
            method: Of HTTP.
            path: With `{name}` for what varies.
            right: What it asks of whoever calls it.
            anonymous: Whether it does not look at keys and sessions at all.
            dialect: The protocol of its callers; None: they are programs of ours.
            status: Of an answer that went well; default: 204 without an answer, else 200.
            errors: What it may be refused with.
            content: Media type and description of answers that are no model.
            headers: Headers of the answer, with their meaning.
            also: Other statuses with which the same document is returned, and what they mean.
        """

        def register(function: Handler) -> Handler:
            parts = _Parts(function, path)
            self.operations.append(
                Operation(
                    method=method,
                    path=path,
                    function=function,
                    tag=self.tag,
                    status=status or (200 if parts.result or content else 204),
                    errors=tuple(errors),
                    content=content or {},
                    headers=headers or {},
                    also=also or {},
                    right=right,
                    anonymous=anonymous,
                    dialect=dialect,
                    path_model=_model(function, "Path", parts.path),
                    query_model=_model(function, "Query", parts.query, lenient=dialect is not None),
                    header_model=_model(function, "Headers", parts.headers),
                    header_names=parts.header_names,
                    body_name=parts.body_name,
                    body=parts.body,
                    injected=parts.injected,
                    result=parts.result,
                )
            )
            return function

        return register


class _Parts:
    """A signature, sorted by where its parameters come from."""

    def __init__(self, function: Handler, path: str) -> None:
        self.path: dict[str, Any] = {}
        self.query: dict[str, Any] = {}
        self.headers: dict[str, Any] = {}
        self.header_names: dict[str, str] = {}
        self.body_name: str | None = None
        self.body: type[BaseModel] | Raw | None = None
        self.injected: dict[str, type] = {}
        hints = typing.get_type_hints(function, include_extras=True)
        self.result = _result(hints.pop("return"))
        for parameter in inspect.signature(function).parameters.values():
            self._sort(parameter, hints[parameter.name], path)

    def _sort(self, parameter: inspect.Parameter, kind: Any, path: str) -> None:
        name = parameter.name
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        marks = get_args(kind)[1:] if get_origin(kind) is Annotated else ()
        header = next((mark for mark in marks if isinstance(mark, Header)), None)
        raw = next((mark for mark in marks if isinstance(mark, Raw)), None)
        if kind in {Services, Visitor, web.Request}:
            self.injected[name] = kind
        elif raw is not None or (isinstance(kind, type) and issubclass(kind, BaseModel)):
            self.body_name, self.body = name, raw or kind
        elif header is not None:
            self.headers[name] = (kind, Field(default, alias=header.name))
            self.header_names[name] = header.name
        elif f"{{{name}}}" in path:
            self.path[name] = (kind, default)
        else:
            self.query[name] = (kind, default)


def _result(kind: Any) -> type[BaseModel] | None:
    if get_origin(kind) is Answer:
        kind = get_args(kind)[0]
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _model(
    function: Handler, suffix: str, fields: dict[str, Any], *, lenient: bool = False
) -> type[BaseModel]:
    extra: typing.Literal["ignore", "forbid"] = "ignore" if lenient or suffix == "Headers" else "forbid"
    # Most operations are not called in the life of most processes; what is built is used by the loop alone.
    config = ConfigDict(extra=extra, populate_by_name=False, defer_build=True)
    return create_model(f"{function.__name__}_{suffix}", __config__=config, **fields)

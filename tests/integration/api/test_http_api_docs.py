"""The written reference of the API is that of the routes."""

from __future__ import annotations

import json

import pytest

from tools import http_api


@pytest.mark.parametrize("name", ["http-api.md", "openapi.json"])
def test_the_reference_is_current(name: str) -> None:
    """The page and the file in the docs are what the routes say; `python -m tools.http_api` writes them."""
    described = http_api.document()
    wanted = {
        "http-api.md": http_api.render(described),
        "openapi.json": json.dumps(described, ensure_ascii=False, indent=1) + "\n",
    }[name]
    assert (http_api.REFERENCE / name).read_text(encoding="utf-8") == wanted


def test_everything_is_described() -> None:
    """Every operation has a summary, and every parameter and member says what it means."""
    document = http_api.document()
    silent = [
        f"{name}.{member}"
        for name, schema in document["components"]["schemas"].items()
        for member, described in schema.get("properties", {}).items()
        if not {"description", "$ref"} & set(described)
    ]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            silent += [] if operation["summary"] else [f"{method} {path}"]
            silent += [
                f"{method} {path} {each['name']}"
                for each in operation["parameters"]
                if "description" not in each
            ]
    assert silent == []
